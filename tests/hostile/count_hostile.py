"""Runs hostile inputs over every verb, prints what must not be, and counts what became of them.

python tests/hostile/count_hostile.py --count 2000 --seed 0 [--only pack] [--numbers 3,17] [--save counts.json]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from dataclasses import asdict
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "helpers")]
from hostile_counts import run_all, shares, table  # noqa: E402


def main() -> None:
    """Run, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="generators whose name holds one of these: tflite,keys")
    parser.add_argument("--numbers", help="of one generator: 3,17")
    parser.add_argument("--save", type=Path, help="everything found, as JSON")
    wishes = parser.parse_args()
    wanted = [(name, n) for name, share in shares(wishes.count).items() for n in range(share)
              if not wishes.only or any(part in name for part in wishes.only.split(","))]  # fmt: skip
    if wishes.numbers:
        wanted = [(name, n) for name, _ in dict(wanted).items() for n in map(int, wishes.numbers.split(","))]
    random.Random(wishes.seed).shuffle(wanted)  # what is done by then says something of each kind
    found = []
    for one in run_all(wanted, wishes.seed):
        found.append(one)
        if one.verdict not in ("refused", "taken") or wishes.numbers:
            print(f"{one.generator} {one.number}: {one.kind}: {one.verdict}: {one.shown[:300]}", flush=True)
        if (wishes.save and len(found) % 50 == 0) or len(found) == len(wanted):
            wishes.save and wishes.save.write_text(json.dumps([asdict(one) for one in found], indent=0))
    print(table(found, "verb"), table(found, "generator"), sep="\n\n")


if __name__ == "__main__":
    main()
