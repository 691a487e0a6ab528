"""Head, what an output means: a class, yes or no, a value, an error of reconstruction, a map of classes."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, prod
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["classes", "yes_no", "value", "reconstruction", "map"]
KINDS: tuple[Kind, ...] = get_args(Kind)
IGNORED = 255  # in maps of labels: a pixel of no class, which is neither learned nor judged
HALF = 0.5  # the threshold of a probability where none is given
SAID_VALUES = 8  # of a head of several values, at most
NO_YES = ("no", "yes")
USUAL_UNUSUAL = ("normal", "anomaly")


@dataclass(frozen=True)
class Head:
    """One thing that a model says of an input: a slice of its outputs, one after the other, and what that means.

    classes         one of several classes, an output each
    yes_no          one output: classes[1] from a probability of `threshold` on, else classes[0]
    value           a value in a unit, or several of `shape`
    reconstruction  the input again: the mean of the squared differences is its error, of the model's own (normalised)
                    values; classes[1] from an error of `threshold` on, else classes[0]; without one the error alone
    map             `shape` H,W,K: one of K classes for each pixel; with K = 1 yes or no for each

    Outputs of classes are logits, or probabilities where the model itself ends in a softmax or sigmoid.
    """

    name: str
    classes: tuple[str, ...] = ()
    unit: str = ""  # of a value, such as cycles
    mean: float = 0.0  # of the training values (of their natural logarithms where `log` is set)
    std: float = 1.0
    log: bool = False
    kind: Kind | Literal[""] = ""  # left out: classes, or with none a value
    shape: tuple[int, ...] = ()
    threshold: float | None = None
    probability: bool = False
    tensor: int = 0  # which of the model's output tensors it is a part of

    def __post_init__(self) -> None:
        if not self.kind:
            object.__setattr__(self, "kind", "classes" if self.classes else "value")
        if self.decides and self.threshold is None:
            object.__setattr__(self, "threshold", HALF)

    @property
    def decides(self) -> bool:
        """Whether one output says yes or no, of the input or of each pixel of a map."""
        return self.kind == "yes_no" or (self.kind == "map" and self.shape[-1:] == (1,))

    @property
    def numbers(self) -> tuple[float, ...]:
        """Its numbers, which are finite."""
        return (self.mean, self.std, *(() if self.threshold is None else (self.threshold,)))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Head:
        """Return the head that `dataclasses.asdict` made these values of."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**plain)

    @property
    def size(self) -> int:
        """How many outputs are this head's."""
        return len(self.classes) if self.kind == "classes" else prod(self.shape)

    @property
    def cut(self) -> float | None:
        """The output from which on the answer is classes[1]: the threshold, of a logit where outputs are logits."""
        if self.threshold is None or self.probability or self.kind == "reconstruction":
            return self.threshold
        return log(self.threshold / (1 - self.threshold))

    def normalised(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the network is trained to give for values in `unit`: what `value` undoes."""
        import numpy as np

        return ((np.log(values) if self.log else values) - self.mean) / self.std

    def value(self, output: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return values in `unit` of a value head's outputs."""
        import numpy as np

        value = output.astype(np.float64) * self.std + self.mean
        return np.exp(value) if self.log else value

    def decide(self, outputs: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the classes' numbers (N) of outputs (N,size); those of a map's pixels (N,H*W)."""
        import numpy as np

        if self.kind == "map":
            outputs = outputs.reshape(len(outputs), -1, self.shape[-1])
        if outputs.shape[-1] == 1 and self.cut is not None:
            return (outputs[..., 0] >= np.float32(self.cut)).astype(np.int64)
        return outputs.argmax(-1)

    def probabilities(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of each class (N,classes), or of classes[1] (N,1), of outputs (N,size)."""
        import numpy as np

        real = outputs.astype(np.float64)
        if self.probability:
            return real
        if self.kind == "yes_no":
            return 1 / (1 + np.exp(-real))
        odds = np.exp(real - real.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    def errors(self, outputs: NDArray[np.float32], inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the errors (N) of a reconstruction; both (N,size), in the same order."""
        difference = outputs.astype("float64") - inputs
        return (difference**2).mean(1)

    def say(self, output: NDArray[np.float32], given: NDArray[np.float32] | None = None) -> str:
        """Say what this head's outputs (size) mean. given: the input (size), for the error of a reconstruction."""
        import numpy as np

        if self.kind == "value":
            values = [f"{value:.4g}" for value in self.value(output[:SAID_VALUES])]
            return f"{', '.join(values)}{' …' * (len(output) > SAID_VALUES)} {self.unit}".strip()
        if self.kind == "reconstruction":
            assert given is not None
            error = float(self.errors(output[None], given[None])[0])
            return f"error {error:.4g}" if self.threshold is None else f"{self.judged(error)}, error {error:.4g}"
        found = self.decide(output[None])[0]
        if self.kind == "map":
            shares = np.bincount(found, minlength=len(self.classes)) / len(found)
            order = [place for place in np.argsort(-shares, kind="stable")[:3] if shares[place] > 0]
            return ", ".join(f"{self.classes[place]} {100 * shares[place]:.1f} %" for place in order)
        return self.classes[int(found)]

    def judged(self, error: float) -> str:
        """Return the class of an error of reconstruction."""
        assert self.threshold is not None
        return self.classes[int(error >= self.threshold)]

    @property
    def described(self) -> str:
        """What it is, in words: `3 classes`, `yes or no, from 0.5 on`, `a value in cycles`."""
        if self.kind == "classes":
            return f"{len(self.classes)} classes"
        if self.kind == "yes_no":
            return f"{self.classes[1]} from a probability of {self.threshold:g} on, else {self.classes[0]}"
        if self.kind == "reconstruction":
            limit = "" if self.threshold is None else f", {self.classes[1]} from {self.threshold:g} on"
            return f"the input again; its mean squared error{limit}"
        if self.kind == "map":
            height, width, _ = self.shape
            return f"one of {len(self.classes)} classes for each of {height} x {width} pixels"
        unit = f" in {self.unit}" if self.unit else ""
        return f"a value{unit}" if self.size == 1 else f"{self.size} values{unit}"
