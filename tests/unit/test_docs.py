"""README and docs name verbs, options, recipes, keys, files and scripts that are there."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from places import ROOT

from edgeforge.cli.app import app
from edgeforge.errors import RecipeError
from edgeforge.recipe.load import load_recipe

sys.path.insert(0, str(ROOT / "scripts"))
import docs_pages

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
VERBS = typer.main.get_group(app).commands  # type: ignore[attr-defined]
NAMED = re.compile(rf"edgeforge ({'|'.join(VERBS)})\b([^`\n|]*)")


def commands(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each verb that a page names, with what stands behind it; a line that ends in a backslash goes on."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for verb, rest in NAMED.findall(text):
        yield verb, re.split(r"\s#|\s{3,}", rest)[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_verbs_take_the_options_that_a_page_names(page: Path) -> None:
    for verb, rest in commands(page):
        command = VERBS[verb]
        known = {one for parameter in command.params for one in (*parameter.opts, *parameter.secondary_opts)}
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest)) - {"--help"}
        further = command.context_settings.get("ignore_unknown_options", False)
        assert further or named <= known, f"{page.name}: edgeforge {verb}: {named - known}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(
        re.findall(r"\b(?:scripts|recipes|models|edgeforge|tests)/[\w./-]+\.(?:py|sh|yaml|toml|json|txt)\b", text)
    )
    missing = {name for name in named if not (ROOT / name).exists()}
    links = {link for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text) if not (page.parent / link).exists()}
    assert not missing | links


def snippets() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what stands in the pages' YAML blocks: whole recipes and parts of one; `data:` twice are two of them."""
    for page in PAGES:
        for block in re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.M | re.S):
            for part in re.split(r"\n(?=data:)", block) if block.startswith("data:") else [block]:
                yield page.name, yaml.safe_load(part)


@pytest.mark.parametrize(("page", "part"), list(snippets()))
def test_a_recipe_that_a_page_shows_is_one(page: str, part: dict[str, Any], tmp_path: Path) -> None:
    whole = {"name": "shown", "data": {"source": "digits"}, "model": {"name": "digits_cnn"}, **part}
    path = tmp_path / "shown.yaml"
    path.write_text(yaml.safe_dump(whole))
    try:
        load_recipe(path)
    except RecipeError as error:
        pytest.fail(f"{page}: {error}")


def test_the_pages_ask_for_what_is_generated() -> None:
    marked = {marker for page in PAGES for marker in re.findall(r"<!-- (\w+) -->", page.read_text(encoding="utf-8"))}
    assert marked == set(docs_pages.WRITERS)


def test_what_is_generated_names_every_key_verb_and_error() -> None:
    tables = {marker: "\n".join(write()) for marker, write in docs_pages.WRITERS.items()}
    assert "| `epochs` | whole number ≥ 0" in tables["recipe"] and "### `quantize.ptq.adaround`" in tables["recipe"]
    assert all(f"### edgeforge {verb}\n" in tables["verbs"] for verb in VERBS) and "`--until`" in tables["verbs"]
    assert "no such file" in tables["errors"] and "| give a folder with a folder of images" in tables["errors"]


def test_the_notebook_ships_with_its_outputs_and_names_no_folder_of_a_machine() -> None:
    path = ROOT / "docs" / "mnist.ipynb"
    text = path.read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert not any(output["output_type"] == "error" for output in outputs)
    said = "".join(line for output in outputs for line in output.get("text", ()))
    assert "tflm-int8" in said and "times smaller" in said
    assert path.stat().st_size < 200_000 and not re.search(r"/(?:home|root|tmp|Users)/", said)
