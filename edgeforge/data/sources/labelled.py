"""From a list of the user's labelled images to a Source: decoding, classes, splits, and what was found on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.source import Source
from edgeforge.data.sources.decode import decode
from edgeforge.data.task import Labels, read_labels
from edgeforge.errors import RecipeError, some
from edgeforge.recipe.listed_images import Labelled
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def load_labelled(job: Job, rows: list[Labelled], where: str) -> Source:
    """Return the images (N,C,H,W uint8) of a list, of which `where` says what it is, for messages.

    Images that cannot be read are left out, with a finding, or raise RecipeError, as `data.corrupt` says.
    """
    import numpy as np

    data = job.recipe.data
    assert data.size
    pixels, refused = decode([row.path for row in rows], data.size, data.channels, job.progress)
    findings = []
    if refused:
        listed = some([f"{rows[index].where or rows[index].path}: {reason}" for index, reason in refused.items()])
        if data.corrupt == "refuse":
            raise RecipeError(
                f"{where}: {len(refused)} of {len(rows)} images cannot be read: {listed}",
                fix="mend or remove them, or leave them out with data.corrupt: skip",
            )
        what = f"data: {len(refused)} of {len(rows)} images cannot be read and are left out: {listed}"
        findings.append(Finding(severity="warning", what=what, remedy="mend or remove them"))
        kept = [index for index in range(len(rows)) if index not in refused]
        pixels, rows = pixels[kept], [rows[index] for index in kept]
    labels = read_labels([row.label for row in rows], data, where)
    white = white_of(pixels, data.raw_max, findings)
    return split_source(pixels, labels, np.array([row.split for row in rows]), where, findings, white)


def split_source(
    images: NDArray[Any],
    told: Labels,
    splits: NDArray[np.str_],
    where: str,
    findings: list[Finding],
    white: float,
) -> Source:
    """Return a Source of images (N,C,H,W; `white` becomes 1) whose `splits` say train, val, test, or nothing at all."""
    labels, classes, heads = told.values, told.classes, told.heads
    parts = {name: splits == name for name in ("train", "val", "test")}
    if not parts["val"].any() and not parts["test"].any():
        return Source(images, labels, None, None, classes, white, findings=tuple(findings), heads=heads)
    for name in ("train", "val", "test"):
        missing = told.missing(parts[name])
        if missing and name == "train":
            raise RecipeError(f"{where}: no training image of {some(missing)}", fix="add some, or remove the class")
        if missing and parts[name].any():
            what = f"data: the {name} split has no image of {some(missing)}"
            findings.append(Finding(severity="warning", what=what, remedy="add some of each class"))
    own = {name: (images[part], labels[part]) if part.any() else (None, None) for name, part in parts.items()}
    (train_x, train_y), (val_x, val_y), (test_x, test_y) = own["train"], own["val"], own["test"]
    assert train_x is not None and train_y is not None
    return Source(
        train_x,
        train_y,
        test_x,
        test_y,
        classes,
        white,
        validation_images=val_x,
        validation_labels=val_y,
        findings=tuple(findings),
        heads=heads,
    )


def white_of(pixels: NDArray[Any], wanted: float | None, findings: list[Finding]) -> float:
    """Return the value that becomes 1: `wanted`, or by the pixels' bits; of 16 bits a finding says which it is."""
    if pixels.dtype == "uint8":
        return wanted or 255.0
    white = wanted or 65535.0
    what = f"data: images of 16 bits, whose values reach {pixels.max():,.0f}, are divided by {white:,.0f}"
    remedy = "data.raw_max says it: 4095 of a 12-bit sensor, 65535 of 16 bits"
    if wanted is None or pixels.max() > white:
        findings.append(Finding(severity="warning", what=what, remedy=remedy))
    return white
