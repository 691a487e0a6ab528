"""Test pictures that the shipped model, or the float one, gets wrong."""

from __future__ import annotations

from typing import Literal

from edgeforge.results.rows.row import Row

Who = Literal["int8", "both", "float"]


class Mistake(Row):
    """One picture; classes by their number, `index` in the test split."""

    index: int
    who: Who  # of the two models is wrong
    truth: int
    said_float: int
    said_int8: int
    png: str  # base64, at most `evaluate.mistakes.SIDE` pixels a side


class MistakesRow(Row):
    """What two models get wrong of the images that both were run on; the primary head's classes."""

    float_model: str
    int8_model: str
    images: int
    counts: dict[Who, int]  # all, also those whose picture is not shown
    pictures: list[Mistake]  # those that only int8 gets wrong first
