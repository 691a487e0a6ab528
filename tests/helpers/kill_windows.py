"""When a run is killed: at a moment within the time that an undisturbed one takes, which a busy machine changes."""

import random
import time
from collections.abc import Callable


class Windows:
    """The time that each kind of run takes, in seconds; it follows what is seen."""

    def __init__(self) -> None:
        self.whole: dict[int, float] = {}

    def time(self, kind: int, run: Callable[[], object]) -> None:
        """Take the time of an undisturbed run."""
        begun = time.monotonic()
        run()
        self.whole[kind] = time.monotonic() - begun

    def moment(self, kind: int, chance: random.Random) -> float:
        """Return a moment to kill a run of a kind, in seconds from its start."""
        return chance.uniform(0.05, 0.95) * self.whole[kind]

    def learn(self, kind: int, *, hit: bool) -> None:
        """Shorten the window after a run that was over before its kill; lengthen it a little after another."""
        self.whole[kind] *= 1.02 if hit else 0.75
