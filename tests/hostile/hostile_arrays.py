"""Arrays, tables, images and labels that are wrong, for the verbs that read them."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
from hostile_bytes import damaged
from hostile_cases import NO_FILES, Case, Content, fifo, folder, link, loop
from hostile_seeds import NET, RECIPE, arrays, float_tflite, npz, photo, png, samples_npz, tflites, training_npz
from hostile_tflite import BOARD

Draw = Callable[[random.Random], Content]


def header_only(shape: str, kind: str = "<f4") -> bytes:
    """An .npy whose header promises more than there is."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (63 - (len(text) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def zipped(compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def wrong_crc(data: bytes) -> bytes:
    """One byte of the first member's values is another."""
    place = data.find(b"\n", 60) + 8
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _bomb(shape: str) -> bytes:
    """Two gigabytes of zeros in two megabytes."""
    header = header_only(shape)
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as file,
    ):
        file.write(header)
        for _ in range(200):
            file.write(bytes(10 << 20))
    return buffer.getvalue()


_KEPT: dict[str, bytes] = {}


def kept(name: str, make: Callable[[], bytes]) -> bytes:
    if name not in _KEPT:
        _KEPT[name] = make()
    return _KEPT[name]


def wrong_arrays(right: dict[str, np.ndarray]) -> dict[str, Draw]:
    """Return kinds of .npz that are wrong where `right` (x, y) would be right."""
    x, y = right["x"], right["y"]
    floats = x.dtype.kind == "f"
    huge = f"(500000000, {', '.join(map(str, x.shape[1:]))})"
    return {
        "crc": lambda random: wrong_crc(npz(x=x, y=y)),
        "cut": lambda random: npz(x=x, y=y)[: random.randrange(1, 400)],
        "huge shape": lambda random: zipped(x=header_only(huge), y=header_only("(9,)", "<i8")),
        "negative shape": lambda random: zipped(x=header_only("(-4, 1, 8, 8)")),
        "shape text": lambda random: zipped(x=header_only("('a',)")),
        "bomb": lambda random: kept("bomb", lambda: _bomb("(8192000, 1, 8, 8)")),
        "objects": lambda random: npz(x=np.array([{}, []], object), y=y),
        "complex": lambda random: npz(x=x.astype(complex), y=y),
        "datetime": lambda random: npz(x=np.zeros(x.shape, "datetime64[s]"), y=y),
        "datetime labels": lambda random: npz(x=x, y=np.zeros(len(y), "datetime64[s]")),
        "complex labels": lambda random: npz(x=x, y=y.astype(complex)),
        "float labels": lambda random: npz(x=x, y=y + random.choice((0.5, np.nan, np.inf))),
        "huge labels": lambda random: npz(x=x, y=y + random.choice((2**40, -(2**40)))),
        "nan": lambda random: npz(x=np.full(x.shape, random.choice((np.nan, np.inf, -np.inf)), np.float32), y=y),
        "1e30": lambda random: npz(x=np.full(x.shape, 1e30, np.float32), y=y),
        "strings": lambda random: npz(x=np.full(x.shape, "a"), y=y),
        "void": lambda random: npz(x=np.zeros(x.shape, [("a", "<i4"), ("b", "<f8")]), y=y),
        "no values": lambda random: npz(x=x[:0], y=y[:0]),
        "one dimension": lambda random: npz(x=x.reshape(-1), y=y),
        "no dimension": lambda random: npz(x=np.array(1.0), y=np.array(1)),
        "other shape": lambda random: npz(x=np.zeros((4, 7, 3, 5), x.dtype), y=y[:4]),
        "zero width": lambda random: npz(x=np.zeros((len(x), 1, 0, 8), x.dtype), y=y),
        "labels short": lambda random: npz(x=x, y=y[:3]),
        "other names": lambda random: npz(a=x, b=y),
        "other kind": lambda random: npz(x=x.astype(np.float64 if not floats else "S1"), y=y),
        "not utf-8 name": lambda random: zipped(
            **{"x\udc80".encode("utf-8", "surrogateescape").decode("latin1"): b"1"}
        ),
        "empty archive": lambda random: b"PK\x05\x06" + bytes(18),
        "a pickle": lambda random: b"\x80\x04cos\nsystem\n(S'true'\ntR.",
        "npy inside": lambda random: zipped(x=b"nothing"),
    }


def hostile_arrays(right: dict[str, np.ndarray], random: random.Random) -> tuple[str, Content, bool]:
    draw = random.random()
    if draw < 0.1:
        kind = random.choice(list(NO_FILES))
        return f"no file: {kind}", NO_FILES[kind], True
    if draw < 0.3:
        how, data = damaged(npz(**right), random)
        return f"bytes {how}", data, False
    kinds = wrong_arrays(right)
    kind = random.choice(list(kinds))
    return kind, kinds[kind](random), kind not in ("labels short", "1e30", "other kind", "float labels")


