"""Windows of a sensor from csv files and from a line that never ends, as the arrays that the model takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from bundle import Bundle, BundleError, files_in

LONGEST_LINE = 4096  # characters
SUFFIXES = (".csv", ".txt")


def window_files(paths: list[str]) -> Iterator[Path]:
    """Return files as they stand, and the tables below folders in the order of their names."""
    return files_in(paths, SUFFIXES, "csv file")


def read_windows(path: Path, bundle: Bundle) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the windows of a csv file as (name, values (1,axes,1,samples float32)). Raises BundleError for none."""
    try:
        if path.exists() and not path.is_file():
            raise BundleError(f"{path}: it is no file, but a named pipe or a device")
        with path.open(encoding="utf-8", errors="replace") as file:
            found = 0
            for name, window in windows_of(lines_of(file), bundle, str(path)):
                found += 1
                yield name, window
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror or error}") from error
    if not found:
        raise BundleError(f"{path}: fewer lines than a window has samples, {bundle.shape[2]}")


def lines_of(file: TextIO) -> Iterator[str]:
    """Yield the lines of a text, one that never ends as far as a sample's may be long."""
    while line := file.readline(LONGEST_LINE + 1):
        yield line


def one_window(body: bytes, bundle: Bundle) -> NDArray[Any]:
    """Return the only window in a request's body (1,axes,1,samples float32). Raises BundleError for anything else."""
    lines = body.decode("utf-8", "replace").splitlines()
    samples = list(_samples(lines, bundle, "the window"))
    if len(samples) != bundle.shape[2]:
        raise BundleError(f"the window has {len(samples)} samples, the model takes {bundle.shape[2]}")
    return _as_input(samples)


def windows_of(lines: Iterable[str], bundle: Bundle, name: str) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield a window as soon as its last sample is there, then one every stride, as (name, values).

    lines: a sample each, values parted by commas; a first line of names says which column is which axis.
    """
    length, stride = bundle.shape[2], int((bundle.sampling or {}).get("stride", bundle.shape[2]))
    ring: deque[NDArray[Any]] = deque(maxlen=length)
    for number, sample in enumerate(_samples(lines, bundle, name)):
        ring.append(sample)
        if number + 1 >= length and (number + 1 - length) % stride == 0:
            yield f"{name}:{number + 1 - length}", _as_input(list(ring))


def _as_input(samples: list[NDArray[Any]]) -> NDArray[Any]:
    return np.ascontiguousarray(np.stack(samples).T[None, :, None], np.float32)


def _samples(lines: Iterable[str], bundle: Bundle, name: str) -> Iterator[NDArray[Any]]:
    axes = [str(axis) for axis in (bundle.sampling or {}).get("axes", [])]
    places = list(range(bundle.shape[0]))
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise BundleError(f"{name}:{number}: a line of {len(line):,} characters is no sample")
        parts = [part.strip() for part in line.replace(";", ",").replace("\t", ",").split(",")]
        if parts == [""]:
            continue
        if number == 1 and not _number(parts[0]):
            missing = [axis for axis in axes if axis not in parts]
            if missing:
                raise BundleError(f"{name}:1: there is no column '{missing[0]}'; the model takes {', '.join(axes)}")
            places = [parts.index(axis) for axis in axes]
            continue
        try:
            values = np.array([float(parts[place]) for place in places], np.float32)
        except (ValueError, IndexError):
            values = np.array([np.nan])
        if not np.isfinite(values).all():
            raise BundleError(f"{name}:{number}: not {len(places)} numbers: {', '.join(axes)}")
        yield values


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
