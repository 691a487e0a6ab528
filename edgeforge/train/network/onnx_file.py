"""A finished ONNX file: float or quantized, N,C,H,W or N,H,W,C, of any opset, as all stages take it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgeforge.apart.run import in_worker
from edgeforge.apart.watch import watched
from edgeforge.errors import RecipeError
from edgeforge.onnx_graph.layout import Layout
from edgeforge.onnx_graph.quantized.taken_apart import TakenApart
from edgeforge.onnx_graph.read import read_onnx
from edgeforge.recipe.schema import Model
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.train.network.finished import BROKEN, Seen, Shape, require_outputs, wrong_input
from edgeforge.train.network.forms import require_finite
from edgeforge.train.network.several_outputs import require_size

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

Rows = Literal["ncl", "nlc"]
INPUT, OUTPUT = "input", "logits"
ONE = "edgeforge_one_output"  # until the input, which may be called as the output, has its name
FLOAT = 1  # TensorProto.FLOAT


@dataclass(frozen=True)
class OnnxFile:
    """A finished ONNX model with the input `input` (1,C,H,W) and the output `logits` (1,outputs).

    given: the model as it is, quantized where it is. parts: what a quantized one consists of. layout: that of the
    file's own input. changed: what was done to it, in words. rows: the dimensions of windows, where it has three.
    outputs: the file's own, in the order of the data's heads where there are several of both.
    """

    given: onnx.ModelProto
    layout: Layout
    parts: TakenApart | None = None
    changed: tuple[str, ...] = ()
    rows: Rows | None = None
    outputs: tuple[str, ...] = ()

    @property
    def network(self) -> onnx.ModelProto:
        """The float network."""
        return self.parts.model if self.parts else self.given

    @property
    def ranged(self) -> bool:
        """Say whether the file has ranges of activations, and not of weights alone."""
        return self.parts is not None and bool(self.parts.told)


def open_onnx(path: Path, preprocessing: Preprocessing, settings: Model) -> OnnxFile:
    """Return a finished ONNX model. Any batch becomes 1.

    Raises RecipeError when the model takes or gives something else, when its layout cannot be told, or when it is
    quantized in a way that TFLite has not.
    """

    from edgeforge.onnx_graph.checks import fix_batch, outputs_in_a_row, rename
    from edgeforge.onnx_graph.layout import channels_first, rows_as_images
    from edgeforge.onnx_graph.opsets import opset_of, settled_opset
    from edgeforge.onnx_graph.quantized.float_ends import with_float_ends, with_scalar_scales
    from edgeforge.onnx_graph.quantized.taken_apart import is_quantized, take_apart

    try:
        model = read_onnx(path)
    except RecipeError as error:
        raise RecipeError(f"model: {error.reason}", fix=error.fix) from error
    source, targets = _ends(path, model, preprocessing.heads)
    changed = []
    with_float_ends(model)
    with_scalar_scales(model)
    form = _form_of_rows(path, model, source, preprocessing.shape) if preprocessing.sampling else None
    if form:
        rows_as_images(model, source, preprocessing.shape, form)
        changed.append(f"{'N,C,L' if form == 'ncl' else 'N,L,C'} as N,C,1,L")
    layout = _layout(path, model, source, preprocessing.shape, settings.layout)
    before = opset_of(model)
    model = settled_opset(model, path.name)
    if opset_of(model) != before:
        changed.append(f"opset {before} as {opset_of(model)}")
    own = (1, *preprocessing.shape)
    try:
        if layout == "nhwc":
            model = fix_batch(model, source, (1, *preprocessing.shape[1:], preprocessing.shape[0]))
            channels_first(model, source, preprocessing.shape)
            changed.append("N,H,W,C as N,C,H,W")
        else:
            model = fix_batch(model, source, own)
        with watched("ONNX Runtime", path):
            outputs = _run(model, preprocessing.shape, targets)
    except Exception as error:
        raise wrong_input(path, preprocessing.shape, error) from error
    if len(targets) > 1:
        for head, output in zip(preprocessing.heads, outputs, strict=True):
            require_size(output.shape, "", head, path)
        outputs_in_a_row(model, {name: output.shape for name, output in zip(targets, outputs, strict=True)}, ONE)
        changed.append(f"its outputs {', '.join(targets)} in a row")
    else:
        require_outputs(outputs[0], preprocessing)
        rename(model, targets[0], ONE)
    rename(model, source, INPUT)
    rename(model, ONE, OUTPUT)
    if not is_quantized(model):
        return OnnxFile(model, layout, changed=tuple(changed), rows=form, outputs=tuple(targets))
    called = {source: INPUT} | ({targets[0]: OUTPUT} if len(targets) == 1 else {})
    parts = take_apart(model, {called.get(name, name): ends for name, ends in settings.ranges.items()})
    return OnnxFile(model, layout, parts, tuple(changed), form, tuple(targets))


@in_worker
def check_onnx(
    path: Path,
    preprocessing: Preprocessing,
    settings: Model,
    images: NDArray[np.float32],
    inputs: NDArray[np.float32] | None = None,
) -> Seen:
    """Look at a finished ONNX model, and run it on inputs (N,C,H,W float32) where there are any.

    images: N,C,H,W float32, real inputs, of which messages say what ranges they give. Raises RecipeError unless the
    model fits the data, and where a quantized one leaves out a range that TFLite needs.
    """
    import numpy as np
    import torch
    from onnx import numpy_helper

    from edgeforge.onnx_graph.values import tensor_values
    from edgeforge.train.head.ending import last_operators

    file = open_onnx(path, preprocessing, settings)
    if file.ranged and file.parts:
        _require_ranges(path, file.parts, images, preprocessing)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in file.network.graph.initializer}
    numbers = {name: array for name, array in arrays.items() if array.dtype == np.float32}
    require_finite({name: torch.from_numpy(array.copy()) for name, array in numbers.items()}, f"model: {path}", BROKEN)
    parameters, lasts = sum(array.size for array in numbers.values()), last_operators(file.network)
    if inputs is None:
        return Seen(parameters, lasts)
    with watched("ONNX Runtime", path):
        outputs = tensor_values(file.given, inputs, [file.given.graph.output[0].name])
    return Seen(parameters, lasts, next(iter(outputs.values())))


def _require_ranges(path: Path, parts: TakenApart, images: NDArray[np.float32], preprocessing: Preprocessing) -> None:
    import numpy as np

    from edgeforge.onnx_graph.quantized.ranges import unknown
    from edgeforge.onnx_graph.values import tensor_values

    lacking = list(unknown(parts.model, parts.ranges, parts.integers))
    if not lacking:
        return
    values = tensor_values(parts.model, images, [one.name for one in lacking])
    if INPUT in values and preprocessing.raw_type == "uint8":  # of which the range is known without looking
        c = preprocessing.shape[0]
        values[INPUT] = preprocessing.apply(np.array([[0] * c, [preprocessing.raw_max] * c]).reshape(2, c, 1, 1))
    ends = {one.name: (float(values[one.name].min()), float(values[one.name].max())) for one in lacking}
    shown = ", ".join(f"'{one.name}' (of {one.made_by})" for one in lacking[:3])
    more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
    line = ", ".join(f"{name}: [{low:.6g}, {high:.6g}]" for name, (low, high) in ends.items())
    raise RecipeError(
        f"model: {path.name} has no range of {shown}{more}: no QuantizeLinear stands behind it",
        fix=f"quantize that too and export again, or give its range: model.ranges: {{{line}}} is that of "
        f"{len(images)} training images",
    )


def _ends(path: Path, model: onnx.ModelProto, heads: tuple[Head, ...]) -> tuple[str, list[str]]:
    """Return the name of the one input, and those of the outputs: one, or one a head, in the heads' order.

    Outputs that are called as the heads are those; of which none is are the heads in their order.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in weights]
    outputs, names = [value.name for value in model.graph.output], [head.name for head in heads]
    if len(inputs) != 1:
        raise RecipeError(
            f"model: {path} has {len(inputs)} inputs ({', '.join(inputs)})", fix="export it with the images alone"
        )
    if len(outputs) == 1:
        return inputs[0], outputs
    if len(outputs) != len(heads):
        several = f"{len(heads)} heads ({', '.join(names)})" if len(heads) > 1 else "one head"
        raise RecipeError(
            f"model: {path} has {len(outputs)} outputs ({', '.join(outputs)}), the data has {several}",
            fix="name a head for each under data.heads, or export it with the one output that you want",
        )
    if known := set(outputs) & set(names):
        if lacking := [name for name in names if name not in known]:
            raise RecipeError(
                f"model: {path} has an output '{next(iter(sorted(known)))}' as data.heads, and none '{lacking[0]}': "
                f"{', '.join(outputs)}",
                fix="call all of data.heads as its outputs, or none: they are then taken in their order",
            )
        return inputs[0], names
    return inputs[0], outputs


