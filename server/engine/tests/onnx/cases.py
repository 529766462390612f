"""Writes the backend tests of the `onnx` package, for `tests/onnx.rs`.

    python cases.py FILE.gz     all of them
    python cases.py DIRECTORY   all but the largest, in files of less than a megabyte: those that are committed

Each case is a model, its inputs and what it has to answer. What requests carry is tensors: a model that takes or gives a sequence or
an optional value gets operations around it that make or take it apart. Types that no request carries travel in the next wider one.

A file: for each case the length of a header in JSON (u32, little-endian), the header, then as many bytes as it says.
"""

import gzip
import json
import os
import struct
import sys
import warnings

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.loader import load_model_tests

# Cases above this say no more than smaller ones; they are left out of what is committed.
LARGEST = 50 << 10
FILES = 3
FLOATS = {"float16", "bfloat16"}


def is_narrow(name):
    return name.startswith(("float8", "float4", "int4", "uint4", "int2", "uint2"))


def wide(array):
    """An array in a type that a request carries, and the type's name."""
    name = array.dtype.name
    if array.dtype.kind in "OSU":
        return array, "string"
    if name.startswith(("float8", "float4")):
        return array.astype(np.float32), "float32"
    if is_narrow(name):
        kind = np.uint8 if name.startswith("u") else np.int8
        return array.astype(kind), np.dtype(kind).name
    if name in FLOATS:
        return array.astype(np.float32), name
    return array, name


class Parts:
    def __init__(self):
        self.data = b""

    def tensor(self, name, array):
        if isinstance(array, TensorProto):
            array = numpy_helper.to_array(array)
        array, dtype = wide(np.asarray(array))
        entry = {"name": name, "dtype": dtype, "shape": list(array.shape)}
        if dtype == "string":
            entry["text"] = [t.decode() if isinstance(t, bytes) else str(t) for t in array.reshape(-1)]
        else:
            entry["from"] = len(self.data)
            self.data += array.tobytes()
            entry["to"] = len(self.data)
        return entry


def element(kind):
    """The type of the tensors in a sequence or an optional value."""
    while not kind.HasField("tensor_type"):
        kind = kind.sequence_type.elem_type if kind.HasField("sequence_type") else kind.optional_type.elem_type
    return kind.tensor_type.elem_type


def split_input(graph, index, value, nodes, inputs, arrays):
    """A sequence or an optional value, made of tensors."""
    name, kind = value.name, value.type
    is_optional = kind.HasField("optional_type")
    is_sequence = kind.HasField("sequence_type") or (is_optional and kind.optional_type.elem_type.HasField("sequence_type"))
    given = arrays[index]
    made = name if not (is_optional and is_sequence) else name + "_sequence"
    if given is None:
        inner = kind.optional_type.elem_type
        nodes.append(helper.make_node("Optional", [], [name], type=inner))
        return []
    parts = [np.asarray(a) for a in given] if is_sequence else [np.asarray(given)]
    taken = []
    for n, part in enumerate(parts):
        part_name = f"{name}_{n}"
        inputs.append(helper.make_tensor_value_info(part_name, element(kind), part.shape))
        taken.append((part_name, part))
    names = [n for n, _ in taken]
    if is_sequence and names:
        nodes.append(helper.make_node("SequenceConstruct", names, [made]))
    elif is_sequence:
        nodes.append(helper.make_node("SequenceEmpty", [], [made], dtype=element(kind)))
    if is_optional:
        nodes.append(helper.make_node("Optional", [made if is_sequence else names[0]], [name]))
    return taken


def split_output(value, given, nodes, outputs):
    """The tensors of a sequence or an optional value."""
    name, kind = value.name, value.type
    if kind.HasField("optional_type"):
        inner = name + "_inner"
        nodes.append(helper.make_node("OptionalGetElement", [name], [inner]))
        name, kind = inner, kind.optional_type.elem_type
    if kind.HasField("tensor_type"):
        outputs.append(helper.make_tensor_value_info(name, element(kind), None))
        return [(name, np.asarray(given))]
    made = []
    nodes.append(helper.make_node("SequenceLength", [name], [name + "_length"]))
    outputs.append(helper.make_tensor_value_info(name + "_length", TensorProto.INT64, []))
    made.append((name + "_length", np.asarray(len(given), np.int64)))
    for n, part in enumerate(given):
        at, part_name = f"{name}_at_{n}", f"{name}_{n}"
        nodes.append(helper.make_node("Constant", [], [at], value_int=n))
        nodes.append(helper.make_node("SequenceAt", [name, at], [part_name]))
        outputs.append(helper.make_tensor_value_info(part_name, element(kind), None))
        made.append((part_name, np.asarray(part)))
    return made


