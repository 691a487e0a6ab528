"""NumPy's .npy and .npz files: what their headers promise is judged before an array is made."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause_in
from edgeforge.inputs.archive import opened
from edgeforge.inputs.memory import require_memory
from edgeforge.inputs.regular import named, open_regular
from edgeforge.inputs.sizes import KIND

if TYPE_CHECKING:
    from numpy.typing import NDArray

NONE = "it is no file of NumPy arrays, or a damaged one"
KINDS = "biufUS"  # of NumPy's types: truth, whole numbers, real numbers, texts
DAMAGED = (
    *(OSError, ValueError, TypeError, AttributeError, EOFError, KeyError, zipfile.BadZipFile, zlib.error),
    *(NotImplementedError, RuntimeError, SyntaxError, MemoryError, OverflowError),
)


def read_arrays(path: Path, where: str, fix: str, names: Collection[str] = ()) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz file: those of `names` that it holds, or all; of an .npy file one, called `""`.

    where: what messages call it. Raises RecipeError where it is none, or damaged, or its arrays hold anything but
    numbers and texts, or do not fit into memory.
    """
    shown = f"{where}: {named(path)}"
    try:
        with open_regular(path, fix, KIND["arrays"]) as file:
            if file.peek(2)[:2] == b"PK":
                return _archived(file, names)
            return {"": _array(file, _size(file), "it")}
    except RecipeError as error:
        given = "" if named(path) in error.reason else f"{shown}: "
        reason = error.reason if not given else f"{given}{error.reason}"
        raise RecipeError(reason if given else f"{where}: {reason}", fix=error.fix) from error
    except DAMAGED as error:
        raise RecipeError(f"{shown} cannot be read: {cause_in(error, NONE)}", fix=fix) from error


def require_begun(path: Path, where: str, fix: str) -> None:
    """Raise RecipeError for a file that is none of NumPy's by its first bytes and its directory or header."""
    with open_regular(path, fix, KIND["arrays"]) as file:
        begun = file.peek(6)[:6]
        try:
            if begun[:2] == b"PK":
                with opened(file, whole=False):
                    return
            if begun != b"\x93NUMPY":
                raise RecipeError(NONE, fix=fix)
            size = _size(file)
            if (more := size - _header(file, size, "it")[1]) > 0:
                raise RecipeError(f"{more:,} bytes stand behind its array", fix=fix)
        except RecipeError as error:
            raise RecipeError(f"{where} cannot be read: {error.reason}", fix=error.fix) from error
        except DAMAGED as error:
            raise RecipeError(f"{where} cannot be read: {cause_in(error, NONE)}", fix=fix) from error


def require_numbers(array: NDArray[Any], where: str) -> NDArray[Any]:
    """Return an array. Raises RecipeError for one of texts."""
    if array.dtype.kind in "US":
        raise RecipeError(f"{where} holds texts, not numbers", fix="save an array of numbers")
    return array


def _archived(file: BinaryIO, names: Collection[str]) -> dict[str, NDArray[Any]]:
    with opened(file, whole=False) as archive:
        held = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        wanted = [name for name in held if not names or name in names]
        require_memory(sum(held[name].file_size for name in wanted), "its arrays")
        found = {}
        for name in wanted:
            with archive.open(held[name]) as member:
                found[name] = _array(member, held[name].file_size, f"'{name}'")
        return found


def _size(file: BinaryIO) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _header(file: Any, size: int, name: str) -> tuple[int, int]:
    """Return how many bytes the array of an .npy file of `size` bytes has, and where it ends."""
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    if version == (1, 0):
        shape, _, kind = npy.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, kind = npy.read_array_header_2_0(file)
    else:
        raise RecipeError(f"{name} is of version {version[0]}.{version[1]} of NumPy's format", fix="save it again")
    if kind.kind == "O":
        raise _of_objects(name, shape)
    if kind.hasobject or kind.kind not in KINDS:
        raise RecipeError(f"{name} holds {kind}, not numbers or texts", fix="save an array of numbers")
    promised, there = prod(shape) * kind.itemsize, size - file.tell()
    if any(one < 0 for one in shape) or promised > there:
        reason = f"{name} has the shape {shape} of {kind}: {promised:,} bytes, and {there:,} are there"
        raise RecipeError(reason, fix="save it again")
    return promised, file.tell() + promised


def _of_objects(name: str, shape: tuple[int, ...]) -> RecipeError:
    """Return what is wrong with an array of Python objects, which are not unpacked: they could run any code."""
    plain = name.strip("'")
    if len(shape) == 1 and plain.startswith("x"):
        return RecipeError(
            f"{name} holds {shape[0]:,} Python objects, no numbers: so NumPy keeps inputs of unequal length",
            fix=f"give them one shape: images of one size; windows cut to one length n, {plain} = "
            f"numpy.stack([one[..., :n] for one in {plain}]), or one[:n] where time is first; or write each to a .csv "
            "file, and say data.window",
        )
    variable = "y" if name == "it" else plain
    return RecipeError(
        f"{name} holds Python objects, not numbers or texts",
        fix=f"save {variable}.astype(str) of texts, {variable}.astype('float32') of numbers",
    )


def _array(file: Any, size: int, name: str) -> NDArray[Any]:
    """Return the array of an .npy file of so many bytes, whose header fits them."""
    import numpy as np
    from numpy.lib import format as npy

    require_memory(_header(file, size, name)[0], name)
    file.seek(0)
    array: NDArray[Any] = np.asarray(npy.read_array(file, allow_pickle=False))
    return array
