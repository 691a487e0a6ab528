"""What an exporter computes of constants alone, computed here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import constants
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Rewritten

if TYPE_CHECKING:
    import onnx

MADE_OF_NOTHING = ("SequenceEmpty", "RandomNormal", "RandomUniform", "Constant")


@dataclass(frozen=True)
class FoldConstants(OnnxPass):
    """Replace each tensor that follows from constants by its value: an initializer.

    PyTorch's as_strided, which an average pool can become, is exported as a Loop over constant strides, and no
    converter takes that. Ensures that no node reads constants alone, but for those that need no input at all.

    but: operators that stay, and with them all that follows from them.
    """

    but: tuple[str, ...] = ()

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model without such nodes; `changed` are the nodes that are gone."""
        import onnxruntime
        from onnx import helper, numpy_helper

        places = _foldable(model, self.but)
        if not places:
            return Rewritten(model)
        nodes = [model.graph.node[place] for place in places]
        gone = {name for node in nodes for name in node.output if name}
        left = [node for place, node in enumerate(model.graph.node) if place not in places]
        wanted = [name for name in gone if any(name in node.input for node in left)]
        wanted += [value.name for value in model.graph.output if value.name in gone]
        outputs = [helper.make_empty_tensor_value_info(name) for name in wanted]
        part = helper.make_graph(nodes, "constants", [], outputs, model.graph.initializer)
        alone = helper.make_model(
            part, opset_imports=model.opset_import, functions=model.functions, ir_version=model.ir_version
        )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # it warns of every constant that these nodes do not read
        session = onnxruntime.InferenceSession(alone.SerializeToString(), options, providers=["CPUExecutionProvider"])
        values = session.run(None, {})
        for name, value in zip(wanted, values, strict=True):
            model.graph.initializer.append(numpy_helper.from_array(value, name))
        names = tuple(node.name for node in nodes)
        del model.graph.node[:]
        model.graph.node.extend(left)
        return Rewritten(model, names)

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the nodes that read constants alone."""
        return (model.graph.node[place].name for place in _foldable(model, self.but))


def _foldable(model: onnx.ModelProto, but: tuple[str, ...]) -> list[int]:
    """Return the places of nodes whose inputs follow from initializers, and those made of nothing that these read."""
    known = {*constants(model)}
    folded, free = [], {}
    for place, node in enumerate(model.graph.node):
        inputs = [name for name in node.input if name]
        if node.op_type in but:
            continue
        if node.op_type in MADE_OF_NOTHING and not inputs:
            free.update(dict.fromkeys(node.output, place))
        elif inputs and all(name in known or name in free for name in inputs):
            folded += [free[name] for name in inputs if name in free]
            folded.append(place)
            known |= {name for name in node.output if name}
    return sorted(set(folded))
