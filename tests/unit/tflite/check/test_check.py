"""Is a damaged .tflite refused with the place of the damage, and a whole one taken?"""

from __future__ import annotations

import inspect
import random
import re
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from damaged_tflite import CONTRADICTIONS, damaged
from places import ROOT

from edgeforge.errors import RecipeError
from edgeforge.tflite.associated_files import append_files
from edgeforge.tflite.check.operators import arities
from edgeforge.tflite.check.read import read_file, require_whole
from edgeforge.tflite.check.structure import schema
from edgeforge.tflite.flatbuffer import read_model, write_model

DATA = ROOT / "tests" / "data"
WHOLE = sorted(DATA.glob("*.tflite"))
DIGITS = DATA / "digits_int8.tflite"
# Which a model may hold in earnest, or which may fall on a tensor where nothing contradicts them.
POSSIBLE = {
    "scale tiny", "scale huge", "one number everywhere", "size -1", "size 3", "stride 3", "another type",
    "another operator", "another buffer", "a circle", "output is tensor 0", "input left out", "axis 99", "size 0",
    "depth multiplier 0", "depth multiplier 7", "operators out of order", "more dimensions", "fewer dimensions",
    "an input fewer", "another subgraph", "size 100000", "zero point 1000", "zero point of 64 bits",
    "splits 0",
}  # fmt: skip
INPUTS, SECONDS = 1500, 2.0


def refusal(data: bytes) -> str:
    """Return why a file is refused."""
    with pytest.raises(RecipeError) as caught:
        require_whole(data)
    assert caught.value.fix
    return caught.value.reason


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_a_whole_file_is_taken(path: Path) -> None:
    assert read_file(path) == path.read_bytes()


def test_files_behind_the_flatbuffer_are_not_part_of_it() -> None:
    require_whole(append_files(DIGITS.read_bytes(), {"labels.txt": "a\nb"}))


