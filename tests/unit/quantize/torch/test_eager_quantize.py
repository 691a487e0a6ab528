"""Eager-mode QAT: for models with stubs, also those that FX cannot trace; the same forms as FX gives."""

import pytest
import torch
from torch import nn
from torch.ao.nn.quantized import FloatFunctional
from torch.ao.quantization import DeQuantStub, QuantStub, disable_fake_quant, enable_fake_quant

from edgeforge.errors import RecipeError
from edgeforge.quantize.torch.eager_quantize import eager_network, finish, prepare

IMAGES = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Eager(nn.Module):
    """A residual net whose forward branches on a value: FX cannot trace it."""

    def __init__(self) -> None:
        super().__init__()
        self.quant, self.dequant, self.sum = QuantStub(), DeQuantStub(), FloatFunctional()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.abs().max() > 1e6:
            raise ValueError("these are no images")
        stem = self.stem(self.quant(images))
        return self.dequant(self.head(self.sum.add(stem, self.block(stem))))


def test_all_forms_of_a_network_that_fx_cannot_trace() -> None:
    torch.manual_seed(0)
    torch.backends.quantized.engine = "qnnpack"
    network = eager_network(Eager().eval())
    prepared = prepare(network, IMAGES[:1], training=True, per_channel_dense=False)
    with torch.no_grad():
        prepared.eval().apply(disable_fake_quant)(IMAGES)
    prepared.apply(enable_fake_quant)
    made = finish(prepared, network, IMAGES)
    assert [tensor.name for tensor in made.ranges.tensors] == ["quant", "stem.0", "block.0", "sum", "head.2"]
    assert {entry.module: len(entry.scale) for entry in made.ranges.weights} == {"stem.0": 4, "block.0": 4, "head.2": 1}
    step = made.ranges.output_scale
    assert step
    with torch.no_grad():
        assert torch.allclose(made.float_twin(IMAGES), network(IMAGES), atol=1e-5)
        assert (made.integer(IMAGES) - made.fake_quant(IMAGES)).abs().max() <= 1.01 * step
        assert (made.integer(IMAGES) - network(IMAGES)).abs().max() <= 6 * step


@pytest.mark.parametrize(
    ("network", "skip", "said"),
    [
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), (), "needs a model with torch.ao.quantization.QuantStub"),
        (nn.Sequential(QuantStub(), nn.Conv2d(1, 2, 3), nn.ReLU6(), DeQuantStub()), (), "cannot fuse ReLU6"),
        (Eager(), ("stem",), "the model itself says what stays in float"),
    ],
)
def test_what_eager_mode_cannot_do_is_said(network: nn.Module, skip: tuple[str, ...], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        eager_network(network, skip)
