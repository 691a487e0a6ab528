"""What pydantic says of a wrong value, in a person's words: its own speak of Python's types."""

from __future__ import annotations

from typing import Any

WANTED = {  # by the type of pydantic's error, or by the word it begins with
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a word, in quotes where YAML takes it for something else",
    "tuple": "a list, such as [a, b]",
    "list": "a list, such as [a, b]",
    "dict": "a mapping, such as {{key: value}}",
    "finite_number": "a finite number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "too_short": "{min_length} entries or more",
    "too_long": "{max_length} entries or fewer",
    "missing_argument": "a value for each of its parts",
}

FORMS = {  # of words with a form of their own, by their key
    "max_time": "days:hours:minutes:seconds, such as 00:01:30:00",
    "devices": "auto, how many, or which: '0,1'",
    "fqbn": "packager:architecture:board, as arduino-cli names it",
    "title": "one line of at most 100 characters",
}


def wanted(problem: Any) -> str:
    """Return what a value should have been, of one of a ValidationError's errors()."""
    kind: str = problem["type"]
    return WANTED.get(kind, WANTED.get(kind.partition("_")[0], "another value")).format(**problem.get("ctx", {}))


def choices(problem: Any) -> list[str]:
    """Return the words that a value may be, of a literal_error."""
    found = [part.strip().strip("'") for part in problem["ctx"]["expected"].replace(" or ", ", ").split(",")]
    return list(dict.fromkeys(found))


def shortened(value: object) -> str:
    """Return a value as it was written, cut where it is long."""
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"