def _samples() -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(samples_npz())) as found:
        return dict(found)


def on_samples(random: random.Random) -> Case:
    """`pack --samples`, `pack --calibration` or `verify --inputs`."""
    kind, content, wrong = hostile_arrays(_samples(), random)
    files: dict[str, Content] = {"m.tflite": tflites()["digits_int8"], "s.npz": content}
    draw = random.random()
    if draw < 0.6:
        words = ("pack", "m.tflite", *BOARD, "--labels", "0-9", "--mean", "0.3", "--std", "0.4", "--raw-max", "16",
                 "--samples", "s.npz", "--out", "out/p")  # fmt: skip
        wrong = wrong and kind not in ("other names",)
    else:
        words = ("verify", "f.tflite", "m.tflite", "--inputs", "s.npz")
        files |= {"f.tflite": float_tflite(), "m.tflite": tflites()["chain_int8"]}
    return Case(words[0], f"npz {kind}", words, files, wrong)


def on_training(random: random.Random) -> Case:
    """A build's own arrays or calibration inputs."""
    verb = random.choice(("plan", "build", "build"))
    files: dict[str, Content] = {"r.yaml": RECIPE, "model.py": NET, "x.npz": training_npz()}
    if random.random() < 0.7:
        kind, content, wrong = hostile_arrays(arrays(), random)
        files["x.npz"] = content
        words = (verb, "r.yaml", "--out", "out")
        until = "data"
    else:
        right = {"x": np.zeros((12, 1, 8, 8), np.float32), "y": np.arange(12) % 4}
        kind, content, wrong = hostile_arrays(right, random)
        files["c.npz"] = content
        words = (verb, "r.yaml", "--out", "out", "--set", "quantize.calibration.file=c.npz")
        until = "calibration"
    words += ("--until", until) if verb == "build" else ()
    return Case(verb, f"npz {kind}", words, files, wrong and verb == "build", slow=verb == "build")


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n%%EOF\n"
IMAGES: dict[str, Draw] = {
    "eps": lambda random: EPS,
    "png 60 MP": lambda random: kept("60", lambda: png(7800, 7800)),
    "png 2^31": lambda random: _png_header(2**31 - 1),
    "png cut": lambda random: photo("PNG")[: random.randrange(200)],
    "jpeg cut": lambda random: photo("JPEG")[: random.randrange(200)],
    "png flipped": lambda random: damaged(photo("PNG"), random)[1],
    "jpeg flipped": lambda random: damaged(photo("JPEG"), random)[1],
    "tiff": lambda random: damaged(photo("TIFF"), random)[1],
    "gif": lambda random: damaged(photo("GIF"), random)[1],
    "bmp": lambda random: damaged(photo("BMP"), random)[1],
    "webp": lambda random: damaged(photo("WEBP"), random)[1],
    "svg": lambda random: b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
    "text": lambda random: b"no image at all\n",
    "empty": lambda random: b"",
    "fifo": lambda random: fifo,
    "folder": lambda random: folder,
    "zero": lambda random: link("/dev/zero"),
    "loop": lambda random: loop,
    "noise": lambda random: random.randbytes(3000),
}


def _png_header(size: int) -> bytes:
    name = b"IHDR" + struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + name + struct.pack(">I", zlib.crc32(name)) + bytes(40)


DATA = "data: {{source: {source}, root: {root}, size: [8, 8], channels: 1, corrupt: {corrupt}}}\n"


def image_recipe(source: str, root: str, corrupt: str) -> str:
    lines = RECIPE.splitlines(keepends=True)
    return lines[0] + DATA.format(source=source, root=root, corrupt=corrupt) + "".join(lines[2:])


def on_images(random: random.Random) -> Case:
    """A folder of images, some of them hostile, for `build` or `init`."""
    kind = random.choice(list(IMAGES))
    ending = random.choice((".png", ".jpg", ".tif"))
    files: dict[str, Content] = {f"photos/{name}/{n}.png": photo("PNG") for name in "ab" for n in range(6)}
    files[f"photos/a/bad{ending}"] = IMAGES[kind](random)
    if random.random() < 0.25:
        return Case("init", f"image {kind}", ("init", "out/n.yaml", "--data", "photos"), files)
    files |= {"r.yaml": image_recipe("image_folder", "photos", random.choice(("skip", "refuse"))), "model.py": NET}
    words = (random.choice(("build", "build", "plan")), "r.yaml", "--out", "out")
    words += ("--until", "data") if words[0] == "build" else ()
    return Case(words[0], f"image {kind}", words, files, slow=words[0] == "build")


