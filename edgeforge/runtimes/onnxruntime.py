"""The ONNX Runtime runtime, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.apart.watch import watched
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause_in, known_remedy
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes, fixed_shapes
from edgeforge.tflite.tensor_spec import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


NONE = "ONNX Runtime refuses it: it is damaged, or has what this release does not know"


class OnnxRunner:
    """Runs an .onnx file with a float input (1,C,H,W). A free batch is 1; `shapes` says other free dimensions.

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
        source, target = self.session.get_inputs()[0], self.session.get_outputs()[0]
        try:
            wanted = fixed_shapes({one.name: one.shape for one in self.session.get_inputs()}, shapes)
        except RecipeError as error:
            raise RecipeError(f"{path}: {error.reason}", fix=error.fix) from error
        self.input = TensorSpec(wanted[source.name], "float32")
        self.output = TensorSpec(tuple(target.shape), "float32")
        self._input_name, self._output_name = source.name, target.name

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits (N,classes float32) of the batch (N,C,H,W float32)."""
        import numpy as np

        rows = []
        for image in batch:
            with watched("ONNX Runtime", self._path):
                rows.append(self.session.run([self._output_name], {self._input_name: image[None]})[0])
        return np.concatenate(rows)

    def single(self, image: NDArray[np.float32]) -> Callable[[], object]:
        """Return a call that runs one prepared image (1,C,H,W float32)."""
        feed, wanted, session = {self._input_name: image}, [self._output_name], self.session
        return lambda: session.run(wanted, feed)


def run_as_it_is(
    path: Path, images: NDArray[np.float32], *, channels_last: bool, optimized: bool
) -> NDArray[np.float32]:
    """Return the outputs (N,outputs float32) of somebody's .onnx file for images (N,C,H,W float32), one at a time.

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
    turned = [
        np.ascontiguousarray(image[None]) for image in (images.transpose(0, 2, 3, 1) if channels_last else images)
    ]
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Lacking:
        evaluator = ReferenceEvaluator(onnx.load(path))
        return np.concatenate([evaluator.run(None, {evaluator.input_names[0]: image})[0] for image in turned])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: image})[0] for image in turned])
