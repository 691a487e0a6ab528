"""The report's data about how long an inference may take on a board: estimated, never measured."""

from __future__ import annotations

from edgeforge.results.rows.row import Row


class TimeRow(Row):
    """Milliseconds an inference, or the reason why there is no estimate. low, high: where the truth may well lie."""

    milliseconds: float | None = None
    low: float | None = None
    high: float | None = None
    layers: list[float | None] = []  # of each operator, in the order in which they run; None: not counted
    instructions: int = 0
    cycles: float = 0.0  # an instruction
    basis: str = ""  # what it was held against, and how far off it was
    unknown: list[str] = []  # operators whose instructions were not counted: they are not in the sum
    reason: str = ""

    @property
    def short(self) -> str:
        """The estimate in a table: ~12.3, a dash where there is none."""
        if self.milliseconds is None:
            return "–"
        return f"{'>' if self.unknown else '~'}{figure(self.milliseconds)}"

    @property
    def sentence(self) -> str:
        """The estimate in words."""
        if self.milliseconds is None or self.low is None or self.high is None:
            return f"no estimate: {self.reason}"
        parts = f" without {', '.join(self.unknown)}, which were not counted" if self.unknown else ""
        return (
            f"about {figure(self.milliseconds)} ms an inference ({figure(self.low)} to {figure(self.high)}){parts}: an "
            f"estimate, not measured; {self.basis}"
        )


def figure(milliseconds: float) -> str:
    """Return milliseconds with as many digits as an estimate has."""
    return f"{milliseconds:.2g}" if milliseconds < 10 else f"{milliseconds:,.0f}"
