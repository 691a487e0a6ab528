"""What every script of the bundle shares: its settings, its models, execution providers, errors of one line.

Needs onnxruntime and numpy alone, and runs on Python 3.9 and later.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import numpy as np
    import onnxruntime
    from numpy.typing import NDArray
except ImportError as missing:
    sys.exit(
        f"error: {missing.name} is not installed for {sys.executable}: run ./install.sh, then use .venv/bin/python"
    )

HERE = Path(__file__).resolve().parent
CHOICE_FILE = "choice.json"  # which variant `bench.py --choose` found to be the fastest on this device

# In this order where the device has them: a Jetson's GPU, ARM's Compute Library, XNNPACK, and what is always there.
PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "acl": "ACLExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


class BundleError(Exception):
    """Something a person can mend; its text is one line that says what and how."""


@dataclass(frozen=True)
class Bundle:
    """The folder of a bundle: `bundle.json`, `preprocessing.json`, `labels.txt`, and the models they name."""

    folder: Path
    name: str
    variants: dict[str, dict[str, Any]]  # fp32, int8 → file, bytes, sha256, tolerance
    labels: tuple[str, ...]
    shape: tuple[int, int, int]  # C,H,W
    raw_max: float  # the value of a white pixel in the arrays that the model was trained on
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def read(cls, folder: Path = HERE) -> Bundle:
        """Return the bundle in a folder. Raises BundleError when a file is missing or damaged."""
        try:
            facts = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
            pixels = json.loads((folder / "preprocessing.json").read_text(encoding="utf-8"))
            labels = tuple((folder / "labels.txt").read_text(encoding="utf-8").splitlines())
            channels, height, width = pixels["shape"]
            return cls(
                folder=folder,
                name=facts["name"],
                variants=facts["variants"],
                labels=labels,
                shape=(channels, height, width),
                raw_max=pixels["raw_max"],
                mean=tuple(pixels["mean"]),
                std=tuple(pixels["std"]),
            )
        except OSError as error:
            raise BundleError(f"{error.filename} cannot be read: copy the whole bundle again") from error
        except (ValueError, KeyError, TypeError) as error:
            raise BundleError(f"a settings file in {folder} is damaged: copy the bundle again") from error

    def chosen(self) -> dict[str, Any]:
        """Return {variant, threads} measured to be the fastest on this device; the first variant before that."""
        try:
            choice = json.loads((self.folder / CHOICE_FILE).read_text(encoding="utf-8"))
            if choice["variant"] in self.variants:
                return {"variant": choice["variant"], "threads": int(choice["threads"]), "measured": True}
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return {"variant": next(iter(self.variants)), "threads": None, "measured": False}

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


def wanted_providers(available: list[str], asked: str | None = None) -> list[str]:
    """Return the execution providers to try, the fastest first; `asked` is one of PROVIDERS' keys."""
    if asked is None:
        return [provider for provider in PROVIDERS.values() if provider in available]
    if asked not in PROVIDERS:
        raise BundleError(f"'{asked}' is no execution provider: one of {', '.join(PROVIDERS)}")
    if PROVIDERS[asked] not in available:
        raise BundleError(f"this build of onnxruntime has no {PROVIDERS[asked]}; it has {', '.join(available)}")
    return list(dict.fromkeys([PROVIDERS[asked], PROVIDERS["cpu"]]))


def with_options(provider: str, threads: int | None) -> str | tuple[str, dict[str, str]]:
    """Return a provider as onnxruntime takes it: XNNPACK has a thread pool of its own, with one thread by default."""
    if provider == PROVIDERS["xnnpack"]:
        return provider, {"intra_op_num_threads": str(threads or os.cpu_count() or 1)}
    return provider


