"""The protocol that every runtime's Runner follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edgeforge.tflite.tensor_spec import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray


class Runner(Protocol):
    """A loaded model.

    `run` takes a batch (N,C,H,W float32, normalised) and returns logits (N,classes float32, dequantized).
    `single` returns a call without arguments that runs one image (1,C,H,W) whose conversion to the model's
    own layout and type is already done: what a latency benchmark times.

    Of a model with several inputs a batch is records (N) with a field for each, in its order (`tensors.as_records`);
    several outputs follow each other: N,values. input, output: the first ones. names: of the inputs.
    """

    input: TensorSpec
    inputs: tuple[TensorSpec, ...]
    names: tuple[str, ...]
    output: TensorSpec

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return logits (N,classes float32) of the batch (N,C,H,W float32)."""
        ...

    def single(self, image: NDArray[Any]) -> Callable[[], object]:
        """Return a call that runs one prepared image (1,C,H,W float32)."""
        ...
