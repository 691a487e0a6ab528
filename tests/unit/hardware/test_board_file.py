"""Boards of a person's own, in a file: what is wrong in it is told by its key."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeforge.errors import RecipeError
from edgeforge.hardware.board import Board
from edgeforge.hardware.board_file import add_board, as_toml, own_boards, read_board_file
from edgeforge.hardware.boards import board
from edgeforge.recipe.load import load_recipe

NANO = board("arduino-nano-33-ble")
MINE = NANO.model_copy(update={"title": 'My "board", größer', "source": "its datasheet \\ and\ta scale"})


@given(st.builds(Board, title=st.just("Größer, 'my' board"),
                 core=st.just("cortex-m33"), clock_mhz=st.integers(1, 10**5),
                 flash_bytes=st.integers(10**6, 2**32 - 1), ram_bytes=st.integers(10**6, 2**32 - 1),
                 core_flash_bytes=st.integers(0, 10**5), core_ram_bytes=st.integers(0, 10**5),
                 source=st.text(min_size=1), fqbn=st.just(""), core_source=st.text(),
                 kernels=st.sampled_from([None, "esp-nn"])))  # fmt: skip
def test_what_is_written_is_what_is_read(one: Board) -> None:
    import tomllib

    assert Board.model_validate(tomllib.loads(as_toml("my board", one))["my board"]) == one


def test_boards_are_added_one_by_one_and_none_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    add_board(path, "mine", MINE)
    add_board(path, "other", NANO)
    assert dict(own_boards(path)) == {"mine": MINE, "other": NANO} and own_boards(None) == {}
    for name in ("mine", "esp32"):
        with pytest.raises(RecipeError, match=f"has a board '{name}' already"):
            add_board(path, name, NANO)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[\n", "line 1 is not TOML"),
        ("", "has no board"),
        ("x = 3", "x: 3 is no board; write .x. and its keys below"),
        ("[esp32]", "EdgeForge knows a board of that name already; call yours my-esp32"),
        ("[mine]\nflsh_bytes = 1", "mine.flsh_bytes: unknown key .did you mean 'flash_bytes'"),
        ("[mine]\nclock_mhz = 'fast'", "mine.clock_mhz: 'fast': give a whole number"),
        ("[mine]\nram_bytes = -1", "mine.ram_bytes: -1: give more than 0"),
        ("[mine]\ncore = 'cortex-m5'", "mine.core: 'cortex-m5' is not valid .did you mean 'cortex-m"),
        ("[mine]\nfqbn = 'nano33ble'", "mine.fqbn: 'nano33ble': write packager:architecture:board"),
        ("[mine]\ntitle = 'Mine'", "mine.source: this key is missing"),
        (
            as_toml("mine", NANO).replace("54_272", "261_632"),
            "mine: core_ram_bytes is 261,632, and the board has 261,632",
        ),
    ],
)
def test_a_wrong_file_is_told_by_board_and_key(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=said) as caught:
        read_board_file(path)
    assert (
        str(path) in caught.value.reason and "Error" not in caught.value.reason and "boards --add" in caught.value.fix
    )


def test_a_recipe_takes_the_boards_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    add_board(path, "mine", MINE)
    add_board(path, "other", NANO)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: a\ndata: {source: digits}\nmodel: {name: digits_cnn}\ntargets: [mine]\n")
    with pytest.raises(RecipeError, match="'mine' is no board"):
        load_recipe(recipe)
    assert load_recipe(recipe, boards=own_boards(path)).recipe.boards == {"mine": MINE}
