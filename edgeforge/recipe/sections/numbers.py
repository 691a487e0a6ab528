"""The numbers and names that a recipe may hold: each with its bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Name = Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$")]  # one line
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Steps = Annotated[int, Field(ge=1, le=1_000_000_000)]  # of the optimizer
Rate = Annotated[float, Field(gt=0.0, le=1000.0)]  # of learning
Number = Annotated[float, Field(ge=-1e9, le=1e9)]
Limit = Annotated[float, Field(ge=-1e30, le=1e30)]  # of a tensor's values
Side = Annotated[int, Field(ge=1, le=65_535)]  # of an image
Decibels = Annotated[float, Field(ge=-60.0, le=120.0)]
Deviation = Annotated[float, Field(ge=1e-9, le=1e9)]
