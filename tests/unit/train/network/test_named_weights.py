"""Weights by a name of timm's or torchvision's: out of a cache that is planted here, since no test has a network."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from places import ROOT
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.files import sha256_of
from edgeforge.recipe.schema import Model
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.torchvision_import import import_torchvision
from edgeforge.train.network.load import make_network
from edgeforge.train.network.named_weights import known_weights, load_named_weights

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
TIMM = "timm/mobilenetv3_small_050"
RESNET = "torchvision/resnet18"
RESNET_FILE = "resnet18-f37072fd.pth"  # its end is the true file's hash, which only a download is compared with
needs_timm = pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")


def pixels(channels: int = 3, mean: tuple[float, ...] = IMAGENET[0]) -> Preprocessing:
    return Preprocessing((channels, 32, 32), 255.0, mean, IMAGENET[1][:channels], ("cat", "dog", "owl"))


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both libraries' caches are empty folders of this test, and nothing is asked of a network."""
    from huggingface_hub import constants

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("torch.hub.download_url_to_file", _no_network)


def _no_network(*arguments: Any, **named: Any) -> None:
    raise OSError("no network in a test")


def resnet(classes: int) -> nn.Module:
    import_torchvision()
    from torchvision.models import resnet18

    return resnet18(num_classes=classes)


