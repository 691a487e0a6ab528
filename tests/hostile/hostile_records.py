"""What EdgeForge wrote itself and a stranger has changed: reports, records, locks, stores, devices' figures."""

from __future__ import annotations

import json
import random
from typing import Any

from hostile_bytes import damaged
from hostile_cases import NO_FILES, Case, Content, folder, link
from hostile_seeds import NET, RECIPE, as_json, record, report_json, training_npz

VALUES: tuple[Any, ...] = (None, "", -1, 0, 1e308, 10**30, [], {}, "<script>alert(1)</script>", "../../keep.txt", True,
                           float("nan"), float("inf"), "x" * 10_000, [[]], "\x1b[31m", "a\nb", "[/]",
                           "[red]x[/b]")  # fmt: skip


def one_changed(value: Any, random: random.Random) -> Any:
    """Return JSON values with one of them, at any depth, another."""
    if isinstance(value, dict) and value and random.random() < 0.93:
        key = random.choice(list(value))
        return {**value, key: one_changed(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.93:
        place = random.randrange(len(value))
        return [*value[:place], one_changed(value[place], random), *value[place + 1 :]]
    return random.choice(VALUES)


def hostile_json(text: str, random: random.Random) -> tuple[str, Content]:
    draw = random.random()
    if draw < 0.12:
        kind = random.choice(list(NO_FILES))
        return f"no file: {kind}", NO_FILES[kind]
    if draw < 0.3:
        how, data = damaged(text.encode(), random)
        return f"bytes {how}", data
    if draw < 0.4:
        return "deep", "[" * 100_000
    return "a value", as_json(one_changed(json.loads(text), random))


def on_reports(random: random.Random) -> Case:
    kind, content = hostile_json(report_json(), random)
    verb = random.choice(("report", "report", "compare"))
    words = {"report": ("report", "b", *random.choice(((), ("--json",)))), "compare": ("compare", "b", "right")}[verb]
    return Case(verb, f"report.json {kind}", words, {"b/report.json": content, "right/report.json": report_json()})


NAMES = ("../../keep.txt", "/etc/keep", "..", "", "a/../../../keep.txt", "report.json\n", "../keep.txt", "~/keep.txt")


def on_records(random: random.Random) -> Case:
    """A build folder of a stranger's: `build`, `plan` or `clean` meets it."""
    base = record()
    draw = random.random()
    if draw < 0.4:
        base["files"] = {random.choice(("data", "report", "gone")): {random.choice(NAMES): "0" * 64}}
        kind, content = "names", as_json(base)
    else:
        kind, content = hostile_json(as_json(base), random)
    verb = random.choice(("plan", "build", "clean"))
    files: dict[str, Content] = {"r.yaml": RECIPE, "x.npz": training_npz(), "model.py": NET}
    if random.random() < 0.75:
        files["out/small/.edgeforge.json"] = content
    else:
        kind, lock = hostile_json(as_json({"stages": {"data": "0" * 64}}), random)
        files["out/small/recipe.lock.yaml"], kind = lock, f"lock {kind}"
    words = ("clean", "--out", "out", "--older-than", "1d") if verb == "clean" else (verb, "r.yaml", "--out", "out")
    words += ("--until", "data") if verb == "build" else ()
    return Case(verb, f"record {kind}", words, files, slow=verb == "build")


META = {"key": "0" * 64, "stage": "data", "files": {"data.npz": "0" * 64}, "seconds": 1.0, "peak_memory_bytes": 1}


def on_stores(random: random.Random) -> Case:
    """A store whose parts are not what they were."""
    kind, content = hostile_json(as_json(META), random)
    files: dict[str, Content] = {"r.yaml": RECIPE, "x.npz": training_npz(), "model.py": NET}
    place = random.choice(("meta.json", "lock", "store", "build"))
    if place == "meta.json":
        files["out/.store/data-0123456789abcdef/meta.json"] = content
    elif place == "lock":
        files["out/.store/locks/data-0123456789abcdef.lock"] = content
    elif place == "store":
        files["out/.store"], kind = random.choice((("a file", "a file"), (link("/nowhere"), "dangling")))
    else:
        files["out/small"], kind = random.choice(
            (("a file", "a file"), (link("/nowhere"), "dangling"), (folder, "folder"))
        )
    verb = random.choice(("plan", "clean", "build"))
    words = ("clean", "--out", "out", "--keep-size", "0GB") if verb == "clean" else (verb, "r.yaml", "--out", "out")
    words += ("--until", "data") if verb == "build" else ()
    return Case(verb, f"store {place} {kind}", words, files, slow=verb == "build")


def on_devices(random: random.Random) -> Case:
    """`deploy` and `serve` of a build whose bundle or report is hostile; no host answers."""
    _, content = hostile_json(report_json(), random)
    files: dict[str, Content] = {"b/report.json": content if random.random() < 0.3 else report_json()}
    how, archive = damaged(b"\x1f\x8b\x08\0" + bytes(200), random)
    files["b/raspberry-pi/mnist.tar.gz"] = archive
    verb = random.choice(("deploy", "serve"))
    host = random.choice(
        ("-oProxyCommand=touch${IFS}../keep.txt", "a b", "$(id)", "nobody@127.0.0.1", "", "a\nb", "x" * 5000)
    )
    words = ("deploy", "b", "--host", host, "--port", "1") if verb == "deploy" else ("serve", "b", "--port", "0")
    return Case(verb, f"bundle {how}" if verb == "serve" else f"host {host[:12]!r}", words, files)
