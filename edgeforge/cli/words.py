"""What no option or argument of any verb may be given: an empty word, or a number that is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand

from edgeforge.errors import RecipeError

THREADS = 256  # more than any desk has cores: each takes memory before it computes
MOST = 1_000_000  # of runs and images: a day's work


class Verb(TyperCommand):
    """A command that refuses these before anything runs; so a new verb or option need not think of it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of a command line. Raises RecipeError."""
        _refuse_empty(args)
        rest: list[str] = super().parse_args(ctx, args)
        for parameter in self.params:
            given = ctx.params.get(parameter.name or "")
            for value in given if isinstance(given, list | tuple) else (given,):
                if isinstance(value, float) and not math.isfinite(value):
                    raise RecipeError(f"{parameter.opts[0]} {value}: this is no finite number", fix="give a finite one")
        return rest


class Verbs(typer.Typer):
    """The command line, each of whose commands is a Verb."""

    def command(self, *names: Any, **settings: Any) -> Callable[[Any], Any]:
        """As typer's."""
        return super().command(*names, **{"cls": Verb} | settings)


def _refuse_empty(words: Sequence[str]) -> None:
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        if word.startswith("--") and equals and not value.strip():
            raise _empty(option)
        if not word.strip():
            before = words[place - 1] if place else ""
            raise _empty(before if before.startswith("-") else "an argument")


def _empty(name: str) -> RecipeError:
    return RecipeError(f"{name}: an empty word is given", fix="give it a value, or leave it out")
