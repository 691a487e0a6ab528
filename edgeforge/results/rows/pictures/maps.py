"""The report's rows on maps: test pictures with their true classes, and what two models say."""

from __future__ import annotations

from edgeforge.results.rows.row import Row

# Of classes, one after the other: told apart by those too who confuse colours (Okabe and Ito 2008), the first quiet.
COLOURS = ("#3b3f46", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
NO_CLASS = "#ffffff"  # of pixels that are neither learned nor judged


class MapPicture(Row):
    """One test picture; all four as PNG in base64, maps in COLOURS. iou: of the int8 model, mean over its classes."""

    index: int  # in the test split
    iou: float
    png: str
    truth: str
    said_float: str
    said_int8: str


class MapsRow(Row):
    """Test pictures from the worst of the int8 model to its best."""

    float_model: str
    int8_model: str
    images: int
    pictures: list[MapPicture]
    ignored: bool = False  # whether some true maps have pixels of no class
