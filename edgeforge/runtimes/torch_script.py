"""The torch runtime: frozen TorchScript files that carry their engine and preprocessing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from edgeforge.apart.watch import watched
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause_in
from edgeforge.inputs.archive import UNREADABLE, opened, text_of
from edgeforge.inputs.regular import named, open_regular
from edgeforge.results.files import ENGINE_FILE, PREPROCESSING_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.suggest import nearest
from edgeforge.tflite.input_shapes import Shapes
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import fields_of

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

NONE = "it is no TorchScript file, or a damaged one"
DAMAGED = "it is cut short or damaged"
SAVED = "save it with torch.jit.save"
MOST_TRIED = 4  # inputs whose types are found by trying
MOST_VALUES = 2**28  # of an input


def save_torch_script(
    path: Path,
    network: nn.Module,
    example: torch.Tensor,
    preprocessing: Preprocessing,
    *,
    engine: str | None = None,
    batched: bool = True,
) -> None:
    """Trace, freeze and save a network in evaluation mode; example: one image (1,C,H,W float32).

    batched: whether an image's outputs are the same in a batch; dynamic quantization takes one activation range
    from the whole batch. Freezing inlines the modules, which leaves the file about as small as its weights.
    """
    import torch

    with torch.no_grad():
        traced = torch.jit.trace(network.eval(), example)
        # Left as they are: folding batch norm here would change the reference's own numbers.
        frozen = torch.jit.freeze(traced, optimize_numerics=False)
    facts = {"engine": engine, "input": list(example.shape), "batched": batched and _takes_batches(frozen, example)}
    extra = {PREPROCESSING_FILE: preprocessing.to_json(), ENGINE_FILE: json.dumps(facts)}
    torch.jit.save(frozen, str(path), _extra_files=extra)


def _takes_batches(traced: Any, example: torch.Tensor) -> bool:
    """Whether a traced network gives an output for each image: in some a trace has written the batch down as 1."""
    import torch

    try:
        with torch.no_grad():
            return len(traced(example.repeat(2, 1, 1, 1))) == 2
    except RuntimeError:
        return False


class Facts(BaseModel):
    """What EdgeForge writes into a TorchScript file, judged when it is read: the file may be a stranger's."""

    model_config = ConfigDict(extra="forbid")

    engine: Literal["qnnpack", "x86", "fbgemm", "onednn"] | None = None
    input: tuple[Annotated[int, Field(ge=1, le=2**20)], ...] = Field((), max_length=8)
    batched: bool = False

    @field_validator("input")
    @classmethod
    def _bounded(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if prod(sizes) > MOST_VALUES:
            raise ValueError("larger than any input")
        return sizes


def saved_facts(path: Path) -> Facts:
    """Return what is known of a file that EdgeForge saved; nothing of any other TorchScript file.

    Raises RecipeError for one that is none, that would unpack to more than fits into memory, or whose facts are wrong.
    """
    where = named(path)
    try:
        with open_regular(path, "name a .pt file") as file, opened(file) as archive:
            name = next((n for n in archive.namelist() if n.endswith(f"/extra/{ENGINE_FILE}")), None)
            return Facts.model_validate_json(text_of(archive, name)) if name else Facts()
    except RecipeError as error:
        raise RecipeError(
            error.reason if where in error.reason else f"{where}: {error.reason}", fix=error.fix
        ) from error
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"])) or "its text"
        raise RecipeError(f"{where}: {ENGINE_FILE} in it is not EdgeForge's: {key} is wrong", fix=SAVED) from error
    except UNREADABLE as error:
        raise RecipeError(f"{where} is no TorchScript file: {cause_in(error, DAMAGED)}", fix=SAVED) from error


class TorchRunner:
    """Runs a TorchScript file. Its engine must be chosen before quantized weights are unpacked on loading."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        import torch

        self._path = path
        facts = saved_facts(path)
        if threads:
            torch.set_num_threads(threads)
        self.engine = facts.engine
        self.batch_size = 32 if facts.batched else 1
        if self.engine:
            torch.backends.quantized.engine = self.engine
        try:
            with watched("PyTorch", path):
                self.module = torch.jit.load(str(path), map_location="cpu").eval()
        except RuntimeError as error:
            raise RecipeError(f"{path} cannot be loaded: {cause_in(error, NONE)}", fix=SAVED) from error
        self.names = tuple(one.name for one in self.module.forward.schema.arguments[1:] if not one.has_default_value())
        self.input, self.output = TensorSpec(facts.input, "float32"), TensorSpec((), "float32")
        self.inputs = (self.input,) if len(self.names) < 2 else (TensorSpec((), "float32"),) * len(self.names)

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return logits (N,classes float32) of the batch (see Runner)."""
        import numpy as np
        import torch

        self._choose_engine()
        with torch.inference_mode():
            parts = []
            for given in zip(*(tensor.split(self.batch_size) for tensor in tensors_of(batch)), strict=True):
                with watched("PyTorch", self._path):
                    parts.append(in_a_row(self.module(*given)))
        return np.concatenate(parts)

    def single(self, image: NDArray[Any]) -> Callable[[], object]:
        """Return a call that runs one prepared input (see Runner)."""
        import torch

        given = tensors_of(image)

        def call() -> object:
            self._choose_engine()
            with torch.inference_mode():
                return self.module(*given)

        return call

    def kinds(self, sizes: Sequence[tuple[int, ...]]) -> tuple[str, ...]:
        """Return the types with which inputs of these sizes go through: float32, or int64 where words are looked up.

        The file says none. Raises what PyTorch raises of floats alone where no types go through.
        """
        import torch

        first: Exception | None = None
        some = sizes[:MOST_TRIED]
        for kinds in sorted(product(("float32", "int64"), repeat=len(some)), key=lambda one: one.count("int64")):
            tried = [torch.zeros(size, dtype=getattr(torch, kind)) for size, kind in zip(some, kinds, strict=True)]
            tried += [torch.zeros(size) for size in sizes[MOST_TRIED:]]
            self._choose_engine()
            try:
                with torch.inference_mode(), watched("PyTorch", self._path):
                    self.module(*tried)
                return (*kinds, *["float32"] * (len(sizes) - len(some)))
            except Exception as error:
                first = first or error
        assert first is not None
        raise first

    def _choose_engine(self) -> None:
        """The engine is a global of torch: another Runner may have chosen its own since."""
        import torch

        if self.engine and torch.backends.quantized.engine != self.engine:
            torch.backends.quantized.engine = self.engine


def said_sizes(path: Path, runner: TorchRunner, shapes: Shapes) -> list[tuple[int, ...]]:
    """Return the sizes of a file's inputs: those of `--shape`, else what it says, or nothing.

    Raises RecipeError for a shape of no input, or of several without a name.
    """
    if len(runner.inputs) == 1:
        return [next(iter(shapes.values()), runner.input.shape)]
    for name in shapes:
        if name not in runner.names:
            fault = f"'{name}' is no input{nearest(name, runner.names)}" if name else "which input is meant?"
            raise RecipeError(f"{path}: --shape: {fault}", fix=f"its inputs are called {', '.join(runner.names)}")
    return [shapes.get(name, spec.shape) for name, spec in zip(runner.names, runner.inputs, strict=True)]


def tensors_of(batch: NDArray[Any]) -> list[torch.Tensor]:
    """Return each input of a batch (see Runner) as a tensor."""
    import torch

    # A field of a record lies where its type may not.
    return [torch.from_numpy(one.copy() if batch.dtype.names else one) for one in fields_of(batch).values()]


def in_a_row(output: Any) -> NDArray[np.float32]:
    """Return what a network gives for N inputs: of several tensors, in a tuple or a dict, N,values."""
    import torch

    if isinstance(output, torch.Tensor):
        return output.numpy()
    values = output.values() if isinstance(output, dict) else output
    return torch.cat([one.float().reshape(len(one), -1) for one in values], 1).numpy()
