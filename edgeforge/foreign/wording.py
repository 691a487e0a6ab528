"""Errors of other libraries, in EdgeForge's words: the only place that reads what they say.

    try:
        session = onnxruntime.InferenceSession(path)
    except Exception as error:
        raise RecipeError(f"{path} cannot be loaded: {cause(error)}", fix=remedy(error, "export it again")) from error

A message that kinds.py does not know is not passed on: the reason then names the library, and the fix says that
--debug prints its own words. They stay in the chain of causes; where a row is left out, they go to the stage's log.
"""

from __future__ import annotations

import errno
import json
import linecache
import logging
import pickle
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from edgeforge.errors import EdgeForgeError, first_line
from edgeforge.extras import missing_in
from edgeforge.foreign import own_code
from edgeforge.foreign.kinds import KINDS

ORIGINALS = logging.getLogger("edgeforge.originals")
LIBRARIES = {
    "torch": "PyTorch",
    "torchvision": "torchvision",
    "torch_pruning": "torch-pruning",
    "pytorch_lightning": "Lightning",
    "lightning_fabric": "Lightning",
    "onnxruntime": "ONNX Runtime",
    "ai_edge_litert": "LiteRT",
    "ai_edge_quantizer": "AI Edge Quantizer",
    "tflite_micro": "TFLM",
    "tensorflow": "TensorFlow",
    "tf_keras": "TensorFlow",
    "numpy": "NumPy",
    "sklearn": "scikit-learn",
    "PIL": "Pillow",
    "serial": "pyserial",
    "google": "protobuf",
    "yaml": "PyYAML",
}


PACKAGE = Path(__file__).parents[1]
OWN_CODE = "the model's own code"


class Words(NamedTuple):
    """What EdgeForge says of an error; `known` is false where it can say only whose it is."""

    cause: str
    remedy: str
    known: bool = True


SYSTEM = {  # what the operating system says, by its number
    errno.ENOENT: Words("there is no such file or folder", "check the path"),
    errno.ELOOP: Words("it is a link that leads back to itself", "name the file itself"),
    errno.ENXIO: Words("it is a device or a socket that nothing answers for", "name a file"),
    errno.EISDIR: Words("it is a folder", "name a file in it"),
    errno.ENOTDIR: Words("a part of its path is no folder", "check the path"),
    errno.EACCES: Words("you may not read or write it", "give yourself access to it, or choose another place"),
    errno.EPERM: Words("you may not do that with it", "give yourself access to it, or choose another place"),
    errno.EROFS: Words("its disk is read-only", "choose another place"),
    errno.ENOSPC: Words("the disk is full", "free some space"),
    errno.EDQUOT: Words("your share of the disk is full", "free some space"),
    errno.ENAMETOOLONG: Words("its name is too long", "choose a shorter one"),
    errno.EEXIST: Words("something of that name is there already", "choose another name"),
    errno.EINVAL: Words("it is cut short or damaged", "copy or save it again"),
    errno.ENOTTY: Words("it is no serial port", "name the board's port"),
    errno.EADDRINUSE: Words("another program listens there", "choose another port"),
}


def words(error: BaseException) -> Words:
    """Return cause and remedy of an error, of its own or of another library; its causes are looked through too."""
    for one in _chain(error):
        found = _own(one) or _by_type(one) or _by_message(one)
        if found:
            return found
    library = library_of(error)
    if library == OWN_CODE:
        return Words(own_code.in_words(error), own_code.MEND)
    if library == "EdgeForge":
        where = f"{type(error).__name__}{_line_of(error)}"
        return Words(f"EdgeForge itself fails ({where})", "this is a bug: report it with what --debug prints", False)
    return Words(
        f"{library} fails with an error that EdgeForge does not know ({type(error).__name__}{_line_of(error)})",
        "--debug prints its own message",
        False,
    )


def cause(error: BaseException) -> str:
    """Return what is wrong, in EdgeForge's words, to stand behind a colon."""
    return words(error).cause


def cause_in(error: BaseException, otherwise: str) -> str:
    """Return what is wrong with a stranger's file; `otherwise` where a library refuses it with words nobody knows.

    A library has many ways to say that a file is damaged, and --debug prints the one. EdgeForge's own faults stay such.
    """
    said = words(error)
    return said.cause if said.known or library_of(error) == "EdgeForge" else otherwise


def remedy(error: BaseException, otherwise: str = "") -> str:
    """Return what to do about it: the known kind's remedy, else `otherwise`; where to read on for an unknown one."""
    said = words(error)
    if said.known:
        return said.remedy or otherwise
    return f"{otherwise}; {said.remedy}" if otherwise else said.remedy


def known_remedy(error: BaseException, otherwise: str) -> str:
    """Return the known kind's remedy, else `otherwise`."""
    said = words(error)
    return (said.remedy if said.known else "") or otherwise


def with_debug(fix: str, error: BaseException) -> str:
    """Return a remedy of the caller's own, and where to read on when the error is an unknown one."""
    said = words(error)
    return fix if said.known else f"{fix}; {said.remedy}"


def reason_of(error: BaseException) -> str:
    """Return why a row is left out, on one line; the original goes to the log of the stage."""
    said = words(error)
    if not isinstance(error, EdgeForgeError) or error.__cause__:
        ORIGINALS.info("the original of a reason in the report", exc_info=error)
    if said.known:
        return f"{said.cause}; {said.remedy}" if said.remedy else said.cause
    return f"{said.cause}; its own message is in the stage's log, and --debug prints it"


