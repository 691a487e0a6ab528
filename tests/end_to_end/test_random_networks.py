"""Random networks of PyTorch and Keras: right on every runtime, or refused with a reason.

A failing one is named by its seed and its blocks: `python scripts/prove_random_networks.py --first SEED --torch 1`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from judged_nets import Judgement, judge_all

pytestmark = pytest.mark.build


def require_none_wrong(judged: Iterator[Judgement], right: int) -> None:
    rows = list(judged)
    wrong = [row.line() for row in rows if row.outcome == "wrong"]
    assert not wrong, "\n".join(wrong)
    assert sum(row.outcome == "right" for row in rows) >= right, "most are refused: what do these prove?"
    assert all(row.detail for row in rows if row.outcome != "right")


def test_a_few_networks(tmp_path: Path) -> None:
    require_none_wrong(judge_all(range(12), [], tmp_path), right=6)


@pytest.mark.proof
def test_more_networks(tmp_path: Path) -> None:
    require_none_wrong(judge_all([*range(12, 32), *range(200, 210)], range(8), tmp_path), right=24)


@pytest.mark.soak
def test_two_hundred_networks(tmp_path: Path) -> None:
    require_none_wrong(judge_all(range(150), range(50), tmp_path), right=120)
