"""The ONNX Runtime runtime, on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.apart.watch import watched
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause_in, known_remedy
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes, fixed_shapes
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import fields_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


TYPES = {"float": "float32", "double": "float64", "float16": "float16", "bool": "bool"}  # else as NumPy calls them
NONE = "ONNX Runtime refuses it: it is damaged, or has what this release does not know"


class OnnxRunner:
    """Runs an .onnx file. A free batch is 1; `shapes` says other free dimensions.

    optimized=False runs the graph node by node as it stands: for a QDQ model, its fake-quant outputs.
    """

    def __init__(
        self, path: Path, threads: int | None = None, shapes: Shapes = AS_THE_FILE_SAYS, *, optimized: bool = True
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if not optimized:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        if threads:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
        try:
            with watched("ONNX Runtime", path):
                self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise RecipeError(
                f"{path} cannot be loaded: {cause_in(error, NONE)}", fix=known_remedy(error, "export it again")
            ) from error
        self._path = path
        sources = self.session.get_inputs()
        try:
            wanted = fixed_shapes({one.name: one.shape for one in sources}, shapes)
        except RecipeError as error:
            raise RecipeError(f"{path}: {error.reason}", fix=error.fix) from error
        self.names = tuple(one.name for one in sources)
        self.inputs = tuple(TensorSpec(wanted[one.name], _type(path, one.type)) for one in sources)
        targets = self.session.get_outputs()
        self.input, self.output = self.inputs[0], TensorSpec(tuple(targets[0].shape), "float32")
        self._outputs = [one.name for one in targets]

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return logits (N,classes float32) of the batch, in the model's own shape (see Runner)."""
        import numpy as np

        rows = []
        for place in range(len(batch)):
            feed = self._feed(batch[place : place + 1])
            with watched("ONNX Runtime", self._path):
                found = self.session.run(self._outputs, feed)
            rows.append(found[0] if len(found) == 1 else _in_a_row(self._path, found))
        return np.concatenate(rows)

    def single(self, image: NDArray[Any]) -> Callable[[], object]:
        """Return a call that runs one prepared input (see Runner)."""
        feed, wanted, session = self._feed(image), self._outputs, self.session
        return lambda: session.run(wanted, feed)

    def _feed(self, image: NDArray[Any]) -> dict[str, NDArray[Any]]:
        values = fields_of(image).values()
        return {
            name: value.astype(spec.dtype, copy=bool(image.dtype.names))  # a field of a record lies anywhere
            for name, spec, value in zip(self.names, self.inputs, values, strict=True)
        }


def _type(path: Path, said: str) -> str:
    """Return NumPy's name of an input's type, such as tensor(float)."""
    kind = said.removeprefix("tensor(").removesuffix(")")
    if kind == said or kind == "string":
        raise RecipeError(f"{path}: an input of it is {said}", fix="export the model with tensors of numbers")
    return TYPES.get(kind, kind)


def _in_a_row(path: Path, outputs: list[Any]) -> NDArray[np.float32]:
    import numpy as np

    if not all(isinstance(one, np.ndarray) and one.dtype.kind in "fiub" for one in outputs):
        raise RecipeError(
            f"{path}: an output of it is no tensor of numbers", fix="export the model without that output"
        )
    return np.concatenate([one.astype(np.float32).reshape(1, -1) for one in outputs], axis=1)


def run_as_it_is(
    path: Path, images: NDArray[np.float32], *, channels_last: bool, optimized: bool, outputs: Sequence[str] = ()
) -> NDArray[np.float32]:
    """Return the outputs (N,outputs float32) of somebody's .onnx file for images (N,C,H,W float32), one at a time.

    outputs: of several, their names; they are put one after the other.

    Operators that ONNX Runtime has not yet are computed by onnx's own evaluator.

    channels_last: its input is N,H,W,C. optimized: see OnnxRunner. Where its ends are integers, conversions stand
    before and behind them.
    """
    import numpy as np
    import onnx
    import onnxruntime
    from onnx.reference import ReferenceEvaluator
    from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as Lacking

    from edgeforge.onnx_graph.quantized.float_ends import with_float_ends

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    model: str | bytes = str(path)
    if onnx.load(path, load_external_data=False).graph.input[0].type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        loaded = onnx.load(path)
        with_float_ends(loaded)
        model = loaded.SerializeToString()
    wanted = list(outputs) or None
    turned = [
        np.ascontiguousarray(image[None]) for image in (images.transpose(0, 2, 3, 1) if channels_last else images)
    ]
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Lacking:
        evaluator = ReferenceEvaluator(onnx.load(path))
        return np.concatenate([_beside(evaluator.run(wanted, {evaluator.input_names[0]: image})) for image in turned])
    name = session.get_inputs()[0].name
    return np.concatenate([_beside(session.run(wanted, {name: image})) for image in turned])


def _beside(outputs: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    import numpy as np

    return outputs[0] if len(outputs) == 1 else np.concatenate([one.reshape(1, -1) for one in outputs], axis=1)
