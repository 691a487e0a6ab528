"""Which operators the installed TFLM has, and on which types: asked of its interpreter, a model of one operator each.

`python scripts/tflm_operators.py` writes edgeforge/hardware/tflm_operators.toml; run it after another tflite-micro is
pinned. The Python package registers every operator that MicroMutableOpResolver has a method for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from operator_models import TYPES, model_of

from edgeforge.runtimes.native_output import CapturedOutput
from edgeforge.tflite.flatbuffer import write_model

FILE = Path(__file__).parents[1] / "edgeforge" / "hardware" / "tflm_operators.toml"
MISSING = "Didn't find op for builtin opcode"
NO_OPERATORS = ("CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES")


def registered() -> list[str]:
    """Return the builtin operators that TFLM's interpreter finds, by their names in TFLite's schema."""
    from ai_edge_litert import schema_py_generated as schema

    named = vars(schema.BuiltinOperator).items()
    codes = {name: code for name, code in named if isinstance(code, int) and name[0] != "_"}
    names = [name for name in codes if name not in NO_OPERATORS]
    # An operator without what it needs may end the process, and is found then.
    found = answers([lambda name=name: MISSING not in _refusal(codes[name]) for name in names], ended=True)
    return sorted(name for name, yes in zip(names, found, strict=True) if yes)


def computed() -> dict[str, list[str]]:
    """Return the operators that compute on each type: TFLM prepares and runs them. Those that only move or name values,
    such as READ_VARIABLE, do on every type.
    """
    from ai_edge_litert import schema_py_generated as schema

    known = registered()
    asked = [(kind, name) for kind in TYPES for name in known]
    models = [model_of(name, getattr(schema.BuiltinOperator, name), kind) for kind, name in asked]
    taken = answers([lambda model=model: model is None or _runs(model) for model in models], ended=False)
    found: dict[str, list[str]] = {kind: [] for kind in TYPES}
    for (kind, name), yes in zip(asked, taken, strict=True):
        if yes:
            found[kind].append(name)
    return found


def _runs(model: bytes) -> bool:
    import numpy as np
    from tflite_micro.python.tflite_micro import runtime

    from edgeforge.tflite.graph import Graph

    with CapturedOutput():
        try:
            interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 18)
            for place in range(len(Graph(model).inputs)):
                details = interpreter.get_input_details(place)
                interpreter.set_input(np.ones(details["shape"], details["dtype"]), place)
            interpreter.invoke()
        except (RuntimeError, ValueError):
            return False
    return True


def answers(questions: list[Callable[[], bool]], *, ended: bool) -> list[bool]:
    """Ask in a process of its own, and in another one after a question that has ended it: `ended` answers that."""
    found: list[bool] = []
    while len(found) < len(questions):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            for question in questions[len(found) :]:
                os.write(writing, b"y" if question() else b"n")
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            found += [answer == ord("y") for answer in pipe.read()]
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status):
            found.append(ended)
    return found


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
    text = "# Written by scripts/tflm_operators.py: what the interpreter of this tflite-micro finds, and computes.\n"
    text += f'tflite_micro = "{version("tflite-micro")}"\n' + _list("operators", registered()) + "\n[types]\n"
    return text + "".join(_list(kind, names) for kind, names in computed().items())


def _list(key: str, names: list[str]) -> str:
    return f"{key} = [\n" + "".join(f'    "{name}",\n' for name in names) + "]\n"


if __name__ == "__main__":
    FILE.write_text(document())
    sys.exit(0)
