"""The bundle's folder: its settings, its models, and the errors of one line that all scripts end with."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError as missing:
    sys.exit(
        f"error: {missing.name} is not installed for {sys.executable}: run ./install.sh, then use .venv/bin/python"
    )

from head import Head

HERE = Path(__file__).resolve().parent
CHOICE_FILE = "choice.json"  # which variant `bench.py --choose` found to be the fastest on this device


class BundleError(Exception):
    """Something a person can mend; its text is one line that says what and how."""


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises BundleError."""
    beside = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        finally:
            if beside.exists():
                beside.unlink()
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror}") from error


def files_in(paths: list[str], suffixes: tuple[str, ...], kind: str) -> Iterator[Path]:
    """Yield files as they stand, and those of the suffixes below folders in the order of their names.

    kind: what they are, as in `no image in this folder`. Raises BundleError for a folder without any.
    """
    for text in paths:
        path = Path(text)
        if not path.is_dir():
            yield path
            continue
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in suffixes)
        if not found:
            raise BundleError(f"{path}: no {kind} in this folder")
        yield from found


@dataclass(frozen=True)
class Bundle:
    """The folder of a bundle: `bundle.json`, `preprocessing.json`, `labels.txt`, and the models they name."""

    folder: Path
    name: str
    variants: dict[str, dict[str, Any]]  # onnx-fp32, tflite-int8 … → file, bytes, sha256, tolerances, figures
    heads: tuple[Head, ...]  # what the outputs mean, one after the other; the first one's classes are labels.txt
    shape: tuple[int, int, int]  # C,H,W
    raw_max: float  # the value of a white pixel in the arrays that the model was trained on
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sampling: dict[str, Any] | None = None  # of windows of a sensor: rate_hz, stride, axes
    sound: dict[str, Any] | None = None  # of clips of sound: what their features are, as features/ computes them
    hearing: dict[str, Any] = field(default_factory=dict)  # how a stream is heard: hop, smoothed, thresholds …
    any_size: bool = False  # training cut and resized its pictures, so any picture is one that the model was tested on

    @classmethod
    def read(cls, folder: Path = HERE) -> Bundle:
        """Return the bundle in a folder. Raises BundleError when a file is missing or damaged."""
        try:
            facts = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
            pixels = json.loads((folder / "preprocessing.json").read_text(encoding="utf-8"))
            labels = tuple((folder / "labels.txt").read_text(encoding="utf-8").splitlines())
            channels, height, width = pixels["shape"]
            heads = tuple(Head.from_dict(values) for values in pixels["heads"])
            if len(labels) != len(heads[0].classes):
                raise ValueError("labels.txt has other classes than the model")
            heads = (replace(heads[0], classes=labels), *heads[1:])
            return cls(
                folder=folder,
                name=facts["name"],
                variants=facts["variants"],
                heads=heads,
                shape=(channels, height, width),
                raw_max=pixels["raw_max"],
                mean=tuple(pixels["mean"]),
                std=tuple(pixels["std"]),
                sampling=pixels.get("sampling"),
                sound=pixels.get("sound"),
                hearing=facts["hearing"] if pixels.get("sound") else {},
                any_size=facts.get("any_size", False),
            )
        except OSError as error:
            raise BundleError(f"{error.filename} cannot be read: copy the whole bundle again") from error
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise BundleError(f"a settings file in {folder} is damaged: copy the bundle again") from error

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of the first head; of a value none."""
        return self.heads[0].classes

    def chosen(self) -> dict[str, Any]:
        """Return {variant, threads} measured to be the fastest on this device; the first variant before that, of sound
        that whose outputs thresholds were chosen in.
        """
        try:
            choice = json.loads((self.folder / CHOICE_FILE).read_text(encoding="utf-8"))
            if choice["variant"] in self.variants:
                return {"variant": choice["variant"], "threads": int(choice["threads"]), "measured": True}
        except (OSError, ValueError, KeyError, TypeError):
            pass
        first = next(iter(self.variants)) if self.heard_by is None else self.heard_by
        return {"variant": first, "threads": None, "measured": False}

    @property
    def heard_by(self) -> str | None:
        """The variant whose outputs the thresholds of sound were chosen in, where the bundle has it."""
        variant = self.hearing.get("variant")
        return variant if isinstance(variant, str) and variant in self.variants else None

    def model_file(self, variant: str) -> Path:
        """Return the path of a variant's model, its size checked. Raises BundleError."""
        if variant not in self.variants:
            raise BundleError(f"this bundle has no variant '{variant}': one of {', '.join(self.variants)}")
        facts = self.variants[variant]
        path = self.folder / facts["file"]
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            raise BundleError(f"{path} is missing: copy the bundle again")
        if size != facts["bytes"]:
            raise BundleError(f"{path} is damaged: {size:,} bytes instead of {facts['bytes']:,}; copy the bundle again")
        return path

    def check_hash(self, variant: str) -> None:
        """Raise BundleError when a model's bytes are not those that left the desk."""
        path = self.model_file(variant)
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.variants[variant]["sha256"]:
            raise BundleError(f"{path} is damaged: its SHA-256 differs; copy the bundle again")

    def selftest(self, *names: str) -> list[NDArray[Any]]:
        """Return the arrays of these names in selftest.npz: the desk's `images`, or a variant's outputs of them."""
        try:
            with np.load(self.folder / "selftest.npz") as arrays:
                return [arrays[name] for name in names]
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise BundleError("selftest.npz is missing or damaged: copy the bundle again") from error

    def tensor(self, pixels: NDArray[Any], white: float) -> NDArray[Any]:
        """Turn pixels (N,C,H,W), where `white` is the value of a white one, into inputs (N,C,H,W float32)."""
        mean = np.asarray(self.mean, np.float32).reshape(1, -1, 1, 1)
        std = np.asarray(self.std, np.float32).reshape(1, -1, 1, 1)
        return (pixels.astype(np.float32) / np.float32(white) - mean) / std
