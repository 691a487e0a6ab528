"""The names that the page gives to its sections and to a network's layers."""

import pytest
from places import DATA

from edgeforge.report.contents import PLACE, with_contents
from edgeforge.report.fit.layer_names import modules_of, named_arena
from edgeforge.report.fit.plot import arena_plot
from edgeforge.report.plots.figures import log_scale, training_plot
from edgeforge.results.rows.fit import ArenaBuffer, ArenaRow
from edgeforge.results.rows.parity import LayerRow
from edgeforge.results.rows.report import Report

ARENA = ArenaRow(
    used_bytes=100, needed_bytes=100, head_bytes=80, tail_bytes=20, tail={}, peak_step=1, live_bytes=[8, 40, 40],
    steps=["CONV_2D 0 (conv_2d_0)", "RESHAPE 1 (reshape_1)"],
    buffers=[
        ArenaBuffer(name="in", kind="tensor", bytes=8, offset=0, first=0, last=1),
        ArenaBuffer(name="conv_2d_0", kind="tensor", bytes=16, offset=8, first=1, last=2),
        ArenaBuffer(name="scratch", kind="scratch", bytes=16, offset=24, first=1, last=1),
    ],
)  # fmt: skip


def layer(operator: str, place: int, module: str | None) -> LayerRow:
    return LayerRow(name="", operator=operator, place=place, module=module, shape=[], precision="int8")


def test_headings_get_an_id_each_and_the_contents_a_link() -> None:
    page = with_contents(f"{PLACE}<h2>A &amp; b</h2><h2>A &amp; b</h2><h2>Größe</h2>")
    assert '<a href="#a-amp-b">A &amp; b</a>' in page and '<h2 id="a-amp-b-1">A &amp; b</h2>' in page
    assert page.count("<li>") == 3 and "<nav" not in with_contents("<h2>No place</h2>")


def test_layers_and_what_they_write_are_named_by_their_modules() -> None:
    modules = modules_of([layer("CONV_2D", 0, "features.0"), layer("RESHAPE", 1, None), layer("ADD", 9, None)])
    named = named_arena(ARENA, modules)
    assert named.steps == ["features.0 (CONV_2D 0)", "RESHAPE 1 (reshape_1)"]
    assert [one.name for one in named.buffers] == ["in", "features.0", "scratch"]
    assert "peak: features.0, 40 bytes = 16 features.0 + 16 scratch + 8 in" in arena_plot(named, "Arena")


@pytest.mark.parametrize("layers", [[], [layer("CONV_2D", 3, "features.0")], [layer("MEAN", 0, "pool")]])
def test_another_models_names_are_not_taken(layers: list[LayerRow]) -> None:
    assert named_arena(ARENA, modules_of(layers)) is ARENA


@pytest.mark.parametrize("values", [[0.006, 0.0101], [0.5, 0.5], [1.0, 30.0], [1e-3, 1e5]])
def test_a_logarithmic_axis_has_two_ticks_at_least(values: list[float]) -> None:
    from matplotlib.figure import Figure

    for which in ("x", "y"):
        axes = Figure().subplots()
        log_scale(axes, which, values)  # type: ignore[arg-type]
        low, high = getattr(axes, f"get_{which}lim")()
        ticks = [tick for tick in getattr(axes, f"get_{which}ticks")() if low <= tick <= high]
        assert 2 <= len(ticks) <= 12, ticks


def test_a_loss_that_falls_far_is_drawn_logarithmically() -> None:
    training = Report.model_validate_json((DATA / "report_mnist.json").read_bytes()).training
    rows = training.epochs
    flat = [row.model_copy(update={"train_loss": 1.0, "val_loss": 2.0}) for row in rows]
    steep = [row.model_copy(update={"train_loss": 1.0 / 50**n, "val_loss": 2.0}) for n, row in enumerate(rows)]
    assert "logarithmic" not in training_plot(training.model_copy(update={"epochs": flat}))
    assert "loss, logarithmic" in training_plot(training.model_copy(update={"epochs": steep}))
