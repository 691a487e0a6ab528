import edgeforge.errors as errors
from edgeforge.errors import EdgeForgeError, error_named


def test_the_tree_in_the_docstring_is_complete_and_exit_codes_differ() -> None:
    kinds = [EdgeForgeError, *EdgeForgeError.__subclasses__()]
    for kind in kinds:
        lines = [line for line in (errors.__doc__ or "").splitlines() if kind.__name__ in line]
        assert len(lines) == 1 and lines[0].split()[-1] == str(kind.exit_code)
        assert error_named(kind.__name__) is kind
    assert len({kind.exit_code for kind in kinds}) == len(kinds)


def test_an_error_is_one_line_with_its_remedy() -> None:
    error = EdgeForgeError("x is wrong", fix="mend x", stage="train")
    assert str(error) == "train: x is wrong Fix: mend x"