def planted_resnet(folder: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    file = folder / "torch" / "hub" / "checkpoints" / RESNET_FILE
    file.parent.mkdir(parents=True)
    torch.manual_seed(1)
    state = resnet(1000).state_dict()
    torch.save(state, file)
    return file, state


def planted_timm(folder: Path, snapshot: str = "main") -> tuple[Path, dict[str, torch.Tensor]]:
    import_torchvision()
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(2)
    state = timm.create_model("mobilenetv3_small_050").state_dict()
    file = (
        folder / "hf" / "models--timm--mobilenetv3_small_050.lamb_in1k" / "snapshots" / snapshot / "model.safetensors"
    )
    file.parent.mkdir(parents=True)
    save_file(state, file)
    return file, state


def model(weights: str, **more: Any) -> Model:
    return Model(name="timm_model", weights=weights, **more)


def test_torchvision_s_weights_load_and_a_head_of_other_classes_is_left_out(tmp_path: Path) -> None:
    file, state = planted_resnet(tmp_path)
    network = resnet(3)
    head = network.fc.weight.clone()
    note, *others = load_named_weights(network, model(RESNET), pixels())
    assert torch.equal(network.layer4[1].conv2.weight, state["layer4.1.conv2.weight"])
    assert torch.equal(network.fc.weight, head)
    assert "torchvision/resnet18.IMAGENET1K_V1" in note.what and sha256_of(file) in note.what
    assert "head of 1000 classes is left out (fc.weight, fc.bias)" in note.what
    assert not others, "the data has ImageNet's normalisation"
    whole = resnet(1000)
    (note,) = load_named_weights(whole, model(f"{RESNET}.IMAGENET1K_V1"), pixels())
    assert torch.equal(whole.fc.weight, state["fc.weight"]) and "left out" not in note.what


def test_inside_of_another_module_and_with_another_normalisation(tmp_path: Path) -> None:
    _, state = planted_resnet(tmp_path)

    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = resnet(3)

    network = Wrapped()
    _, warning = load_named_weights(network, model(RESNET), pixels(mean=(0.5, 0.5, 0.5)))
    assert torch.equal(network.backbone.conv1.weight, state["conv1.weight"])
    assert warning.severity == "warning"
    assert warning.remedy == f"data.normalize: {{mean: {list(IMAGENET[0])}, std: {list(IMAGENET[1])}}}"


def test_a_teacher_s_head_has_to_fit(tmp_path: Path) -> None:
    planted_resnet(tmp_path)
    with pytest.raises(RecipeError, match=r"distill.teacher.weights: .*fc.weight is \(1000, 512\), the network's"):
        load_named_weights(resnet(3), model(RESNET), pixels(), "distill.teacher.weights")


@needs_timm
@pytest.mark.parametrize("channels", [3, 1])
def test_timm_s_weights_load_into_the_ready_network(tmp_path: Path, channels: int) -> None:
    file, state = planted_timm(tmp_path)
    args = {"name": "mobilenetv3_small_050", "classes": 3, "channels": channels}
    network = make_network(Model(name="timm_model", args=args), ROOT / "models" / "timm_model.py")
    note, *_ = load_named_weights(network, model(TIMM), pixels(channels, IMAGENET[0][:channels]))
    mine = network.state_dict()
    assert torch.equal(mine["network.bn1.0.running_var"], state["bn1.running_var"]), "a norm split in two"
    stem = state["conv_stem.weight"]
    assert torch.allclose(mine["network.conv_stem.weight"], stem if channels == 3 else stem.sum(1, keepdim=True))
    assert mine["network.classifier.weight"].shape == (3, 1024)
    assert "timm/mobilenetv3_small_050.lamb_in1k" in note.what and sha256_of(file) in note.what
    assert "left out (network.classifier.weight, network.classifier.bias)" in note.what


@needs_timm
def test_a_snapshot_that_the_hub_s_own_client_left_is_found(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    file, _ = planted_timm(tmp_path, commit)
    reference = file.parents[2] / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text(commit)
    network = resnet(3)
    with pytest.raises(RecipeError, match=r"lamb_in1k does not fit ResNet: .* missing"):
        load_named_weights(network, model(TIMM), pixels())


@needs_timm
def test_without_a_network_the_remedy_is_where_the_file_is_put(tmp_path: Path) -> None:
    args = {"name": "mobilenetv3_small_050", "classes": 3}
    network = make_network(Model(name="timm_model", args=args), ROOT / "models" / "timm_model.py")
    with pytest.raises(RecipeError, match="is not in the cache") as caught:
        load_named_weights(network, model(TIMM), pixels())
    place = Path(caught.value.fix.rpartition("put it there: ")[2])
    assert "huggingface.co/timm/mobilenetv3_small_050.lamb_in1k/resolve/main/model.safetensors" in caught.value.fix
    file, _ = planted_timm(tmp_path)
    assert place == file, "the remedy is what helps"
    load_named_weights(network, model(TIMM), pixels())
    file.write_bytes(b"cut short")
    with pytest.raises(RecipeError, match="cannot be read as these weights") as caught:
        load_named_weights(network, model(TIMM), pixels())
    assert str(file.parents[2]) in caught.value.fix

    with pytest.raises(RecipeError, match="is not in the cache") as caught:
        load_named_weights(resnet(3), model(RESNET), pixels())
    assert f"https://download.pytorch.org/models/{RESNET_FILE}" in caught.value.fix
    assert caught.value.fix.endswith(str(tmp_path / "torch" / "hub" / "checkpoints" / RESNET_FILE))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torchvision/resnet81", "resnet18"),
        ("torchvision/resnet18.IMAGENET1K_V9", "resnet18.IMAGENET1K_V1"),
        pytest.param("timm/mobilenetv3_smal_050", "mobilenetv3_small_050", marks=needs_timm),
        pytest.param("timm/mobilenetv3_small_050.lamb_in1", "mobilenetv3_small_050.lamb_in1k", marks=needs_timm),
    ],
)
def test_a_mistyped_name_has_near_ones(name: str, said: str) -> None:
    with pytest.raises(RecipeError, match=r"did you mean .*") as caught:
        known_weights(name)
    assert said in caught.value.reason.partition("did you mean")[2]


def test_a_file_s_path_is_no_name() -> None:
    assert model("timm/best.ckpt").named_weights is None
    assert model("./timm/best").named_weights is None
    assert model("timm/tf_efficientnet_lite0.in1k").named_weights == "timm/tf_efficientnet_lite0.in1k"
    assert known_weights(RESNET).mean == IMAGENET[0] and known_weights(RESNET).std == IMAGENET[1]
