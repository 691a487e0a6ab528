"""Provoking the errors of other libraries, and proving that none of the known ones is forgotten."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pytest

from edgeforge.foreign.kinds import Kind

Call = Callable[[], object]


def raised(call: Call) -> BaseException:
    """Return what a call raises."""
    with pytest.raises(BaseException) as caught:
        call()
    return caught.value


def require_provoked(kinds: Iterable[Kind], causes: Iterable[str]) -> None:
    """Fail unless each kind has made one of these causes, which a library's real message became."""
    made = list(causes)
    for kind in kinds:
        pattern = re.sub(r"\\{\d\\}", ".+", re.escape(kind.cause))
        assert any(re.fullmatch(pattern, cause) for cause in made), f"nothing provokes: {kind.cause}"
