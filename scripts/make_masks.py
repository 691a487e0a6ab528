"""Write a folder of pictures and masks of blood cells, from BCCD's boxes: no one has drawn these masks by hand.

    python scripts/make_masks.py FOLDER OUT      # FOLDER holds BCCD/: Annotations/ and JPEGImages/

A cell is the ellipse in its box, which its outline is nearly. A mask's pixel is 0 background, 1 red, 2 white,
3 platelet; where cells lie over each other it is the last of these. Every sixth photograph is in test/, the others are
in train/. The same bytes in every run with one version of Pillow.
"""

from __future__ import annotations

import argparse
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from PIL import Image, ImageDraw

from edgeforge.data.sources.cells import TYPES, cells_folder
from edgeforge.inputs.image_file import open_image

CLASSES = ("background", *TYPES.values())
TESTED = 6  # every so many photographs one is for testing


def mask_of(annotation: Path, size: tuple[int, int]) -> Image.Image:
    """Return the mask of a PASCAL VOC file, as large as its photograph."""
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    found = [
        (CLASSES.index(TYPES[entry.findtext("name", "")]), *(int(entry.findtext(f"bndbox/{key}", "0"))
         for key in ("xmin", "ymin", "xmax", "ymax")))
        for entry in ElementTree.parse(annotation).getroot().iter("object")
    ]  # fmt: skip
    for number, left, top, right, bottom in sorted(found):
        if right > left and bottom > top:
            draw.ellipse((left, top, right, bottom), fill=number)
    return mask


def main() -> None:
    """Write train/ and test/, each with images/ and masks/."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    source = cells_folder(arguments.folder)
    annotations = sorted((source / "Annotations").glob("*.xml"))
    for number, annotation in enumerate(annotations):
        side = arguments.out / ("test" if number % TESTED == 0 else "train")
        photograph = source / "JPEGImages" / f"{annotation.stem}.jpg"
        for name in ("images", "masks"):
            (side / name).mkdir(parents=True, exist_ok=True)
        with open_image(photograph) as opened:
            mask = mask_of(annotation, opened.size)
        shutil.copyfile(photograph, side / "images" / photograph.name)
        mask.save(side / "masks" / f"{annotation.stem}.png", optimize=True)
    print(f"{len(annotations)} pictures and masks in {arguments.out}: {', '.join(CLASSES)}")


if __name__ == "__main__":
    main()
