"""Recordings of sound and of sensors, and masks of pictures, that are wrong, for the verbs that read them."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from hostile_arrays import IMAGES, Draw, kept, wrong_arrays
from hostile_bytes import damaged
from hostile_cases import NO_FILES, Case, Content, sparse
from hostile_seeds import NET, RECIPE, npz, photo, png

FILES: dict[str, Content] = {"model.py": NET}


def recipe(data: str) -> str:
    """Return the small recipe with other data."""
    lines = RECIPE.splitlines(keepends=True)
    return "".join([lines[0], f"data: {{{data}}}\n", *lines[2:]])


def _words(random: random.Random) -> tuple[str, ...]:
    verb = random.choice(("build", "build", "plan"))
    return (verb, "r.yaml", "--out", "out", *(("--until", "data") if verb == "build" else ()))


# Sound.

SOUND = ("source: wav, root: speech, sound: {rate_hz: 8000, clip_ms: 200, window_ms: 32, stride_ms: 16, bands: 8}, "
         "test: 0.34, validation: 0.2, corrupt: ")  # fmt: skip


def wav(
    samples: bytes | None = None, *, tag: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16,
    a_second: int | None = None, a_sample: int | None = None, said: int | None = None, whole: int | None = None,
    head: bytes = b"RIFF", before: bytes = b"", more: bytes = b"",
) -> bytes:  # fmt: skip
    """Return a .wav file whose header says this, whatever is in it. said, whole: the sizes of its data and of all."""
    data = (np.sin(np.arange(1600) / 3) * 9000).astype("<i2").tobytes() if samples is None else samples
    order = ">" if head == b"RIFX" else "<"
    each = channels * bits // 8 if a_sample is None else a_sample
    second = rate * each if a_second is None else a_second
    facts = struct.pack(f"{order}HHIIHH", tag, channels, rate, second & 0xFFFFFFFF, each & 0xFFFF, bits) + more
    chunks = before + b"fmt " + struct.pack(f"{order}I", len(facts)) + facts
    chunks += b"data" + struct.pack(f"{order}I", len(data) if said is None else said) + data
    return head + struct.pack(f"{order}I", 4 + len(chunks) if whole is None else whole) + b"WAVE" + chunks


def _floats(value: float) -> bytes:
    return wav(np.full(1600, value, "<f4").tobytes(), tag=3, bits=32)


def chunk(name: bytes, size: int, data: bytes = b"") -> bytes:
    return name + struct.pack("<I", size) + data


LARGE = struct.pack("<QQQI", 2**62, 2**62, 2**62, 0)  # sizes of RF64
SOUNDS: dict[str, Draw] = {
    "data size of all": lambda random: wav(said=0xFFFFFFFF, whole=0xFFFFFFFF),
    "data size of 2 GB": lambda random: wav(said=0x7FFFFFF0),
    "data size 0": lambda random: wav(said=0),
    "odd data size": lambda random: wav(said=1601),
    "rate 0": lambda random: wav(rate=0),
    "rate 1": lambda random: wav(rate=1),
    "rate 2^32-1": lambda random: wav(rate=2**32 - 1),
    "rate lies": lambda random: wav(rate=8000, a_second=88200),
    "no channels": lambda random: wav(channels=0, a_sample=2),
    "65535 channels": lambda random: wav(channels=65535),
    "65535 channels of a sample": lambda random: wav(channels=65535, a_sample=2),
    "no bits": lambda random: wav(bits=0, a_sample=2),
    "1 bit": lambda random: wav(bits=1, a_sample=1),
    "12 bits": lambda random: wav(bits=12, a_sample=2),
    "24 bits": lambda random: wav(bytes(range(150)) * 32, bits=24),
    "64 bits": lambda random: wav(bytes(3200), bits=64),
    "4096 bits": lambda random: wav(bits=4096, a_sample=512),
    "nan": lambda random: _floats(float("nan")),
    "inf": lambda random: _floats(float("inf")),
    "1e38": lambda random: _floats(1e38),
    "float of 16 bits": lambda random: wav(tag=3),
    "ADPCM": lambda random: wav(tag=2, bits=4, a_sample=1),
    "mu-law": lambda random: wav(tag=7, bits=8),
    "extensible": lambda random: wav(tag=0xFFFE, more=struct.pack("<H", 22) + bytes(22)),
    "extensible, cut": lambda random: wav(tag=0xFFFE, more=b"\x16"),
    "RF64": lambda random: wav(head=b"RF64", said=0xFFFFFFFF, before=chunk(b"ds64", 28, LARGE)),
    "RIFX": lambda random: wav(head=b"RIFX"),
    "a huge chunk": lambda random: wav(before=chunk(b"LIST", 0xFFFFFFF0)),
    "fmt in a text": lambda random: wav(before=chunk(b"LIST", 8, b"fmt \0\0\0\0")),
    "many chunks": lambda random: wav(before=chunk(b"junk", 0) * 500_000),
    "fmt twice": lambda random: wav(before=wav()[12:36]),
    "header only": lambda random: wav(b""),
    "one sample": lambda random: wav(b"\1\0"),
    "silence": lambda random: wav(bytes(3200)),
    "cut": lambda random: wav()[: random.randrange(60)],
    "100 MB": lambda random: sparse(100 << 20, wav(said=100 << 20)),
    "1 GB": lambda random: sparse(1 << 30, wav(said=(1 << 30) - 100)),
    "6 GB": lambda random: sparse(6 << 30, wav(said=0xFFFFFFFF)),
    "an mp3": lambda random: b"ID3\x04\0\0\0\0\0\0" + random.randbytes(3000),
    "ogg": lambda random: b"OggS" + random.randbytes(3000),
    "noise": lambda random: random.randbytes(3000),
}  # fmt: skip
LISTS: dict[str, Content] = {
    "binary": bytes(range(256)) * 9, "outside": "../../keep.txt\n/etc/passwd\n", "long": "a" * 5_000_000,
    "absent": "nobody/1.wav\n", "all": "".join(f"{name}/{n}.wav\n" for name in "ab" for n in range(6)), **NO_FILES,
}  # fmt: skip


def on_sounds(random: random.Random) -> Case:
    """A folder of recordings, one of which is hostile, or noise, or a list of sides; for `build`, `plan` or `init`."""
    files: dict[str, Content] = {f"speech/{name}/{n}.wav": wav() for name in "ab" for n in range(6)}
    content: Content
    draw = random.random()
    if draw < 0.15:
        kind = random.choice(list(NO_FILES))
        content, kind = NO_FILES[kind], f"no file: {kind}"
    elif draw < 0.3:
        kind, content = damaged(wav(), random)
        kind = f"bytes {kind}"
    else:
        kind = random.choice(list(SOUNDS))
        content = SOUNDS[kind](random)
    more = ""
    draw = random.random()
    if draw < 0.15:
        listed = random.choice(list(LISTS))
        files["speech/testing_list.txt"], kind = LISTS[listed], f"list {listed}"
    elif draw < 0.4:
        files["speech/_background_noise_/n.wav"], kind = content, f"noise {kind}"
        more = ", sound: {rate_hz: 8000, clip_ms: 200, window_ms: 32, stride_ms: 16, bands: 8, silence: none}"
    else:
        files["speech/a/bad.wav"] = content
    if random.random() < 0.2:
        return Case("init", f"wav {kind}", ("init", "out/n.yaml", "--data", "speech"), files)
    corrupt = random.choice(("skip", "refuse"))
    said = SOUND + corrupt
    if more:
        said = f"source: wav, root: speech{more}, test: 0.34, validation: 0.2, corrupt: {corrupt}"
    words = _words(random)
    return Case(words[0], f"wav {kind}", words, files | FILES | {"r.yaml": recipe(said)}, slow=words[0] == "build")


# Masks.


def _picture(pixels: Any, kind: str = "PNG", mode: str | None = None, **settings: object) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels), mode).save(buffer, kind, **settings)
    return buffer.getvalue()


def _palette() -> bytes:
    from PIL import Image

    picture = Image.fromarray(np.full((12, 10), 200, np.uint8), "P")
    picture.putpalette(bytes(768))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


HUGE = (7800, 7800)
MASKS: dict[str, Draw] = {
    "of another size": lambda random: _picture(np.zeros((10, 12), np.uint8)),
    "colours": lambda random: photo("PNG"),
    "palette": lambda random: _palette(),
    "numbers that are no class": lambda random: _picture(np.full((12, 10), 77, np.uint8)),
    "16 bits": lambda random: _picture(np.full((12, 10), 40_000, np.uint16)),
    "below 0": lambda random: _picture(np.full((12, 10), -1, np.int32), "TIFF"),
    "fractions": lambda random: _picture(np.full((12, 10), 0.5, np.float32), "TIFF"),
    "nan": lambda random: _picture(np.full((12, 10), np.nan, np.float32), "TIFF"),
    "1e30": lambda random: _picture(np.full((12, 10), 1e30, np.float32), "TIFF"),
    "1 bit": lambda random: _picture(np.eye(12, 10, dtype=np.uint8) * 255, mode=None),
    "see-through": lambda random: _picture(np.zeros((12, 10, 4), np.uint8)),
    "one class": lambda random: _picture(np.zeros((12, 10), np.uint8)),
    "60 MP": lambda random: kept("60", lambda: png(*HUGE)),
    **{f"image {name}": draw for name, draw in IMAGES.items()},
}
MASKED = "source: masks, root: cells, size: [8, 8], channels: 1, classes: [ground, {name}], corrupt: {corrupt}"


def on_masks(random: random.Random) -> Case:
    """A folder of pictures and masks, one of which is hostile, for `build` or `plan`."""
    right = (np.arange(120).reshape(12, 10) % 2).astype(np.uint8)
    files: dict[str, Content] = {f"cells/images/{n}.png": photo("PNG") for n in range(8)}
    files |= {f"cells/masks/{n}.png": _picture(right) for n in range(8)}
    kind = random.choice(list(MASKS))
    content, place = MASKS[kind](random), random.choice(("masks", "masks", "masks", "images"))
    ending = ".tif" if kind in ("below 0", "fractions", "nan", "1e30") else ".png"
    files |= {f"cells/images/x{ending}": photo("TIFF" if ending == ".tif" else "PNG"),
              f"cells/masks/x{ending}": _picture(right)}  # fmt: skip
    files[f"cells/{place}/x{ending}"] = content
    if kind == "60 MP":
        files |= {f"cells/{part}/{n}.png": content for n in range(4) for part in ("images", "masks")}
    if random.random() < 0.1:
        files["cells/masks/x.bmp"], kind = _picture(right, "BMP"), "a mask twice"
    said = MASKED.format(name=random.choice(("cell", "'</script>'", '"a\\n#error"')),
                         corrupt=random.choice(("skip", "refuse")))  # fmt: skip
    words = _words(random)
    return Case(words[0], f"{place} {kind}", words, files | FILES | {"r.yaml": recipe(said)}, slow=words[0] == "build")


# Windows of sensors.

HEAD = "time,ax,ay,label\n"
ROWS = "".join(f"{n / 50},{n % 7}.5,{n % 3},{'ab'[n // 100 % 2]}\n" for n in range(800))
TABLES: dict[str, Draw] = {
    "empty": lambda random: "",
    "header only": lambda random: HEAD,
    "no header": lambda random: ROWS.replace("a", "1").replace("b", "2"),
    "names twice": lambda random: "time,ax,ax,label\n" + ROWS,
    "many names": lambda random: "a," * 1_000_000 + "label\n" + ROWS,
    "long field": lambda random: HEAD + "x" * 5_000_000 + ",1,1,a\n",
    "many rows": lambda random: HEAD + "0.02,1,1,a\n" * 400_000,
    "empty lines": lambda random: HEAD + ROWS + "\n" * 5_000_000,
    "one column": lambda random: "label\n" + "a\nb\n" * 400,
    "few cells": lambda random: HEAD + ROWS + "1\n",
    "many cells": lambda random: HEAD + ROWS + "1,2,3,a,b\n",
    "nul": lambda random: HEAD + ROWS + "1,\0,3,a\n",
    "not utf-8": lambda random: (HEAD + ROWS).encode() + b"1,2,3,\xff\xfe\n",
    "utf-16": lambda random: (HEAD + ROWS).encode("utf-16"),
    "quotes": lambda random: HEAD + '"1,2,3,a\n' + ROWS,
    "nan": lambda random: HEAD + ROWS.replace(".5", "") + "17,nan,1,a\n" * 9,
    "inf": lambda random: HEAD + ROWS + "17,inf,1,a\n",
    "1e300": lambda random: HEAD + ROWS + "17,1e300,1,a\n",
    "words": lambda random: HEAD + ROWS + "17,much,1,a\n",
    "digits of others": lambda random: HEAD + ROWS + "17,१,１,a\n",
    "times back": lambda random: HEAD + "".join(reversed(ROWS.splitlines(keepends=True))),
    "no times": lambda random: HEAD + ROWS.replace("0.", "0.0"),
    "times nan": lambda random: HEAD + "".join(f"nan,1,1,{'ab'[n // 100 % 2]}\n" for n in range(400)),
    "times 1e308": lambda random: HEAD + "".join(f"{n}e307,1,1,a\n" for n in range(400)),
    "dates": lambda random: HEAD + "".join(f"2024-13-{n},1,1,a\n" for n in range(400)),
    "years": lambda random: HEAD + "".join(f"99{n:04}-01-01,1,1,a\n" for n in range(400)),
    "one label": lambda random: HEAD + ROWS.replace(",b", ",a"),
    "a label a row": lambda random: HEAD + "".join(f"{n / 50},1,1,l{n}\n" for n in range(20_000)),
    "hostile label": lambda random: HEAD + ROWS.replace(",b", ',"</script>\n#error"'),
    "no label": lambda random: HEAD + ROWS.replace(",b", ","),
}
WINDOWS = "source: windows, root: {root}, window: 16, stride: 8, rate_hz: 50{more}"


def _parquet(columns: dict[str, Any], **settings: object) -> bytes:
    import pyarrow
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer, **settings)
    return buffer.getvalue()


def _right_columns() -> dict[str, Any]:
    rows = np.arange(800)
    return {"ax": rows % 7 / 2, "ay": rows % 3 / 1.0, "label": np.array(list("ab"))[rows // 100 % 2]}


def _rows_bomb() -> bytes:
    """Thirty million rows of one value."""
    import pyarrow
    from pyarrow import parquet

    part = pyarrow.table({"ax": np.zeros(10**6), "ay": np.zeros(10**6), "label": ["a"] * 10**6})
    buffer = io.BytesIO()
    with parquet.ParquetWriter(buffer, part.schema, compression="zstd") as writer:
        for _ in range(30):
            writer.write_table(part)
    return buffer.getvalue()


def _text_bomb() -> bytes:
    """20 thousand rows of one text of a megabyte."""
    import pyarrow

    texts = pyarrow.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), pyarrow.array(["x" * 2**20]))
    return _parquet({"ax": np.zeros(20_000), "ay": np.zeros(20_000), "label": texts})


def _odd_columns(random: random.Random) -> bytes:
    import pyarrow

    right = _right_columns()
    odd: dict[str, Any] = {
        "lists": [[1.0] * (n % 5) for n in range(800)], "records": [{"a": n} for n in range(800)],
        "nulls": [None] * 800, "bytes": [b"\xff\xfe"] * 800, "truth": [True] * 800, "big": [10**18] * 800,
        "dates": np.zeros(800, "datetime64[s]"), "halves": np.zeros(800, np.float16), "nan": np.full(800, np.nan),
    }  # fmt: skip
    name = random.choice(list(odd))
    column = random.choice(("ax", "label"))
    try:
        return _parquet(right | {column: odd[name]})
    except (pyarrow.ArrowException, TypeError):
        return _parquet(right | {column: odd["nulls"]})


PARQUETS: dict[str, Draw] = {
    "rows bomb": lambda random: kept("rows", _rows_bomb),
    "text bomb": lambda random: kept("texts", _text_bomb),
    "odd columns": _odd_columns,
    "other columns": lambda random: _parquet({"a": [1.0], "b": ["x"]}),
    "no rows": lambda random: _parquet({name: values[:0] for name, values in _right_columns().items()}),
    "many columns": lambda random: _parquet({f"c{n}": [1.0] for n in range(5000)}),
    "cut": lambda random: _parquet(_right_columns())[: random.randrange(3000)],
    "damaged": lambda random: damaged(_parquet(_right_columns()), random)[1],
    "6 GB": lambda random: sparse(6 << 30, b"PAR1"),
    "ends alone": lambda random: b"PAR1" + struct.pack("<I", 0x7FFFFFFF) + b"PAR1",
    "right": lambda random: _parquet(_right_columns()),
}


def _arrays(random: random.Random) -> tuple[str, Content]:
    right = {"x": np.random.default_rng(0).normal(size=(40, 2, 16)).astype(np.float32), "y": np.arange(40) % 2}
    if random.random() < 0.2:
        return damaged(npz(**right), random)
    kinds = wrong_arrays(right)
    odd: dict[str, Callable[[random.Random], Content]] = {
        "recording short": lambda random: npz(**right, recording=np.zeros(3)),
        "split": lambda random: npz(**right, split=np.full(40, "never")),
        "axes": lambda random: npz(**right, axes=np.array(["a\n#error", "*/"])),
        "axes many": lambda random: npz(**right, axes=np.full(9, "a")),
        "6 GB": lambda random: sparse(6 << 30, b"PK\x03\x04"),
    }
    kind = random.choice([*kinds, *odd])
    return kind, (kinds | odd)[kind](random)


def on_windows(random: random.Random) -> Case:
    """Recordings of a sensor as a table, tables in folders, Parquet or arrays, for `build`, `plan` or `init`."""
    draw, more = random.random(), ""
    files: dict[str, Content] = {}
    content: Content
    if draw < 0.35:
        kind, root = random.choice(list(TABLES)), "t.csv"
        content = TABLES[kind](random)
        more = random.choice(("", ", columns: {time: time}, axes: [ax, ay]"))
    elif draw < 0.55:
        kind, root = random.choice(list(PARQUETS)), "t.parquet"
        content = PARQUETS[kind](random)
    elif draw < 0.75:
        (kind, content), root, more = _arrays(random), "w.npz", ", layout: ncl"
    else:
        kind, root = random.choice(list(NO_FILES)), random.choice(("t.csv", "t.parquet", "w.npz"))
        content, kind = NO_FILES[kind], f"no file: {kind}"
    files[root] = content
    kind = f"{root[1:]} {kind}"
    if root == "t.csv" and random.random() < 0.4:
        files = {f"moves/{name}/{n}.csv": HEAD + ROWS for name in "ab" for n in range(4)}
        files["moves/a/bad.csv"], root, kind = content, "moves", f"folder, {kind}"
        more = ", axes: [ax, ay]"
    if random.random() < 0.2:
        return Case("init", f"windows {kind}", ("init", "out/n.yaml", "--data", root), files)
    words = _words(random)
    said = recipe(WINDOWS.format(root=root, more=more))
    return Case(words[0], f"windows {kind}", words, files | FILES | {"r.yaml": said}, slow=words[0] == "build")
