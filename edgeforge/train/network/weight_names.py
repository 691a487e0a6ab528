"""Are there weights by that name? For a plan, which waits for no library: its source says so, or else it is asked."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.apart.run import in_worker
from edgeforge.recipe.schema import is_named

if TYPE_CHECKING:
    from edgeforge.recipe.load import LoadedRecipe


def check_weight_names(loaded: LoadedRecipe) -> None:
    """Raise RecipeError, at the recipe's line, for weights by a name that the installed timm or torchvision has not."""
    teacher = loaded.recipe.distill and loaded.recipe.distill.teacher
    named = {"model.weights": loaded.recipe.model.weights, "distill.teacher.weights": teacher and teacher.weights}
    for key, name in named.items():
        if name and is_named(name) and not _in_source(name):
            _ask(name, loaded.where(key))


def _in_source(name: str) -> bool:
    """Say whether the library's source has a function of that network, and its weights; True without the library,
    whose absence the build tells.
    """
    library, _, inside = name.partition("/")
    network, _, tag = inside.partition(".")
    found = find_spec(library)
    if found is None or not found.submodule_search_locations:
        return True
    for path in sorted((Path(found.submodule_search_locations[0]) / "models").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        if f"\ndef {network}(" in source:
            forms = (f"'{inside}'", f'"{inside}"') if library == "timm" else (f"\n    {tag} = Weights(",)
            return not tag or any(form in source for form in forms)
    return False


@in_worker
def _ask(name: str, key: str) -> None:
    from edgeforge.train.network.named_weights import known_weights

    known_weights(name, key)
