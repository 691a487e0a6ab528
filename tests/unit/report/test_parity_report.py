"""The section on parity, in the page and in the terminal, from a report's rows; test data, not measurements."""

import io

import pytest
from pages import checked
from rich.console import Console
from small_report import small_report

from edgeforge.report.parity.plot import depth_plot
from edgeforge.report.parity.table import identical_text, print_parity
from edgeforge.report.parity.view import parity_findings
from edgeforge.results.rows.parity import Advice, Deviation, LayerRow, ParityRow, RuntimePairRow
from edgeforge.results.rows.report import Report

EVIL = "<img src=x>&\"'"


@pytest.fixture
def report() -> Report:
    return small_report()


def layer(place: int, own: float | None, cost: float, module: str | None = None, reason: str = "") -> LayerRow:
    name = f"{module} (CONV_2D {place})" if module else f"CONV_2D {place}"
    row = LayerRow(name=name, module=module, operator="CONV_2D", place=place, shape=[1, 8], precision="int8",
                   reason=reason)  # fmt: skip
    if not reason:
        row.own = Deviation(sqnr_db=own, cosine=0.999, max_error=0.1, max_steps=1.5)
        row.accumulated = Deviation(sqnr_db=30.0, cosine=0.999, max_error=0.1, max_steps=1.5)
        row.scale, row.saturation, row.cost = 0.1, 0.002, cost
    return row


def pair(a: str, b: str, identical: float, steps: int | None) -> RuntimePairRow:
    return RuntimePairRow(a=a, b=b, images=40, identical=identical, within_one=None if steps is None else 1.0,
                          max_steps=steps, max_difference=0.2, same_class=1.0, one_file=b != "torch")  # fmt: skip


@pytest.fixture
def parity() -> ParityRow:
    rows = [layer(0, 41.0, 0.02), layer(1, 12.0, 0.9, "features.3"), layer(2, None, 0.0), layer(3, 38.0, 0.08, EVIL),
            layer(4, None, 0.0, reason="no such operator " + EVIL)]  # fmt: skip
    rows[1].advice = [Advice(rule="saturation", what="3 % of its values are " + EVIL, remedy="calibrate again")]
    pairs = [pair("torch", "builtin", 0.7, 3), pair("torch", "tflm", 0.7, 3), pair("builtin", "tflm", 0.99999, 1)]
    return ParityRow(images=64, output_sqnr_db=30.0, layers=rows, runtimes=pairs, step=0.1, left_out={"x": EVIL})


def test_the_page_shows_layers_advice_and_runtimes(report: Report, parity: ParityRow) -> None:
    report.parity = parity
    page = checked(report)
    for words in ("keep 30.0 dB", "98 % of their error is due to 2 of 4 layers", "<b>features.3</b>",
                  "Calibrate again.", "no such operator", "up to 3 steps", "99.99 %", "Left out: x"):  # fmt: skip
        assert words in page, words
    assert "<img" not in page
    assert page == checked(report)


@pytest.mark.parametrize("missing", ["everything", "layers", "runtimes", "grid", "old report"])
def test_the_page_says_what_is_missing(report: Report, parity: ParityRow, missing: str) -> None:
    if missing == "everything":
        parity = ParityRow(reason="there is no full-integer TFLite model: <conv> refused")
    elif missing == "layers":
        parity.layers, parity.reason = [], "layers: there is no float32 TFLite model"
    elif missing == "runtimes":
        parity.runtimes = []
    elif missing == "grid":
        parity.step, parity.runtimes = None, [pair("torch", "tflm", 0.5, None)]
    report.parity = None if missing == "old report" else parity
    page = checked(report)
    assert ("Not compared: there is no full-integer TFLite model: &lt;conv&gt; refused" in page) == (
        missing == "everything"
    )
    assert ("Layer by layer" in page) == (missing != "old report")
    assert ("Runtimes against each other" in page) == (missing in ("layers", "grid"))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_tables_fit_their_terminal(parity: ParityRow, width: int) -> None:
    parity.layers[3].name = "blocks.4 (ADD 3)"
    console = Console(file=io.StringIO(), width=width)
    print_parity(parity, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    for word in ("features.3", "12.0", "90 %", "no such operator", "70.0  3", "99.99  1"):
        assert word in text, word
    assert ("━" in text) == (width == 160)


def test_a_poor_model_is_a_finding_that_names_its_worst_layer(parity: ParityRow) -> None:
    assert parity_findings(parity) == []
    parity.output_sqnr_db = 11.0
    (finding,) = parity_findings(parity)
    assert "only 11.0 dB; 90 % of the error comes of features.3 (CONV_2D 1): 3 %" in finding.what
    assert finding.remedy == "calibrate again"


def test_only_equal_outputs_are_100_percent() -> None:
    assert identical_text(pair("a", "b", 1.0, 0)) == "100"
    assert identical_text(pair("a", "b", 0.999999, 1)) == "99.99"
    assert identical_text(pair("a", "b", 0.724, 3)) == "72.4"


@pytest.mark.parametrize("count", [1, 5, 60])
def test_the_plot_holds_for_any_depth(count: int) -> None:
    rows = [layer(n, 30.0 + n % 7, 1 / count, f"blocks.{n}") for n in range(count)]
    drawn = depth_plot(rows, rows[:3])
    assert drawn == depth_plot(rows, rows[:3]) and drawn.startswith("<svg")
    assert "30.0 dB" in drawn and ("blocks.0" in drawn)


def test_exact_layers_draw_nothing() -> None:
    exact = layer(0, None, 0.0)
    assert exact.accumulated
    exact.accumulated.sqnr_db = None
    assert depth_plot([exact], []).startswith("<svg")
