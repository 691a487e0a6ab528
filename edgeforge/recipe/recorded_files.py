"""Which files hold recordings, and in which units a table says the time."""

from __future__ import annotations

TABLES = (".csv", ".tsv", ".txt")
PARQUET = ".parquet"
SOUNDS = (".wav", ".wave")
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}  # of a column of times
