"""BCCD: photographs of blood with a box around each cell; crops of one scale, with the cell's type and size."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.builder.stage import Job
from edgeforge.data.source import Source
from edgeforge.errors import RecipeError, some
from edgeforge.foreign.wording import cause_in
from edgeforge.inputs.image_file import open_image
from edgeforge.inputs.regular import read_regular
from edgeforge.inputs.sizes import KIND
from edgeforge.recipe.schema import Data
from edgeforge.recipe.user_files import USER_DATA
from edgeforge.results.head import Head
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TYPES = {"RBC": "red", "WBC": "white", "Platelets": "platelet"}
SIZES = ("small", "medium", "large")
# Diameters (px) that part the sizes, about a third of each type's boxes to a class: "large" is large for its type, so
# that the size does not follow from the type and must be measured in the crop.
SIZE_LIMITS = {"red": (95.0, 108.0), "white": (175.0, 210.0), "platelet": (37.0, 42.0)}
# Every crop is this window around the middle of its box, whatever the box: a crop cut to the box and resized would
# show a platelet as large as a white cell, and no size at all.
WINDOW = 144  # px of the photograph; a white cell is up to twice as wide and fills it
SIDE = 48  # px of a crop: a third of the window's


@dataclass(frozen=True)
class Box:
    """One cell of a photograph: its type and the middle and diameter of its box, in px."""

    kind: str
    x: float
    y: float
    diameter: float  # of the square with the box's area


def load_cells(job: Job) -> Source:
    """Return crops (N,3,48,48 uint8) of all boxes, with the heads `type` and `size`, grouped by photograph.

    Boxes without area or outside their photograph, and files that cannot be read, are left out with a finding.
    Raises RecipeError when nothing is left.
    """
    import numpy as np

    root = cells_folder(job.files[USER_DATA])
    annotations = sorted((root / "Annotations").glob("*.xml"))
    crops: list[NDArray[np.uint8]] = []
    labels: list[tuple[int, int]] = []
    groups: list[int] = []
    refused: list[str] = []
    types = list(TYPES.values())
    for number, path in enumerate(annotations):
        if number % 20 == 0:
            job.progress(0.9 * number / len(annotations), f"{number} of {len(annotations)} photographs")
        try:
            photograph = _photograph(root / "JPEGImages" / f"{path.stem}.jpg")
            boxes, odd = read_boxes(path, photograph.shape[1], photograph.shape[0])
        except Exception as error:  # a stranger's files: Pillow's decoders raise whatever a damaged one leads them to
            refused.append(f"{path.stem}: {cause_in(error, 'the photograph or its boxes are damaged')}")
            continue
        refused += odd
        for box in boxes:
            crops.append(crop(photograph, box.x, box.y))
            labels.append((types.index(box.kind), size_class(box)))
            groups.append(number)
    if len(set(groups)) < 3:
        raise RecipeError(
            f"data.root: {root}: {len(set(groups))} photographs with boxes can be read", fix="copy BCCD again"
        )
    findings = []
    if refused:
        what = f"data: {len(refused)} boxes or photographs are left out: {some(refused)}"
        findings.append(Finding(severity="warning", what=what, remedy="mend the annotations"))
    return Source(
        images=np.stack(crops),
        labels=np.array(labels, np.float64),
        test_images=None,
        test_labels=None,
        classes=tuple(types),
        raw_max=255.0,
        findings=tuple(findings),
        heads=(Head("type", tuple(types)), Head("size", SIZES)),
        groups=np.array(groups),
    )


def cells_folder(root: Path) -> Path:
    """Return the folder with Annotations/ and JPEGImages/: `root`, or BCCD in it. Raises RecipeError without them."""
    for folder in (root / "BCCD", root):
        if (folder / "Annotations").is_dir() and (folder / "JPEGImages").is_dir():
            return folder
    raise RecipeError(
        f"data.root: {root} holds no BCCD/Annotations and BCCD/JPEGImages", fix="name the folder that BCCD lies in"
    )


def cells_files(root: Path, data: Data | None = None) -> list[Path]:
    """Return the files that the source reads."""
    folder = cells_folder(root)
    return [*sorted((folder / "Annotations").glob("*.xml")), *sorted((folder / "JPEGImages").glob("*.jpg"))]


def read_boxes(path: Path, width: int, height: int) -> tuple[list[Box], list[str]]:
    """Return the boxes of a PASCAL VOC file for a photograph of that size, and what is wrong with others."""
    boxes, odd = [], []
    root = ElementTree.fromstring(read_regular(path, "copy it again", KIND["recipe"]))
    for number, entry in enumerate(root.iter("object"), start=1):
        name = entry.findtext("name", "")
        left, top, right, bottom = (
            float(entry.findtext(f"bndbox/{key}", "nan")) for key in ("xmin", "ymin", "xmax", "ymax")
        )
        reason = ""
        if name not in TYPES:
            reason = f"unknown cell '{name}'"
        elif not (right > left and bottom > top):
            reason = "its box has no area"
        elif left < 0 or top < 0 or right > width or bottom > height:
            reason = "its box leaves the photograph"
        if reason:
            odd.append(f"{path.stem} object {number}: {reason}")
            continue
        area = (right - left) * (bottom - top)
        boxes.append(Box(TYPES[name], (left + right) / 2, (top + bottom) / 2, area**0.5))
    return boxes, odd


def size_class(box: Box) -> int:
    """Return which of SIZES a cell is among those of its type."""
    low, high = SIZE_LIMITS[box.kind]
    return int(box.diameter >= low) + int(box.diameter > high)


def crop(photograph: NDArray[np.uint8], x: float, y: float) -> NDArray[np.uint8]:
    """Return the window around (x, y) of a photograph (H,W,3) as (3,SIDE,SIDE); its border's pixels go on outside."""
    import numpy as np
    from PIL import Image

    from edgeforge.data.pixels import model_pixels

    half = WINDOW // 2
    left, top = round(x) - half, round(y) - half
    rows = np.clip(np.arange(top, top + WINDOW), 0, photograph.shape[0] - 1)
    columns = np.clip(np.arange(left, left + WINDOW), 0, photograph.shape[1] - 1)
    window = Image.fromarray(photograph[rows][:, columns])
    return model_pixels(window, (3, SIDE, SIDE))


def _photograph(path: Path) -> NDArray[np.uint8]:
    import numpy as np

    with open_image(path) as file:
        return np.asarray(file.convert("RGB"))
