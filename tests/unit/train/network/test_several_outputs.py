"""Networks that return a tuple or a dict: one vector, head after head."""

from __future__ import annotations

import pytest
import torch
from torch import fx, nn

from edgeforge.errors import RecipeError
from edgeforge.results.head import Head
from edgeforge.train.network.several_outputs import give_in_a_row

HEADS = (Head("shape", ("a", "b", "c")), Head("hertz", unit="Hz"), Head("loud", ("no", "yes"), kind="yes_no"))
SHAPE = (2, 1, 6)


class Several(nn.Module):
    def __init__(self, form: str = "dict", in_training: str = "") -> None:
        super().__init__()
        self.form, self.in_training = form, in_training
        self.shape, self.hertz, self.loud = nn.Linear(12, 3), nn.Linear(12, 1), nn.Linear(12, 1)

    def forward(self, x: torch.Tensor) -> object:
        x = x.flatten(1)
        named = {"loud": self.loud(x), "shape": self.shape(x), "hertz": self.hertz(x).squeeze(1)}
        form = self.in_training if self.training and self.in_training else self.form
        if form == "dict":
            return named
        if form == "other":
            return {**named, "volume": named.pop("loud")}
        if form == "maps":
            return named["shape"][:, :, None, None], named["hertz"], named["loud"]
        values = [named[head.name] for head in HEADS]
        return tuple(values[: int(form)])


def test_a_dict_is_put_in_the_order_of_the_heads_and_a_tuple_has_it() -> None:
    images = torch.rand(4, *SHAPE)
    for form in ("dict", "3", "maps"):
        network = Several(form)
        plain = network(images)
        values = [plain[head.name] for head in HEADS] if isinstance(plain, dict) else list(plain)  # type: ignore[call-overload]
        wanted = torch.cat([one.reshape(4, -1) for one in values], 1)
        give_in_a_row(network, SHAPE, HEADS)
        assert torch.equal(network(images), wanted) and type(network).__name__ == "Several"
        assert torch.equal(fx.symbolic_trace(network)(images), wanted)
        exported = torch.export.export(network.eval(), (images[:1],)).module()
        assert torch.allclose(exported(images[:1]), wanted[:1], atol=1e-6)


def test_one_tensor_stays_as_it_is() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    give_in_a_row(network, SHAPE, HEADS)
    assert type(network) is nn.Sequential


@pytest.mark.parametrize(
    "network, fault",
    [
        (Several("2"), "forward returns 2 outputs, the data has 3 heads: shape, hertz, loud"),
        (Several("other"), "a dict with 'volume'.*; the data's heads are shape, hertz, loud"),
    ],
)
def test_other_outputs_than_heads(network: nn.Module, fault: str) -> None:
    with pytest.raises(RecipeError, match=fault):
        give_in_a_row(network, SHAPE, HEADS)


def test_an_output_of_another_size() -> None:
    heads = (Head("shape", ("a", "b")), *HEADS[1:])
    with pytest.raises(
        RecipeError, match=r"its output 'shape' for one input is \(1, 3\), the data's head takes \(1, 2\)"
    ):
        give_in_a_row(Several(), SHAPE, heads)


@pytest.mark.parametrize("form, fault", [("2", "returns 2 outputs"), ("other", "a dict with 'volume'")])
def test_outputs_that_change_in_training_are_told(form: str, fault: str) -> None:
    network = Several("dict", in_training=form)
    give_in_a_row(network, SHAPE, HEADS)
    network.train()
    with pytest.raises(RecipeError, match=fault) as caught:
        network(torch.rand(2, *SHAPE))
    assert "in training and in evaluation" in caught.value.fix


def test_eager_int8_gives_outputs_of_unlike_ranges_a_scale_of_all(tmp_path: object) -> None:
    from torch.ao import quantization

    from edgeforge.train.network.several_outputs import join_by_module

    torch.manual_seed(0)
    network = Several("3").eval()
    network.shape.weight.data *= 0.01
    network.loud.weight.data *= 20
    give_in_a_row(network, SHAPE, HEADS)
    images = torch.rand(64, *SHAPE) - 0.5
    wanted = network(images).detach()
    join_by_module(network)
    assert torch.equal(network(images), wanted)
    torch.backends.quantized.engine = "qnnpack"
    network.qconfig = quantization.get_default_qconfig("qnnpack")  # type: ignore[assignment]
    prepared = quantization.prepare(quantization.QuantWrapper(network).eval())
    prepared(images)
    found = quantization.convert(prepared)(images)
    step = float(wanted.max() - wanted.min()) / 255
    assert float(abs(found - wanted).max()) < 4 * step
