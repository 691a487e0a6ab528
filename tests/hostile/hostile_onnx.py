""".onnx and PyTorch files that are wrong, for `bench` and for `build`."""

from __future__ import annotations

import io
import pickle
import random
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from hostile_bytes import damaged
from hostile_cases import NO_FILES, Case, Content, link
from hostile_seeds import NET, RECIPE, exported_file, onnx_file, script_file, training_npz, weights

Change = Callable[[Any, random.Random], None]


def _loaded() -> Any:
    import onnx

    return onnx.load_from_string(onnx_file())


def _dimension(value: int) -> Change:
    def change(model: Any, random: random.Random) -> None:
        shape = model.graph.input[0].type.tensor_type.shape
        random.choice(shape.dim).dim_value = value

    return change


def _initializer(model: Any, random: random.Random) -> None:
    tensor = random.choice(model.graph.initializer)
    tensor.dims[0] = random.choice((-1, 0, 2**40, 10**9, tensor.dims[0] + 1))


def _external(location: str) -> Change:
    def change(model: Any, random: random.Random) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = 1
        for key, value in (("location", location), ("offset", "0"), ("length", "1000")):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value

    return change


def _cycle(model: Any, random: random.Random) -> None:
    model.graph.node[0].input[0] = model.graph.node[-1].output[0]


def _missing(model: Any, random: random.Random) -> None:
    random.choice(model.graph.node).input[0] = random.choice(("nothing", "", "\udc80".encode(errors="ignore").decode()))


def _attribute(name: str, values: list[int]) -> Change:
    def change(model: Any, random: random.Random) -> None:
        from onnx import helper

        node = model.graph.node[0]
        kept = [one for one in node.attribute if one.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, values)])

    return change


def _scalar(model: Any, name: str) -> None:
    """A number is all that comes out."""
    from onnx import TensorProto, helper

    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, []))


def _expand(model: Any, random: random.Random) -> None:
    """Six gigabytes of one value."""
    from onnx import helper, numpy_helper

    model.graph.initializer.append(numpy_helper.from_array(np.array([1600, 1_000_000], np.int64), "sizes"))
    model.graph.node.append(helper.make_node("ReduceSum", [model.graph.output[0].name], ["one"], keepdims=0))
    model.graph.node.append(helper.make_node("Expand", ["one", "sizes"], ["huge"]))
    model.graph.node.append(helper.make_node("ReduceSum", ["huge"], ["least"], keepdims=0))
    _scalar(model, "least")


def _expand_computed(model: Any, random: random.Random) -> None:
    """The same, of a size that only running it tells."""
    from onnx import TensorProto, helper

    _expand(model, random)
    last = model.graph.node.pop()
    expand = model.graph.node.pop()
    made = [helper.make_node("Cast", ["one"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Sub", ["whole", "whole"], ["none"]),
            helper.make_node("Add", ["sizes", "none"], ["told"])]  # fmt: skip
    expand.input[1] = "told"
    model.graph.node.extend([*made, expand, last])


def _loop(model: Any, random: random.Random) -> None:
    """A Loop that never ends."""
    from onnx import TensorProto, helper, numpy_helper

    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["go_on"]), helper.make_node("Identity", ["before"], ["after"])],
        "body",
        [helper.make_tensor_value_info("turn", TensorProto.INT64, []),
         helper.make_tensor_value_info("going", TensorProto.BOOL, []),
         helper.make_tensor_value_info("before", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
         helper.make_tensor_value_info("after", TensorProto.FLOAT, None)],
    )  # fmt: skip
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    last = model.graph.output[0].name
    model.graph.node.append(helper.make_node("Loop", ["", "yes", last], ["turned"], body=body))
    model.graph.output[0].name = "turned"


def _loop_computed(model: Any, random: random.Random) -> None:
    """One whose condition is computed anew each time: no check tells that it stays true."""
    from onnx import TensorProto, helper

    _loop(model, random)
    body = model.graph.node[-1].attribute[0].g
    del body.node[0]
    body.node.extend([helper.make_node("Cast", ["turn"], ["count"], to=TensorProto.FLOAT),
                      helper.make_node("Sub", ["count", "count"], ["none"]),
                      helper.make_node("Equal", ["none", "none"], ["go_on"])])  # fmt: skip


