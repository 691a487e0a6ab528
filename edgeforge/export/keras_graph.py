"""ONNX → frozen TensorFlow graph, through onnx2tf without its slow serialisation.

`onnx2tf.convert` spends most of its time writing SavedModels whose constants are the weights, as JSON. The Keras
model that it builds on the way is all that is needed here: frozen into one function, TFLite converts it at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edgeforge.foreign.wording import cause
from edgeforge.onnx_graph.checks import module_of, unsupported

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray


def frozen_graph(model: onnx.ModelProto, samples: NDArray[np.float32]) -> Any:
    """Return a concrete function (1,H,W,C float32) → logits of an ONNX model with input (1,C,H,W).

    samples: N,C,H,W float32, real inputs. Raises RecipeError naming the operator that onnx2tf cannot convert.
    """
    import onnx2tf
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    with TemporaryDirectory() as folder, no_downloads(samples):
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString(deterministic=True))
        try:
            keras_model = onnx2tf.convert(
                input_onnx_file_path=str(path),
                output_folder_path=folder,
                not_use_onnxsim=True,  # the exporter has simplified the graph; each onnxsim is a process of its own
                disable_model_save=True,
                verbosity="error",
            )
        except (Exception, SystemExit) as error:
            raise refusal(model, error) from error
    shape = samples.shape
    signature = tf.TensorSpec((1, shape[2], shape[3], shape[1]), tf.float32, name="input")
    function = tf.function(lambda images: keras_model(images)).get_concrete_function(signature)
    return convert_variables_to_constants_v2(function)


def refusal(model: onnx.ModelProto, error: BaseException) -> Exception:
    """Return the error to show when onnx2tf gives up: which operator, and which module it came from."""
    name = getattr(error, "onnx_op_name", None)
    node = next((node for node in model.graph.node if name and node.name == name), None)
    if node is None:
        return unsupported("the model", f"onnx2tf: {cause(error)}", error)
    return unsupported(f"operator {node.op_type} of module '{module_of(node)}'", f"onnx2tf: {cause(error)}", error)


@contextlib.contextmanager
def no_downloads(samples: NDArray[np.float32]) -> Iterator[None]:
    """Keep onnx2tf off the network: for 3-channel inputs it would download images to check operators with.

    No option prevents that, so the function that downloads is replaced by one that returns our own inputs.
    """
    from onnx2tf import onnx2tf as implementation

    original = implementation.download_test_image_data
    implementation.download_test_image_data = lambda: samples[:20].transpose(0, 2, 3, 1)
    try:
        yield
    finally:
        implementation.download_test_image_data = original