@pytest.mark.parametrize("kind", [kind for kind in CONTRADICTIONS if kind not in POSSIBLE])
def test_a_contradiction_is_refused(kind: str) -> None:
    tried = 0
    for path in WHOLE:
        for turn in range(6):
            model = read_model(path.read_bytes())
            try:
                CONTRADICTIONS[kind](model, random.Random(turn))
                data = write_model(model)
            except (IndexError, AttributeError, struct.error, ValueError, TypeError, OverflowError):
                continue  # it has no such part
            tried += 1
            assert "damaged" in refusal(data)
    assert tried


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_damage_of_every_kind_is_refused_or_taken_and_never_more(path: Path) -> None:
    """No exception but EdgeForge's, and no file that takes long."""
    refused = 0
    for what, data in damaged(path.read_bytes(), INPUTS // len(WHOLE), seed=7):
        began = time.process_time()
        try:
            require_whole(data)
        except RecipeError as error:
            refused += 1
            assert error.fix and len(error.reason) < 400, what
        assert time.process_time() - began < SECONDS, what
    assert refused


def test_the_byte_is_named() -> None:
    data = bytearray(DIGITS.read_bytes())
    data[0:4] = struct.pack("<I", len(data) + 8)
    assert "at byte 0, a Model lies outside of the file" in refusal(bytes(data))
    assert "cut short" in refusal(DIGITS.read_bytes()[:-4000])


def test_tables_that_are_used_again_and_again_end() -> None:
    """A file of 2 kB in which 250 subgraphs are one, and that has 250 times one operator."""
    entries, body = 250, bytearray(b"\0\0\0\0TFL3")
    body[0:4] = struct.pack("<I", _table(body, field=2, entries=entries))
    _table(body, field=3, entries=entries)
    _table(body, field=0, entries=0)
    assert "more than a file of this size can hold" in refusal(bytes(body))


def _table(body: bytearray, field: int, entries: int) -> int:
    """Append a table whose one field is a vector of what is appended next, so many times; return its place."""
    vtable = len(body)
    fields = [0] * field + [4 if entries else 0]
    body += struct.pack(f"<HH{len(fields)}H", 4 + 2 * len(fields), 8, *fields)
    body += bytes(-len(body) % 4)
    place = len(body)
    body += struct.pack("<iII", place - vtable, 4, entries)
    end = len(body) + 4 * entries
    below = end + {2: 12, 3: 8}.get(field, 0)  # behind the vtable of the next: 4 + 2 * (3 or 0 fields + 1), aligned
    body += b"".join(struct.pack("<I", below - here) for here in range(len(body), end, 4))
    return place


def test_the_schema_is_the_one_that_flatc_has_read() -> None:
    generated = _generated()
    known = schema()
    assert known.tables == {name: fields for name, fields in generated.items() if fields}
    from ai_edge_litert import schema_py_generated as module

    for union, tables in known.unions.items():
        named = {value: name for name, value in vars(getattr(module, union)).items() if isinstance(value, int)}
        assert [named[number + 1] for number in range(len(tables))] == list(tables)


def test_operators_and_options_exist() -> None:
    from ai_edge_litert import schema_py_generated as module

    for name, arity in arities().items():
        assert hasattr(module.BuiltinOperator, name) and hasattr(module.BuiltinOptions, arity.options or "NONE")


def _generated() -> dict[str, tuple[str, ...]]:
    """Return each table's fields as flatc's Python has them."""
    from ai_edge_litert import schema_py_generated as module

    source = inspect.getsource(module)
    sizes = {"Int8": 1, "Uint8": 1, "Bool": 1, "Int32": 4, "Uint32": 4, "Float32": 4, "Int64": 8, "Uint64": 8}
    unions = {"details": "QuantizationDetails", "arraySegments": "SparseIndexVector",
              "arrayIndices": "SparseIndexVector", "builtinOptions": "BuiltinOptions",
              "builtinOptions2": "BuiltinOptions2"}  # fmt: skip
    found: dict[str, tuple[str, ...]] = {}
    for name, body in re.findall(r"(?m)^class (\w+)T\(object\):\n(.*?)(?=^class |\Z)", source, re.S):
        slots: dict[int, str] = {}
        for key, kind, slot in re.findall(
            rf"def {name}Add(\w+)\(builder, \w+\):\s+builder\.Prepend(\w+)Slot\((\d+),", source
        ):
            if kind in sizes:
                slots[int(slot)] = str(sizes[kind])
                continue
            key = key[0].lower() + key[1:]
            type_: Any = re.search(rf"self\.{key} = .*?# type: (.*)", body)
            text = type_[1]
            if key in unions:
                slots[int(slot)] = f"|{unions[key]}"
            elif table := re.fullmatch(r"Optional\[List\[(\w+)T\]\]", text):
                slots[int(slot)] = f"[{table[1]}]"
            elif "List" in text:
                width: Any = re.search(
                    rf"def {name}Start{key[0].upper() + key[1:]}Vector\(.*\s+return builder.StartVector\((\d)", source
                )
                slots[int(slot)] = f"[{width[1]}]"
            else:
                slots[int(slot)] = "text" if "str" in text else text.removeprefix("Optional[").removesuffix("T]")
        last = max(slots, default=-1)
        found[name] = tuple(slots.get(number, "-") for number in range(last + 1))
    return found


def test_a_reshape_that_nothing_gives_a_shape_is_refused() -> None:
    model = read_model(DIGITS.read_bytes())
    codes = [code.builtinCode for code in model.operatorCodes]
    reshape = next(operator for operator in model.subgraphs[0].operators if codes[operator.opcodeIndex] == 22)
    reshape.inputs, reshape.builtinOptions = reshape.inputs[:1], None
    assert "(RESHAPE) has no shape to make" in refusal(write_model(model))


def test_of_several_networks_one_must_be_meant(tmp_path: Path) -> None:
    model, path = read_model(DIGITS.read_bytes()), tmp_path / "two.tflite"
    model.subgraphs = model.subgraphs * 2
    path.write_bytes(write_model(model))
    assert read_file(path)
    with pytest.raises(RecipeError, match=r"it holds 2 networks, .* the first does not run subgraph 1"):
        read_file(path, alone=True)
    streaming = DIGITS.with_name("streaming_int8.tflite")  # its second subgraph is run by CALL_ONCE
    assert read_file(streaming, alone=True)
