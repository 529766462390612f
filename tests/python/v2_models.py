"""Makes the models of `tests/v2.rs` that are in no other set: ONNX, a directory each.

    python v2_models.py DIRECTORY
"""

import os
import sys

import onnx
from onnx import TensorProto, helper


def write(directory, name, nodes, inputs, outputs):
    def info(values):
        return [helper.make_tensor_value_info(*value) for value in values]

    graph = helper.make_graph(nodes, name, info(inputs), info(outputs))
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
    # Only square matrices can be multiplied by themselves: others fail while it runs.
    wild = helper.make_node("MatMul", ["x", "x"], ["y"])
    free = [None, None]
    write(directory, "square", [wild], [("x", TensorProto.FLOAT, free)], [("y", TensorProto.FLOAT, free)])


if __name__ == "__main__":
    main(sys.argv[1])
