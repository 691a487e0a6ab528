"""Which plots a search's page has: its first figure against each of the others."""

from __future__ import annotations

from edgeforge.recipe.sections.search import higher_is_better
from edgeforge.report.plots.search import Network, front_plot
from edgeforge.search.figures import title
from edgeforge.search.outcome import Outcome


def front_plots(outcome: Outcome) -> list[str]:
    """Return a plot for each figure after the first; none before a network is whole."""
    first, *others = outcome.figures
    if not others:
        first, others = outcome.figures[0], ["macs"]
    done = [row for row in outcome.rows if row.state == "done" and first in row.figures]
    plots = []
    for name in others:
        networks = [
            Network(
                row.number, row.figures[name], row.figures[first] * (100 if higher_is_better(first) else 1), row.front
            )
            for row in done
            if name in row.figures
        ]
        if networks:
            percent = ", %" if higher_is_better(first) else ""
            plots.append(front_plot(networks, title(name), title(first) + percent))
    return plots