def _recursive(model: Any, random: random.Random) -> None:
    from onnx import helper

    opset = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    call = helper.make_node("Again", ["a"], ["b"], domain="own")
    model.functions.append(helper.make_function("own", "Again", ["a"], ["b"], [call], opset))
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node[1].op_type, model.graph.node[1].domain = "Again", "own"


def _unknown(model: Any, random: random.Random) -> None:
    node = random.choice(model.graph.node)
    node.op_type, node.domain = random.choice((("Nothing", ""), ("Conv", "com.nobody"), ("Conv\n#error", "")))


def _opset(model: Any, random: random.Random) -> None:
    model.opset_import[0].version = random.choice((0, -1, 1, 99, 2**40))


def _nan(model: Any, random: random.Random) -> None:
    tensor = model.graph.initializer[0]
    tensor.raw_data = np.full(len(tensor.raw_data) // 4, random.choice((np.nan, np.inf)), np.float32).tobytes()


def _type(model: Any, random: random.Random) -> None:
    model.graph.input[0].type.tensor_type.elem_type = random.choice((0, 6, 8, 14, 99))


WRONG: dict[str, Change] = {
    "dimension -5": _dimension(-5),
    "dimension huge": _dimension(2**40),
    "initializer": _initializer,
    "external /etc/passwd": _external("/etc/passwd"),
    "external above": _external("../keep.txt"),
    "external link": _external("w.bin"),
    "external absent": _external("nothing.bin"),
    "cycle": _cycle,
    "missing input": _missing,
    "stride 0": _attribute("strides", [0, 0]),
    "kernel huge": _attribute("kernel_shape", [10**9, 10**9]),
    "pads huge": _attribute("pads", [2**40] * 4),
    "dilation 0": _attribute("dilations", [0, 0]),
    "group 0": lambda model, random: _attribute_int(model, "group", 0),
    "expand 6 GB": _expand,
    "expand 6 GB, computed": _expand_computed,
    "endless loop": _loop,
    "endless loop, computed": _loop_computed,
    "recursive": _recursive,
    "unknown operator": _unknown,
    "opset": _opset,
    "type": _type,
}
STRANGE: dict[str, Change] = {"nan": _nan}


def _attribute_int(model: Any, name: str, value: int) -> None:
    from onnx import helper

    model.graph.node[0].attribute.append(helper.make_attribute(name, value))


def hostile_onnx(random: random.Random) -> tuple[str, Content, bool]:
    """Return a kind, a file and whether taking it is wrong."""
    draw = random.random()
    if draw < 0.06:
        kind = random.choice(list(NO_FILES))
        return f"no file: {kind}", NO_FILES[kind], True
    if draw < 0.35:
        how, data = damaged(onnx_file(), random)
        return f"bytes {how}", data, False
    table, wrong = (WRONG, True) if draw < 0.95 else (STRANGE, False)
    kind = random.choice(list(table))
    model = _loaded()
    table[kind](model, random)
    return f"graph {kind}", bytes(model.SerializeToString()), wrong


class Planted:
    """What a pickle runs when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("open('../keep.txt', 'a').write('ran')",)


def _repacked(data: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, change(entry.filename, old.read(entry)))
    return buffer.getvalue()


def _pickled(data: bytes) -> bytes:
    evil = pickle.dumps(Planted())
    return _repacked(data, lambda name, old: evil if name.endswith((".pkl", ".pt", "sample_inputs.pt")) else old)


def _bomb(data: bytes) -> bytes:
    """A member that unpacks to four gigabytes."""
    buffer = io.BytesIO(data)
    with (
        zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("archive/data/99", "w", force_zip64=True) as file,
    ):
        for _ in range(400):
            file.write(bytes(10 << 20))
    return buffer.getvalue()


def _facts(data: bytes, random: random.Random) -> bytes:
    """EdgeForge's own facts inside a TorchScript file, made up."""
    bad = random.choice((b"[]", b"{}", b"\xff", b'{"shape": [1e400]}', b'{"engine": "$(id)"}', b"9" * 5000))
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as archive:
        root = archive.namelist()[0].partition("/")[0]
        for name in ("edgeforge.json", "preprocessing.json", "facts.json"):
            archive.writestr(f"{root}/extra/{name}", bad)
    return buffer.getvalue()


_BOMBS: dict[str, bytes] = {}


def hostile_torch(random: random.Random, data: bytes, key: str) -> tuple[str, Content, bool]:
    draw = random.random()
    if draw < 0.08:
        kind = random.choice(list(NO_FILES))
        return f"no file: {kind}", NO_FILES[kind], True
    if draw < 0.55:
        how, data = damaged(data, random)
        return f"bytes {how}", data, False
    if draw < 0.75:
        return "pickled code", _pickled(data), True
    if draw < 0.85:
        if key not in _BOMBS:
            _BOMBS[key] = _bomb(data)
        return "zip bomb", _BOMBS[key], False
    if draw < 0.93:
        return "facts", _facts(data, random), False
    return (
        "another kind",
        random.choice((pickle.dumps(Planted()), onnx_file(), b"PK\x05\x06" + bytes(18), weights())),
        True,
    )


def on_inspect(random: random.Random) -> Case:
    """`inspect` on an .onnx or a file of PyTorch."""
    ending = random.choice((".onnx", ".onnx", ".pt", ".pt2", ".ckpt"))
    if ending == ".onnx":
        kind, content, wrong = hostile_onnx(random)
    else:
        seed = {".pt": script_file, ".pt2": exported_file, ".ckpt": weights}[ending]()
        kind, content, wrong = hostile_torch(random, seed, ending)
    files: dict[str, Content] = {f"m{ending}": content, "w.bin": link("/etc/passwd")}
    shape = ("--shape", "1,1,8,8") if ending == ".pt" else ()
    wrong = wrong and kind != "another kind" and "computed" not in kind  # what only running it tells
    return Case("inspect", f"{ending} {kind}", ("inspect", f"m{ending}", *shape), files, wrong)


def on_bench(random: random.Random) -> Case:
    """`bench` on an .onnx or a .pt."""
    if random.random() < 0.6:
        kind, content, wrong = hostile_onnx(random)
        name = "m.onnx"
    else:
        kind, content, wrong = hostile_torch(random, script_file(), "pt")
        name = "m.pt"
    files: dict[str, Content] = {name: content}
    if "external link" in kind:
        files["w.bin"] = link("/etc/passwd")
    return Case("bench", f"{name[1:]} {kind}", ("bench", name, "--runs", "20", "--warmup", "1"), files, wrong)


def on_build(random: random.Random) -> Case:
    """A build whose model or weights are hostile, up to the ONNX file; or only its plan."""
    verb = random.choice(("plan", "build"))
    ending = random.choice((".onnx", ".onnx", ".pt", ".pt2", ".ckpt", ".safetensors"))
    files: dict[str, Content] = {"r.yaml": RECIPE, "x.npz": training_npz(), "model.py": NET}
    if ending == ".onnx":
        kind, content, wrong = hostile_onnx(random)
        files["w.bin"] = link("/etc/passwd")
    elif ending == ".safetensors":
        sizes = (2**62).to_bytes(8, "little"), (10).to_bytes(8, "little"), b""
        kind, content, wrong = (
            "damaged",
            random.choice(sizes) + b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,9]}}',
            True,
        )
    else:
        seed = {".pt": script_file, ".pt2": exported_file, ".ckpt": weights}[ending]()
        kind, content, wrong = hostile_torch(random, seed, ending)
    name = f"m{ending}"
    model = "model.name" if ending in (".onnx", ".pt", ".pt2") else "model.weights"
    files[name] = content
    words = (verb, "r.yaml", "--out", "out", "--set", f"{model}={name}")
    words += ("--set", "train.epochs=0") if ending in (".ckpt", ".safetensors") else ()
    words += ("--until", "onnx") if verb == "build" else ()
    return Case(verb, f"{ending} {kind}", words, files, wrong and verb == "build", slow=verb == "build")
