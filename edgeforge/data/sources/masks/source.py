"""The source `masks`: pictures, and for each pixel its class."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from edgeforge.builder.stage import Job
from edgeforge.data.source import Source
from edgeforge.data.sources.decode import decode
from edgeforge.data.sources.labelled import white_of
from edgeforge.data.sources.masks.folder import Pair, pairs_in
from edgeforge.data.sources.masks.read import numbers_of, read_mask
from edgeforge.errors import RecipeError, some
from edgeforge.foreign.wording import cause_in
from edgeforge.recipe.user_files import USER_DATA
from edgeforge.results.head import HALF, IGNORED, Head
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def load_masks(job: Job) -> Source:
    """Return pictures (N,C,H,W) and masks (N,H,W uint8) of data.root, of one size; the head is a map.

    Pictures that cannot be read are left out, with a finding, or raise RecipeError, as `data.corrupt` says. A mask
    that is wrong always raises it: what a network learns is not left to chance.
    """
    import numpy as np

    data, root = job.recipe.data, job.files[USER_DATA]
    assert data.size and data.classes
    where = f"data.root: {root}"
    pairs = pairs_in(root)
    pixels, refused = decode([pair.image for pair in pairs], data.size, data.channels, job.progress)
    findings = []
    if refused:
        listed = some([f"{pairs[index].image}: {reason}" for index, reason in refused.items()])
        what = f"{len(refused)} of {len(pairs)} images cannot be read"
        if data.corrupt == "refuse" or len(refused) == len(pairs):
            raise RecipeError(f"{where}: {what}: {listed}", fix="mend or remove them, and their masks")
        what = f"data: {what} and are left out: {listed}"
        findings.append(Finding(severity="warning", what=what, remedy="mend or remove them"))
        kept = [index for index in range(len(pairs)) if index not in refused]
        pixels, pairs = pixels[kept], [pairs[index] for index in kept]
    masks = _masks(pairs, data.size, data.classes, data.ignore, where)
    if empty := [place for place, mask in enumerate(masks) if (mask == IGNORED).all()]:
        listed = some([pairs[place].mask.name for place in empty])
        what = f"{len(empty)} of {len(pairs)} masks have no pixel of a class within their middle: {listed}"
        if data.corrupt == "refuse" or len(empty) == len(pairs):
            raise RecipeError(f"{where}: {what}", fix="remove them and their pictures, or look at data.ignore")
        findings.append(
            Finding(
                severity="warning", what=f"data: {what}; they are left out", remedy="remove them and their pictures"
            )
        )
        kept = [place for place in range(len(pairs)) if place not in empty]
        pixels, masks, pairs = pixels[kept], masks[kept], [pairs[place] for place in kept]
    splits = np.array([pair.split for pair in pairs])
    findings.append(_require_all(masks, splits, data.classes, where))
    white = white_of(pixels, data.raw_max, findings)
    own = {name: (pixels[part], masks[part]) if (part := splits == name).any() else (None, None)
           for name in ("train", "val", "test")}  # fmt: skip
    if own["train"][0] is None:
        own["train"] = (pixels, masks)
    (train_x, train_y), (val_x, val_y), (test_x, test_y) = own["train"], own["val"], own["test"]
    assert train_x is not None and train_y is not None
    outputs = 1 if len(data.classes) == 2 else len(data.classes)
    threshold = data.threshold if isinstance(data.threshold, float) else HALF  # or chosen after training
    head = Head(
        "class", data.classes, kind="map", shape=(*data.size, outputs), threshold=threshold if outputs == 1 else None
    )
    return Source(
        train_x,
        train_y,
        test_x,
        test_y,
        data.classes,
        white,
        validation_images=val_x,
        validation_labels=val_y,
        findings=tuple(findings),
        heads=(head,),
    )


def _masks(
    pairs: list[Pair], size: tuple[int, int], classes: tuple[str, ...], ignore: int | None, where: str
) -> NDArray[np.uint8]:
    import numpy as np

    def read(pair: Pair) -> NDArray[np.uint8] | str:
        try:
            return read_mask(pair.mask, pair.image, size, classes, ignore)
        except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
            return f"{pair.mask.name}: {cause_in(error, 'the image is damaged')}"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(read, pairs))
    wrong = [one for one in found if isinstance(one, str)]
    if wrong:
        raise RecipeError(
            f"{where}: {len(wrong)} of {len(pairs)} masks are wrong: {some(wrong)}",
            fix=f"a mask is a PNG as large as its picture, whose pixels are numbers: {_numbered(classes, ignore)}",
        )
    return np.stack([one for one in found if not isinstance(one, str)])


def _numbered(classes: tuple[str, ...], ignore: int | None) -> str:
    known = zip(numbers_of(classes, ignore), classes, strict=True)
    listed = ", ".join(f"{number} {name}" for number, name in list(known)[:4])
    listed += " …" if len(classes) > 4 else ""
    listed += " (or 0 and 255)" if len(classes) == 2 else " (data.classes)"
    return f"{listed}, {ignore} none" if ignore is not None else f"{listed}; data.ignore: 255 for one that is of none"


def _require_all(masks: NDArray[np.uint8], splits: NDArray[np.str_], classes: tuple[str, ...], where: str) -> Finding:
    """Return each class's share of all pixels. Raises RecipeError for a class that no training mask has."""
    import numpy as np

    known = masks[splits == "train"] if (splits == "train").any() else masks
    counts = np.bincount(known[known != IGNORED], minlength=len(classes))
    missing = [name for name, count in zip(classes, counts, strict=True) if not count]
    if missing:
        only = f": every pixel is '{classes[int(counts.argmax())]}'" if len(missing) == len(classes) - 1 else ""
        raise RecipeError(
            f"{where}: no mask{' for training' if (splits == 'train').any() else ''} has a pixel of {some(missing)}"
            f"{only}",
            fix="paint some, or take the class out of data.classes and number the others from 0 on",
        )
    shares = ", ".join(
        f"{name} {100 * count / counts.sum():.1f} %" for name, count in zip(classes, counts, strict=True)
    )
    rare = counts.min() * len(classes) * 10 < counts.sum()
    remedy = "train.class_weights: balanced counts a rare class as much as a frequent one" if rare else ""
    ignored = f"; {100 * float((known == IGNORED).mean()):.1f} % of all are of none" if (known == IGNORED).any() else ""
    return Finding(severity="note", what=f"data: pixels by class: {shares}{ignored}", remedy=remedy)
