"""What the usage pings are for: how often is mozbisect used, and how old are the builds that people still ask for?

The way of a ping: ``form`` knows how it may be spelt; ``engine``, which alone knows DuckDB, counts; ``answers`` are the
values that come out, with their statistics; ``words`` prints them, and ``page``, which alone knows plotly, draws them.
``synthetic`` invents pings, each marked as such. ``ask`` puts these together for the command. Nothing here sends or
fetches anything, and nothing but this needs the extra ``mozbisect[insights]``.

The same questions to the real tables: docs/glean/uses.sql and docs/glean/age.sql. A test compares the two.
"""
