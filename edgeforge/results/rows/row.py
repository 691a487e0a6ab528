"""What every part of the report is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Row(BaseModel):
    """A part of the report; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")
