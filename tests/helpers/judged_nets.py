"""What becomes of a network on its way to a board, judged by other means than EdgeForge's own checks.

right: every runtime computes what the one before it computes: ONNX Runtime and LiteRT the float network of PyTorch,
TFLM within one step a layer of LiteRT's reference kernels. refused: EdgeForge says no, with a reason. wrong: neither,
and that EdgeForge raises anything but its own errors, or ends its process, or takes too long. no model: TensorFlow's or
PyTorch's own export has made none, which is no matter of EdgeForge's.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT_TOLERANCE = 1e-3  # of the outputs' range
LEAST_DB = 15.0
IMAGES = 16
SECONDS, MEMORY = 300, 16 << 30  # of the processor for one network; LiteRT and TFLM reserve far more than they use
HANGING = 1800  # seconds after which a process that does nothing is ended
NO_MODEL = "no model"


@dataclass(frozen=True)
class Judgement:
    """One network's outcome, and the figures behind it."""

    name: str
    outcome: str  # right, refused, wrong, no model
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


def exported(seed: int, folder: Path) -> Judgement | None:
    """Write SEED.onnx and SEED.npz (x, and PyTorch's y) of a random network; return its outcome if it is refused.

    Run it in a process of its own: LiteRT is not to be loaded beside torch.
    """
    import torch
    from random_nets import build, inputs, random_blocks, settle

    from edgeforge.errors import EdgeForgeError
    from edgeforge.quantize.tflite.network import export_network

    torch.set_num_threads(1)
    shape, blocks = random_blocks(seed)
    network, used = build(shape, blocks)
    x = inputs(shape)
    settle(network, x)
    try:
        y = export_network(network, x, folder / f"{seed}.onnx")
    except EdgeForgeError as error:
        return Judgement(f"torch {seed}", "refused", error.reason, tuple(used))
    np.savez(folder / f"{seed}.npz", x=x, y=y, blocks=np.array(used))
    return None


def exported_keras(seed: int, folder: Path) -> Judgement | None:
    """Write keras_SEED.tflite and keras_SEED.npz of a random network, as TensorFlow's own guide does."""
    from random_keras import write

    return None if (why := write(seed, folder)) is None else Judgement(f"keras {seed}", NO_MODEL, why)


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
    from edgeforge.recipe.sections.quantize import TFLite

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


def judge_all(torch_seeds: Iterable[int], keras_seeds: Iterable[int], folder: Path) -> Iterator[Judgement]:
    """Yield every network's outcome. No network ends, or holds up, what judges the others."""
    makers, judges = Child(), Child()
    try:
        for seed in torch_seeds:
            refused = makers.ask(exported, f"torch {seed}", seed, folder)
            yield refused or judges.ask(judged, f"torch {seed}", seed, folder)
        makers.end()  # TensorFlow is not to be loaded beside torch
        for seed in keras_seeds:
            failed = makers.ask(exported_keras, f"keras {seed}", seed, folder)
            if failed and failed.outcome == "wrong":  # no EdgeForge in it
                failed = replace(failed, outcome=NO_MODEL, detail=f"TensorFlow's export: {failed.detail}")
            yield failed or judges.ask(judged_keras, f"keras {seed}", seed, folder)
    finally:
        makers.end()
        judges.end()


class Child:
    """A process with a limit of memory that answers one question after another, and is replaced where it does not."""

    def __init__(self) -> None:
        self.pool: ProcessPoolExecutor | None = None

    def ask[Answer](self, question: Callable[..., Answer], name: str, *given: Any) -> Answer | Judgement:
        """Return the answer, or that it is wrong: an error that is not EdgeForge's, a crash, no answer in time."""
        if self.pool is None:
            spawn = multiprocessing.get_context("spawn")
            self.pool = ProcessPoolExecutor(1, mp_context=spawn)
        try:
            return self.pool.submit(_limited, question, *given).result(HANGING)
        except BrokenProcessPool:
            why = f"it has ended its process, or used it for {SECONDS} seconds"
        except TimeoutError:
            why = f"no answer in {HANGING} seconds"
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
        self.end()
        return Judgement(name, "wrong", why)

    def end(self) -> None:
        """End the process, which may be in the middle of something."""
        if self.pool is None:
            return
        for process in list((self.pool._processes or {}).values()):
            process.kill()
        self.pool.shutdown()
        self.pool = None


def _limited[Answer](question: Callable[..., Answer], *given: Any) -> Answer:
    """Answer a question with the memory and the processor's time of one network."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + SECONDS, most))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    return question(*given)


def summary(rows: list[Judgement]) -> str:
    """Return the counts as a sentence."""
    counts = Counter(row.outcome for row in rows)
    low = sum(row.int8_db is not None and row.int8_db < LEAST_DB for row in rows)
    return (f"{len(rows)} networks: {counts['right']} right, {counts['refused']} refused, {counts['wrong']} wrong, "
            f"{counts[NO_MODEL]} without a model; int8 keeps less than {LEAST_DB:.0f} dB of {low}")  # fmt: skip
