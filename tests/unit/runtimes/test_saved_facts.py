"""What EdgeForge writes into a TorchScript file is judged when it is read: the file may be a stranger's."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeforge.errors import RecipeError
from edgeforge.evaluate.bench import bench_models
from edgeforge.results.files import ENGINE_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.torch_script import TorchRunner, save_torch_script, saved_facts

DEEP = "[" * 100_000
WRONG: dict[str, Any] = {
    "another engine": {"engine": "os.system"},
    "an engine that is no text": {"engine": 3},
    "a key more": {"engine": None, "run": "rm"},
    "a size of 0": {"input": [1, 0, 8, 8]},
    "a size below 0": {"input": [1, -1, 8, 8]},
    "a size beyond all": {"input": [1, 10**12]},
    "sizes beyond all together": {"input": [2**20] * 8},
    "a size that is none": {"input": [1.5]},
    "truth as a size": {"input": ["x"]},
    "nine dimensions": {"input": [1] * 9},
    "no list": {"input": 3},
    "no truth": {"batched": "perhaps"},
    "a list": [],
    "a number": 3,
    "nothing": None,
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "net.pt"
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    save_torch_script(path, network, torch.zeros(1, 1, 2, 2), Preprocessing((1, 2, 2), 1.0, (0.0,), (1.0,), ("a", "b")))
    return path


def with_facts(saved: Path, to: Path, text: str | bytes) -> Path:
    """Write a copy whose facts are others."""
    with zipfile.ZipFile(saved) as given, zipfile.ZipFile(to, "w") as made:
        for name in given.namelist():
            made.writestr(name, text if name.endswith(ENGINE_FILE) else given.read(name))
    return to


def test_what_edgeforge_writes_is_read(saved: Path) -> None:
    facts = saved_facts(saved)
    assert (facts.engine, facts.input, facts.batched) == (None, (1, 1, 2, 2), True)
    assert TorchRunner(saved).run(np.zeros((3, 1, 2, 2), np.float32)).shape == (3, 2)


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_facts_are_refused(saved: Path, tmp_path: Path, kind: str) -> None:
    path = with_facts(saved, tmp_path / "net.pt", json.dumps(WRONG[kind]))
    for read in (saved_facts, TorchRunner):
        with pytest.raises(RecipeError) as caught:
            read(path)
        assert str(path) in caught.value.reason and ENGINE_FILE in caught.value.reason and caught.value.fix


@pytest.mark.parametrize("text", [b"\xff\xfe", "", "{", DEEP, b" " * 5_000_000], ids=range(5))
def test_what_is_no_json_is_refused(saved: Path, tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(RecipeError) as caught:
        saved_facts(with_facts(saved, tmp_path / "net.pt", text))
    assert caught.value.fix and "\n" not in caught.value.reason


@given(text=st.one_of(st.text(max_size=40), st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=4),
       lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["engine", "input", "batched", "x"]),
                                                                    inner, max_size=3)).map(json.dumps)))  # fmt: skip
def test_any_facts_are_taken_or_refused(saved: Path, text: str) -> None:
    path = with_facts(saved, saved.with_name("other.pt"), text.encode("utf-8", "surrogatepass"))
    try:
        facts = saved_facts(path)
    except RecipeError as error:
        assert error.fix
    else:
        assert len(facts.input) <= 8 and all(size >= 1 for size in facts.input)


def test_an_input_that_fills_the_memory_is_not_made(saved: Path, tmp_path: Path) -> None:
    path = with_facts(saved, tmp_path / "net.pt", json.dumps({"input": [2**14, 2**14]}))
    with pytest.raises(RecipeError):
        bench_models([path], threads=1, runs=20, warmup=1, shapes={"": (2**20, 2**18)})
