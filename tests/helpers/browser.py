"""Chromium, as Debian has it, driven by Playwright: what a page looks like to who opens it."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

AXE = Path(os.environ.get("EDGEFORGE_AXE", ROOT / "build" / "test-tools" / "node_modules" / "axe-core" / "axe.min.js"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = ", ".join(
    name
    for name, there in (("playwright (pip)", importlib.util.find_spec("playwright")), ("chromium", CHROMIUM))
    if not there
)
needs_browser = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: scripts/install_test_tools.sh")

# Pairs of texts of one SVG that lie on each other: their boxes, turned as the text is, by the separating axis theorem.
OVERLAPPING = """() => {
  const corners = (text) => {
    const box = text.getBBox(), matrix = text.getScreenCTM(), air = box.height * 0.15;
    const [left, right, top, bottom] = [box.x + 0.5, box.x + box.width - 0.5, box.y + air, box.y + box.height - air];
    return [[left, top], [right, top], [right, bottom], [left, bottom]].map(
      ([x, y]) => [matrix.a * x + matrix.c * y + matrix.e, matrix.b * x + matrix.d * y + matrix.f]);
  };
  const axes = (quad) => [0, 1].map((i) => [quad[i + 1][1] - quad[i][1], quad[i][0] - quad[i + 1][0]]);
  const span = (quad, [x, y]) => {
    const along = quad.map(([a, b]) => a * x + b * y);
    return [Math.min(...along), Math.max(...along)];
  };
  const meet = (a, b) => [...axes(a), ...axes(b)].every((axis) => {
    const [low, high] = span(a, axis), [other, end] = span(b, axis);
    return low < end && other < high;
  });
  const found = [];
  document.querySelectorAll("svg").forEach((svg) => {
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim() && text.getBBox().width);
    const quads = texts.map(corners);
    quads.forEach((quad, i) => quads.slice(i + 1).forEach((other, j) => {
      if (meet(quad, other)) {
        const pair = [texts[i], texts[i + 1 + j]].map((text) => text.textContent.trim());
        found.push(`${svg.getAttribute("aria-label")}: ${pair.join(" | ")}`);
      }
    }));
  });
  return found;
}"""
# Tables, and their cells, that reach out of the place that they stand in.
CUT = """() => [...document.querySelectorAll("table")].filter((table) => table.checkVisibility()
  && (table.scrollWidth > table.parentElement.clientWidth + 1 || table.getBoundingClientRect().right > innerWidth + 1))
  .map((table) => table.textContent.trim().slice(0, 60))"""

# Plots that must be scrolled, and the height in pixels of the smallest letters in any.
SIDEWAYS = """() => [...document.querySelectorAll("figure")].filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.textContent.trim().slice(0, 60))"""
LETTERS = """() => Math.min(...[...document.querySelectorAll("figure svg text")].filter((text) => text.getBBox().width)
  .map((text) => parseFloat(getComputedStyle(text).fontSize)
    * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b)))"""


@contextmanager
def browser() -> Iterator[Any]:
    """Yield a headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@contextmanager
def opened(running: Any, path: Path, width: int, scheme: str = "light") -> Iterator[Any]:
    """Yield a page with a file in it; at its end it must have fetched nothing else, and complained of nothing."""
    page = running.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    asked_for: list[str] = []
    page.on("request", lambda asked: asked_for.append(asked.url))
    page.goto(path.as_uri())
    yield page
    page.close()
    assert not complaints + [url for url in asked_for if not url.startswith(("file:", "data:"))]


def violations(page: Any) -> list[str]:
    """Return what axe-core finds serious or critical."""
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
