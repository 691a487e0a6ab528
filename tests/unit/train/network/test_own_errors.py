"""What a network's own code raises, in our words, with the line it comes from and what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import place_in_own_code, words
from edgeforge.recipe.schema import Model
from edgeforge.train.network.load import make_network

NET = """\
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        {line}

    def forward(self, x):
        return x
"""
LINE = 7
SAID = {
    "raise ValueError('no such width')": "ValueError: no such width",
    "raise ValueError": "something has a value that does not go there",
    "self.a = {}['width']": "there is no key 'width'",
    "self.a = [][3]": "there are not as many elements",
    "self.a = torch.nn.Conv2D(1, 1, 1)": "torch.nn has no 'Conv2D'",
    "self.a = None.b": "a NoneType has no 'b'",
    "self.a = nothing": "'nothing' is not defined",
    "open('nothing.txt')": "there is no such file or folder",
    "self.a = 1 / 0": "something is divided by 0",
    "self.a = 'a' + 1": "something is of a type that does not go there",
    "self.a = int('x')": "something has a value that does not go there",
    "assert self.a": "has no 'a'",
    "assert False": "what it asserts does not hold",
    "self.a = torch.zeros(2, 3) @ torch.zeros(2, 3)": "is given 3 values where it takes 2",
    "raise SystemExit(3)": "it ends the program, which is building",
    "self.__init__()": "contains itself",
}


def written(folder: Path, line: str) -> Path:
    path = folder / "own_net.py"
    path.write_text(NET.format(line=line))
    return path


@pytest.mark.parametrize("line", SAID)
def test_the_constructor(tmp_path: Path, line: str) -> None:
    sys.setrecursionlimit(1000)  # Python's own: onnx2tf, which other tests import, lifts it
    path = written(tmp_path, line)
    with pytest.raises(RecipeError) as caught:
        make_network(Model(name=str(path)), path)
    told = caught.value
    assert f"{path}:" in told.reason and SAID[line] in told.reason, told.reason
    assert told.fix and "\n" not in told.reason and "does not know" not in told.reason


def test_the_innermost_line_of_one_s_own_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "self.a = {}['width']")
    with pytest.raises(RecipeError) as caught:
        make_network(Model(name=str(path)), path)
    assert caught.value.__cause__ and place_in_own_code(caught.value.__cause__) == f"{path}:{LINE}"
    assert words(caught.value.__cause__).known


STAGE = """\
import sys
sys.path.insert(0, {folder!r})
from edgeforge.builder import worker
import own_net
worker.run_stage = lambda *_: own_net.Net()
sys.exit(worker.main())
"""


@pytest.mark.parametrize("line", ["raise SystemExit(3)", "raise KeyboardInterrupt", "self.a = {}['width']",
                                  "self.a = torch.zeros(2, 3) @ torch.zeros(2, 3)"])  # fmt: skip
def test_a_stage_names_the_line(tmp_path: Path, line: str) -> None:
    """Wherever in a stage it comes from: while training, say."""
    path = written(tmp_path, line)
    order = tmp_path / "order.json"
    order.write_text(json.dumps({"log": str(tmp_path / "log")}))
    with subprocess.Popen([sys.executable, "-c", STAGE.format(folder=str(tmp_path)), str(order)], text=True,
                          stdout=subprocess.PIPE, stdin=subprocess.PIPE, start_new_session=True) as worker:  # fmt: skip
        assert worker.stdout  # its input stays open: a worker ends with whoever holds it
        (event,) = [json.loads(text) for text in worker.stdout]
    assert event["event"] == "error" and event["reason"].startswith(f"{path}:{LINE}: "), event["reason"]
    assert "does not know" not in event["reason"] and event["fix"]