def _form_of_rows(path: Path, model: onnx.ModelProto, source: str, shape: Shape) -> Rows | None:
    """Return which three dimensions an input of windows has; None of another number of them.

    Raises RecipeError where its shape does not say it, or is not that of the data.
    """
    value = next(value for value in model.graph.input if value.name == source)
    dims = [size.dim_value for size in value.type.tensor_type.shape.dim]
    if len(dims) != 3:
        return None
    c, _, length = shape
    sizes: dict[Rows, tuple[int, int]] = {"ncl": (c, length), "nlc": (length, c)}
    fitting: list[Rows] = [
        form
        for form, wanted in sizes.items()
        if all(size in (0, one) for size, one in zip(dims[1:], wanted, strict=True))
    ]
    if len(fitting) == 1:
        return fitting[0]
    shown = ",".join(str(size or "any") for size in dims)
    found = "which of them is time cannot be told" if fitting else f"the data gives {c} axes x {length} samples"
    raise RecipeError(
        f"model: {path}: its input '{source}' is ({shown}): {found}",
        fix="export it with fixed sizes, N,C,L or N,L,C"
        if fitting
        else "set data.window and data.axes to what it takes",
    )


def _layout(path: Path, model: onnx.ModelProto, source: str, shape: Shape, asked: Layout | None) -> Layout:
    """Return the layout of the input: as asked, as its shape says, or as its first operators show."""
    from edgeforge.onnx_graph.layout import layout_of

    value = next(value for value in model.graph.input if value.name == source)
    kind = value.type.tensor_type
    dims = [size.dim_value if size.HasField("dim_value") and size.dim_value > 0 else None for size in kind.shape.dim]
    shown = ",".join("any" if size is None else str(size) for size in dims)
    where = f"model: {path}: its input '{source}' is ({shown})"
    c, h, w = shape
    if kind.elem_type != FLOAT:
        raise RecipeError(f"{where} of another type than float32", fix="export it with a float32 input")
    if len(dims) == 4 and dims[0] not in (None, 1):
        raise RecipeError(where, fix="export it with batch 1, or with a dynamic batch")
    sizes: dict[Layout, tuple[int, int, int]] = {"nchw": (c, h, w), "nhwc": (h, w, c)}
    fitting: list[Layout] = [
        layout
        for layout, wanted in sizes.items()
        if len(dims) == 4 and all(size in (None, one) for size, one in zip(dims[1:], wanted, strict=True))
    ]
    if not fitting or (asked and asked not in fitting):
        why = f", model.layout: {asked} with this data" if asked and fitting else ", the data"
        wanted = ",".join(map(str, sizes[asked or "nchw"]))
        raise RecipeError(f"{where}{why} gives (1,{wanted})", fix="set data.size and data.channels to what it takes")
    if asked or len(fitting) == 1:
        return asked or fitting[0]
    seen = layout_of(model, source)
    if seen is None:
        raise RecipeError(
            f"{where}: N,C,H,W or N,H,W,C cannot be told from it, nor from what its first operators do",
            fix="set model.layout: nchw, or model.layout: nhwc",
        )
    return seen


def _run(model: onnx.ModelProto, shape: Shape, outputs: list[str]) -> list[NDArray[np.float32]]:
    """Return the outputs of one image of zeros."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: list[NDArray[np.float32]] = session.run(
        outputs, {session.get_inputs()[0].name: np.zeros((1, *shape), np.float32)}
    )
    return found
