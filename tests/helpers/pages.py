"""Reads a rendered report page as a browser would: every element closed, nothing fetched."""

import re
from html.parser import HTMLParser

from edgeforge.report.html import render
from edgeforge.results.rows.report import Report

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Balance(HTMLParser):
    """Checks that every element is closed, in the right order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.fetched += [value for key in ("src", "href", "xlink:href") if (value := values.get(key))]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()


def checked(report: Report) -> str:
    """Return a report's page, having looked at its markup."""
    page = render(report)
    parser = Balance()
    parser.feed(page)
    assert not parser.open
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in parser.fetched)
    assert "@import" not in page and not re.search(r"url\((?!#)", page)
    return page
