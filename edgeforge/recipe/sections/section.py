"""What every part of a recipe is: strict, and unchanged once it is read."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


def types_in(annotation: Any) -> list[Any]:
    """Return an annotation and all that stands inside of it: of `dict[str, HeadLabels] | None` all five."""
    parts = (part for part in get_args(annotation) if part is not Ellipsis)
    return [annotation, *(kind for part in parts for kind in types_in(part))]


class Section(BaseModel):
    """A part of the recipe: unknown keys and infinite numbers are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _a_number_is_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false where pydantic would take them for 1 and 0."""
        wanted = types_in(cls.model_fields[info.field_name or ""].annotation)
        if bool not in wanted and any(kind in wanted for kind in (int, float)):
            items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else (value,)
            for one in items:
                if isinstance(one, bool):
                    raise ValueError(f"{str(one).lower()} is no number")
        return value
