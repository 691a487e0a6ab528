"""Which operators of a full-integer model an Edge TPU would run: by its published limits, and by its compiler.

The limits are those of "TensorFlow models on the Edge TPU" (https://coral.ai/docs/edgetpu/models-intro/), sections
"Model requirements" and "Supported operations", of Edge TPU runtime 14. They are published in words and say
themselves that an operator within them may still not map; only the compiler knows.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgeforge.apart.run import in_worker
from edgeforge.builder.stage import Job
from edgeforge.errors import BudgetExceeded, RecipeError, StageFailed
from edgeforge.foreign.wording import reason_of
from edgeforge.results.files import EDGE_TPU_FILE
from edgeforge.results.rows.report import EdgeTPUOperator, EdgeTPURow
from edgeforge.results.variant import shipped_variant
from edgeforge.targets.edgetpu.limits import LIMITS, Operator
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.flatbuffer import FLOATS, read_model, type_name
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes
from edgeforge.tflite.passes.fixed.order import read_fixed

PROGRAM = "edgetpu_compiler"
NO_COMPILER = f"{PROGRAM} is not on the PATH: judged by the published limits alone"
EIGHT_BITS = ("INT8", "UINT8")
CONSTANT_TYPES = (*EIGHT_BITS, "INT32", "INT64", "BOOL")  # weights, biases, shapes and axes
COMPILER_SECONDS = 300


def judge_build(job: Job) -> None:
    """The stage `edgetpu`: write edge_tpu.json for the model that ships, where it is full-integer."""
    try:
        variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
    except StageFailed:
        return
    if variant.precision == "int8":
        row = judge((folder / str(variant.file)).read_bytes())
        (job.output / EDGE_TPU_FILE).write_text(row.model_dump_json(indent=1))


@in_worker
def judge_file(path: Path, shapes: Shapes = AS_THE_FILE_SAYS) -> EdgeTPURow:
    """Return what `judge` says of a .tflite file with fixed shapes, which its compiler asks for.

    shapes: of inputs that the file leaves free beyond the batch. Raises RecipeError when it cannot be read.
    """
    data, _ = read_fixed(path, shapes)
    try:
        return judge(data)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error.reason}", fix=error.fix) from error


def require_all_mapped(row: EdgeTPURow, path: Path) -> None:
    """Raise BudgetExceeded when an operator would run on the CPU: by its compiler, else by the limits."""
    left = len(row.operators) - row.mapped if row.compiler_cpu is None else row.compiler_cpu
    if left:
        raise BudgetExceeded(
            f"{path}: {left} of {len(row.operators)} operators would run on the CPU",
            fix="replace the first of them in the model: the compiler stops there",
        )


def judge(data: bytes) -> EdgeTPURow:
    """Return what would become of each operator of a .tflite file, in the order of execution.

    The compiler hands the Edge TPU one run of operators, from the first that it can map to the first that it
    cannot; all after that runs on the CPU. Runs edgetpu_compiler too where it is on the PATH. Raises RecipeError
    for a model that computes in floating point.
    """
    model = read_model(data)
    operators = [Operator(model, operator) for operator in model.subgraphs[0].operators]
    _require_integers(operators)
    rows: list[EdgeTPUOperator] = []
    stopped_at = ""
    for operator in operators:
        row = EdgeTPUOperator(operator=operator.kind, name=operator.name, maps=True)
        refused = refusal(operator)
        if refused:
            row.maps, row.reason = False, refused
            # A conversion of the float input stands before the part that is mapped.
            if not (operator.kind == "QUANTIZE" and not any(other.maps for other in rows)):
                stopped_at = stopped_at or operator.kind
        elif stopped_at:
            row.maps, row.reason = False, f"would map, but stands after {stopped_at}, where the compiler stops"
        else:
            row.reason = LIMITS[operator.kind].caution
        rows.append(row)
    return EdgeTPURow(mapped=sum(row.maps for row in rows), operators=rows, **run_compiler(data))


def refusal(operator: Operator) -> str:
    """Return why an operator cannot map, by the published limits; empty when it can."""
    if operator.kind not in LIMITS:
        return "no operator of the Edge TPU"
    return _tensor_refusal(operator) or LIMITS[operator.kind].refuses(operator)


def _tensor_refusal(operator: Operator) -> str:
    """Check the rules that hold for all tensors ("Model requirements")."""
    for tensor in (*operator.inputs, *operator.outputs):
        kind, shape = type_name(tensor.type), operator.shape(tensor)
        constant = operator.constant(tensor) is not None
        if kind not in (CONSTANT_TYPES if constant else EIGHT_BITS):
            return f"tensor {tensor.name.decode()} is {kind.lower()}, not 8-bit"
        if tensor.shapeSignature is not None and -1 in list(tensor.shapeSignature):
            return f"tensor {tensor.name.decode()} has no fixed size"
        if not constant and any(size > 1 for size in shape[:-3]):
            return f"tensor {tensor.name.decode()} of shape {shape}: only the three innermost dimensions may exceed 1"
    return ""


def _require_integers(operators: list[Operator]) -> None:
    """Raise RecipeError unless some operator computes in integers; conversions at the ends do not count."""
    computing = [operator for operator in operators if operator.kind not in ("QUANTIZE", "DEQUANTIZE")]
    floating = [o for o in computing if any(type_name(tensor.type) in FLOATS for tensor in o.outputs)]
    if floating and len(floating) == len(computing):
        raise RecipeError(
            f"this model computes in floating point ({len(floating)} of {len(computing)} operators); an Edge TPU runs "
            "full-integer models only",
            fix="give the build's int8 model, tflite/NAME_int8.tflite (int8 under quantize.tflite.variants)",
        )


def run_compiler(data: bytes) -> dict[str, Any]:
    """Return {compiler, compiler_mapped, compiler_cpu}: what edgetpu_compiler says, run in a temporary folder."""
    program = shutil.which(PROGRAM)
    if not program:
        return {"compiler": NO_COMPILER}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(pure_flatbuffer(data))
        try:
            done = subprocess.run(
                [program, "-s", "-o", folder, str(path)], capture_output=True, text=True, timeout=COMPILER_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return {"compiler": f"{PROGRAM} could not be run: {reason_of(error)}"}
    said = done.stdout + done.stderr
    version = re.search(r"Edge TPU Compiler version (\S+)", said)
    # The table that -s prints: operator, count, status.
    table = re.findall(r"^([A-Z][A-Z0-9_]+)\s+(\d+)\s+(\S.*)$", said, re.MULTILINE)
    name = f"{PROGRAM} {version[1]}" if version else PROGRAM
    if done.returncode or not table:
        lines = [line.strip() for line in said.splitlines() if line.strip() and "version" not in line]
        return {"compiler": f"{name} refused the model: {lines[0] if lines else f'it ended with {done.returncode}'}"}
    mapped = sum(int(count) for _, count, status in table if status.strip() == "Mapped to Edge TPU")
    left = sum(int(count) for _, count, _ in table) - mapped
    summary = f"{name} maps {mapped} operators and leaves {left} to the CPU"
    return {"compiler": summary, "compiler_mapped": mapped, "compiler_cpu": left}