class Classifier:
    """A variant of the bundle, loaded: from pixels to logits, label and score."""

    def __init__(
        self,
        bundle: Bundle,
        variant: str | None = None,
        *,
        threads: int | None = None,
        provider: str | None = None,
    ) -> None:
        chosen = bundle.chosen()
        self.bundle = bundle
        self.variant = variant or chosen["variant"]
        self.measured = chosen["measured"]
        self.threads = threads or (chosen["threads"] if self.variant == chosen["variant"] else None)
        self.notes: list[str] = []  # which providers had to be left out, and why
        path = bundle.model_file(self.variant)
        self.session = self._session(path, wanted_providers(onnxruntime.get_available_providers(), provider))
        source, target = self.session.get_inputs()[0], self.session.get_outputs()[0]
        if tuple(source.shape) != (1, *bundle.shape):
            raise BundleError(f"{path} takes {source.shape}, preprocessing.json says {list(bundle.shape)}")
        self._input, self._output = source.name, target.name

    def _session(self, path: Path, providers: list[str]) -> Any:
        """Return a session on the first provider that works on this device."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        if self.threads:
            options.intra_op_num_threads = self.threads
            options.inter_op_num_threads = 1
        if PROVIDERS["xnnpack"] in providers:  # the two pools would take each other's processor while they spin
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        for place in range(len(providers)):
            wanted = [with_options(provider, self.threads) for provider in providers[place:]]
            try:
                return onnxruntime.InferenceSession(str(path), options, providers=wanted)
            except Exception as error:
                if place == len(providers) - 1:
                    advice = "install what requirements.txt names, or copy the bundle again"
                    version = onnxruntime.__version__
                    raise BundleError(f"{path} cannot be loaded by onnxruntime {version}: {advice}") from error
                self.notes.append(f"{providers[place]} is not used: it does not take this model")
        raise BundleError("this build of onnxruntime has no execution provider that is known here")

    @property
    def introduction(self) -> str:
        """What runs here, and by which choice; its notes below it."""
        basis = "as measured here" if self.measured else "not measured here yet: bench.py --choose"
        return "\n".join([f"{self.bundle.name} {self.variant} on {', '.join(self.providers)} ({basis})", *self.notes])

    @property
    def providers(self) -> list[str]:
        """The execution providers in use, in their order."""
        return list(self.session.get_providers())

    def prepared(self, tensor: NDArray[Any]) -> Callable[[], Any]:
        """Return a call that runs one input (1,C,H,W float32): what a benchmark times."""
        feed, wanted, session = {self._input: tensor}, [self._output], self.session
        return lambda: session.run(wanted, feed)

    def logits(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Return logits (N,classes float32) of inputs (N,C,H,W float32), one at a time."""
        rows = [self.session.run([self._output], {self._input: image[None]})[0] for image in tensor]
        return np.concatenate(rows)

    def classify(self, pixels: NDArray[Any], white: float = 255.0) -> tuple[str, float]:
        """Return the label and its softmax score in [0, 1] of one image (1,C,H,W)."""
        logits = self.logits(self.bundle.tensor(pixels, white))[0].astype(np.float64)
        odds = np.exp(logits - logits.max())
        best = int(odds.argmax())
        return self.bundle.labels[best], float(odds[best] / odds.sum())


def add_model_options(parser: Any) -> None:
    """Add the options that say which model runs, and how."""
    parser.add_argument("--variant", help="fp32 or int8 (default: what `bench.py --choose` measured, else fp32)")
    parser.add_argument(
        "--threads", type=_threads, help="threads of onnxruntime (default: as measured, else all cores)"
    )
    parser.add_argument("--provider", help=f"execution provider: {', '.join(PROVIDERS)} (default: the first there is)")


def number(kind: type, low: float, high: float) -> Callable[[str], Any]:
    """Return what argparse reads a number from `low` to `high` by; a NaN is none, nor is infinity."""

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except (ValueError, OverflowError):
            value = None
        if value is None or not low <= value <= high:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text[:40]}: give {what} from {low:g} to {high:.12g}")
        return value

    return read


MOST_THREADS = 256
positive = number(int, 1, 1_000_000)
_threads = number(int, 1, MOST_THREADS)


def counts(text: str) -> list[int]:
    """Return whole numbers from 1 to 256, written 1,2,4; argparse names the option when they are none, or repeated."""
    try:
        found = [_threads(part) for part in text.split(",")]
    except argparse.ArgumentTypeError as error:
        reason = f"{text[:40]}: not numbers such as 1,2,4, from 1 to {MOST_THREADS}"
        raise argparse.ArgumentTypeError(reason) from error
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"{text[:40]}: a number stands twice")
    return found


def table(rows: list[dict[str, Any]], columns: dict[str, tuple[str, str]]) -> list[str]:
    """Return a line of headings and one a row. columns: heading → (key in a row, format), such as >8.3f."""
    widths = {heading: look.partition(".")[0] for heading, (_, look) in columns.items()}
    lines = ["  ".join(f"{heading:{width}}" for heading, width in widths.items())]
    return lines + ["  ".join(f"{row[key]:{look}}" for key, look in columns.values()) for row in rows]


def run_script(main: Callable[[], int]) -> None:
    """Run a script's `main`; an error is one line and exit code 1."""
    try:
        code = main()
    except BundleError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        sys.stderr.close()
        code = 0
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
