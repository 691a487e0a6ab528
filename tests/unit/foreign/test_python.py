"""Messages of YAML, Lightning and Python itself, provoked for real, and what EdgeForge says instead."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from provoked import Call, raised, require_provoked
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.foreign.kinds import LIGHTNING, PYTHON, YAML
from edgeforge.foreign.wording import words
from edgeforge.recipe.yaml_lines import parse_yaml

IMAGE = torch.zeros(1, 1, 8, 8)


def trainer(**options: Any) -> object:
    from edgeforge.torchvision_import import import_torchvision

    import_torchvision()
    import pytorch_lightning

    return pytorch_lightning.Trainer(**options, logger=False, enable_checkpointing=False)


PROVOKED: list[tuple[str, Call]] = [
    ("there is no accelerator 'none'", lambda: trainer(accelerator="none")),
    ("there is no precision '7'", lambda: trainer(precision="7")),
    ("there is no strategy 'none'", lambda: trainer(strategy="none")),
    ("limit_train_batches is -3", lambda: trainer(limit_train_batches=-3)),
    ("devices is no number of devices that are here", lambda: trainer(accelerator="cpu", devices=0)),
    ("max_time 'soon' is no time", lambda: trainer(max_time="soon")),
    ("a tab, where YAML takes spaces alone", lambda: yaml.safe_load("a:\n\tb: 1\n")),
    ("a colon where none may stand", lambda: yaml.safe_load("a: b: c")),
    ("a bracket before this is not closed, or an entry in it lacks its comma", lambda: yaml.safe_load("a: [b\nc: d")),
    ("the indentation does not fit the lines above", lambda: yaml.safe_load("a:\n    b: 1\n  c: 2\n")),
    ("a key lacks its colon", lambda: yaml.safe_load("a: 1\nb\nc: 2")),
    ("a quotation mark is not closed", lambda: yaml.safe_load("a: 'b")),
    ("the alias 'b' is not defined", lambda: yaml.safe_load("a: *b")),
    ("a character that YAML keeps for itself", lambda: yaml.safe_load("a: @b")),
    ("a tag, !none: a recipe is data", lambda: yaml.safe_load("a: !none b")),
    ("a second document: a recipe is one", lambda: yaml.safe_load("a: 1\n---\nb: 2")),
    ("a line that begins with %, a directive of YAML's", lambda: yaml.safe_load("%!PS-Adobe-3.0\n")),
    ("an exclamation mark, a tag to YAML", lambda: yaml.safe_load("a: !b!c d")),
    ("& or * without a name of its own: an anchor and an alias to YAML", lambda: yaml.safe_load("a: *,")),
    ("behind | or > stands more than YAML takes there", lambda: yaml.safe_load("a: |b\n")),
    (
        "a backslash in double quotes, with something behind it that YAML does not know",
        lambda: yaml.safe_load('a: "\\d"'),
    ),
    ("a dash where no list may stand", lambda: yaml.safe_load("a: - b")),
    ("a question mark where no key may stand", lambda: yaml.safe_load("a: ? b")),
    ("something stands behind the end of a recipe", lambda: yaml.safe_load("{a: b} ]")),
    ("<< takes a mapping, and a key is a word", lambda: yaml.safe_load("<<: 1")),
    ("a value that is not what its tag says", lambda: yaml.safe_load("a: !!binary é")),
    ("it also needs 'out_features'", lambda: nn.Linear(3)),  # type: ignore[call-arg]
    ("it takes no 'colour'", lambda: nn.Linear(3, 3, colour=1)),  # type: ignore[call-arg]
    ("it takes 2 values and is given 3", lambda: (lambda a, b: 0)(1, 2, 3)),  # type: ignore[call-arg]
    (
        "too many values are unpacked (expected 2)",
        lambda: exec("a, b = 1, 2, 3"),
    ),
    ("a Module has no 'colour'", lambda: nn.Module().colour),
    ("'colour' is not defined", lambda: eval("colour")),
    ("torch has no 'colour'", lambda: exec("from torch import colour")),
    ("something is called that is None", lambda: (lambda layer: layer(IMAGE))(None)),
    ("the package 'none_such' is not installed", lambda: __import__("none_such.inner")),
    ("it is not valid Python (invalid syntax)", lambda: compile("a b", "net.py", "exec")),
]
WITHOUT_A_GPU = {"there is no GPU here"}
if not torch.cuda.is_available():
    PROVOKED.append((*WITHOUT_A_GPU, lambda: trainer(accelerator="gpu")))
KINDS = [kind for kind in (*YAML, *LIGHTNING, *PYTHON) if kind.cause not in WITHOUT_A_GPU]


@pytest.mark.parametrize(("expected", "call"), PROVOKED, ids=[expected for expected, _ in PROVOKED])
def test_a_message_is_told_in_our_words(expected: str, call: Call) -> None:
    said = words(raised(call))
    assert said.cause == expected and said.known


def test_every_known_kind_is_provoked() -> None:
    require_provoked(KINDS, [expected for expected, _ in PROVOKED])


@settings(max_examples=300)
@given(text=st.text("%!&*?|>-:,[]{}<'\"\\@`#~ab1 \t\nü", max_size=30))
@example(text="%!PS-Adobe-3.0 EPSF-3.0")
def test_no_text_is_refused_in_yaml_s_own_words(text: str) -> None:
    try:
        parse_yaml(text, "r.yaml")
    except RecipeError as error:
        assert "PyYAML" not in error.reason, error.reason
