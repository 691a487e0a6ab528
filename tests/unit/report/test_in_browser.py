"""The report's page in a real browser: narrow and wide, light and dark, on paper, by keyboard and screen reader."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import CUT, LETTERS, OVERLAPPING, SIDEWAYS, browser, needs_axe, needs_browser, opened, violations
from int8_models import person_detection
from places import DATA

from edgeforge.evaluate.mistakes import mistakes
from edgeforge.hardware.boards import board
from edgeforge.report.html import render
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.parity import Deviation, LayerRow, ParityRow
from edgeforge.results.rows.report import Report
from edgeforge.targets.fit.judge import fit_model

pytestmark = needs_browser
WIDTHS = (390, 768, 1280)


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with browser() as one:
        yield one


def layers(count: int) -> ParityRow:
    """Layers that lose more with their depth."""
    rows = []
    for place in range(count):
        own, added = (
            Deviation(sqnr_db=db, cosine=0.99, max_error=0.1, max_steps=2.0) for db in (40 - place, 35 - place)
        )
        rows.append(LayerRow(name=f"CONV_2D {place}", module=f"features.{place}", operator="CONV_2D", place=place,
                             shape=[1, 8], precision="int8", own=own, accumulated=added, cost=1 / count))  # fmt: skip
    return ParityRow(images=64, output_sqnr_db=30.0, layers=rows, step=0.1)


@pytest.fixture(scope="module", params=["as it is", "long names"])
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a realistic report; with long names of classes, layers and variants; pictures and plots in both."""
    report = Report.model_validate_json((DATA / "report_mnist.json").read_bytes())
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (40, 1, 28, 28), np.uint8), np.arange(40) % 10
    outputs = {name: random.normal(size=(40, 10)).astype(np.float32) for name in ("torch-fp32", "tflm-int8")}
    digits = Preprocessing((1, 28, 28), 255.0, (0.0,), (1.0,), tuple(report.classes))
    report.mistakes = mistakes(images, labels, outputs, np.arange(40), digits)
    long = request.param == "long names"
    report.parity = layers(12)
    file = person_detection() if long else (DATA / "digits_int8.tflite").read_bytes()
    report.targets[0].fit = fit_model(file, board("arduino-nano-33-ble"))
    if long:
        report.classes = [f"a class of a long name, {name}" for name in report.classes]
        for number, layer in enumerate(report.parity.layers):
            layer.module = f"backbone.features.{number}.block.convolution"
        for row in report.variants:
            row.detail = "a_word_that_has_no_place_to_be_broken_at_" * 2
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(report))
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_and_no_names_lie_on_each_other(running: Any, page_file: Path, width: int) -> None:
    with opened(running, page_file, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        page.wait_for_timeout(50)  # the toggle events
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CUT) == []
        assert page.evaluate(OVERLAPPING) == []
        assert page.evaluate(SIDEWAYS) == []
        assert page.evaluate(LETTERS) >= 7.0  # pixels


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_is_accessible(running: Any, page_file: Path, width: int, scheme: str) -> None:
    with opened(running, page_file, width, scheme) as page:
        assert violations(page) == []


def test_contents_lead_to_every_section_and_rows_sort(running: Any, page_file: Path) -> None:
    with opened(running, page_file, 1280) as page:
        links = page.eval_on_selector_all("nav a", "all => all.map((link) => link.getAttribute('href'))")
        headings = page.eval_on_selector_all("h2", "all => all.map((heading) => `#${heading.id}`)")
        assert links == headings and len(set(links)) == len(links) >= 8
        page.click("#variants th:nth-child(5)")
        read = "all => all.map((row) => parseFloat(row.cells[4]?.textContent.replace(',', '')))"
        sizes = page.eval_on_selector_all("#variants tbody:last-child tr", read)
        known = [size for size in sizes if size == size]
        assert known == sorted(known) and len(known) >= 9


def test_a_row_is_a_card_where_the_page_is_narrow_and_a_row_where_it_is_wide(running: Any, page_file: Path) -> None:
    with opened(running, page_file, 390) as page:
        cell = "#variants tbody tr:nth-child(2) td:nth-child(5)"
        label = f"getComputedStyle(document.querySelector('{cell}'), '::before').content"
        assert page.evaluate(label) == '"size KB"'
        page.set_viewport_size({"width": 1280, "height": 900})
        page.wait_for_function(f"{label} === 'none'")  # the browser lays it out when it has time


def test_on_paper_all_is_open_light_and_without_links(running: Any, page_file: Path) -> None:
    with opened(running, page_file, 1280, "dark") as page:
        page.emulate_media(media="print")
        assert not page.is_visible("nav") and page.is_visible("details pre")
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        assert page.pdf().startswith(b"%PDF")


def test_the_check_sees_names_that_lie_on_each_other(running: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    texts = "".join(f'<text x="{x}" y="{y}" transform="rotate({turn} {x} {y})">{x}-{y}</text>'
                    for x, y, turn in ((20, 60, 0), (30, 62, 0), (120, 80, -90), (140, 80, -90)))  # fmt: skip
    path.write_text(f'<svg aria-label="plot" width="300" height="100">{texts}</svg>')
    with opened(running, path, 390) as page:
        assert page.evaluate(OVERLAPPING) == ["plot: 20-60 | 30-62"]
