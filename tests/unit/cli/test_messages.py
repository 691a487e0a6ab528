"""The messages of real mistakes, as a person meets them: tests/snapshots/ shows what each command line writes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from places import DATA, ROOT
from snapshots import require_same

from edgeforge.recipe.load import load_recipe

DIGITS = (ROOT / "recipes" / "digits.yaml").read_text()
KNOWN = "pack int8.tflite --board arduino-nano-33-ble --pixels 0..1 --labels 0-9"
COMMANDS = {
    # A recipe: each line is one mistake.
    "recipe": [
        "plan none.yaml",
        "plan .",
        "plan empty.yaml",
        "plan list.yaml",
        "plan tab.yaml",
        "plan bracket.yaml",
        "plan twice.yaml",
        "plan unknown_key.yaml",
        "plan two_mistakes.yaml",
        "plan latin1.yaml",
        "plan digits.yaml --set train.epochs=many",
        "plan digits.yaml --set train.epochs=[1]",
        "plan digits.yaml --set targets=esp32-s3",
        "plan colon.yaml",
        "plan indented.yaml",
        "plan quote.yaml",
        "plan digits.yaml --set train.epoch=3",
        "plan digits.yaml --set train.epochs",
        "plan digits.yaml --set train.lr=-1",
        "plan digits.yaml --set quantize.torch.variants=[static]",
        "plan digits.yaml --set targets=[arduino-nano]",
        "plan digits.yaml --set targets=[raspberry-pi-5]",
        "plan digits.yaml --set quantize.ship=tflite-float16",
        "plan digits.yaml --set model.name=digits_cn",
        "plan digits.yaml --set model.name=gone.py:Net",
        "plan digits.yaml --set model.name=state_dict.pth",
        "plan digits.yaml --set data.source=image_folder",
        "plan digits.yaml --set data.source=image_folder --set data.root=none --set data.size=[8,8]",
        "plan digits.yaml --set quantize.calibration.file=none.npz",
        "plan digits.yaml --set library=tflm",
        "build digits.yaml --until onxx",
        "build digits.yaml --force prune",
        "build digits.yaml --jobs 0",
        "build digits.yaml --jobs many",
        "build digits.yaml --untli onnx",
        "build digits.yaml --until",
        "plan digits.yaml mnist.yaml",
        "monitor",
        "build",
        "biuld digits.yaml",
    ],
    # A model's file.
    "model_files": [
        "bench none.onnx",
        "bench digits.yaml",
        "bench garbage.onnx",
        "bench unknown_operator.onnx",
        "bench dynamic.onnx",
        "bench small.onnx --shape 1,1,9,9",
        "bench small.onnx --shape large",
        "bench state_dict.pt",
        "bench garbage.tflite",
        "bench empty.tflite",
        "bench cut.tflite",
        "bench custom_operator.tflite",
        "fit none.tflite",
        "fit garbage.tflite",
        "fit cut.tflite",
        "fit int8.tflite --board uno",
        "fit int8.tflite --library tflm",
        "fit int8.tflite --board mine --board-file boards.toml",
        "fit int8.tflite --board mine --board-file none.toml",
        "fit int8.tflite --board mine --board-file digits.yaml",
        "fit int8.tflite --board arduino-nano-33-ble --plot int8.tflite/arena.svg",
        "verify none.tflite int8.tflite --inputs x.npz",
        "verify int8.tflite int8.tflite --inputs garbage.npz",
        "verify nowhere",
        "pack int8.tflite --board uno",
        "pack int8.tflite --board arduino-nano-33-ble --labels cat,dog",
        f"{KNOWN} --samples garbage.npz",
        f"{KNOWN} --samples wrong_shape.npz",
        f"{KNOWN} --requantize --float none.tflite --calibration x.npz",
        "pack int8.tflite --board arduino-nano-33-ble",
        "pack int8.tflite --board arduino-nano-33-ble --pixels 0..2",
        "pack int8.tflite --board arduino-nano-33-ble --pixels 0..1 --mean 0.5",
        "pack int8.tflite --board arduino-nano-33-ble --value cycles --labels cat,dog",
        "pack int8.tflite --board arduino-nano-33-ble --value cycles --map",
        "pack int8.tflite --board arduino-nano-33-ble --reconstruction",
        "pack int8.tflite --board arduino-nano-33-ble --map",
        "pack int8.tflite --board arduino-nano-33-ble --output logits=class:a,b",
        "pack int8.tflite --board arduino-nano-33-ble --output logits=value:m",
        "pack int8.tflite --board arduino-nano-33-ble --yes-no --threshold 50",
        "pack int8.tflite --board arduino-nano-33-ble --mean white",
        "compile none.tflite",
        "compile garbage.tflite",
        "compile custom_operator.tflite",
        "compile int8.tflite --core m5",
        "compile int8.tflite --max-ram 900",
        "compile int8.tflite --out digits.yaml",
        "compile int8.tflite int8.tflite",
        "compile int8.tflite --name 1-2-3",
    ],
    # What is neither.
    "tools": [
        "boards teensy",
        "boards --add mine",
        "boards --add esp32 --like esp32-s3",
        "boards --add mine --like arduino-uno-r4-minima --ram-bytes 8192",
        "init digits.yaml",
        "init my.yaml --template digit",
        "init digits.yaml/my.yaml",
        "init my.yaml --data none",
        "report nowhere",
        "report nowhere --serve",
        "report broken_report",
        "compare nowhere elsewhere",
        "monitor --port /dev/none --build nowhere",
        "monitor --port /dev/none",
        "monitor --port garbage.npz --model int8.tflite --samples x.npz",
        "deploy nowhere --host pi@none",
        "serve nowhere",
    ],
    # A search: its space, its storage, and what nothing in it fits.
    "search": [
        "search digits.yaml",
        "search search.yaml --limits arena_bytes=1",
        "search search.yaml --best",
        "search search.yaml --set data.validation=0",
        "search search.yaml --set search.over={train.epochs:[1]}",
        "search search.yaml --set search.minimize=[areana_bytes]",
        "search search.yaml --set search.board=esp32-s3",
        "search unknown_key_searched.yaml",
        "search impossible_value_searched.yaml",
        "search forbidden_key_searched.yaml",
        "search search.yaml --artifacts nosuch://bucket",
        "search search.yaml --storage garbage.npz",
        "search search.yaml --storage postgresql://me:secret@127.0.0.1:1/none",
        "search search.yaml --storage nonsense://x",
        "search other_space.yaml --storage study.log",
        "search search.yaml --storage study.log",
        "search search.yaml --storage study.log --best --limits arena_byte=1",
        "search search.yaml --storage study.log --best",
    ],
    # Builds that end in a stage: its worker's words, through the build.
    "builds": [
        "build digits.yaml --set data.source=numpy --set data.root=objects.npz --until data",
        "build digits.yaml --set data.source=image_folder --set data.root=photos --set data.size=[8,8] --set "
        "data.corrupt=refuse --until data",
        "build digits.yaml --set model.name=net.py --set model.args={} --until train",
        "build digits.yaml --set model.name=imports.py --set model.args={} --until train",
    ],
}
NET = """from torch import nn

