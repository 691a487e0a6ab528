"""Training of several heads: what each loss sees, augmentation that a resume repeats, and learning-rate schedules."""

import numpy as np
import pytest
import torch
from places import ROOT
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.recipe.sections.training import Augment, Train
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.train.batches import loader
from edgeforge.train.heads_loss import HeadsLoss, targets
from edgeforge.train.network.load import check_output
from edgeforge.train.schedule import scheduled

KIND, LIFE = Head("kind", ("a", "b", "c")), Head("life", unit="cycles", mean=6.0, std=0.5, log=True)


def both(*heads: Head) -> Preprocessing:
    return Preprocessing((1, 8, 8), 1.0, (0.0,), (1.0,), heads[0].classes, heads, "float32")


def test_the_loss_is_the_weighted_sum_of_the_heads() -> None:
    labels = np.array([[500.0, 2], [900.0, 0]])
    expected = torch.from_numpy(targets(labels, (LIFE, KIND)))
    outputs = torch.randn(2, 4)
    found = HeadsLoss(both(LIFE, KIND), Train(head_weights={"kind": 0.25}, value_loss="mse"), labels)(outputs, expected)
    value = nn.functional.mse_loss(outputs[:, 0], (torch.tensor([500.0, 900.0]).log() - 6.0) / 0.5)
    kind = nn.functional.cross_entropy(outputs[:, 1:], torch.tensor([2, 0]))
    torch.testing.assert_close(found, value + 0.25 * kind)


def test_one_head_of_classes_is_trained_as_ever() -> None:
    labels = np.array([0, 2, 1, 1])
    outputs = torch.randn(4, 3)
    found = HeadsLoss(both(KIND), Train(), labels)(outputs, torch.from_numpy(targets(labels, (KIND,))))
    assert torch.equal(found, nn.CrossEntropyLoss()(outputs, torch.from_numpy(labels)))


def test_balanced_weights_make_rare_classes_count_as_much() -> None:
    labels = np.array([0] * 90 + [1] * 9 + [2])
    (loss,) = HeadsLoss(both(KIND), Train(class_weights="balanced"), labels).losses
    totals = loss.weight.numpy() * np.bincount(labels)  # type: ignore[union-attr, operator]
    np.testing.assert_allclose(totals, totals[0], rtol=1e-5)


def test_a_weight_of_no_head_is_refused() -> None:
    with pytest.raises(RecipeError, match="there is no head 'kin'"):
        HeadsLoss(both(KIND), Train(head_weights={"kin": 1.0}), np.array([0, 1]))


def test_a_network_with_too_few_outputs_is_told_the_heads() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with pytest.raises(RecipeError, match=r"heads 'life' \(a value\), 'kind' \(3 classes\): expected \(1, 4\)"):
        check_output(net, both(LIFE, KIND))


def test_augmented_batches_depend_on_seed_epoch_and_image_alone() -> None:
    images = np.random.default_rng(0).random((40, 1, 8, 8)).astype(np.float32)
    labels = np.arange(40)
    wanted = Augment(flip=True, rotate=30.0, shift=0.1, colour=0.2, noise=0.1)

    def epoch(number: int, size: int) -> dict[int, bytes]:
        batches = loader(images, labels % 3, both(KIND), size, 7, wanted)
        batches.sampler.set_epoch(number)  # type: ignore[union-attr]
        order = [index for batch in batches.sampler for index in batch]
        rows = torch.cat([x for x, _ in batches])
        return {index: row.numpy().tobytes() for index, row in zip(order, rows, strict=True)}

    first = epoch(1, 8)
    assert first == epoch(1, 16)  # whatever batches they come in
    second = epoch(2, 8)
    assert all(first[index] != second[index] for index in first)
    assert all(first[index] != images[index].tobytes() for index in first)


def test_quarter_turns_and_flips_only_move_pixels() -> None:
    images = np.random.default_rng(0).random((20, 1, 8, 8)).astype(np.float32)
    rows = torch.cat(
        [x for x, _ in loader(images, np.zeros(20, int), both(KIND), 20, 1, Augment(flip=True, rotate=True))]
    )
    assert {tuple(np.sort(row.ravel())) for row in rows.numpy()} == {tuple(np.sort(row.ravel())) for row in images}


@pytest.mark.parametrize("schedule, first, last", [("cosine", 1.0, 0.0), ("onecycle", 0.04, 0.0)])
def test_schedules_end_at_zero(schedule: str, first: float, last: float) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    made = scheduled(optimizer, Train(lr=1.0, schedule=schedule), lambda: 50)  # type: ignore[arg-type]
    rates = []
    for _ in range(50):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made["lr_scheduler"]["scheduler"].step()
    assert rates[0] == pytest.approx(first, abs=1e-6) and rates[-1] == pytest.approx(last, abs=2e-3)
    assert max(rates) == pytest.approx(1.0, abs=1e-2)


def test_a_constant_rate_needs_no_scheduler() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    assert scheduled(optimizer, Train(), lambda: 1) is optimizer


def test_the_models_of_the_recipes_give_their_heads() -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    for name, shape, outputs in (("cells_cnn.CellsCNN", (3, 48, 48), 6), ("matr1_cnn.Matr1CNN", (1, 100, 99), 3)):
        file, made = name.split(".")
        spec = spec_from_file_location(file, ROOT / "models" / f"{file}.py")
        assert spec and spec.loader
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        network = getattr(module, made)().eval()
        assert network(torch.zeros(2, *shape)).shape == (2, outputs)
    assert abs(network(torch.full((1, *shape), 1e3))).max() == 3.345  # a battery's life is never extrapolated
