"""How errors are reworded: unknown ones, EdgeForge's own, causes of causes, and where the originals go."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

import pytest
import torch
from provoked import raised
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.foreign.kinds import KINDS, Kind
from edgeforge.foreign.wording import (
    ORIGINALS,
    cause,
    in_words,
    layer_in,
    library_of,
    reason_of,
    remedy,
    show_originals,
    with_debug,
    words,
)

IMAGE = torch.zeros(1, 1, 8, 8)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.cause for kind in KINDS])
def test_a_kind_s_words_can_be_filled_in(kind: Kind) -> None:
    alternatives = re.compile(kind.says).groups
    used = [int(number) for number in re.findall(r"(?<!\{)\{(\d)\}", kind.cause + kind.remedy)]
    assert max(used, default=-1) < max(alternatives, 0) or not used
    assert not kind.cause.endswith(".") and not kind.remedy.endswith(".")


def test_an_unknown_error_names_its_library_and_where_to_read_on() -> None:
    unknown = raised(lambda: nn.functional.interpolate(IMAGE, size=0))
    assert library_of(unknown) == "PyTorch" and "greater than 0" in str(unknown)
    said = words(unknown)
    assert said.cause.startswith("PyTorch fails with an error that EdgeForge does not know (RuntimeError, test_words")
    assert said.remedy == "--debug prints its own message" and not said.known
    assert remedy(unknown, "export it again") == with_debug("export it again", unknown)
    assert remedy(unknown, "export it again") == "export it again; --debug prints its own message"
    assert in_words(str(unknown)) is None


def test_words_of_edgeforge_and_of_the_user_s_own_code_stay() -> None:
    def refuse() -> None:
        raise ValueError("three channels are needed")

    assert cause(raised(refuse)) == "ValueError: three channels are needed"
    own = RecipeError("x is wrong", fix="mend x")
    assert (cause(own), remedy(own, "else"), reason_of(own)) == ("x is wrong", "mend x", "x is wrong; mend x")


def test_the_cause_of_a_cause_is_found() -> None:
    error = RuntimeError("failed to export, see https://pytorch.org")
    error.__cause__ = raised(lambda: torch.flatten(torch.zeros(3), 2))
    assert cause(error).startswith("dimension 2 is asked for")


def test_the_layer_that_fails_is_named() -> None:
    network = nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), nn.Flatten(), nn.Linear(9, 3))
    assert layer_in(raised(lambda: network(IMAGE)), network.named_modules()) == "layer '2' (Linear)"
    assert layer_in(raised(lambda: network(torch.zeros(1, 3, 8, 8))), network.named_modules()) == "layer '0.0' (Conv2d)"
    assert layer_in(ValueError("elsewhere"), network.named_modules()) == ""


@pytest.fixture
def originals() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    ORIGINALS.addHandler(handler)
    yield written
    ORIGINALS.removeHandler(handler)
    ORIGINALS.setLevel(logging.NOTSET)


def test_the_original_of_a_row_s_reason_is_in_the_log(originals: io.StringIO) -> None:
    show_originals()
    unknown = raised(lambda: nn.functional.interpolate(IMAGE, size=0))
    assert "greater than 0" not in reason_of(unknown)
    assert "greater than 0" in originals.getvalue() and "Traceback" in originals.getvalue()
