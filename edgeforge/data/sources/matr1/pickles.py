"""Reads MATR cells as BatteryML pickles them, without running what a pickle may hold.

A pickle can call any function while it loads. This one may build numpy arrays, plain containers, and BatteryML's data
classes, which become plain records; anything else is refused.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.data.sources.matr1.cell import FIRST, LAST, VOLTAGES, Cell, life_at
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause
from edgeforge.inputs.regular import open_regular

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUMPY = re.compile(r"numpy(\._?core)?\.(multiarray|numeric)")
NUMPY_NAMES = {"_reconstruct", "scalar", "_frombuffer"}
PLAIN = {("builtins", name) for name in ("dict", "list", "set", "tuple", "bytearray", "complex")}
PLAIN |= {("collections", "OrderedDict"), ("collections", "defaultdict"), ("_codecs", "encode")}
RECORDS = {"BatteryData", "CycleData", "CyclingProtocol"}
NOMINAL = 1.1  # Ah, of these cells
LARGEST = 2**29  # bytes of one cell: BatteryML's have some 60 MB


class Record:
    """What stands in for one of BatteryML's objects: its attributes and nothing else."""

    def __init__(self, *_: Any, **values: Any) -> None:
        self.__dict__ |= values


class RestrictedUnpickler(pickle.Unpickler):
    """Loads numpy arrays, plain containers and BatteryML's records. Raises UnpicklingError for all else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the class or function that a pickle names, where it is one of the few allowed."""
        if (NUMPY.fullmatch(module) and name == "_reconstruct") or (module, name) == ("builtins", "bytearray"):
            return partial(_nothing_yet, super().find_class(module, name))
        if NUMPY.fullmatch(module) and name in NUMPY_NAMES:
            return super().find_class(module, name)
        if module == "numpy" and name in ("ndarray", "dtype"):
            return super().find_class(module, name)
        if (module, name) in PLAIN:
            return super().find_class(module, name)
        if module.split(".")[0] == "batteryml" and name in RECORDS:
            return Record
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no battery data need")


def _nothing_yet(made: Callable[..., Any], *values: Any) -> Any:
    """Make an array or bytes as pickles begin them: empty. A few bytes could ask for any size."""
    sizes = [size for value in values for size in (value if isinstance(value, tuple) else (value,))]
    if any(isinstance(size, int) and size for size in sizes):
        raise pickle.UnpicklingError("it asks for an array of a size of its own")
    return made(*values)


def read_pickled_batches(paths: list[Path]) -> list[dict[int, Cell]]:
    """Return three batches of cells (number in the batch → cell) of files named MATR_bBcN.pkl.

    Raises RecipeError for a file that holds something else.
    """
    batches: list[dict[int, Cell]] = [{}, {}, {}]
    for path in paths:
        place = re.search(r"b([123])c(\d+)", path.stem)
        if place:
            batches[int(place[1]) - 1][int(place[2])] = read_pickle(path)
    return batches


def read_pickle(path: Path) -> Cell:
    """Return one cell. Raises RecipeError when the pickle is refused, damaged, or lacks cycles."""
    try:
        with open_regular(path, "make it again with BatteryML", LARGEST) as file:
            cell = _fields(RestrictedUnpickler(file).load())
        cycles = [_fields(cycle) for cycle in cell["cycle_data"]]
        numbered = {int(cycle.get("cycle_number") or place): cycle for place, cycle in enumerate(cycles, start=1)}
        columns = [_column(numbered[number]) for number in range(FIRST, LAST + 1)]
        life = cell.get("cycle_life") or life_at(_capacities(cycles), cell.get("nominal_capacity_in_Ah") or NOMINAL)
    except (
        pickle.UnpicklingError,
        EOFError,
        OSError,
        ImportError,
        IndexError,
        AttributeError,
        MemoryError,
        OverflowError,
    ) as error:
        raise RecipeError(f"{path} cannot be read: {cause(error)}", fix="make it again with BatteryML") from error
    except (KeyError, TypeError, ValueError) as error:
        raise RecipeError(
            f"{path} holds no `cycle_data` with `Qdlin` of cycles {FIRST} to {LAST}",
            fix="make it again with BatteryML",
        ) from error
    import numpy as np

    return Cell(path.stem, float(life), np.stack(columns, axis=1))


def _fields(record: Any) -> dict[str, Any]:
    fields: dict[str, Any] = dict(record) if isinstance(record, dict) else dict(vars(record))
    return fields | dict(fields.get("additional_data") or {})


def _column(cycle: dict[str, Any]) -> NDArray[np.float64]:
    import numpy as np

    column = np.asarray(cycle["Qdlin"], np.float64).reshape(-1)
    if len(column) != VOLTAGES:
        raise ValueError(f"{len(column)} values in Qdlin, not {VOLTAGES}")
    return column


def _capacities(cycles: list[dict[str, Any]]) -> list[float]:
    return [max(cycle["discharge_capacity_in_Ah"], default=0.0) for cycle in cycles]