class Forward(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
        self.classifier = nn.Linear(99, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of mistakes."""
    folder = tmp_path_factory.mktemp("mistakes")
    texts = {
        "digits.yaml": DIGITS,
        "empty.yaml": "",
        "list.yaml": "- name: digits\n",
        "tab.yaml": "name: digits\ndata:\n\tsource: digits\n",
        "bracket.yaml": "name: digits\ntargets: [arduino-nano-33-ble\ndata: {source: digits}\n",
        "colon.yaml": "name: digits: 3\n",
        "indented.yaml": "name: digits\n  seed: 1\ndata:\n    source: digits\n  size: [8, 8]\n",
        "quote.yaml": "name: 'digits\n",
        "twice.yaml": "name: digits\nseed: 1\nseed: 2\n",
        "unknown_key.yaml": DIGITS.replace("train:", "trian:"),
        "two_mistakes.yaml": "name: two\ndata:\n  source: digit\ntrain:\n  epochs: 0\n",
        "net.py": NET,
        "boards.toml": "[mine]\ntitle = 'Mine'\ncore = 'm4'\nflsh_bytes = 1\nram_bytes = 'much'\n",
        "imports.py": "import a_package_that_is_not_there\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "latin1.yaml").write_bytes("name: größe\n".encode("latin1"))
    for suffix in ("onnx", "pt", "tflite", "npz"):
        (folder / f"garbage.{suffix}").write_bytes(b"garbage " * 100)
        (folder / f"empty.{suffix}").write_bytes(b"")
    (folder / "broken_report").mkdir()
    (folder / "broken_report" / "report.json").write_text("{}")
    _write_arrays(folder)
    _write_tflite(folder)
    _write_onnx(folder)
    _write_weights(folder)
    _write_searches(folder)
    return folder


def _write_arrays(folder: Path) -> None:
    from PIL import Image

    np.savez(folder / "x.npz", x=np.zeros((3, 1, 8, 8), np.float32))
    np.savez(folder / "wrong_shape.npz", x=np.zeros((3, 1, 9, 9), np.float32))
    np.savez(folder / "objects.npz", x=np.array([{}, {}]), y=np.array([0, 1]))
    for name in ("cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(8):
            Image.new("L", (8, 8), 9 * number).save(folder / "photos" / name / f"{number}.png")
    photo = folder / "photos" / "cat" / "3.png"
    photo.write_bytes(photo.read_bytes()[:50])


def _write_tflite(folder: Path) -> None:
    from edgeforge.tflite.flatbuffer import read_model, write_model

    data = (DATA / "digits_int8.tflite").read_bytes()
    (folder / "int8.tflite").write_bytes(data)
    (folder / "cut.tflite").write_bytes(data[: len(data) // 2])
    model = read_model(data)
    code = model.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = 32
    code.customCode = b"MyOperator"
    (folder / "custom_operator.tflite").write_bytes(write_model(model))


def _write_onnx(folder: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    def write(name: str, operator: str, height: int | str = 8) -> None:
        source, target = (
            helper.make_tensor_value_info(value, TensorProto.FLOAT, (1, 1, height, 8)) for value in ("input", "logits")
        )
        graph = helper.make_graph([helper.make_node(operator, ["input"], ["logits"])], "net", [source], [target])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / name)

    write("small.onnx", "Relu")
    write("dynamic.onnx", "Relu", "height")
    write("unknown_operator.onnx", "Unheard")


def _write_weights(folder: Path) -> None:
    import torch

    for name in ("state_dict.pt", "state_dict.pth"):
        torch.save({"weight": torch.zeros(2, 2)}, folder / name)


def _write_searches(folder: Path) -> None:
    """Write recipes with a search, and the journal of one whose networks are all over a limit."""
    from edgeforge.search.space import Space
    from edgeforge.search.study import Study
    from edgeforge.search.trial import CHANGES, FIGURES, REASON

    searched = {
        "search": "model.args.width: [2, 4]",
        "other_space": "model.args.width: [2, 8]",
        "unknown_key_searched": "train.leer: [1, 2]",
        "impossible_value_searched": "train.epochs: [1, -2]",
        "forbidden_key_searched": "data.size: [[8, 8], [16, 16]]",
    }
    for name, over in searched.items():
        text = DIGITS.replace("name: digits", "name: sought", 1)
        (folder / f"{name}.yaml").write_text(f"{text}search:\n  limits: {{arena_bytes: 4000}}\n  over:\n    {over}\n")
    study = Study(Space(load_recipe(folder / "search.yaml")), str(folder / "study.log"), folder)
    while trial := study.next():
        with study.held(trial):
            arena = 4100 + 100 * trial.number
            trial.set_user_attr(FIGURES, {"arena_bytes": arena})
            trial.set_user_attr(CHANGES, list(study.space.changes(trial.params)))
            trial.set_user_attr(REASON, f"arena (bytes) {arena:,}, limit 4,000")
            trial.set_constraint("arena_bytes", 0.1)
            study.optuna.tell(trial, [0.0, 1.0, arena])


@pytest.mark.parametrize("topic", COMMANDS)
def test_what_a_person_reads_is_as_it_was_reviewed(topic: str, folder: Path) -> None:
    with ThreadPoolExecutor(1 if topic == "builds" else 2) as pool:
        said = list(pool.map(lambda command: _said(command, folder), COMMANDS[topic]))
    require_same(f"{topic}.txt", "\n".join(said))


def _said(command: str, folder: Path) -> str:
    """Return a command line, what it writes to standard error, and its exit code."""
    environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    words = [sys.executable, "-m", "edgeforge", *command.split()]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, env=environment, timeout=300)
    assert done.returncode > 0 and "Traceback" not in done.stderr, (command, done)
    told = done.stderr.replace(str(folder), "FOLDER").replace(str(ROOT), "EDGEFORGE")
    told = re.sub(r"^(✓ .*|.* stages to run, .*|)\n", "", told, flags=re.MULTILINE)  # how the build went on
    return f"$ edgeforge {command}\n{told.rstrip()}\nexit {done.returncode}\n"
