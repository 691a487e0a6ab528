"""The page of a search: its front, what matters, what did not fit and why, how far it is."""

from __future__ import annotations

from markupsafe import Markup

from edgeforge.builder.estimate import in_words
from edgeforge.report.page import render_page
from edgeforge.search.figures import shown, title
from edgeforge.search.outcome import Outcome
from edgeforge.search.plot import front_plots


def page(outcome: Outcome) -> str:
    """Return the page."""
    names = {name: title(name) for name in dict.fromkeys((*outcome.figures, *outcome.limits))}
    filters = {"figure": lambda value, name: "" if value is None else shown(name, value)}
    left = in_words(outcome.left) if outcome.left and outcome.ended < outcome.asked else ""
    return render_page(
        "search.html.j2",
        filters,
        {
            "outcome": outcome,
            "names": names,
            "titles": {name: title(name) for name in outcome.importances},
            "left": left,
            "saved": in_words(outcome.saved) if outcome.saved else "",
            "plots": [Markup(plot) for plot in front_plots(outcome)],
        },
    )
