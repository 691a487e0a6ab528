"""What outputs mean: read where the file says it, and else asked for; every answer that is offered works."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_models import METADATA, conv, dense, network, written
from typer.testing import CliRunner

from edgeforge.cli.app import app
from edgeforge.errors import RecipeError
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import read_preprocessing_of
from edgeforge.targets.arduino.own.meaning import preprocessing_of
from edgeforge.targets.arduino.own.output import Output, meanings_for, read_output
from edgeforge.targets.arduino.own.question import Question
from edgeforge.targets.arduino.own.wishes import Wishes, wishes_of
from edgeforge.targets.arduino.own_tflite import load_own
from edgeforge.targets.arduino.pack import pack

BOARD = "arduino-nano-33-ble"


def heads_of(path: Path, wishes: Wishes = Wishes()) -> tuple[Head, ...]:
    return preprocessing_of(load_own(path), wishes, f"edgeforge pack {path} --board {BOARD}")[0].heads


def model(path: Path, outputs: int, ending: str = "") -> Path:
    net = network()
    return written(path / "net.tflite", net, dense(net, outputs, ending))


def test_a_softmax_is_classes_and_a_sigmoid_is_yes_or_no(tmp_path: Path) -> None:
    (classes,) = heads_of(model(tmp_path, 3, "SOFTMAX"))
    assert (classes.kind, classes.classes, classes.probability) == ("classes", ("0", "1", "2"), True)
    (answer,) = heads_of(model(tmp_path, 1, "LOGISTIC"))
    assert (answer.kind, answer.classes, answer.threshold) == ("yes_no", ("no", "yes"), 0.5)
    (answer,) = heads_of(model(tmp_path, 1, "LOGISTIC"), wishes_of(labels="cat,dog", threshold=0.7))
    assert [answer.say(np.array([value], np.float32)) for value in (0.69, 0.71)] == ["cat", "dog"]
    (value,) = heads_of(model(tmp_path, 1, "LOGISTIC"), wishes_of(value="cycles"))  # a bounded value ends in one, too
    assert (value.kind, value.unit) == ("value", "cycles")


def test_labels_of_the_right_number_make_classes(tmp_path: Path) -> None:
    net = network()
    path = written(tmp_path / "net.tflite", net, dense(net, 3), files={"labels.txt": "cat\ndog\nhorse\n"})
    assert heads_of(path)[0].classes == ("cat", "dog", "horse")
    assert heads_of(model(tmp_path, 3), wishes_of(labels="a,b,c"))[0].kind == "classes"
    with pytest.raises(RecipeError, match="3 outputs, and there are 2 labels"):
        heads_of(model(tmp_path, 3), wishes_of(labels="a,b"))


@pytest.mark.parametrize("ending", ["", "LOGISTIC"])
def test_what_many_outputs_mean_is_asked(tmp_path: Path, ending: str) -> None:
    with pytest.raises(RecipeError, match="what its output means is not said in the file") as caught:
        heads_of(model(tmp_path, 64, ending))
    assert "--labels 0-63" in caught.value.fix and "--value unit" in caught.value.fix
    assert ("--yes-no" in caught.value.fix) == bool(ending)
    many = heads_of(model(tmp_path, 64, ending), wishes_of(yes_no=True, labels="0-63"))
    assert len(many) == 64 and {head.kind for head in many} == {"yes_no"} and many[63].name == "63"


def test_one_output_is_never_a_class(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"it has the shape \[1, 1\]") as caught:
        heads_of(model(tmp_path, 1))
    assert (
        "--value unit" in caught.value.fix and "--yes-no" in caught.value.fix and "--labels 0" not in caught.value.fix
    )
    with pytest.raises(RecipeError, match="one output is no class among others"):
        heads_of(model(tmp_path, 1), wishes_of(outputs=["0=classes:a"]))


def test_an_output_of_the_input_s_shape_may_be_a_reconstruction(tmp_path: Path) -> None:
    net = network((12,), 0.05, 3)
    path = written(tmp_path / "net.tflite", net, dense(net, 12))
    with pytest.raises(RecipeError) as caught:
        heads_of(path)
    assert "--reconstruction" in caught.value.fix
    (head,) = heads_of(path, wishes_of(reconstruction=True, threshold=0.25))
    given_, seen = np.zeros(12, np.float32), np.full(12, 0.6, np.float32)
    assert head.say(seen, given_) == "anomaly, error 0.36" and head.say(given_, given_) == "normal, error 0"
    (head,) = heads_of(path, wishes_of(reconstruction=True))
    assert head.say(seen, given_) == "error 0.36"
    with pytest.raises(RecipeError, match="it has not the shape of the input"):
        heads_of(model(tmp_path, 3), wishes_of(reconstruction=True))


def test_a_map_has_a_class_for_each_pixel(tmp_path: Path) -> None:
    net = network()
    path = written(tmp_path / "net.tflite", net, conv(net, 3))
    with pytest.raises(RecipeError) as caught:
        heads_of(path)
    assert "--map" in caught.value.fix and "one of 3 classes for each of 64 pixels" in caught.value.fix
    (head,) = heads_of(path, wishes_of(map_=True, labels="ground,leaf,stone"))
    assert (head.shape, head.size) == ((8, 8, 3), 192)
    pixels = np.zeros((64, 3), np.float32)
    pixels[:16, 1] = 1
    assert head.say(pixels.reshape(-1)) == "ground 75.0 %, leaf 25.0 %"
    net = network()
    (head,) = heads_of(written(path, net, conv(net, 1, "LOGISTIC")), wishes_of(map_=True, labels="cell", threshold=0.6))
    assert (head.classes, head.threshold, head.probability) == (("no cell", "cell"), 0.6, True)
    net = network()
    (head,) = heads_of(written(path, net, conv(net, 3, "SOFTMAX")))  # a softmax over channels says so itself
    assert head.kind == "map"


def test_each_of_several_outputs_has_its_own_meaning(tmp_path: Path) -> None:
    net = network((16, 16, 3), 0.0187, -14)
    path = written(tmp_path / "net.tflite", net, dense(net, 4, "SOFTMAX"), dense(net, 5), metadata=METADATA,
                   files={"names.txt": "a\nb\nc\nd\n"})  # fmt: skip
    with pytest.raises(RecipeError, match="what output embedding means") as caught:
        heads_of(path)
    assert "--output embedding=value:unit" in caught.value.fix and "probability=" not in caught.value.fix
    for name in ("embedding", "1"):
        first, second = heads_of(path, wishes_of(outputs=[f"{name}=value:mm"]))
        assert (first.classes, first.name, second.described, second.tensor) == (
            ("a", "b", "c", "d"), "probability", "5 values in mm", 1,
        )  # fmt: skip
    with pytest.raises(RecipeError, match=r"no output 'embeding' .did you mean 'embedding'"):
        heads_of(path, wishes_of(outputs=["embeding=value:mm"]))
    with pytest.raises(RecipeError, match=r"2 outputs \(probability, embedding\): of which is --labels said"):
        heads_of(path, wishes_of(labels="a,b"))


def test_several_outputs_are_packed_with_the_goldens_of_all(tmp_path: Path) -> None:
    from edgeforge.runtimes.tflm import TFLMRunner
    from edgeforge.tflite.graph import TensorRunner

    net = network()
    path = written(tmp_path / "net.tflite", net, dense(net, 4, "SOFTMAX"), conv(net, 2))
    wishes = wishes_of(outputs=["0=classes:a,b,c,d", "1=map:ground,leaf"])
    made = pack(path, (BOARD,), tmp_path / "out", wishes=wishes)
    runner = TFLMRunner(path)
    for vector in made.vectors:
        assert vector.output.shape == (4 + 128,)
        assert (runner.run_raw(vector.tensor[None])[0] == vector.output).all()
        both = TensorRunner(path.read_bytes()).run([vector.tensor[None]])
        apart = np.concatenate([one.ravel() for one in both]).astype(int) - vector.output
        assert abs(apart).max() <= 1, "LiteRT's own answers of both outputs, in the same order"
    classifier = (made.project / "classifier.cc").read_text()
    assert "OutputType outputs[kOutputValues];" in classifier
    assert "kOutputValues = 132;" in (made.project / "settings.h").read_text()
    again = read_preprocessing_of(made.model.read_bytes())
    assert again is not None and again.heads == made.preprocessing.heads


@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=3).map(tuple),
    st.sampled_from(["", "CONV_2D", "SOFTMAX", "LOGISTIC", "ADD"]),
    st.booleans(),
    st.booleans(),
)
def test_every_answer_that_is_offered_is_taken(
    shape: tuple[int, ...], made_by: str, is_input_shaped: bool, alone: bool
) -> None:
    output = Output(0, ("boxes", "output 0"), shape, made_by, is_input_shaped)
    other = Output(1, ("other",), (2,), "SOFTMAX", False)
    found = read_output(output, None, alone)
    answers = [found] if isinstance(found, list) else []
    if isinstance(found, Question):
        assert found.choices
        for choice in found.choices:
            name, *rest = shlex.split(choice.option)
            said = {
                "--value": {"value": "".join(rest)},
                "--labels": {"labels": "".join(rest)},
                "--yes-no": {"yes_no": True},
                "--map": {"map_": True},
                "--reconstruction": {"reconstruction": True},
                "--output": {"outputs": rest},
            }[name]
            wishes = wishes_of(**said)  # type: ignore[arg-type]
            first, *_ = meanings_for([output] if alone else [output, other], wishes, Path("net.tflite"))
            answer = read_output(output, first, alone)
            assert isinstance(answer, list), choice
            answers.append(answer)
    for heads in answers:
        assert sum(head.size for head in heads) == output.values
        values = np.linspace(0, 1, output.values).astype(np.float32)
        assert all(head.say(values[: head.size], values[: head.size]) and head.described for head in heads)
        assert [Head.from_dict(vars(head)) for head in heads] == heads


@pytest.mark.parametrize("kind", ["classes", "map"])
def test_each_line_of_a_question_is_a_command_that_works(tmp_path: Path, kind: str) -> None:
    net = network(scale=0.0351, zero_point=2)
    path = written(tmp_path / "net.tflite", net, dense(net, 3) if kind == "classes" else conv(net, 2))
    first = ["pack", str(path), "--board", BOARD, "--out", str(tmp_path / "out"), "--force"]
    asked = CliRunner().invoke(app, first)
    assert isinstance(asked.exception, RecipeError) and asked.exception.exit_code == 2
    lines = [line.strip() for line in asked.exception.fix.splitlines() if line.strip().startswith("edgeforge ")]
    assert len(lines) == 4 and all("--out" in line and "--force" in line for line in lines)
    for line in lines:
        done = CliRunner().invoke(app, shlex.split(line)[1:])
        assert done.exit_code == 0, (line, done.output)