def of_tensors(model, inputs, outputs):
    """The model with tensors at its border, and the tensors by name."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    before, after, taken, made = [], [], [], []
    new_inputs, new_outputs = [], []
    for index, value in enumerate(list(graph.input)[: len(inputs)]):
        if value.type.HasField("tensor_type"):
            new_inputs.append(value)
            taken.append((value.name, inputs[index]))
        else:
            taken += split_input(graph, index, value, before, new_inputs, inputs)
    for value, given in zip(graph.output, outputs):
        if value.type.HasField("tensor_type"):
            new_outputs.append(value)
            made.append((value.name, given))
        else:
            made += split_output(value, given, after, new_outputs)
    nodes = before + list(graph.node) + after
    for field, values in (("node", nodes), ("input", new_inputs + list(graph.input)[len(inputs):]), ("output", new_outputs)):
        graph.ClearField(field)
        getattr(graph, field).extend(values)
    return model, taken, made


def load(path, kind):
    with open(path, "rb") as file:
        data = file.read()
    if kind.HasField("sequence_type"):
        return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    if kind.HasField("optional_type"):
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
    return numpy_helper.to_array(TensorProto.FromString(data))


def stored_cases():
    """Those that the package keeps as files."""
    for kind in ("simple", "pytorch-converted", "pytorch-operator"):
        for case in load_model_tests(kind=kind):
            model = onnx.load(os.path.join(case.model_dir, "model.onnx"))
            sets = sorted(d for d in os.listdir(case.model_dir) if d.startswith("test_data_set"))
            for one in sets[:1]:
                where = os.path.join(case.model_dir, one)
                count = len([f for f in os.listdir(where) if f.startswith("input_")])
                inputs = [load(f"{where}/input_{n}.pb", model.graph.input[n].type) for n in range(count)]
                outputs = [load(f"{where}/output_{n}.pb", o.type) for n, o in enumerate(model.graph.output)]
                yield case.name, model, inputs, outputs, case.rtol, case.atol


def made_cases():
    """Those that the package makes when they are run."""
    for case in collect_testcases(None):
        inputs, outputs = case.data_sets[0]
        yield case.name, case.model, list(inputs), list(outputs), case.rtol, case.atol


def record(name, model, inputs, outputs, rtol, atol):
    """A case as bytes."""
    model, taken, made = of_tensors(model, inputs, outputs)
    parts = Parts()
    header = {
        "name": name,
        "rtol": rtol,
        "atol": atol,
        "inputs": [parts.tensor(n, a) for n, a in taken],
        "outputs": [parts.tensor(n, a) for n, a in made],
    }
    return packed(header, model, parts)


def packed(header, model, parts):
    body = model.SerializeToString()
    header["model"] = len(body)
    header["bytes"] = len(body) + len(parts.data)
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + body + parts.data


def write(path, records, fast=False):
    with gzip.GzipFile(path, "wb", 1 if fast else 9, mtime=0) as file:
        file.write(b"".join(records))


def main():
    path = sys.argv[1]
    warnings.filterwarnings("ignore")
    records = [record(*case) for case in sorted([*made_cases(), *stored_cases()], key=lambda c: c[0])]
    if not os.path.isdir(path):
        write(path, records)
        print(len(records), "cases")
        return
    small = [r for r in records if len(gzip.compress(r)) <= LARGEST]
    each = -(-len(small) // FILES)
    for n in range(FILES):
        write(f"{path}/backend-{n}.gz", small[n * each : (n + 1) * each])
    print(len(small), "cases;", len(records) - len(small), "are left out, which are large")


if __name__ == "__main__":
    main()
