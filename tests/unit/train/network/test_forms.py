"""What a network takes and gives is said as it is, before anything is trained."""

from pathlib import Path

import pytest
import torch
from torch import fx, nn

from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Model
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing, Sampling
from edgeforge.train.head.ending import doubled_softmax, last_functions
from edgeforge.train.network.forms import require_finite, take_images_alone
from edgeforge.train.network.load import check_output, make_network

PREPROCESSING = Preprocessing((3, 8, 8), 255.0, (0.0,) * 3, (1.0,) * 3, tuple("abc"))
IMAGES = torch.zeros(1, 3, 8, 8)


class Labelled(nn.Module):
    """Returns a loss where labels are given."""

    def __init__(self, last: nn.Module | None = None) -> None:
        super().__init__()
        self.dense, self.last = nn.Linear(192, 3), last or nn.Identity()

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        logits: torch.Tensor = self.last(self.dense(x.flatten(1)))
        return logits if labels is None else nn.functional.cross_entropy(logits, labels)


class Several(Labelled):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: torch.Tensor) -> object:  # type: ignore[override]
        logits = super().forward(x)
        return (logits[:, :2], logits) if self.kind == "tuple" else {"cls": logits, "box": logits[:, :2]}


class Gray(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.dense = nn.Conv2d(1, 2, 3), nn.Linear(72, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.dense(self.stem(x).flatten(1))
        return logits


def test_optional_labels_are_left_out_and_the_class_keeps_its_name() -> None:
    network = Labelled()
    expected = network(IMAGES)
    take_images_alone(network)
    assert torch.equal(fx.symbolic_trace(network)(IMAGES), expected)
    assert torch.equal(torch.export.export(network, (IMAGES,)).module()(IMAGES), expected)
    assert type(network).__name__ == "Labelled"
    assert isinstance(network, Labelled)


@pytest.mark.parametrize(
    ("network", "says", "remedy"),
    [
        (Several("tuple"), "a tuple of 2: 0 (1, 2), 1 (1, 3)", "output[1], which has 3 outputs"),
        (Several("dict"), "a dict of 2: cls (1, 3), box (1, 2)", "output['cls'], which has 3 outputs"),
        (Gray(), "layer 'stem' (Conv2d): a convolution is given 3 channels", "set data.channels: 1"),
    ],
)
def test_what_does_not_fit_is_said_as_what_it_is(network: nn.Module, says: str, remedy: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_output(network, PREPROCESSING)
    assert says in caught.value.reason
    assert remedy in caught.value.fix
    assert "make the last layer" not in caught.value.fix


def test_a_network_of_two_inputs_is_refused_before_it_is_wrapped(tmp_path: Path) -> None:
    """Of windows and of several heads too, whose wrappers have one input."""
    path = tmp_path / "two.py"
    path.write_text(
        "import torch\nclass Two(torch.nn.Module):\n    def forward(self, x, meta):\n        return x.mean(2), meta\n"
    )
    windows = Preprocessing((2, 1, 9), 1.0, (0.0,) * 2, (1.0,) * 2, ("a", "b"), raw_type="float32",
                            sampling=Sampling(50.0, 9, ("x", "y")),
                            heads=(Head("a", ("a", "b")), Head("b", ("c", "d"))))  # fmt: skip
    for preprocessing in (PREPROCESSING, windows, None):
        with pytest.raises(RecipeError, match=r"forward of Two takes 2 inputs \(x, meta\)") as caught:
            make_network(Model(name=f"{path}:Two"), path, preprocessing)
        assert "forward(self, x) gives it meta" in caught.value.fix


def test_weights_that_are_not_finite_are_named_by_tensor() -> None:
    network = Labelled()
    network.dense.weight.data[0, 0] = torch.nan
    network.dense.bias.data[1] = torch.inf
    with pytest.raises(RecipeError) as caught:
        require_finite(network.state_dict(), "model.weights: net.pth", "take others")
    assert "dense.weight holds NaN (1 of 576 values), dense.bias holds infinity (1 of 3 values)" in caught.value.reason


@pytest.mark.parametrize(
    ("last", "name"), [(nn.Softmax(1), "softmax"), (nn.LogSoftmax(1), "log_softmax"), (nn.Sigmoid(), "sigmoid")]
)
def test_probabilities_before_cross_entropy_are_a_finding(last: nn.Module, name: str) -> None:
    (finding,) = doubled_softmax(*last_functions(Labelled(last), IMAGES), Path("net.py"))
    assert f"net.py ends with {name}" in finding.what
    assert not doubled_softmax(*last_functions(Labelled(nn.ReLU()), IMAGES), Path("net.py"))
    assert not doubled_softmax(*last_functions(Labelled(), IMAGES), Path("net.py"))
