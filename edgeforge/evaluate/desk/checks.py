"""The checks of `edgeforge doctor`, run in a process of their own: `python -m edgeforge.evaluate.desk.checks GROUP`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from edgeforge.evaluate.desk.found import Found
from edgeforge.evaluate.desk.nets import (
    ACTIVATION_SCALE,
    SATURATING_SHAPE,
    TFLITE,
    desk_images,
    four_convolutions,
    saturating,
)
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.second_process import How, Model
from edgeforge.runtimes.self_agreement import Agreement, agreements, twice

KINDS: tuple[Literal["uint8", "int8"], ...] = ("uint8", "int8")
# In steps of the output. XNNPACK rounds every layer's sums its own way: two steps after four layers.
ONE_STEP, KERNELS_APART = 1.01, 2.01
ANOTHER_RELEASE = "its goldens are taken from the reference; install another release"


def onnxruntime() -> list[Found]:
    """ONNX Runtime's int8 against itself, and against the same graph unoptimised: what processors with AMX broke."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        models: dict[str, Model] = {}
        for kind in KINDS:
            models[kind] = Model(Path(scratch) / f"{kind}.onnx")
            models[kind].path.write_bytes(four_convolutions(kind))
        images = desk_images()
        found = agreements({kind: twice(model.open(), images) for kind, model in models.items()}, models, images)
        for name, model in models.items():
            plain = Model(model.path, "unoptimized").open().run(images)
            steps = float(abs(found[name].outputs - plain).max()) / ACTIVATION_SCALE
            row = _judged(
                f"ONNX Runtime {name}", found[name], steps, ONE_STEP, "its unoptimised graph", ANOTHER_RELEASE
            )
            rows.append(row)
    return rows


def tflite() -> list[Found]:
    """LiteRT's kernels and TFLM against themselves, and against LiteRT's reference kernels."""
    names: dict[str, How] = {"LiteRT XNNPACK": "usual", "LiteRT builtin": "builtin", "TFLM": "tflm"}
    models = {name: Model(TFLITE, how) for name, how in names.items()}
    images = desk_images()
    reference = Model(TFLITE, "reference").open()
    plain, scale = reference.run(images), reference.output.scale or 1.0
    found = agreements({name: twice(model.open(), images) for name, model in models.items()}, models, images)
    remedy = "do not trust its outputs here: build on another computer"
    rows = []
    for name, one in found.items():
        steps = float(abs(one.outputs - plain).max()) / scale
        rows.append(_judged(name, one, steps, KERNELS_APART, "LiteRT's reference kernels", remedy))
    return rows


def pytorch() -> list[Found]:
    """PyTorch's int8 engines against themselves, and against the sums that fit no 16 bits."""
    import numpy as np
    import torch

    from edgeforge.runtimes.torch_script import save_torch_script

    engines = [engine for engine in ("qnnpack", "x86", "fbgemm", "onednn")
               if engine in torch.backends.quantized.supported_engines]  # fmt: skip
    ones = np.ones((1, *SATURATING_SHAPE), np.float32)
    preprocessing = Preprocessing(SATURATING_SHAPE, 1.0, (0.0,), (1.0,), ("any",))
    models: dict[str, Model] = {}
    runs: dict[str, Any] = {}
    right: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch, torch.no_grad():
        for engine in engines:
            network, kernel, scale = saturating(engine)
            right[engine] = torch.nn.functional.conv2d(torch.from_numpy(ones), kernel, padding=1).numpy(), scale
            models[engine] = Model(Path(scratch) / f"{engine}.pt")
            save_torch_script(models[engine].path, network, torch.from_numpy(ones), preprocessing, engine=engine)
            runs[engine] = twice(models[engine].open(), ones)
        found = agreements(runs, models, ones)
    rows = []
    for name, one in found.items():
        exact, scale = right[name]
        steps = float(abs(one.outputs - exact).max()) / scale
        remedy = "its 16-bit sums saturate here: compare with qnnpack"
        rows.append(_judged(f"PyTorch {name}", one, steps, ONE_STEP, "the exact sums", remedy))
    return rows


def _judged(name: str, found: Agreement, steps: float, allowed: float, reference: str, remedy: str) -> Found:
    """Return the row of a runtime; steps: its largest distance from the reference, in steps of the output."""
    if not found.agrees:
        return Found(name, f"disagrees with itself: {found}", False, remedy)
    if not steps <= allowed:  # NaN too
        return Found(name, f"agrees with itself, but {steps:.0f} steps from {reference}", False, remedy)
    close = f"within {round(steps)} step(s) of" if round(steps) else "the same as"
    return Found(name, f"agrees with itself; {close} {reference}", True)


GROUPS: dict[str, Callable[[], list[Found]]] = {"onnxruntime": onnxruntime, "tflite": tflite, "pytorch": pytorch}


def main() -> int:
    """Run one group; the last line is its rows as JSON."""
    rows = GROUPS[sys.argv[1]]()
    print(f"\n{json.dumps([asdict(row) for row in rows])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
