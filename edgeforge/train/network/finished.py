"""Models that are finished already: a TorchScript or torch.export file to start with after training.

It gives a torch module, which the stages after training take like a trained network; PyTorch's quantization alone
needs its layers as nn.Modules. An ONNX file is opened in onnx_file.py.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.apart.run import in_worker
from edgeforge.apart.watch import watched
from edgeforge.errors import RecipeError, source_of
from edgeforge.foreign.wording import cause, cause_in, known_remedy, with_debug
from edgeforge.inputs.archive import require_archive
from edgeforge.inputs.regular import named
from edgeforge.recipe.python_classes import class_count_argument
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.torch_export.load import load_program
from edgeforge.train.network.forms import described, how_to_return_one, require_finite, windows_taken
from edgeforge.train.network.several_outputs import in_a_row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

Shape = tuple[int, int, int]
NAMES = {"value": "a value", "yes_no": "yes or no", "map": "a map"}
BROKEN = "mend the file, or train anew with a lower learning rate"
TRACED = (
    "save it with torch.jit.trace(network.eval(), image).save(path); a state dict belongs into model.weights, with "
    "its network as model.name"
)


@dataclass(frozen=True)
class Seen:
    """What was seen of a finished model: last functions (see head/ending.py), outputs (N,outputs; None: not run)."""

    parameters: int
    lasts: tuple[str, ...] = ()
    outputs: NDArray[np.float32] | None = None


@in_worker
def check_finished(
    path: Path, preprocessing: Preprocessing, inputs: NDArray[np.float32] | None = None, wanted: str | None = None
) -> Seen:
    """Look at a finished PyTorch model, and run it on inputs (N,C,H,W). Raises RecipeError unless it fits the data.

    wanted: the form of windows that it takes, where the recipe says it.
    """
    import torch

    from edgeforge.train.head.ending import last_functions

    with watched("PyTorch", path):
        network = load_finished(path, preprocessing, wanted)
    image = torch.zeros(1, *preprocessing.shape)
    try:
        with watched("PyTorch", path), torch.no_grad():
            output = network(image)
    except Exception as error:
        raise wrong_input(path, preprocessing.shape, error) from error
    require_outputs(output, preprocessing)
    require_finite(dict(network.state_dict()), f"model: {path}", BROKEN)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    if inputs is None:
        return Seen(parameters, last_functions(network, image))
    with watched("PyTorch", path), torch.no_grad():
        outputs = torch.cat([network(torch.from_numpy(one[None])) for one in inputs]).numpy()
    return Seen(parameters, last_functions(network, image), outputs)


def load_finished(path: Path, preprocessing: Preprocessing, wanted: str | None = None) -> nn.Module:
    """Return the module in a TorchScript or torch.export file, in evaluation mode, for inputs (1,C,H,W).

    Windows (C,1,L) it may take in any of forms.FORMS; wanted: which, where that is said. Several outputs become one
    vector, head after head. Raises RecipeError for a file that holds none, one that was exported in training mode, or
    whose outputs are not the data's heads.
    """
    import torch

    shape, windows = preprocessing.shape, preprocessing.sampling is not None
    kind = "torch.export" if path.suffix.lower() == ".pt2" else "TorchScript"
    require_archive(path, f"model: {named(path)} is no {kind} file", TRACED)
    if path.suffix.lower() != ".pt2":
        try:
            script = torch.jit.load(path, map_location="cpu").eval()
        except RuntimeError as error:
            raise RecipeError(
                f"model: {path} is no TorchScript file: {cause_in(error, 'it is cut short or damaged')}",
                fix=TRACED,
            ) from error
        taking = windows_taken(script, shape, wanted) if windows else script
        taking = in_a_row(taking, shape, preprocessing.heads, path)
        try:
            return script if taking is script else torch.jit.trace(taking.eval(), torch.zeros(1, *shape))
        except Exception as error:
            raise wrong_input(path, shape, error) from error
    try:
        program = load_program(path)
    except RecipeError:
        raise
    except Exception as error:
        raise RecipeError(
            f"model: {path} is no torch.export file: {cause_in(error, 'it is cut short or damaged')}",
            fix=known_remedy(error, "save it with torch.export.save"),
        ) from error
    _require_evaluation(path, program)
    # Anew for one image: a file may have been exported for any batch, which cannot be traced. Its guards are text that
    # would be run as Python; the shape is checked all the same.
    try:
        plain, image = _with_modes(program.module(check_guards=False)), torch.zeros(1, *shape)
        plain = windows_taken(plain, shape, wanted) if windows else plain
        plain = in_a_row(plain, shape, preprocessing.heads, path)
        module = torch.export.export(plain, (image,)).module(check_guards=False)
    except RecipeError:
        raise
    except Exception as error:
        raise wrong_input(path, shape, error) from error
    return _with_modes(module).eval()


def _with_modes(module: nn.Module) -> nn.Module:
    """Give an exported module what its own raise for, though it has only one mode."""
    import torch

    for name in ("train", "eval"):
        setattr(module, name, types.MethodType(getattr(torch.nn.Module, name), module))
    return module


def _require_evaluation(path: Path, program: Any) -> None:
    """The mode is part of an exported graph: dropout would go on dropping."""
    place = {"aten.dropout.default": 2, "aten.batch_norm.default": 5}
    for node in program.graph.nodes:
        at = place.get(str(node.target))
        if at is not None and node.args[at]:
            raise RecipeError(
                f"model: {path} was exported in training mode ({node.target})",
                fix="call network.eval() before torch.export.export",
            )


def require_normalised(
    path: Path, preprocessing: Preprocessing, outputs: NDArray[np.float32], labels: NDArray[Any]
) -> None:
    """Raise RecipeError where a finished model's value is in its unit itself, and not normalised as training has it.

    outputs (N,outputs) of inputs whose labels are known, as the data stage has them.
    """
    import numpy as np

    from edgeforge.data.labels import head_labels

    for place, (head, part) in enumerate(zip(preprocessing.heads, preprocessing.slices().values(), strict=True)):
        if head.kind != "value":
            continue
        found, truth = outputs[:, part], head_labels(labels, preprocessing.heads, place).reshape(len(outputs), -1)
        itself, normalised = (
            float(np.sqrt(np.mean((one - truth) ** 2))) for one in (found.astype(np.float64), head.value(found))
        )
        if itself < min(normalised, float(truth.std())) / 2:
            unit, value = f" {head.unit}" if head.unit else "", "log(value)" if head.log else "value"
            raise RecipeError(
                f"model: {path}: its output '{head.name}' is the value itself (RMSE {itself:.4g}{unit} on validation "
                f"inputs); read as a normalised one it is {normalised:.4g}{unit}",
                fix=f"have it give ({value} - {head.mean:g}) / {head.std:g}: int8 has one scale for all its outputs",
            )


def require_outputs(output: Any, preprocessing: Preprocessing, network: nn.Module | None = None) -> None:
    """Raise RecipeError unless the output for one image is one vector of the right length.

    network: whose constructor may take how many; None of a file, which has none.
    """
    outputs, heads = preprocessing.outputs, preprocessing.heads
    found = tuple(getattr(output, "shape", ()))
    if found != (1, outputs) and heads[0].kind == "reconstruction":
        shape = ",".join(map(str, preprocessing.shape))
        raise RecipeError(
            f"model: its output for one input is {described(output)}; of data.task: reconstruction it is the input "
            f"again: (1,{shape}), or a vector (1, {outputs})",
            fix=how_to_return_one(output, outputs) or f"make the last layer give {outputs} outputs, or that shape",
        )
    if found != (1, outputs):
        wanted = f"{outputs} classes" if len(heads) == 1 and heads[0].kind == "classes" else f"heads {_listed(heads)}"
        argument = class_count_argument(source_of(network), type(network).__name__) if network is not None else None
        instance = f", for instance with model.args: {{{argument}: {outputs}}}" if argument else ""
        raise RecipeError(
            f"model: its output for one image is {described(output)}, the data has {wanted}: expected (1, {outputs})",
            fix=how_to_return_one(output, outputs)
            or (_flattened(heads[0]) if prod(found) == outputs else "")
            or f"make the last layer give {outputs} outputs{instance}",
        )


def _flattened(head: Head) -> str:
    if head.kind == "map":
        return "pixel by pixel, as a finished model must give it: return output.permute(0, 2, 3, 1).flatten(1)"
    return "flatten it: .flatten(1)"


def require_map(output: Any, head: Head, network: nn.Module) -> None:
    """Raise RecipeError unless a network's output for one image is a map (1,K,H,W), saying what it lacks."""
    height, width, outputs = head.shape
    found = tuple(getattr(output, "shape", ()))
    if found == (1, outputs, height, width):
        return
    wanted = f"(1, {outputs}, {height}, {width})"
    argument = class_count_argument(source_of(network), type(network).__name__)
    instance = f", for instance with model.args: {{{argument}: {outputs}}}" if argument else ""
    one = ": of two classes one output a pixel says how likely the second is" if outputs == 1 else ""
    fix = f"return one tensor {wanted} from forward"
    if len(found) == 4 and found[2:] == (height, width):
        fix = f"make the last layer give {outputs} channel{'s' * (outputs > 1)}{instance}{one}"
    elif len(found) == 4:
        fix = f"is one nn.Upsample or nn.ConvTranspose2d missing? Its output is {found[2]} x {found[3]} pixels"
        if found[2] and found[3] and height % found[2] == 0 and (factor := height // found[2]) == width / found[3] > 1:
            fix += f"; nn.Upsample(scale_factor={factor}) at its end makes that {height} x {width}"
        else:
            fix += f"; data.size: [H, W] of a multiple of its strides is kept by most, this is {height} x {width}"
    raise RecipeError(
        f"model: its output for one image is {described(output)}, the data has {len(head.classes)} classes for each "
        f"of {height} x {width} pixels: expected {wanted}",
        fix=fix,
    )


def _listed(heads: tuple[Head, ...]) -> str:
    return ", ".join(f"'{head.name}' ({NAMES.get(head.kind, f'{head.size} classes')})" for head in heads)


def wrong_input(path: Path, shape: Shape, error: Exception) -> RecipeError:
    """Return the error of a model that the data's images cannot go through."""
    return RecipeError(
        f"model: an input of shape 1,{','.join(map(str, shape))} cannot go through {path.name}: {cause(error)}",
        fix=with_debug(
            f"set {'data.window and data.axes' if shape[1] == 1 else 'data.size and data.channels'} to what it takes",
            error,
        ),
    )
