"""Names that strangers gave (classes, files, layers, boards), as they may stand in what EdgeForge writes."""

from __future__ import annotations

import json
import unicodedata

# What a C compiler takes for something else inside a comment: its end, another one, a line that goes on.
IN_COMMENTS = {"*/": "* /", "/*": "/ *", "??/": "? ? /"}


def one_line(text: str) -> str:
    """Return a text without line ends and control characters, as UTF-8 can hold it; spaces stand in their place."""
    plain = "".join(" " if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") else letter for letter in text)
    return " ".join(plain.split())


def comment(text: str) -> str:
    r"""Return a text as it may stand in a comment of C and C++, `//` at a line's end included.

    A backslash at the end would make the next line a part of the comment.
    """
    line = one_line(text)
    for said, plain in IN_COMMENTS.items():
        while said in line:
            line = line.replace(said, plain)
    return f"{line} ." if line.endswith("\\") else line


def quoted(text: str) -> str:
    """Return a text as a string of YAML, in double quotes: JSON's are YAML's too."""
    return json.dumps(one_line(text), ensure_ascii=False)
