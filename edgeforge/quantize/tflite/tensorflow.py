"""TFLite variants by TensorFlow: onnx2tf's tf_converter, and TFLiteConverter behind it. To compare with.

It needs the extra [tensorflow]. Its dense weights are always per channel.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edgeforge.errors import StageFailed
from edgeforge.export.direct import refusal
from edgeforge.recipe.sections.quantize import TFLite, TFLiteVariant

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

FILES = {
    "float32": "float32",
    "float16": "float16",
    "dynamic": "dynamic_range_quant",
    "int8": "full_integer_quant",
}


def convert_with_tensorflow(
    model: onnx.ModelProto, samples: NDArray[np.float32], settings: TFLite
) -> dict[TFLiteVariant, bytes | Exception]:
    """Return the variants as onnx2tf makes them with TensorFlow, or why there is none.

    samples: N,C,H,W float32, real inputs, normalised.
    """
    import numpy as np
    import onnx2tf

    with TemporaryDirectory() as name:
        folder = Path(name)
        source, data = folder / "model.onnx", folder / "samples.npy"
        source.write_bytes(model.SerializeToString(deterministic=True))  # onnx2tf writes into what it is given
        np.save(data, samples.transpose(0, 2, 3, 1))
        # onnx2tf normalises what it calibrates with; these inputs already are.
        zero, one = np.zeros((1, 1, 1, samples.shape[1])), np.ones((1, 1, 1, samples.shape[1]))
        try:
            onnx2tf.convert(
                input_onnx_file_path=str(source),
                output_folder_path=name,
                tflite_backend="tf_converter",
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
            path = folder / f"model_{FILES[kind]}.tflite"
            made[kind] = (
                path.read_bytes()
                if path.exists()
                else StageFailed("onnx2tf made no such file", fix="set quantize.tflite.backend: direct")
            )
    return made
