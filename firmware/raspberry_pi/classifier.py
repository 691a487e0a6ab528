"""A variant of the bundle, loaded: from pixels to logits, label and score. Runs on Python 3.9 and later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bundle import Bundle, BundleError
from head import Head
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

    def classify(self, pixels: NDArray[Any], white: float = 255.0) -> dict[str, Any]:
        """Return what the model says of one image or window (1,C,H,W): `label`, and `score`, how sure it is, in [0, 1].

        Of yes or no the score is the probability of yes; of a value that itself, in its unit; of a map the labels are
        the classes that have most pixels and their shares, the score that of the first; of an input given again its
        error. Of several heads they are the first one's, and `heads` has each one's answer by its name.
        Raises BundleError for an input whose outputs are no numbers.
        """
        white = self.bundle.raw_max if self.bundle.sampling or self.bundle.sound else white
        tensor = self.bundle.tensor(pixels, white)
        outputs = self.logits(tensor)
        if not np.isfinite(outputs).all():
            raise BundleError("the model's outputs are no numbers: are the input's values those of the training?")
        found = {head.name: self._answer(head, outputs[:, part], tensor) for head, part in self.heads()}
        first = next(iter(found.values()))
        said = {"label": first["label"], "score": first["score"]}
        return {**said, "heads": found} if len(found) > 1 else said

    def _answer(self, head: Head, outputs: NDArray[Any], tensor: NDArray[Any]) -> dict[str, Any]:
        """Return one head's label and score, and probabilities by label, or value and unit. outputs: 1,size."""
        if head.kind == "reconstruction":
            error = float(self.errors(outputs, tensor)[0])
            return {"label": f"error {error:.4g}" if head.threshold is None else head.judged(error), "score": error}
        if head.kind == "value":
            value = float(head.value(outputs[0])[0])
            return {"label": f"{value:.6g} {head.unit}".strip(), "score": value, "value": value, "unit": head.unit}
        if head.kind == "map":
            return {"label": head.say(outputs[0]), "score": float(self._shares(head, outputs)[0].max())}
        sure = head.probabilities(outputs)[0]
        if head.kind == "yes_no":
            score, sure = float(sure[0]), np.array([1 - sure[0], sure[0]])
        else:
            score = float(sure[outputs[0].argmax()])
        named = {label: float(one) for label, one in zip(head.classes, sure)}
        return {"label": head.say(outputs[0]), "score": score, "probabilities": named}

    def heads(self) -> list[tuple[Head, slice]]:
        """Return each head, and which of the model's outputs are its own."""
        found, start = [], 0
        for head in self.bundle.heads:
            found.append((head, slice(start, start + head.size)))
            start += head.size
        return found

    def raw_logits(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Return logits (N,outputs float32) of raw inputs (N,C,H,W), as the desk's self-test has them."""
        return self.logits(self.bundle.tensor(raw, self.bundle.raw_max))

    def errors(self, outputs: NDArray[Any], tensor: NDArray[Any]) -> NDArray[Any]:
        """Return the errors (N float64) of inputs (N,C,H,W float32) that the model gives again (N,H*W*C).

        Against the input as the model holds it: of an int8 TFLite model rounded, and clipped, as on the desk.
        """
        return self.bundle.heads[0].errors(outputs, self.model.seen(tensor))

    def decided(self, head: Head, outputs: NDArray[Any], tensor: NDArray[Any]) -> NDArray[Any]:
        """Return a head's class (N) of its outputs (N,size) of inputs (N,C,H,W float32).

        Of a map the class of most pixels; of a value its nearest step of 1 % of the training's spread, of an input
        given again without a threshold that of its error.
        """
        if head.kind == "reconstruction":
            errors = self.errors(outputs, tensor)
            return np.rint(100 * errors) if head.threshold is None else (errors >= head.threshold).astype(np.int64)
        if head.kind == "map":
            return self._shares(head, outputs).argmax(1)
        return np.rint(100 * outputs[:, 0]) if head.kind == "value" else head.decide(outputs)

    def _shares(self, head: Head, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return each class's share of the pixels (N,classes) of maps (N,H*W*K)."""
        pixels = head.decide(outputs)
        return np.stack([(pixels == place).mean(1) for place in range(len(head.classes))], 1)


def rounded(found: Any) -> Any:
    """Return an answer with six digits of each number."""
    if isinstance(found, dict):
        return {name: rounded(one) for name, one in found.items()}
    return float(f"{found:.6g}") if isinstance(found, float) else found
