"""TFLite variants of one frozen TensorFlow graph: float32, float16, dynamic range, full integer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edgeforge.errors import StageFailed
from edgeforge.recipe.schema import TFLite, TFLiteVariant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ONNX2TF_FILES = {
    "float32": "float32",
    "float16": "float16",
    "dynamic": "dynamic_range_quant",
    "int8": "full_integer_quant",
}


def convert(graph: Any, kind: TFLiteVariant, samples: NDArray[np.float32], settings: TFLite) -> bytes:
    """Return the flatbuffer of one variant.

    graph: a frozen concrete function over (1,H,W,C). samples: the representative dataset, N,C,H,W float32,
    in the model's true input space.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph])
    converter.exclude_conversion_metadata = True  # unpacking and packing large models again only for a version note
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8":
        converter.representative_dataset = lambda: _channels_last(samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.as_dtype(settings.io)
        converter.inference_output_type = tf.as_dtype(settings.io)
        converter._experimental_disable_per_channel_quantization_for_dense_layers = not settings.per_channel_dense
    return bytes(converter.convert())


def convert_with_onnx2tf(
    source: Path, samples: NDArray[np.float32], settings: TFLite
) -> dict[TFLiteVariant, bytes | Exception]:
    """Return the same variants as onnx2tf itself makes them; its dense weights are always per channel."""
    import numpy as np
    import onnx
    import onnx2tf

    from edgeforge.export.keras_graph import no_downloads, refusal

    model = onnx.load(source)
    with TemporaryDirectory() as name, no_downloads(samples):
        folder = Path(name)
        data = folder / "samples.npy"
        np.save(data, samples.transpose(0, 2, 3, 1))
        # onnx2tf normalises what it calibrates with; these inputs already are.
        zero, one = np.zeros((1, 1, 1, samples.shape[1])), np.ones((1, 1, 1, samples.shape[1]))
        try:
            onnx2tf.convert(
                input_onnx_file_path=str(source),
                output_folder_path=name,
                output_integer_quantized_tflite="int8" in settings.variants,
                output_dynamic_range_quantized_tflite="dynamic" in settings.variants,
                custom_input_op_name_np_data_path=[[model.graph.input[0].name, str(data), zero, one]],
                input_quant_dtype=settings.io,
                output_quant_dtype=settings.io,
                not_use_onnxsim=True,
                verbosity="error",
            )
        except (Exception, SystemExit) as error:
            raise refusal(model, error) from error
        made: dict[TFLiteVariant, bytes | Exception] = {}
        for kind in settings.variants:
            path = folder / f"{source.stem}_{ONNX2TF_FILES[kind]}.tflite"
            made[kind] = (
                path.read_bytes()
                if path.exists()
                else StageFailed("onnx2tf made no such file", fix="set quantize.tflite.backend: fast")
            )
    return made


def _channels_last(samples: NDArray[np.float32]) -> Iterator[list[NDArray[np.float32]]]:
    for image in samples.transpose(0, 2, 3, 1):
        yield [image[None]]
