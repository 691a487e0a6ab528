"""The values of any tensors of an ONNX graph on given inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray


def tensor_values(
    model: onnx.ModelProto, inputs: NDArray[np.float32], names: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """Return the values (N,…) of these tensors for inputs (N,C,H,W float32) of a model that takes one at a time."""
    import numpy as np
    import onnx
    import onnxruntime

    source = model.graph.input[0].name
    extended = onnx.ModelProto()
    extended.CopyFrom(model)
    del extended.graph.output[:]
    made = [name for name in names if name != source]
    extended.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in made)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(extended.SerializeToString(), options, providers=["CPUExecutionProvider"])
    rows = [session.run(made, {source: image[None]}) for image in inputs] if made else []
    values = {name: np.concatenate([row[place] for row in rows]) for place, name in enumerate(made)}
    return values | ({source: inputs} if source in names else {})
