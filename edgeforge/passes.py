"""A pass: one rewrite of a graph that says what it requires and what it ensures, and is held to both.

A pass is written for one kind of model: an onnx.ModelProto, or the bytes of a .tflite.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edgeforge.errors import StageFailed


@dataclass(frozen=True)
class Refusal:
    """A node or layer that a pass is made for and leaves alone all the same, and why."""

    place: str
    reason: str


@dataclass(frozen=True)
class Rewritten[Model]:
    """What a pass made of a model: the names of the nodes or layers it rewrote, and those it refused."""

    model: Model
    changed: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


class Pass[Model](ABC):
    """One rewrite. Called, it checks, rewrites and checks again.

    A model may be rewritten in place. `requires` and `ensures` yield what does not hold: nothing, for a model that a
    stage hands over and a pass that works. Either is a fault of EdgeForge's own, and ends the stage.
    """

    def requires(self, model: Model) -> Iterator[str]:
        """Yield what the model lacks that the rewrite relies on."""
        return iter(())

    @abstractmethod
    def rewrite(self, model: Model) -> Rewritten[Model]:
        """Return the model rewritten."""

    def ensures(self, before: Model, after: Rewritten[Model]) -> Iterator[str]:
        """Yield what is not as the pass promises. `before` is `after.model` where it was rewritten in place."""
        return iter(())

    def __call__(self, model: Model) -> Rewritten[Model]:
        """Return the model rewritten. Raises StageFailed when what is required or ensured does not hold."""
        _require_none(self.requires(model), f"the pass {type(self).__name__} requires more than the model has")
        after = self.rewrite(model)
        _require_none(self.ensures(model, after), f"the pass {type(self).__name__} does not do what it ensures")
        return after


def _require_none(faults: Iterator[str], what: str) -> None:
    fault = next(faults, None)
    if fault is not None:
        raise StageFailed(f"{what}: {fault}", fix="this is a fault of EdgeForge's own: report it with the model")


def rewrite[Model](model: Model, passes: Iterable[Pass[Model]]) -> tuple[Model, dict[str, Rewritten[Model]]]:
    """Return a model rewritten by passes in their order, and what each did, by its class's name."""
    done = {}
    for one in passes:
        done[type(one).__name__] = result = one(model)
        model = result.model
    return model, done
