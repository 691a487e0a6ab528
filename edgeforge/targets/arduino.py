"""The stage `arduino`: an Arduino project around the full-integer model, with a self-test compiled in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.artifact import Preprocessing, shipped_variant
from edgeforge.bundled import bundled
from edgeforge.data.labels import head_labels
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.evaluate.tflm import read_tflm
from edgeforge.export.associated_files import pure_flatbuffer
from edgeforge.report.schema import TargetRow
from edgeforge.runtimes.tflite_tensors import to_input
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.stage import Job
from edgeforge.targets.boards import board
from edgeforge.targets.op_resolver import resolver_method

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TARGETS_FILE = "targets.json"
# Room above the arena measured on this desk: kernels optimised for the board (CMSIS-NN, ESP-NN) ask for scratch
# buffers that the reference kernels here do not.
ARENA_MARGIN = 0.10
ARENA_ALIGNMENT = 16
# The port of TFLM that the Library Manager has; its own spelling, and the header that makes a build find it.
LIBRARY = {"name": "Chirale_TensorFLowLite", "version": "2.0.0", "header": "Chirale_TensorFlowLite.h"}
NOT_COUNTED = "kernels, TFLM itself and the board's core are not counted yet"


@dataclass(frozen=True)
class SelfTest:
    """One real test image, what the model is given for it, and what TFLM on the desk answers."""

    index: int
    label: int  # of the primary head; a value is cut to an integer
    raw: NDArray[np.uint8]  # H,W,C
    tensor: NDArray[Any]  # H,W,C of the model's input type
    output: NDArray[Any]  # the output vector, of the model's output type


def pack_arduino(job: Job) -> None:
    """Write the project NAME/ and targets.json; without a model that TFLM runs, rows with the reason."""
    name = job.recipe.name
    tflm = read_tflm(job.inputs["tflm"])
    if tflm["reason"] or not job.recipe.targets:
        rows = [_target(key, reason=tflm["reason"]) for key in job.recipe.targets]
    else:
        variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
        model = folder / str(variant.file)
        flatbuffer = pure_flatbuffer(model.read_bytes())
        arena = arena_with_margin(tflm["arena_bytes"])
        write_project(job, model, flatbuffer, arena, tflm)
        rows = [_target(key, tflm=tflm, flash=len(flatbuffer), arena=arena, project=f"arduino/{name}")
                for key in job.recipe.targets]  # fmt: skip
    (job.output / TARGETS_FILE).write_text(json.dumps([row.model_dump() for row in rows], indent=1))


def arena_with_margin(measured: int) -> int:
    """Return the arena's size in bytes: what was measured plus the margin, rounded up to its alignment."""
    wanted = int(measured * (1 + ARENA_MARGIN))
    return -(-wanted // ARENA_ALIGNMENT) * ARENA_ALIGNMENT


def write_project(job: Job, model: Path, flatbuffer: bytes, arena: int, tflm: dict[str, Any]) -> None:
    """Render the templates of firmware/arduino into the project's folder."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    name = job.recipe.name
    runner = TFLMRunner(model)
    preprocessing = read_preprocessing(job.inputs["data"])
    facts = {
        "name": name,
        "library": LIBRARY,
        "boards": [board(key) for key in job.recipe.targets],
        "flatbuffer": flatbuffer,
        "arena": arena,
        "measured": tflm,
        "margin_percent": round(100 * ARENA_MARGIN),
        "methods": [resolver_method(operator) for operator in tflm["operators"]],
        "input": runner.input,
        "limits": _limits(runner.input.dtype),
        "output": runner.output,
        "preprocessing": preprocessing,
        "selftest": _self_test(job, runner, preprocessing),
    }
    templates = bundled("firmware") / "arduino"
    environment = Environment(
        loader=FileSystemLoader(templates), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    environment.filters |= {"c_array": c_array, "c_float": c_float, "c_type": c_type}
    folder = job.output / name
    folder.mkdir()
    for template in sorted(templates.glob("*.j2")):
        # `sketch.ino` takes the folder's name: the Arduino IDE asks for that.
        file = template.stem.replace("sketch.ino", f"{name}.ino")
        (folder / file).write_text(environment.get_template(template.name).render(**facts))


def _limits(dtype: str) -> tuple[int, int]:
    """Return what an integer type can hold; nothing is clipped in float32."""
    import numpy as np

    if dtype == "float32":
        return 0, 0
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def c_array(values: Any, columns: int = 12) -> str:
    """Return the initialiser of a C array, `columns` numbers a line, bytes in hexadecimal."""
    import numpy as np

    flat = [f"0x{value:02x}" for value in values] if isinstance(values, bytes) else np.ravel(values).tolist()
    lines = [", ".join(map(str, flat[start : start + columns])) for start in range(0, len(flat), columns)]
    return ",\n    ".join(lines)


def c_float(value: float) -> str:
    """Return a C float literal that reads back as the same 32-bit float."""
    import numpy as np

    text = np.format_float_scientific(np.float32(value), unique=True, trim="0")
    return f"{text}f"


def c_type(dtype: str) -> str:
    """Return the C type of a tensor's elements."""
    return {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "float32": "float"}[dtype]


def _self_test(job: Job, runner: TFLMRunner, preprocessing: Preprocessing) -> SelfTest:
    """Return the first test image that is classified as labelled (the first, of a value), with TFLM's own output."""
    raw, labels = read_split(job.inputs["data"], "test")
    primary, head = head_labels(labels, preprocessing.heads), preprocessing.heads[0]
    for index, (image, label) in enumerate(zip(raw, primary, strict=True)):
        tensor = to_input(preprocessing.apply(image[None]), runner.input)
        output = runner.run_raw(tensor)[0]
        right = not head.classes or output[: head.size].argmax() == label
        if right or index == len(raw) - 1:
            return SelfTest(index, int(label), image.transpose(1, 2, 0), tensor[0], output)
    raise AssertionError("the test split is empty")


def _target(
    key: str,
    *,
    reason: str = "",
    tflm: dict[str, Any] | None = None,
    flash: int | None = None,
    arena: int | None = None,
    project: str | None = None,
) -> TargetRow:
    target = board(key)
    fits: bool | None = None
    if flash is not None and arena is not None:
        over_flash, over_ram = flash > target.flash_bytes, arena > target.ram_bytes
        fits = not (over_flash or over_ram)
        reason = NOT_COUNTED
        if over_ram:
            reason = f"the tensor arena needs {arena:,} bytes of RAM, the board has {target.ram_bytes:,}"
        if over_flash:
            reason = f"the model needs {flash:,} bytes of flash, the board has {target.flash_bytes:,}"
    tflm = tflm or {}
    return TargetRow(
        board=key,
        title=target.title,
        fits=fits,
        reason=reason,
        flash_bytes=flash,
        flash_limit_bytes=target.flash_bytes,
        ram_bytes=arena,
        ram_limit_bytes=target.ram_bytes,
        arena_bytes=tflm.get("arena_bytes"),
        arena_head_bytes=tflm.get("arena_head_bytes"),
        arena_tail_bytes=tflm.get("arena_tail_bytes"),
        operators=tflm.get("operators", []),
        project=project,
    )