def in_words(message: str) -> Words | None:
    """Return what a library's message says, in EdgeForge's words; None for an unknown one."""
    for kind in KINDS:
        match = re.search(kind.says, message)
        if match:
            groups = [group for group in match.groups() if group is not None]
            return Words(kind.cause.format(*groups), kind.remedy.format(*groups))
    return None


def show_originals() -> None:
    """Print the originals of what `reason_of` rewords, to standard error."""
    if not ORIGINALS.handlers:
        ORIGINALS.addHandler(logging.StreamHandler())
    ORIGINALS.setLevel(logging.INFO)
    ORIGINALS.propagate = False


def layer_in(error: BaseException, modules: Iterable[tuple[str, object]]) -> str:
    """Return `layer 'features.3' (Conv2d)`, the innermost of a network's named_modules() that an error came through."""
    names = {id(module): name for name, module in modules}
    found = ""
    for frame, _ in _frames(error):
        module = frame.f_locals.get("self")
        if names.get(id(module)):
            found = f"layer '{names[id(module)]}' ({type(module).__name__})"
    return found


def library_of(error: BaseException) -> str:
    """Return the name of the library that an error is of; `EdgeForge`, or `the model's own code`, where it is ours."""
    root = type(error).__module__.partition(".")[0].lstrip("_")
    if root in sys.stdlib_module_names or root == "builtins":
        files = [frame for frame, _ in _frames(error)]
        root = str(files[-1].f_globals.get("__name__", "")).partition(".")[0] if files else "Python"
        if root in sys.stdlib_module_names:
            root = "Python"
        elif root == "edgeforge":
            return "EdgeForge"
        elif files and _is_user_s(files[-1].f_code.co_filename):
            return OWN_CODE
    return LIBRARIES.get(root, root)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _own(error: BaseException) -> Words | None:
    """EdgeForge's own errors, and what the user's own code raises, are in words for people already."""
    if isinstance(error, EdgeForgeError):
        return Words(error.reason, error.fix)
    frames = list(_frames(error))
    file, line = (frames[-1][0].f_code.co_filename, frames[-1][1]) if frames else ("", 0)
    if _is_ours(file) and linecache.getline(file, line).strip().startswith(("raise ", "assert ")):
        if not _is_user_s(file):
            return Words(first_line(error), "")
        if not str(error).strip() or not isinstance(error, Exception):  # nothing but its kind
            return Words(own_code.in_words(error), own_code.MEND)
        return Words(f"{type(error).__name__}: {first_line(error)}", "")
    return None


def _by_type(error: BaseException) -> Words | None:
    if isinstance(error, ModuleNotFoundError) and error.name:
        own = missing_in(error)
        if own:
            return Words(own.reason, own.fix)
        fix = "install it with pip: EdgeForge itself does without it"
        return Words(f"the package '{error.name.partition('.')[0]}' is not installed", fix)
    if type(error) in (SyntaxError, IndentationError, TabError):  # not ElementTree's ParseError, which is one too
        assert isinstance(error, SyntaxError)
        return Words(f"it is not valid Python ({error.msg})", "mend the line")
    if isinstance(error, json.JSONDecodeError):
        return Words(f"it is not JSON (line {error.lineno}, column {error.colno})", "")
    if isinstance(error, UnicodeEncodeError):
        return Words("a name in it is no UTF-8", "rename it")
    if isinstance(error, UnicodeDecodeError):
        return Words("it is not UTF-8 text", "save it as UTF-8")
    if isinstance(error, RecursionError):
        return Words("something in it contains itself, or is nested too deeply", "")
    if isinstance(error, EOFError):
        return Words("it ends too early: empty, or cut short", "copy or save it again")
    if isinstance(error, OSError) and error.errno in SYSTEM:
        return SYSTEM[error.errno]
    return None


def _by_message(error: BaseException) -> Words | None:
    known = in_words("\n".join((str(error), *getattr(error, "__notes__", ()))))
    if known:
        return known
    if isinstance(error, pickle.UnpicklingError):
        return Words("it is no pickle, or a damaged one", "")
    if isinstance(error, MemoryError):
        return Words("there is not memory enough", "take a machine with more memory, or make the task smaller")
    return None


def place_in_own_code(error: BaseException) -> str:
    """Return `FILE:LINE` of the innermost line of the user's own code that an error came through; "" for none."""
    for one in _chain(error):
        lines = [(frame.f_code.co_filename, line) for frame, line in _frames(one)]
        if own := [place for place in lines if _is_user_s(place[0])]:
            return f"{own[-1][0]}:{own[-1][1]}"
    return ""


def _line_of(error: BaseException) -> str:
    """Return `, file.py:line` of the innermost line of the user's or EdgeForge's own code."""
    ours = [(frame.f_code.co_filename, line) for frame, line in _frames(error) if _is_ours(frame.f_code.co_filename)]
    return f", {Path(ours[-1][0]).name}:{ours[-1][1]}" if ours else ""


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    trace = error.__traceback__
    while trace:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _is_ours(file: str) -> bool:
    """Say whether a file is neither a library's nor Python's."""
    paths = sysconfig.get_paths()
    libraries = (paths["purelib"], paths["platlib"], paths["stdlib"])
    return not file.startswith((*libraries, "<")) or Path(file).is_relative_to(PACKAGE)


def _is_user_s(file: str) -> bool:
    return _is_ours(file) and not Path(file).is_relative_to(PACKAGE)
