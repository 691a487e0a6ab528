"""What `edgeforge init` can tell of an .npz file: windows of a sensor, or images."""

from __future__ import annotations

from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.inputs.arrays import read_arrays
from edgeforge.inputs.regular import named
from edgeforge.recipe.guess.recordings import Recordings, flow

SAVED = "save it with numpy.savez(path, x=inputs, y=labels)"
OF_IMAGES = ("x", "y", "y_val", "y_test")
OF_WINDOWS = ("axes", "recording", "rate_hz")  # arrays that images have not
SMALLEST_SIDE, MOST_SLENDER = 8, 3  # of a picture: pixels, and times the other side
LAYOUTS = ("ncl", "nlc")


def windows_in(path: Path, rate_hz: float | None, images: bool) -> Recordings | None:
    """Return the windows of an .npz file; None where x are images, or no file of arrays that is looked into.

    rate_hz: what was said, which windows alone have. images: it was said that they are. Raises RecipeError where
    neither is told by the arrays.
    """
    arrays = read_arrays(path, "--data", SAVED, ("x", "y", *OF_WINDOWS))
    x, y = arrays.get("x"), arrays.get("y")
    if x is None or y is None or x.ndim not in (2, 3) or images or not len(x):
        return None
    told = x.ndim == 2 or rate_hz is not None or any(name in arrays for name in OF_WINDOWS)
    shape = " x ".join(map(str, x.shape[1:]))
    if not told and picture_like(x.shape[1], x.shape[2]):
        if x.dtype.kind in "iu":
            return None
        raise RecipeError(
            f"--data {named(path)}: x holds {len(x)} inputs of {shape}: windows of a sensor, or gray images?",
            fix="say it: --rate-hz 50 of windows, --channels 1 of images",
        )
    rate = rate_hz if rate_hz is not None else float(arrays["rate_hz"].reshape(-1)[0]) if "rate_hz" in arrays else None
    if rate is None or not rate > 0:
        raise RecipeError(
            f"--data {named(path)}: how many samples a second its windows of {shape} have is not told by it",
            fix="say it: --rate-hz 50",
        )
    axes, samples, layout = _layout(path, x.shape[1:], len(arrays["axes"]) if "axes" in arrays else None)
    other = LAYOUTS[1 - LAYOUTS.index(layout)]
    lines = [
        f"  rate_hz: {rate:g}".ljust(29)
        + f" # {'as was said' if rate_hz is not None else 'as its array rate_hz says'}",
        f"  layout: {layout}".ljust(29) + f" # {axes} axes x {samples} samples; {other} if it is the other way",
        f"  window: {samples}".ljust(29) + " # samples: those of the array's windows",
        f"  stride: {max(1, samples // 2)}".ljust(29) + " # of the sketch: samples from a window to the next",
    ]
    if "axes" in arrays:
        lines.append(f"  axes: {flow([str(one) for one in arrays['axes'].reshape(-1)])}")
    labels = frozenset(str(one) for one in y.reshape(-1).tolist())
    return Recordings("windows", len(labels), axes, tuple(lines), labels)


def images_in(path: Path) -> tuple[tuple[int, int] | None, int | None, int | None, frozenset[str]]:
    """Return height and width, channels, classes and labels of images in an .npz file, or a folder of .npy files.

    None of what its arrays do not say: the build names what is wrong with them.
    """
    if path.is_dir():
        files = {name: path / f"{name}.npy" for name in OF_IMAGES}
        arrays = {name: read_arrays(file, "--data", SAVED)[""] for name, file in files.items() if file.is_file()}
    else:
        arrays = read_arrays(path, "--data", SAVED, OF_IMAGES)
    labels = [array.reshape(-1) for name, array in arrays.items() if name.startswith("y") and array.ndim == 1]
    different = frozenset(str(one) for array in labels for one in array.tolist())
    numbered = bool(labels) and all(array.dtype.kind in "iub" and len(array) for array in labels)
    classes = max(int(array.max()) for array in labels) + 1 if numbered else len(different) or None
    shape = arrays["x"].shape[1:] if "x" in arrays else ()
    if len(shape) == 2:
        return (shape[0], shape[1]), 1, classes, different
    if len(shape) != 3 or not {shape[0], shape[2]} & {1, 3}:
        return None, None, classes, different
    height, width, channels = (*shape[1:], shape[0]) if shape[0] in (1, 3) else shape
    return (height, width), channels, classes, different


def picture_like(height: int, width: int) -> bool:
    """Say whether sides may be a picture's: no long strip, as windows of sensor values are."""
    return min(height, width) >= SMALLEST_SIDE and max(height, width) <= MOST_SLENDER * min(height, width)


def _layout(path: Path, shape: tuple[int, ...], named_axes: int | None) -> tuple[int, int, str]:
    """Return axes, samples and the layout: by the names of the axes, else the shorter side is taken for the axes."""
    if len(shape) == 1:
        return 1, shape[0], "ncl"
    first, last = shape
    if first == last:
        raise RecipeError(
            f"--data {named(path)}: x holds windows of {first} x {last}: which is time is not told by them",
            fix="give them one axis or sample less, or begin with --template imu and say data.layout: ncl or nlc",
        )
    ncl = named_axes == first if named_axes in (first, last) else first < last
    return (first, last, "ncl") if ncl else (last, first, "nlc")
