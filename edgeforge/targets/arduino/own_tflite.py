"""A .tflite file made anywhere: is it one that a board can run, how are its inputs read, and inputs to try it with."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause, with_debug
from edgeforge.results.preprocessing import Preprocessing, read_preprocessing_of
from edgeforge.targets.fit.judge import QUANTIZE
from edgeforge.tflite.flatbuffer import type_name
from edgeforge.tflite.graph import CONVERSIONS, Graph, sources, targets
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes
from edgeforge.tflite.passes.fixed.order import read_fixed
from edgeforge.tflite.tensors import image_shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RawType = Literal["uint8", "float32"]
INPUT_TYPES = ("int8", "uint8", "int16", "float32")
RANDOM_INPUTS = 8
PIXELS = 255.0


@dataclass(frozen=True)
class OwnTFLite:
    """A full-integer model of one input and one output. shape: C,H,W, as its input tensor is read."""

    path: Path
    flatbuffer: bytes
    graph: Graph
    shape: tuple[int, int, int]
    outputs: int  # elements of the output tensor
    changes: tuple[str, ...] = ()  # what fixing its shapes has changed, in words

    @property
    def input_dtype(self) -> str:
        """The input tensor's element type."""
        return self.graph.spec(self.graph.inputs[0]).dtype


@dataclass(frozen=True)
class Wishes:
    """What a person says of a model's raw inputs; None: what the file says, else what is usual."""

    raw_max: float | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    raw_type: RawType | None = None
    labels: str | None = None  # a file with one a line, or the names, separated by commas


@dataclass(frozen=True)
class Samples:
    """Inputs to try a model with: raw (N,C,H,W of raw_type), and labels where they are known."""

    raw: NDArray[Any]
    labels: NDArray[Any] | None = None
    origin: str = ""  # where they are from, as a comment in the sketch says it


def load_own(path: Path, shapes: Shapes = AS_THE_FILE_SAYS) -> OwnTFLite:
    """Read a .tflite file and fix its shapes; `shapes`: of inputs that it leaves free beyond the batch.

    Raises RecipeError when it is none, or not full-integer, or not of one input and output.
    """
    flatbuffer, changes = read_fixed(path, shapes)
    try:
        graph = Graph(flatbuffer)
        if "VAR_HANDLE" in graph.names:
            raise RecipeError(
                "it keeps its state in resource variables (VAR_HANDLE), and the sketch gives TFLM none",
                fix="convert the network without the state inside, and give it the whole window at each inference",
            )
        require_full_integer(graph)
        shape, outputs = _shapes(graph)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error.reason}", fix=error.fix) from error
    return OwnTFLite(path, graph.model_bytes, graph, shape, outputs, changes)


def require_full_integer(graph: Graph) -> None:
    """Raise RecipeError, which says how to quantize, when a layer computes in float."""
    from edgeforge.tflite.graph import layer_label

    computing = [place for place, name in enumerate(graph.names) if name not in CONVERSIONS]
    floats = [place for place in computing if _touches_float(graph, place)]
    if not floats:
        return
    hybrid = any("int8" in _types(graph, place) for place in floats)
    kind = "its weights are int8, but it" if hybrid else "it"
    if any(_types(graph, place) & {"int8", "int16", "uint8"} for place in set(computing) - set(floats)):
        kind = "it is quantized in part: it"
    where = layer_label(graph, floats[0])
    others = f" and {len(floats) - 1} more of {len(computing)} layers" if len(floats) > 1 else ""
    raise RecipeError(f"{kind} computes in float: {where}{others}", fix=QUANTIZE)


def _touches_float(graph: Graph, place: int) -> bool:
    return any(name.startswith("float") for name in _types(graph, place))


def _types(graph: Graph, place: int) -> set[str]:
    operator = graph.operators[place]
    return {type_name(graph.tensors[tensor].type).lower() for tensor in (*sources(operator), *targets(operator))}


def _shapes(graph: Graph) -> tuple[tuple[int, int, int], int]:
    """Return the input's C,H,W and the number of outputs."""
    if (len(graph.inputs), len(graph.outputs)) != (1, 1):
        raise RecipeError(
            f"it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; a sketch has one of each",
            fix="join them in the network, for instance by concatenation",
        )
    dtype = graph.spec(graph.inputs[0]).dtype
    if dtype not in INPUT_TYPES:
        raise RecipeError(f"its input is {dtype}", fix=f"convert it with one of: {', '.join(INPUT_TYPES)}")
    return image_shape(graph.shape(graph.inputs[0])), prod(graph.shape(graph.outputs[0]))


def preprocessing_of(model: OwnTFLite, wishes: Wishes) -> tuple[Preprocessing, list[str]]:
    """Return how raw inputs become the model's, and what of it was assumed since neither file nor person says it."""
    own = read_preprocessing_of(model.path.read_bytes())
    notes: list[str] = []
    if own is None or own.shape != model.shape:
        image = wishes.raw_type == "uint8" or (wishes.raw_type is None and model.shape[0] <= 4 and model.shape[1] > 1)
        classes = _metadata_labels(model) or tuple(map(str, range(model.outputs)))
        own = Preprocessing(
            model.shape, PIXELS if image else 1.0, (0.0,) * model.shape[0], (1.0,) * model.shape[0], classes,
            raw_type="uint8" if image else "float32",
        )  # fmt: skip
        if wishes.raw_max is None and not wishes.mean and not wishes.std:
            how = "pixels 0 to 255 divided by 255" if image else "raw values are the model's own"
            notes.append(
                f"input: the file does not say how it is normalised; assumed: {how} (--raw-max, --mean, --std)"
            )
        if not wishes.labels and not _metadata_labels(model):
            notes.append(f"labels: the file has none; classes are called 0 to {model.outputs - 1} (--labels)")
    changed: dict[str, Any] = {}
    if wishes.raw_max is not None:
        changed["raw_max"] = wishes.raw_max
    for name in ("mean", "std"):
        if values := getattr(wishes, name):
            changed[name] = _per_channel(f"--{name}", values, model.shape[0])
    if wishes.raw_type:
        changed["raw_type"] = wishes.raw_type
    if wishes.labels:
        changed |= {"classes": _labels(wishes.labels), "heads": ()}
    preprocessing = replace(own, **changed)
    if preprocessing.outputs != model.outputs:
        raise RecipeError(
            f"{model.path}: it has {model.outputs} outputs, and there are {preprocessing.outputs} labels",
            fix="give one label an output: --labels labels.txt, or --labels cat,dog",
        )
    if min(preprocessing.std) <= 0 or preprocessing.raw_max <= 0:
        raise RecipeError("--std and --raw-max must be above 0", fix="leave them out for 1 and 255")
    return preprocessing, notes


