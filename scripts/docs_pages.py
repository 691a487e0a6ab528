"""What the documentation generates: the recipe's keys, the verbs' options, every error.

mkdocs calls it (`hooks` in mkdocs.yml) while `make docs` builds the site: a page that holds `<!-- recipe -->`,
`<!-- verbs -->` or `<!-- errors -->` gets the tables there, from the schema, the command line and tests/snapshots as
they are at that moment. So none of them is kept twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOTS = ROOT / "tests" / "snapshots"
ROOMS = {
    "builder": "Builds and their store",
    "cli": "The command line",
    "data": "Data",
    "evaluate": "Measuring and comparing",
    "export": "From PyTorch to ONNX and TFLite",
    "onnx_graph": "ONNX files",
    "tflite": "TFLite files",
    "train": "Training",
    "quantize": "Quantization",
    "recipe": "The recipe",
    "results": "Reports",
    "runtimes": "Runtimes",
    "report": "Reports",
    "targets": "Boards and devices",
    "hardware": "Boards and libraries",
}
SITUATIONS = {"recipe": "Recipes", "model_files": "Model files", "builds": "Builds", "tools": "Other verbs"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the generated tables where a page asks for them."""
    for marker, write in WRITERS.items():
        place = f"<!-- {marker} -->"
        if place in markdown:
            markdown = markdown.replace(place, "\n".join(write()))
    return markdown


def recipe() -> Iterator[str]:
    """Yield a table for each section of the recipe, from its JSON schema."""
    from edgeforge.recipe.schema import Recipe

    schema = Recipe.model_json_schema()
    yield from _section("The whole", schema, schema["$defs"])
    seen: set[str] = set()
    for key, value in schema["properties"].items():
        yield from _sections(key, value, schema["$defs"], seen)


def _sections(key: str, value: dict[str, Any], definitions: dict[str, Any], seen: set[str]) -> Iterator[str]:
    for name in dict.fromkeys(re.findall(r"'#/\$defs/(\w+)'", str(value))):
        section = definitions[name]
        if name in seen or "properties" not in section:
            continue
        seen.add(name)
        yield from _section(f"`{key}`", section, definitions)
        for below, one in section["properties"].items():
            yield from _sections(f"{key}.{below}", one, definitions, seen)


def _section(title: str, section: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    yield from (f"### {title}", "")
    if title.startswith("`"):
        yield from (section.get("description", "").split("\n")[0], "")
    yield from ("| key | value | default | |", "|---|---|---|---|")
    required = section.get("required", ())
    for key, value in section["properties"].items():
        default = "must be there" if key in required else _plain(value.get("default"))
        yield f"| `{key}` | {_kind(value, definitions)} | {default} | {_cell(value.get('description', ''))} |"
    yield ""


def _plain(default: Any) -> str:
    match default:
        case None:
            return "none"
        case True | False:
            return f"`{str(default).lower()}`"
        case dict() | list() if not default:
            return "empty"
        case dict():
            return "as below"
        case list():
            return f"`[{', '.join(map(str, default))}]`"
    return f"`{default}`"


def _kind(value: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Say in words what a value may be."""
    if "$ref" in value:
        definition = definitions[value["$ref"].rsplit("/", 1)[1]]
        return "section" if "properties" in definition else _kind(definition, definitions)
    if "anyOf" in value:
        kinds = [_kind(one, definitions) for one in value["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in value or "const" in value:
        return ", ".join(f"`{one}`" for one in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        parts = value.get("prefixItems") or [value.get("items", {})]
        inner = ", ".join(dict.fromkeys(_kind(one, definitions) for one in parts))
        return f"{len(parts)} of: {inner}" if "prefixItems" in value else f"list of: {inner}"
    if value.get("type") == "object":
        inner = value.get("additionalProperties")
        return f"name: {_kind(inner, definitions)}" if isinstance(inner, dict) else "mapping"
    kind = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true`, `false`"}
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {value[key]:g}" for key, sign in signs.items() if key in value]
    return " ".join([kind.get(value.get("type", ""), "any"), " and ".join(bounds)]).strip()


def verbs() -> Iterator[str]:
    """Yield what each verb takes, from the command line itself."""
    import typer

    from edgeforge.cli.app import app

    for name, command in typer.main.get_group(app).commands.items():  # type: ignore[attr-defined]
        help_text, _, example = (command.help or "").partition("\n")
        yield from (f"### edgeforge {name}", "", _cell(help_text), "")
        if example.strip():
            yield from ("```text", *(line.strip() for line in example.strip().splitlines()), "```", "")
        yield from ("| | | default |", "|---|---|---|")
        for parameter in command.params:
            opts = " ".join(f"`{one}`" for one in (*parameter.opts, *parameter.secondary_opts))
            if parameter.param_type_name == "argument":
                opts = f"`{(parameter.name or '').upper()}`"
            default = "" if parameter.default in (None, (), False) or callable(parameter.default) else parameter.default
            shown = "" if not default or parameter.required else f"`{default}`"
            yield f"| {opts} | {_cell(getattr(parameter, 'help', '') or '')} | {shown} |"
        yield ""


def errors() -> Iterator[str]:
    """Yield every message that a person can meet: real command lines first, then all, by subject."""
    for stem, title in SITUATIONS.items():
        yield from (f"### {title}, as they are met", "", "```text")
        yield (SNAPSHOTS / f"{stem}.txt").read_text(encoding="utf-8").strip()
        yield from ("```", "")
    rooms: dict[str, list[str]] = {}
    for block in re.split(r"\n(?=edgeforge/|firmware/)", (SNAPSHOTS / "messages.txt").read_text(encoding="utf-8")):
        module, *lines = block.strip().splitlines()
        rooms.setdefault(ROOMS.get(module.split("/")[1], "Everything else"), []).extend(_messages(lines))
    for title, rows in rooms.items():
        if rows:
            yield from (f"### {title}", "", "| what it says | what to do | exit |", "|---|---|---|", *rows, "")


def _messages(lines: list[str]) -> Iterator[str]:
    """Yield a row for each message of one module; warnings and notices have no exit code."""
    for entry in re.split(r"\n(?=  \S)", "\n".join(lines)):
        kind, *body = entry.splitlines()
        said = [line.strip() for line in body]
        fixes = [re.sub(r"^(or )?fix: ", "", line) for line in said if re.match(r"(or )?fix: ", line)]
        what = " ".join(line for line in said if not re.match(r"(or )?fix: ", line))
        code = re.search(r"exit (\d+)", kind)
        if fixes:
            yield f"| {_cell(what)} | {_cell(' — or: '.join(fixes))} | {code[1] if code else ''} |"


def _cell(text: str) -> str:
    """Return text that stands in a cell as it is: no markup of HTML, Markdown or the terminal."""
    plain = re.sub(r"\[/?[a-z ]*\]", "", text)
    return re.sub(r"([|<>*_`])", r"\\\1", plain).replace("\n", " ")


WRITERS: dict[str, Callable[[], Iterator[str]]] = {"recipe": recipe, "verbs": verbs, "errors": errors}
