"""Which operators the installed TFLM has: asked of its interpreter, one model of one operator each, and written down.

`python scripts/tflm_operators.py` writes edgeforge/hardware/tflm_operators.toml; run it after another tflite-micro is
pinned. The Python package registers every operator that MicroMutableOpResolver has a method for.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path

from edgeforge.runtimes.native_output import CapturedOutput
from edgeforge.tflite.flatbuffer import write_model

FILE = Path(__file__).parents[1] / "edgeforge" / "hardware" / "tflm_operators.toml"
FOUND, ABSENT = 0, 3  # exit codes
MISSING = "Didn't find op for builtin opcode"
NO_OPERATORS = ("CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES")


def registered() -> list[str]:
    """Return the builtin operators that TFLM's interpreter finds, by their names in TFLite's schema."""
    from ai_edge_litert import schema_py_generated as schema

    named = vars(schema.BuiltinOperator).items()
    codes = {name: code for name, code in named if isinstance(code, int) and name[0] != "_"}
    return sorted(name for name, code in codes.items() if name not in NO_OPERATORS and _is_found(code))


def _is_found(code: int) -> bool:
    """Ask in a process of its own: an operator without what it needs may end it, and is found then."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        ended = os.waitstatus_to_exitcode(status)
        assert ended < 0 or ended in (FOUND, ABSENT), f"operator {code}: exit code {ended}"
        return ended != ABSENT
    ended = 1
    try:
        ended = ABSENT if MISSING in _refusal(code) else FOUND
    finally:
        os._exit(ended)


def _refusal(code: int) -> str:
    """Return what TFLM says of a model of one operator with an input and an output."""
    from tflite_micro.python.tflite_micro import runtime

    with CapturedOutput() as said:
        try:
            runtime.Interpreter.from_bytes(_one_operator(code), arena_size=1 << 16)
        except RuntimeError as error:
            return f"{error} {said.text()}"
    return ""


def _one_operator(code: int) -> bytes:
    from ai_edge_litert import schema_py_generated as schema

    model, graph, entry, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.OperatorT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [entry], [graph], [schema.BufferT()]
    entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), 1
    graph.tensors = [schema.TensorT(), schema.TensorT()]
    for place, tensor in enumerate(graph.tensors):
        tensor.name, tensor.shape, tensor.type = f"tensor_{place}".encode(), [1, 4], schema.TensorType.INT8
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [1]
    operator.inputs, operator.outputs = [0], [1]
    if code == schema.BuiltinOperator.VAR_HANDLE:  # the Python package reads its name itself
        operator.builtinOptions = schema.VarHandleOptionsT()
        operator.builtinOptionsType = schema.BuiltinOptions.VarHandleOptions
        operator.builtinOptions.container = operator.builtinOptions.sharedName = b"variable"
    return write_model(model)


def document() -> str:
    """Return the file's text."""
    names = "\n".join(f'    "{name}",' for name in registered())
    return (
        "# Written by scripts/tflm_operators.py: what the interpreter of this tflite-micro finds.\n"
        f'tflite_micro = "{version("tflite-micro")}"\noperators = [\n{names}\n]\n'
    )


if __name__ == "__main__":
    FILE.write_text(document())
    sys.exit(0)
