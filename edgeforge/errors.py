"""The errors a person sees, each with what to do about it, and the exit codes of the command line.

    EdgeForgeError            what failed, where, why, how to mend it      exit 1
    ├── RecipeError           the recipe, or another file given, is wrong       2
    ├── MissingDependency     a package or program is not installed             3
    ├── StageFailed           a stage could not do its work                     4
    ├── ParityError           two runtimes disagree by more than allowed        5
    └── BudgetExceeded        a model does not fit its board                    6

Only `cli/app.py` catches these and exits; Ctrl-C exits with 130. What other libraries raise is told by foreign/. All
messages stand in tests/snapshots/messages.txt.
"""

from __future__ import annotations

import sys
from pathlib import Path

LONGEST_LINE = 300  # characters of another library's message that a person is shown


class EdgeForgeError(Exception):
    """A failure stated in full: `reason` (what is wrong and where), `fix` (what to do), `stage` (whose)."""

    exit_code = 1

    def __init__(self, reason: str, *, fix: str = "", stage: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix
        self.stage = stage

    @property
    def code(self) -> str:
        """The kind of error, as it stands in logs and in the worker protocol."""
        return type(self).__name__

    def __str__(self) -> str:
        """Return one line: `stage: reason. Fix: …`."""
        prefix = f"{self.stage}: " if self.stage else ""
        suffix = f" Fix: {self.fix}" if self.fix else ""
        return f"{prefix}{self.reason}{suffix}"


class RecipeError(EdgeForgeError):
    """The recipe or another input file is wrong: names file, line, key, value and the nearest valid one."""

    exit_code = 2


class MissingDependency(EdgeForgeError):
    """A package or program that a stage needs is not installed."""

    exit_code = 3


class StageFailed(EdgeForgeError):
    """A stage could not do its work."""

    exit_code = 4


class ParityError(EdgeForgeError):
    """Two runtimes disagree on the same model by more than is allowed."""

    exit_code = 5


class BudgetExceeded(EdgeForgeError):
    """A model does not fit the board's flash or RAM."""

    exit_code = 6


def error_named(code: str) -> type[EdgeForgeError]:
    """Return the class whose name is `code`; StageFailed when there is none."""
    kinds: list[type[EdgeForgeError]] = [EdgeForgeError, *EdgeForgeError.__subclasses__()]
    return next((kind for kind in kinds if kind.__name__ == code), StageFailed)


def first_line(error: BaseException) -> str:
    """Return the first line of another library's message, which as a rule says what is wrong; cut when very long."""
    line = str(error).strip().split("\n")[0] or type(error).__name__
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE].rsplit(' ', 1)[0]} …"


def line_in(path: Path, error: BaseException) -> str:
    """Return `:line` of the innermost line of a Python file that an error came through; empty when it did not."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f":{error.lineno}"
    lines = []
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f":{lines[-1]}" if lines else ""


def source_of(value: object) -> Path:
    """Return the Python file that a value's class is written in; an empty path when there is none."""
    return Path(getattr(sys.modules.get(type(value).__module__), "__file__", None) or "")


NAMED_AT_MOST = 5  # things that a message names; it counts the others


def some(names: list[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(names[:NAMED_AT_MOST]) + more
