"""What the scripts' command lines share: options, their numbers, tables, and the end of a script."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from bundle import BundleError
from models import PROVIDERS


def add_model_options(parser: Any) -> None:
    """Add the options that say which model runs, and how."""
    parser.add_argument(
        "--variant", help="one of bundle.json (default: what `bench.py --choose` measured, else its first)"
    )
    parser.add_argument(
        "--threads", type=_threads, help="threads of the runtime (default: as measured, else all cores)"
    )
    parser.add_argument(
        "--provider", help=f"onnxruntime's execution provider: {', '.join(PROVIDERS)} (default: the first there is)"
    )


def number(kind: type, low: float, high: float) -> Callable[[str], Any]:
    """Return what argparse reads a number from `low` to `high` by; a NaN is none, nor is infinity."""

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except (ValueError, OverflowError):
            value = None
        if value is None or not low <= value <= high:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text[:40]}: give {what} from {low:g} to {high:.12g}")
        return value

    return read


MOST_THREADS = 256
positive = number(int, 1, 1_000_000)
_threads = number(int, 1, MOST_THREADS)


def counts(text: str) -> list[int]:
    """Return whole numbers from 1 to 256, written 1,2,4; argparse names the option when they are none, or repeated."""
    try:
        found = [_threads(part) for part in text.split(",")]
    except argparse.ArgumentTypeError as error:
        reason = f"{text[:40]}: not numbers such as 1,2,4, from 1 to {MOST_THREADS}"
        raise argparse.ArgumentTypeError(reason) from error
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"{text[:40]}: a number stands twice")
    return found


def table(rows: list[dict[str, Any]], columns: dict[str, tuple[str, str]]) -> list[str]:
    """Return a line of headings and one a row. columns: heading → (key in a row, format), such as >8.3f."""
    widths = {heading: look.partition(".")[0] for heading, (_, look) in columns.items()}
    lines = ["  ".join(f"{heading:{width}}" for heading, width in widths.items())]
    return lines + ["  ".join(f"{row[key]:{look}}" for key, look in columns.values()) for row in rows]


def run_script(main: Callable[[], int]) -> None:
    """Run a script's `main`; an error is one line and exit code 1."""
    try:
        code = main()
    except BundleError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        sys.stderr.close()
        code = 0
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
