"""What becomes of a network on its way to a board, judged by other means than EdgeForge's own checks.

right: every runtime computes what the one before it computes: ONNX Runtime and LiteRT the float network of PyTorch,
TFLM within one step a layer of LiteRT's reference kernels. refused: EdgeForge says no, with a reason. wrong: neither.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT_TOLERANCE = 1e-3  # of the outputs' range
LEAST_DB = 15.0
IMAGES = 16


@dataclass(frozen=True)
class Judgement:
    """One network's outcome, and the figures behind it."""

    name: str
    outcome: str  # right, refused, wrong
    detail: str = ""
    blocks: tuple[str, ...] = ()
    int8_db: float | None = None
    steps: int | None = None  # the largest difference of two int8 runtimes' outputs
    operators: int = 0

    def line(self) -> str:
        """Return it as a line of text."""
        figures = f" {self.int8_db:.0f} dB" if self.int8_db is not None else ""
        figures += f", {self.steps} steps in {self.operators} operators" if self.steps is not None else ""
        return f"{self.name:<14} {self.outcome:<8}{figures} {self.detail}  [{' '.join(self.blocks)}]"


def exported(seeds: Iterable[int], folder: Path) -> list[Judgement]:
    """Write SEED.onnx and SEED.npz (x, and PyTorch's y) of random networks; return an outcome of those refused.

    Run it in a process of its own: LiteRT is not to be loaded beside torch.
    """
    import torch
    from random_nets import build, inputs, random_blocks, settle

    from edgeforge.errors import EdgeForgeError
    from edgeforge.quantize.tflite.network import export_network

    torch.set_num_threads(1)
    found = []
    for seed in seeds:
        shape, blocks = random_blocks(seed)
        network, used = build(shape, blocks)
        x = inputs(shape)
        settle(network, x)
        try:
            y = export_network(network, x, folder / f"{seed}.onnx")
        except EdgeForgeError as error:
            found.append(Judgement(f"torch {seed}", "refused", error.reason, tuple(used)))
            continue
        np.savez(folder / f"{seed}.npz", x=x, y=y, blocks=np.array(used))
    return found


def judged(seed: int, folder: Path) -> Judgement:
    """Convert what `exported` wrote, and judge it."""
    from edgeforge.errors import EdgeForgeError

    with np.load(folder / f"{seed}.npz") as arrays:
        x, y, blocks = arrays["x"], arrays["y"], tuple(arrays["blocks"].tolist())
    try:
        outcome, detail, figures = _outcome(folder / f"{seed}.onnx", x, y)
    except EdgeForgeError as error:
        outcome, detail, figures = "refused", error.reason.splitlines()[0], {}
    return Judgement(f"torch {seed}", outcome, detail, blocks, **figures)


def judged_keras(seed: int, folder: Path) -> Judgement:
    """Judge what random_keras.py wrote."""
    from edgeforge.errors import EdgeForgeError

    path = folder / f"keras_{seed}.tflite"
    if not path.exists():
        return Judgement(f"keras {seed}", "refused", "by TensorFlow's converter")
    with np.load(path.with_suffix(".npz")) as arrays:
        x, y, blocks = arrays["x"], arrays["y"], tuple(arrays["blocks"].tolist())
    try:
        outcome, detail, figures = int8_outcome(path, x, y)
    except EdgeForgeError as error:
        outcome, detail, figures = "refused", error.reason.splitlines()[0], {}
    return Judgement(f"keras {seed}", outcome, detail, blocks, **figures)


