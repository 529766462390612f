"""Makes the same models twice: a repository for Triton (its Python backend) and a directory for Berth (ONNX).

    python models.py triton DIR
    python models.py berth DIR
"""

import os
import sys

import numpy as np

# Weights that are short in binary, so that sums of products are the same in any order.
WEIGHTS = np.array([[0.5, -1, 2], [1, 0.25, -2], [-0.5, 3, 1], [2, 1, 0.125]], np.float32)

TYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BYTES": np.object_,
}

PYTHON_MODEL = '''
import numpy as np
import triton_python_backend_utils as pb

WEIGHTS = np.array({weights}, np.float32)


class TritonPythonModel:
    def execute(self, requests):
        inputs = [pb.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb.InferenceResponse([pb.Tensor("y", {expression})]) for x in inputs]
'''


def triton(directory):
    def write(name, kind, width, outputs, expression):
        os.makedirs(f"{directory}/{name}/1")
        with open(f"{directory}/{name}/1/model.py", "w") as file:
            file.write(PYTHON_MODEL.format(weights=WEIGHTS.tolist(), expression=expression))
        kind = "STRING" if kind == "BYTES" else kind
        with open(f"{directory}/{name}/config.pbtxt", "w") as file:
            file.write(
                f'backend: "python"\nmax_batch_size: 8192\n'
                f'input [{{name: "x" data_type: TYPE_{kind} dims: [{width}]}}]\n'
                f'output [{{name: "y" data_type: TYPE_{kind} dims: [{outputs}]}}]\n'
                "instance_group [{count: 1 kind: KIND_CPU}]\n"
            )

    write("dense", "FP32", 4, 3, "x @ WEIGHTS")
    for kind in TYPES:
        write(f"same_{kind}", kind, 3, 3, "x")


def berth(directory):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def write(name, kind, width, outputs, node, initializers=()):
        x = helper.make_tensor_value_info("x", kind, [None, width])
        y = helper.make_tensor_value_info("y", kind, [None, outputs])
        graph = helper.make_graph([node], name, [x], [y], list(initializers))
        os.makedirs(f"{directory}/{name}")
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.save(model, f"{directory}/{name}/model.onnx")

    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    write("dense", TensorProto.FLOAT, 4, 3, product, [numpy_helper.from_array(WEIGHTS, "w")])
    for name, kind in TYPES.items():
        kind = TensorProto.STRING if name == "BYTES" else helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        write(f"same_{name}", kind, 3, 3, helper.make_node("Identity", ["x"], ["y"]))


if __name__ == "__main__":
    {"triton": triton, "berth": berth}[sys.argv[1]](sys.argv[2])
