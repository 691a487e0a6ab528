"""Make a Raspberry Pi bundle's goldens again and again, each time in a fresh process: are they equal to the byte?

    python scripts/prove_goldens.py                (20 times, about a minute)
    python scripts/prove_goldens.py --builds 3

The net has four int8 convolutions, which ONNX Runtime 1.23.0 to 1.24.4 compute otherwise from call to call on
processors with AMX. Ends with 1 when goldens differ.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from edgeforge.evaluate.desk.checks import KINDS
from edgeforge.evaluate.desk.nets import ACTIVATION_SCALE, desk_images, four_convolutions
from edgeforge.runtimes.self_agreement import on_this_desk
from edgeforge.targets.raspberry_pi.goldens import golden_outputs
from edgeforge.targets.raspberry_pi.graph_optimization import optimize_for_arm


def main() -> int:
    """Compare the goldens of all builds; return 0 when they are equal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--builds", type=int, default=20)
    parser.add_argument("--one", action="store_true", help="make them once, and print their SHA-256 and origin")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(made_once()))
        return 0
    print(on_this_desk("onnxruntime"))
    command = [sys.executable, __file__, "--one"]
    builds = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
              for _ in range(options.builds)]  # fmt: skip
    equal = True
    for kind in KINDS:
        (_, most), *others = Counter(build[kind]["sha256"] for build in builds).most_common()
        origins = sorted({build[kind]["origin"] for build in builds})
        print(f"four convolutions, {kind}: {most} of {len(builds)} goldens equal, from {' or '.join(origins)}")
        equal = equal and not others
    return 0 if equal else 1


def made_once() -> dict[str, dict[str, str]]:
    """Return the SHA-256 and the origin of each net's goldens, made as a build makes them."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for kind in KINDS:
            source, target = (Path(scratch) / f"{name}_{kind}.onnx" for name in ("source", "target"))
            source.write_bytes(four_convolutions(kind))
            optimize_for_arm(source, target, "extended")
            goldens = golden_outputs(target, source, desk_images(count=16), int8=True, step=ACTIVATION_SCALE)
            found[kind] = {"sha256": hashlib.sha256(goldens.outputs.tobytes()).hexdigest(), "origin": goldens.origin}
    return found


if __name__ == "__main__":
    sys.exit(main())