def _outcome(source: Path, x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[str, str, dict[str, Any]]:
    from edgeforge.export.float_check import require_equal
    from edgeforge.quantize.tflite.network import convert_file
    from edgeforge.recipe.schema import TFLite

    if (found := far(onnx_outputs(source, x), y)) is not None:
        return "wrong", f"ONNX Runtime differs from PyTorch by {found:.1e}", {}
    made = convert_file(source, x, TFLite(variants=("float32", "int8")))
    if "float32" not in made.tflite:
        return "refused", made.refused["float32"], {}
    if (found := far(floats(made.tflite["float32"], x), y)) is not None:
        require_equal(made.tflite["float32"].read_bytes(), source, x, {})  # as every build asks
        return "wrong", f"TFLite float32 differs from PyTorch by {found:.1e}", {}
    if "int8" not in made.tflite:
        return "refused", made.refused["int8"], {}
    return int8_outcome(made.tflite["int8"], x, y)


def int8_outcome(path: Path, x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[str, str, dict[str, Any]]:
    """Return outcome, detail and figures of a full-integer .tflite beside the float outputs y."""
    from edgeforge.errors import EdgeForgeError
    from edgeforge.evaluate.statistics import sqnr_db
    from edgeforge.tflite.graph import Graph

    fits(path)
    from edgeforge.runtimes.litert import LiteRTRunner
    from edgeforge.runtimes.tflm import TFLMRunner

    operators = len(Graph(path.read_bytes()).operators)
    try:
        reference = LiteRTRunner(path, kernels="reference")
    except EdgeForgeError:  # it has no ELU, for one
        reference = LiteRTRunner(path, kernels="builtin")
    ours, theirs = reference.run(x[:IMAGES]), TFLMRunner(path).run(x[:IMAGES])
    step = reference.output.scale or 1.0
    figures = {
        "int8_db": sqnr_db(y[:IMAGES], ours),
        "steps": round(float(np.abs(ours - theirs).max() / step)),
        "operators": operators,
    }
    if figures["steps"] > operators:
        return "wrong", "TFLM and LiteRT disagree, and EdgeForge ships it", figures
    return "right", "", figures


def fits(path: Path) -> None:
    """Ask EdgeForge whether the model may be packed. Raises EdgeForgeError when it may not."""
    from edgeforge.targets.fit.judge import fit_file, require_fit

    require_fit(fit_file(path, "arduino-portenta-h7"))


def far(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float | None:
    """Return the largest difference as a share of the outputs' range, where it is too large or no number."""
    span = float(expected.max() - expected.min()) or 1.0
    error = float(np.abs(found.reshape(len(found), -1) - expected[: len(found)].reshape(len(found), -1)).max() / span)
    return None if error <= FLOAT_TOLERANCE else error


def onnx_outputs(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ONNX Runtime's outputs, one image at a time."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: image[None]})[0] for image in x[:IMAGES]])


def floats(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return LiteRT's outputs of a float model."""
    from edgeforge.runtimes.litert import LiteRTRunner

    return LiteRTRunner(path).run(x[:IMAGES])


def judge_all(torch_seeds: list[int], keras_seeds: list[int], folder: Path) -> list[Judgement]:
    """Return every network's outcome. A runtime that ends its process is wrong."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        rows = pool.submit(exported, torch_seeds, folder).result()
    if keras_seeds:
        program = [sys.executable, Path(__file__).with_name("random_keras.py"), folder, *map(str, keras_seeds)]
        subprocess.run(program, capture_output=True)  # TensorFlow may end it: what it has not made is nobody's model
    done = {row.name for row in rows}
    waiting = [(judged, f"torch {seed}", seed) for seed in torch_seeds if f"torch {seed}" not in done]
    waiting += [(judged_keras, f"keras {seed}", seed) for seed in keras_seeds]
    while waiting:
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            try:
                while waiting:
                    rows.append(pool.submit(waiting[0][0], waiting[0][2], folder).result())
                    waiting.pop(0)
            except BrokenProcessPool:
                rows.append(Judgement(waiting.pop(0)[1], "wrong", "a runtime has ended its process"))
    return rows


def summary(rows: list[Judgement]) -> str:
    """Return the counts as a sentence."""
    counts = Counter(row.outcome for row in rows)
    low = sum(row.int8_db is not None and row.int8_db < LEAST_DB for row in rows)
    return (f"{len(rows)} networks: {counts['right']} right, {counts['refused']} refused, {counts['wrong']} wrong; "
            f"int8 keeps less than {LEAST_DB:.0f} dB of {low}")  # fmt: skip