ROWS = "".join(f"photos/{n % 2}/{n}.png,{'ab'[n % 2]}\n" for n in range(12))
TABLES: dict[str, Draw] = {
    "no columns": lambda random: "a,b\n" + ROWS,
    "empty": lambda random: "",
    "header only": lambda random: "path,label\n",
    "nul": lambda random: "path,label\n" + ROWS + "a\0b,c\n",
    "not utf-8": lambda random: b"path,label\nphotos/\xff\xfe.png,a\n",
    "utf-16": lambda random: ("path,label\n" + ROWS).encode("utf-16"),
    "long field": lambda random: "path,label\n" + "x" * 5_000_000 + ",a\n",
    "long line": lambda random: "path,label\n" + "a," * 2_000_000 + "\n",
    "many rows": lambda random: "path,label\n" + "photos/0/0.png,a\n" * 300_000,
    "quotes": lambda random: 'path,label\n"photos/0/0.png,a\n',
    "outside": lambda random: "path,label\n/etc/passwd,a\n../../keep.txt,b\n",
    "absent": lambda random: "path,label\nnothing.png,a\n",
    "device": lambda random: "path,label\n/dev/zero,a\n/dev/stdin,b\n",
    "split": lambda random: "path,label,split\n" + ROWS.replace("\n", ",never\n"),
    "no label": lambda random: "path,label\n" + ROWS.replace(",a", ","),
    "hostile label": lambda random: "path,label\n" + ROWS.replace(",a", ',"</script>\n#error"'),
    "few cells": lambda random: "path,label\n" + ROWS + "alone\n",
    "many cells": lambda random: "path,label\n" + ROWS + "a,b,c,d\n",
    "duplicates": lambda random: "path,path,label\n" + ROWS,
}


def on_tables(random: random.Random) -> Case:
    """A csv file for `build`, `plan` or `init`."""
    draw = random.random()
    content: Content
    if draw < 0.2:
        kind = random.choice(list(NO_FILES))
        content, kind = NO_FILES[kind], f"no file: {kind}"
    else:
        kind = random.choice(list(TABLES))
        content = TABLES[kind](random)
    files: dict[str, Content] = {f"photos/{n % 2}/{n}.png": photo("PNG") for n in range(12)} | {"t.csv": content}
    if random.random() < 0.3:
        return Case("init", f"csv {kind}", ("init", "out/n.yaml", "--data", "t.csv"), files)
    files |= {"r.yaml": image_recipe("csv", "t.csv", "skip"), "model.py": NET}
    words = (random.choice(("build", "plan")), "r.yaml", "--out", "out")
    words += ("--until", "data") if words[0] == "build" else ()
    return Case(words[0], f"csv {kind}", words, files, slow=words[0] == "build")


LABELS: dict[str, Draw] = {
    "newline and #error": lambda random: "a\r#error\n" * 10,
    "backslash": lambda random: "".join(f"name{n}\\\n" for n in range(10)),
    "comment": lambda random: "".join(f"*/ {n} /*\n" for n in range(10)),
    "trigraph": lambda random: "".join(f"??/{n}\n" for n in range(10)),
    "not utf-8": lambda random: b"\xff\xfe\n" * 10,
    "control": lambda random: "".join(f"\x1b[31m{n}\x07\n" for n in range(10)),
    "nul": lambda random: "".join(f"{n}\0\n" for n in range(10)),
    "duplicates": lambda random: "a\n" * 10,
    "empty names": lambda random: "\n" * 10,
    "few": lambda random: "a\nb\n",
    "many": lambda random: "x\n" * 1_000_000,
    "long": lambda random: ("y" * 1_000_000 + "\n") * 10,
    "html": lambda random: "".join(f"<script>{n}</script>\n" for n in range(10)),
    "direction": lambda random: "".join(f"\u202e{n}\n" for n in range(10)),
}


def on_labels(random: random.Random) -> Case:
    """`pack --labels` of a hostile file or list."""
    content: Content
    if random.random() < 0.3:
        kind = random.choice(list(NO_FILES))
        content, name = NO_FILES[kind], f"no file: {kind}"
    else:
        kind = random.choice(list(LABELS))
        content, name = LABELS[kind](random), kind
    listed = random.choice(("l.txt", "l.txt", "l.txt", "a,a,b", "0-99999999999", ",,,", "9-0", "0-nan"))
    if listed != "l.txt":
        name = f"list {listed}"
    words = ("pack", "m.tflite", *BOARD, "--labels", listed, "--mean", "0.3", "--std", "0.4", "--raw-max", "16",
             "--out", "out/p")  # fmt: skip
    return Case("pack", f"labels {name}", words, {"m.tflite": tflites()["digits_int8"], "l.txt": content})
