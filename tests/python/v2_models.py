"""Makes the models of `tests/v2.rs` that are in no other set: ONNX, a directory each.

    python v2_models.py DIRECTORY
"""

import os
import sys

import onnx
from onnx import TensorProto, helper


def write(directory, name, nodes, inputs, outputs, constants=()):
    def info(values):
        return [helper.make_tensor_value_info(*value) for value in values]

    graph = helper.make_graph(nodes, name, info(inputs), info(outputs), constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    os.makedirs(f"{directory}/{name}", exist_ok=True)
    onnx.save(model, f"{directory}/{name}/model.onnx")


def main(directory):
    shape = [None, 3]
    same = helper.make_node("Identity", ["x"], ["y"])
    write(directory, "same_BF16", [same], [("x", TensorProto.BFLOAT16, shape)], [("y", TensorProto.BFLOAT16, shape)])
    pair = [("a", TensorProto.FLOAT, shape), ("b", TensorProto.FLOAT, shape)]
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Sub", ["a", "b"], ["difference"])]
    outputs = [("sum", TensorProto.FLOAT, shape), ("difference", TensorProto.FLOAT, shape)]
    write(directory, "pair", nodes, pair, outputs)
    scalar = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)
    write(directory, "total", [scalar], [("x", TensorProto.INT64, [None, None])], [("y", TensorProto.INT64, [])])
    # Of three values the one of this number: there is no fourth.
    values = helper.make_tensor("values", TensorProto.FLOAT, [3], [10, 20, 30])
    pick = helper.make_node("Gather", ["values", "x"], ["y"])
    numbers, picked = [("x", TensorProto.INT64, [None])], [("y", TensorProto.FLOAT, [None])]
    write(directory, "pick", [pick], numbers, picked, [values])


if __name__ == "__main__":
    main(sys.argv[1])
