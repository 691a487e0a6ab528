"""What goes wrong in Python code that is the user's own, by the kind of error: Python's words are for programmers."""

from __future__ import annotations

from types import ModuleType

MEND = "mend that line"
KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (AssertionError, "what it asserts does not hold"),
    (ZeroDivisionError, "something is divided by 0"),
    (IndexError, "there are not as many elements"),
    (StopIteration, "there is nothing left to take"),
    (NotImplementedError, "that is not written yet"),
    (OverflowError, "a number is too large"),
    (TypeError, "something is of a type that does not go there"),
    (ValueError, "something has a value that does not go there"),
    (SystemExit, "it ends the program, which is building"),
    (KeyboardInterrupt, "it interrupts the program, which is building"),
)


def in_words(error: BaseException) -> str:
    """Return what is wrong, in a few words."""
    if isinstance(error, KeyError) and len(error.args) == 1:
        return f"there is no key {repr(error.args[0])[:60]}"
    if isinstance(error, AttributeError) and error.name:
        obj = error.obj
        owner = obj.__name__ if isinstance(obj, ModuleType | type) else f"a {type(obj).__name__}"
        return f"{owner} has no '{error.name}'"
    known = next((words for kind, words in KINDS if isinstance(error, kind)), "")
    return known or f"it fails with {type(error).__name__}, whose message --debug prints"
