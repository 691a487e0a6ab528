"""What neither a file nor a person says is asked for: the command again, once for each answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeforge.errors import RecipeError


@dataclass(frozen=True)
class Choice:
    """An answer: the option that gives it, and what it means."""

    option: str
    meaning: str


@dataclass(frozen=True)
class Question:
    """What is not known, and the answers that there are."""

    asked: str
    choices: tuple[Choice, ...]


def ask(path: Path, questions: Sequence[Question], command: str) -> None:
    """Raise RecipeError with each question, and the command with each answer; nothing where there is no question.

    Each line is a whole command: it answers one question in one way, and the others with their first answer.
    """
    if not questions:
        return
    lines: dict[str, str] = {}
    for place, question in enumerate(questions):
        for choice in question.choices:
            answers = [one.choices[0] for one in questions]
            answers[place] = choice
            line = " ".join((command, *(answer.option for answer in answers)))
            lines.setdefault(line, "; ".join(answer.meaning for answer in answers))
    raise RecipeError(
        "\n".join(f"{path}: {question.asked}" for question in questions),
        fix="say it, by one of:" + "".join(f"\n    {line}\n      {meaning}" for line, meaning in lines.items()),
    )
