"""The folder of --persist: archives and unpacked builds, for several runs at once."""
