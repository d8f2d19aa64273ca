"""Brings the file of one build here, by several connections and through broken ones, and shares the line."""
