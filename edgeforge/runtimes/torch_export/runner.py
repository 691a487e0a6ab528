"""A torch.export file (.pt2) on PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.apart.watch import given, watched
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause_in, known_remedy
from edgeforge.inputs.archive import require_archive
from edgeforge.inputs.regular import named
from edgeforge.runtimes.torch_export.load import load_program
from edgeforge.runtimes.torch_script import in_a_row, tensors_of
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes, fixed_shapes
from edgeforge.tflite.tensor_spec import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAVED = "save it with torch.export.save"
IMPORTED = 2**31  # bytes: PyTorch imports its compiler when it reads such a file


def read_program(path: Path) -> Any:
    """Return the torch.export.ExportedProgram of a file. Raises RecipeError for one that holds none, or more."""
    require_archive(path, named(path), SAVED)
    given(path, more_bytes=IMPORTED)
    try:
        with watched("PyTorch", path):
            return load_program(path)
    except RecipeError:
        raise
    except Exception as error:
        raise RecipeError(
            f"{path} is no torch.export file that this PyTorch reads: {cause_in(error, 'it is cut short or damaged')}",
            fix=known_remedy(error, SAVED),
        ) from error


class ExportedRunner:
    """Runs a torch.export file. A free batch is 1; `shapes` says other free dimensions."""

    def __init__(self, path: Path, threads: int | None = None, shapes: Shapes = AS_THE_FILE_SAYS) -> None:
        import torch

        self._path = path
        if threads:
            torch.set_num_threads(threads)
        program = read_program(path)
        given_by_user = set(program.graph_signature.user_inputs)
        values = {
            node.name: node.meta["val"]
            for node in program.graph.nodes
            if node.op == "placeholder" and node.name in given_by_user and hasattr(node.meta.get("val"), "shape")
        }
        if not values:
            raise RecipeError(f"{path}: it takes no tensor", fix="export the network with its inputs")
        try:
            # A free size is a symbol there, no number.
            sizes = fixed_shapes({name: list(value.shape) for name, value in values.items()}, shapes)
        except RecipeError as error:
            raise RecipeError(f"{path}: {error.reason}", fix=error.fix) from error
        self.names = tuple(values)
        self.inputs = tuple(
            TensorSpec(sizes[name], str(value.dtype).removeprefix("torch.")) for name, value in values.items()
        )
        self.input, self.output = self.inputs[0], TensorSpec((), "float32")
        with watched("PyTorch", path):
            # Its guards are text that would be run as Python; the shape is checked all the same.
            self.module = program.module(check_guards=False)

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return logits (N,classes float32) of the batch, in the model's own shape (see Runner)."""
        import numpy as np
        import torch

        rows = []
        with torch.inference_mode():
            for place in range(len(batch)):
                with watched("PyTorch", self._path):
                    rows.append(in_a_row(self.module(*tensors_of(batch[place : place + 1]))))
        return np.concatenate(rows)

    def single(self, image: NDArray[Any]) -> Callable[[], object]:
        """Return a call that runs one prepared input (see Runner)."""
        import torch

        values = tensors_of(image)

        def call() -> object:
            with torch.inference_mode():
                return self.module(*values)

        return call
