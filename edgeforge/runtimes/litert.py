"""The LiteRT runtime (TensorFlow Lite): .tflite files on the CPU, with XNNPACK or without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.apart.watch import watched
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause_in, known_remedy
from edgeforge.runtimes.native_output import CapturedOutput
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes, fixed_shapes, short_name
from edgeforge.tflite.tensors import each_input, from_outputs, in_a_row, tensor_spec, to_inputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NONE = "LiteRT refuses it: it is damaged, or has what this release does not know"
REFUSED = "XNNPACK refuses this model, LiteRT's own kernels run it: is an activation always zero?"
Kernels = Literal["xnnpack", "builtin", "reference"]


class LiteRTRunner:
    """Runs a .tflite file. A free batch is 1; `shapes` says other free dimensions.

    kernels: xnnpack is LiteRT's default, builtin its own kernels without a delegate, reference the plain ones.
    Where XNNPACK refuses a model, as it does when an activation was zero on every calibration image, the builtin
    ones run it; the attribute `kernels` says which do, `warnings` that others were asked for. Raises RecipeError for a
    file that LiteRT cannot load, and for a dimension that stays free.
    """

    def __init__(
        self,
        path: Path,
        threads: int | None = None,
        kernels: Kernels = "xnnpack",
        shapes: Shapes = AS_THE_FILE_SAYS,
    ) -> None:
        self.kernels: Kernels = kernels
        self.warnings: tuple[str, ...] = ()
        self._path = path
        try:
            try:
                self.interpreter = _interpreter(path, threads, kernels, shapes)
            except RuntimeError as error:
                if kernels != "xnnpack" or "XNNPACK" not in str(error):
                    raise
                self.kernels, self.warnings = "builtin", (REFUSED,)
                self.interpreter = _interpreter(path, threads, "builtin", shapes)
        except (ValueError, RuntimeError) as error:
            raise RecipeError(
                f"{path} cannot be loaded: {cause_in(error, NONE)}", fix=known_remedy(error, "copy or convert it again")
            ) from error
        sources, targets = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        self.inputs, self.outputs = (
            tuple(tensor_spec(one["shape"], one["dtype"], *one["quantization"]) for one in ends)
            for ends in (sources, targets)
        )
        self.names = tuple(short_name(one["name"]) for one in sources)
        self.input, self.output = self.inputs[0], self.outputs[0]
        self._sources, self._targets = [one["index"] for one in sources], [one["index"] for one in targets]

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return logits (N,classes float32) of the batch (see Runner)."""
        return from_outputs(self.run_raw(to_inputs(batch, self.inputs)), self.outputs)

    def run_raw(self, tensors: NDArray[Any]) -> NDArray[Any]:
        """Return output tensors (N,classes of the model's type) of input tensors (N,H,W,C of its type).

        Of several inputs those are records (`to_inputs`); several outputs follow each other (`in_a_row`).
        """
        import numpy as np

        rows = []
        for tensor in tensors:
            for place, value in zip(self._sources, each_input(tensor, self.inputs), strict=True):
                self.interpreter.set_tensor(place, value)
            with watched("LiteRT", self._path):
                self.interpreter.invoke()
            rows.append(in_a_row([self.interpreter.get_tensor(place) for place in self._targets]))
        return np.concatenate(rows)

    def single(self, image: NDArray[Any]) -> Callable[[], object]:
        """Return a call that runs one prepared input (see Runner)."""
        values, interpreter = each_input(to_inputs(image, self.inputs), self.inputs), self.interpreter
        given, wanted = list(zip(self._sources, values, strict=True)), self._targets

        def call() -> object:
            for place, value in given:
                interpreter.set_tensor(place, value)
            interpreter.invoke()
            return [interpreter.get_tensor(place) for place in wanted]

        return call


def _interpreter(path: Path, threads: int | None, kernels: Kernels, shapes: Shapes) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = {
        "xnnpack": OpResolverType.AUTO,
        "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        "reference": OpResolverType.BUILTIN_REF,
    }[kernels]
    with (
        watched("LiteRT", path),
        CapturedOutput() as said,
    ):  # its news of delegates, and errors that it then raises again
        try:
            interpreter = Interpreter(str(path), num_threads=threads, experimental_op_resolver_type=resolver)
            _fix_shapes(path, interpreter, shapes)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            error.add_note(said.text())
            raise
    return interpreter


def _fix_shapes(path: Path, interpreter: Any, shapes: Shapes) -> None:
    """Give the inputs their shapes, where the file leaves them free."""
    inputs = {details["name"]: details for details in interpreter.get_input_details()}
    try:
        wanted = fixed_shapes({name: _sizes(details) for name, details in inputs.items()}, shapes)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error.reason}", fix=error.fix) from error
    for name, shape in wanted.items():
        if shape != tuple(inputs[name]["shape"]):
            interpreter.resize_tensor_input(inputs[name]["index"], shape)


def _sizes(details: Any) -> list[int]:
    """Return an input's sizes; a free one is -1."""
    free = details["shape_signature"]
    return [int(size) for size in (free if len(free) else details["shape"])]
