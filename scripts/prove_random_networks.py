"""Random small networks, each right on every runtime or refused with a reason: none may be wrong.

    python scripts/prove_random_networks.py [--torch 150] [--keras 50] [--first 0] [--all]

Prints what was refused and what is wrong (--all: every network), and ends with 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

HELPERS = Path(__file__).parents[1] / "tests" / "helpers"


def main() -> int:
    """Judge, print, and return the exit code."""
    sys.path.insert(0, str(HELPERS))
    from judged_nets import judge_all, summary

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", type=int, default=150, metavar="COUNT")
    parser.add_argument("--keras", type=int, default=50, metavar="COUNT")
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--all", action="store_true", help="print every network, not only those that are not right")
    wishes = parser.parse_args()
    seeds = [range(wishes.first, wishes.first + count) for count in (wishes.torch, wishes.keras)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in judge_all(*seeds, Path(folder)):
            rows.append(row)
            if wishes.all or row.outcome != "right":
                print(row.line(), flush=True)
    print(summary(rows))
    return 1 if any(row.outcome == "wrong" for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
