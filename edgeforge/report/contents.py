"""The page's table of contents: a link to each section, made of the headings that the page has."""

from __future__ import annotations

import re

HEADING = re.compile(r"<h2>(.*?)</h2>")
PLACE = "<!-- contents -->"


def with_contents(page: str) -> str:
    """Return the page with an id at each <h2>, and links to them where PLACE stands."""
    links: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        title = found[1]
        base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        name = base
        while name in links:
            name = f"{base}-{len(links)}"
        links[name] = title
        return f'<h2 id="{name}">{title}</h2>'

    head, place, body = page.partition(PLACE)
    body = HEADING.sub(named, body)
    items = "\n".join(f'<li><a href="#{name}">{title}</a></li>' for name, title in links.items())
    return f'{head}<nav aria-label="Contents"><ul>\n{items}\n</ul></nav>{body}' if place else page
