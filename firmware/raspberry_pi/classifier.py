"""A variant of the bundle, loaded: from pixels to logits, label and score. Runs on Python 3.9 and later."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bundle import Bundle
from models import load_model


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
        self.model = load_model(bundle, self.variant, self.threads, provider)

    @property
    def introduction(self) -> str:
        """What runs here, and by which choice; the model's notes below it."""
        basis = "as measured here" if self.measured else "not measured here yet: bench.py --choose"
        first = f"{self.bundle.name} {self.variant} on {', '.join(self.providers)} ({basis})"
        return "\n".join([first, *self.model.notes])

    @property
    def providers(self) -> list[str]:
        """What computes it: LiteRT, or ONNX Runtime's execution providers in their order."""
        return list(self.model.providers)

    def prepared(self, tensor: NDArray[Any]) -> Callable[[], Any]:
        """Return a call that runs one input (1,C,H,W float32): what a benchmark times."""
        call: Callable[[], Any] = self.model.prepared(tensor)
        return call

    def logits(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Return logits (N,classes float32) of inputs (N,C,H,W float32), one at a time."""
        return np.concatenate([self.model.run(image[None]) for image in tensor])

    def classify(self, pixels: NDArray[Any], white: float = 255.0) -> tuple[str, float]:
        """Return what the model says of one image or window (1,C,H,W), and how sure it is, in [0, 1].

        Of yes or no the probability of yes; of a value that itself, in its unit; of a map the shares of the classes
        that have most pixels, and the first of them; of an input given again its error.
        """
        white = self.bundle.raw_max if self.bundle.sampling or self.bundle.sound else white
        tensor = self.bundle.tensor(pixels, white)
        outputs = self.logits(tensor)
        logits = outputs[0].astype(np.float64)
        kind = self.bundle.head.get("kind", "classes")
        if kind == "reconstruction":
            error = float(self.errors(outputs, tensor)[0])
            unusual = self.bundle.head.get("threshold")
            return self.bundle.labels[int(error >= unusual)] if unusual is not None else f"error {error:.4g}", error
        if kind == "value":
            value = float(self._value(logits[0]))
            return f"{value:.6g} {self.bundle.head.get('unit', '')}".strip(), value
        if kind == "map":
            shares = self._shares(logits[None])[0]
            order = [place for place in np.argsort(-shares, kind="stable")[:3] if shares[place] > 0]
            said = ", ".join(f"{self.bundle.labels[place]} {100 * shares[place]:.1f} %" for place in order)
            return said, float(shares[order[0]])
        if kind == "yes_no":
            sure = logits[0] if self.bundle.head.get("probability") else 1 / (1 + np.exp(-logits[0]))
            return self.bundle.labels[int(self.decided(outputs, tensor)[0])], float(sure)
        best = int(logits.argmax())
        if self.bundle.head.get("probability"):  # the model itself ends in a softmax
            return self.bundle.labels[best], float(logits[best])
        odds = np.exp(logits - logits.max())
        return self.bundle.labels[best], float(odds[best] / odds.sum())

    def raw_logits(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Return logits (N,outputs float32) of raw inputs (N,C,H,W), as the desk's self-test has them."""
        return self.logits(self.bundle.tensor(raw, self.bundle.raw_max))

    def errors(self, outputs: NDArray[Any], tensor: NDArray[Any]) -> NDArray[Any]:
        """Return the errors (N float64) of inputs (N,C,H,W float32) that the model gives again (N,H*W*C).

        Against the input as the model holds it: of an int8 TFLite model rounded, and clipped, as on the desk.
        """
        difference = outputs.astype(np.float64) - self.model.seen(tensor)
        found: NDArray[Any] = (difference**2).mean(1)
        return found

    def decided(self, logits: NDArray[Any], tensor: NDArray[Any]) -> NDArray[Any]:
        """Return the class (N) of outputs (N,outputs) of inputs (N,C,H,W float32).

        Of a map the class of most pixels; of a value its nearest step of 1 % of the training's spread, of an input
        given again without a threshold that of its error.
        """
        kind = self.bundle.head.get("kind", "classes")
        if kind == "reconstruction":
            errors, unusual = self.errors(logits, tensor), self.bundle.head.get("threshold")
            return np.rint(100 * errors) if unusual is None else (errors >= unusual).astype(np.int64)
        if kind == "map":
            return self._shares(logits).argmax(1)
        if kind == "value":
            return np.rint(100 * logits[:, 0])
        if kind == "yes_no":
            return self._yes(logits[:, 0]).astype(np.int64)
        return logits.argmax(1)

    def _yes(self, logits: NDArray[Any]) -> NDArray[Any]:
        threshold = float(self.bundle.head.get("threshold") or 0.5)
        if self.bundle.head.get("probability"):  # the model itself ends in a sigmoid
            return logits >= np.float32(threshold)
        return logits >= np.float32(log(threshold / (1 - threshold)))

    def _shares(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return each class's share of the pixels (N,classes) of maps (N,H*W*K)."""
        channels = int(self.bundle.head["shape"][-1])
        pixels = logits.reshape(len(logits), -1, channels)
        classes = self._yes(pixels[..., 0]) if channels == 1 else pixels.argmax(2)
        return np.stack([(classes == place).mean(1) for place in range(len(self.bundle.labels))], 1)

    def _value(self, output: Any) -> Any:
        head = self.bundle.head
        value = output * head.get("std", 1.0) + head.get("mean", 0.0)
        return np.exp(value) if head.get("log") else value
