"""The files beside an .onnx file that hold its weights: all of them, found by reading the graph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from edgeforge.errors import RecipeError
from edgeforge.inputs.regular import read_regular

EXTERNAL = 1  # TensorProto.EXTERNAL
AGAIN = "save it again with its weights beside it: onnx.save(model, path, save_as_external_data=True)"


def external_files(path: Path) -> dict[str, Path]:
    """Return where an .onnx file keeps tensors outside of itself: as the file says → path. Reads no weights.

    Wherever a tensor may stand: initializers, sparse ones, attributes, graphs within graphs, functions. Raises
    RecipeError for a place that does not lie in the model's folder, links followed, or holds no file.
    """
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(read_regular(path, "name an .onnx file"))
    except DecodeError:
        return {}  # whoever loads it says that it is none
    return external_files_of(model, path)


def external_files_of(model: Any, path: Path) -> dict[str, Path]:
    """Return the same of a model that has been read from `path`, without its weights."""
    found: dict[str, Path] = {}
    for tensor in _tensors(model):
        if tensor.data_location == EXTERNAL:
            said = {entry.key: entry.value for entry in tensor.external_data}
            location = said.get("location", "")
            if location not in found:
                found[location] = _beside(path, location, tensor.name)
    return dict(sorted(found.items()))


def _tensors(model: Any) -> Iterator[Any]:
    """Yield every TensorProto in a message, however deep."""
    waiting = [model]
    while waiting:
        message = waiting.pop()
        if message.DESCRIPTOR.name == "TensorProto":
            yield message
            continue
        for field, value in message.ListFields():
            if field.message_type is not None:
                waiting.extend([value] if hasattr(value, "DESCRIPTOR") else value)  # one, or a list of them


def _beside(path: Path, location: str, tensor: str) -> Path:
    name = PurePosixPath(location)
    place = path.parent / name  # as ONNX's own readers take it, where `path` itself is a link
    reason = f"{path}: its tensor '{tensor}' lies in {location!r}"
    if not location or "\0" in location or name.is_absolute() or path.parent.resolve() not in place.resolve().parents:
        raise RecipeError(f"{reason}, which is not within the model's folder", fix=AGAIN)
    if not place.is_file():
        what = "which is no file" if place.exists() else "which is not there"
        raise RecipeError(f"{reason}, {what}", fix=f"copy it beside {path.name}; or {AGAIN}")
    return place