def _per_channel(option: str, values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if len(values) not in (1, channels):
        raise RecipeError(
            f"{option}: {len(values)} values, the input has {channels} channels", fix=f"give 1 or {channels}"
        )
    return values * channels if len(values) == 1 else values


def _labels(text: str) -> tuple[str, ...]:
    if Path(text).is_file():
        return tuple(line.strip() for line in Path(text).read_text().splitlines() if line.strip())
    if text.endswith(".txt") or "/" in text:
        raise RecipeError(
            f"--labels {text}: no such file", fix="name a file with one label a line, or: --labels cat,dog"
        )
    return tuple(label.strip() for label in text.split(","))


def _metadata_labels(model: OwnTFLite) -> tuple[str, ...]:
    """Return the labels that TFLite's metadata appends as a text file, where there is one of the right length."""
    try:
        with zipfile.ZipFile(io.BytesIO(model.path.read_bytes())) as archive:
            for name in archive.namelist():
                lines = archive.read(name).decode(errors="replace").splitlines() if name.endswith(".txt") else []
                found = tuple(line.strip() for line in lines if line.strip())
                if len(found) == model.outputs:
                    return found
    except (zipfile.BadZipFile, ValueError):
        pass
    return ()


def read_samples(path: Path, preprocessing: Preprocessing, where: str = "--samples") -> Samples:
    """Read an .npz file: `raw` (N,C,H,W of raw_type), or `x` (N,C,H,W float32, normalised); labels `y`, if there are.

    Raises RecipeError when it cannot be read, or does not fit the model.
    """
    import numpy as np

    from edgeforge.data.representative import read_own

    try:
        with np.load(path, allow_pickle=False) as arrays:
            raw = arrays.get("raw")
            labels = arrays.get("y")
    except FileNotFoundError as error:
        raise RecipeError(f"{where} {path}: no such file", fix="save one with numpy.savez(path, x=inputs)") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, TypeError, AttributeError) as error:
        raise RecipeError(
            f"{where} {path} cannot be read: {cause(error)}",
            fix=with_debug("save it with numpy.savez(path, x=…)", error),
        ) from error
    if raw is None:
        x, _ = read_own(path, preprocessing.shape, where)
        raw, origin = raw_of(x, preprocessing), f"{path.name}, raw values reconstructed from normalised ones"
    elif raw.shape[1:] != preprocessing.shape or len(raw) == 0:
        c, h, w = preprocessing.shape
        raise RecipeError(f"{where} {path}: raw has the shape {raw.shape}, the model takes (N,{c},{h},{w})",
                          fix="save raw inputs N,C,H,W")  # fmt: skip
    else:
        raw, origin = raw.astype(preprocessing.raw_type), path.name
    if labels is not None and len(labels) != len(raw):
        raise RecipeError(f"{where} {path}: {len(raw)} inputs and {len(labels)} labels", fix="give one label an input")
    return Samples(raw, labels, origin)


def raw_of(x: NDArray[np.float32], preprocessing: Preprocessing) -> NDArray[Any]:
    """Return raw inputs of normalised ones (N,C,H,W): what `Preprocessing.apply` undoes, rounded where raw is uint8."""
    import numpy as np

    mean = np.asarray(preprocessing.mean, np.float32).reshape(1, -1, 1, 1)
    std = np.asarray(preprocessing.std, np.float32).reshape(1, -1, 1, 1)
    raw = (x * std + mean) * np.float32(preprocessing.raw_max)
    return np.clip(np.rint(raw), 0, 255).astype(np.uint8) if preprocessing.raw_type == "uint8" else raw


def pseudo_random(model: OwnTFLite, preprocessing: Preprocessing, count: int = RANDOM_INPUTS) -> Samples:
    """Return inputs over all of the model's input range, the same for the same model."""
    import numpy as np

    random = np.random.default_rng(zlib.crc32(model.flatbuffer))
    shape = (count, *model.shape)
    origin = "pseudo-random, since no samples were given"
    if preprocessing.raw_type == "uint8":
        most = min(int(preprocessing.raw_max), 255)
        return Samples(random.integers(0, most + 1, shape).astype(np.uint8), None, origin)
    spec = model.graph.spec(model.graph.inputs[0])
    if spec.scale is None or spec.zero_point is None:
        return Samples(raw_of(random.normal(0, 1, shape).astype(np.float32), preprocessing), None, origin)
    limits = np.iinfo(spec.dtype)
    steps = random.integers(limits.min, limits.max + 1, shape)
    x = ((steps - spec.zero_point) * spec.scale).astype(np.float32)
    return Samples(raw_of(x, preprocessing), None, origin)
