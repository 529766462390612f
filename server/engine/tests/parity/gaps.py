#!/usr/bin/env python3
"""Says which of TensorFlow's operations the reader refuses, whatever makes them:

    gaps.py BERTH     BERTH is the server's binary; its `inspect` is asked about a model of each operation alone

Attributes have their defaults, or the first type that is allowed, floats before others. What only training, input pipelines, other
devices or queues use is left out, and so is what reads or writes variables, which models have in other ways.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import protocol  # noqa: F401  quietens TensorFlow before it is loaded
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

ELSEWHERE = re.compile(
    "Grad|Dataset|Iterator|Summary|Queue|TPU|Xla|Collective|Apply|Barrier|Reader|Session|Nccl|Optional|Stage|Staging|Batch$|Rpc|Mkl"
    "|Debug|Checkpoint|Save|Restore|Lock|Mutex|Cudnn|Accumulator|Boosted|Assign|Backprop|BackProp|Execute|Host|SparseCore|Sdca|feed"
    "|Resource|Variable|Memory|Inplace|OrderedMap|^Map|Stack|Rng|Embeddings|Stats|Minibatch|Worker|Send|Recv|AllToAll|Prelinearize"
)
PREFERRED = (types_pb2.DT_FLOAT, types_pb2.DT_INT32, types_pb2.DT_INT64, types_pb2.DT_BOOL, types_pb2.DT_STRING)


def attribute(node, attr):
    """Gives an attribute a value; false if none is known."""
    value, allowed = node.attr[attr.name], list(attr.allowed_values.list.type)
    if attr.HasField("default_value"):
        value.CopyFrom(attr.default_value)
    elif attr.type == "type":
        value.type = next((t for t in PREFERRED if not allowed or t in allowed), (allowed or [0])[0])
    elif attr.type == "list(type)":
        value.list.type.append(types_pb2.DT_FLOAT)
    elif attr.type == "int":
        value.i = max(attr.minimum, 2)
    elif attr.type == "list(int)":
        value.list.i.extend([1, 2, 2, 1])
    elif attr.type == "float":
        value.f = 1.0
    elif attr.type == "bool":
        value.b = False
    elif attr.type == "string":
        value.s = (list(attr.allowed_values.list.s) or [b"SAME" if attr.name == "padding" else b"i->i"])[0]
    elif attr.type == "shape":
        value.shape.dim.add().size = 2
    else:
        return False
    return True


def model(op):
    """A saved model of an operation alone; none: it takes or gives what no request has."""
    saved = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    signature = meta.signature_def["serving_default"]
    signature.method_name = "tensorflow/serving/predict"
    node = tf.compat.v1.NodeDef(name="it", op=op.name)
    if not op.output_arg or not all(attribute(node, attr) for attr in op.attr):
        return None
    for arg in op.input_arg:
        kinds = [arg.type or node.attr[arg.type_attr].type] if not arg.type_list_attr else node.attr[arg.type_list_attr].list.type
        for n, kind in enumerate(list(kinds) * (node.attr[arg.number_attr].i if arg.number_attr else 1)):
            if kind not in PREFERRED:
                return None
            name = f"{arg.name}_{n}"
            given = meta.graph_def.node.add(name=name, op="Placeholder")
            given.attr["dtype"].type = kind
            info = signature.inputs[name]
            info.name, info.dtype, info.tensor_shape.unknown_rank = f"{name}:0", kind, True
            node.input.append(name)
    meta.graph_def.node.append(node)
    first = op.output_arg[0]
    kind = first.type or node.attr[first.type_attr].type
    if first.type_list_attr or kind not in PREFERRED:
        return None
    info = signature.outputs["y"]
    info.name, info.dtype, info.tensor_shape.unknown_rank = "it:0", kind, True
    return saved


def main(berth):
    refused, untold = [], []
    for name in sorted(n for n in dir(tf.raw_ops) if n[0].isupper() and not ELSEWHERE.search(n)):
        op = op_def_registry.get(name)
        saved = op and not op.is_stateful and model(op)
        if not saved:
            untold.append(name)
            continue
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "1"
            path.mkdir()
            (path / "saved_model.pb").write_bytes(saved.SerializeToString())
            told = subprocess.run([berth, "inspect", directory], capture_output=True, text=True)
        lines = (told.stdout + told.stderr).splitlines()
        why = next((line for line in lines if name in line), lines[-1] if lines else "")
        if told.returncode:
            refused.append(f"{name}: {why.strip()}")
    print("\n".join(refused))
    print(f"{len(refused)} refused; not asked about: {' '.join(untold)}")


if __name__ == "__main__":
    main(sys.argv[1])
