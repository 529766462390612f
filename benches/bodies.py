"""Makes a model of pictures and a request for it, then times a Python client's parser beside Berth's on the same bytes."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import orjson
from onnx import TensorProto, helper

from peer import median

SIZE = (1, 224, 224, 3)


def model(directory):
    node = helper.make_node("ReduceMean", ["x"], ["y"], axes=[1, 2, 3], keepdims=0)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, *SIZE[1:]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])
    graph = helper.make_graph([node], "mean", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), f"{directory}/model.onnx")


def bodies():
    """Numbers as clients write them: of float32, of float64 with all their digits, and whole ones of a picture."""
    random = np.random.default_rng(1)
    floats = random.random(SIZE, dtype=np.float32)
    yield "float32 digits", orjson.dumps({"instances": floats}, option=orjson.OPT_SERIALIZE_NUMPY)
    yield "float64 digits", orjson.dumps({"instances": floats.astype(np.float64).tolist()})
    yield "whole numbers", orjson.dumps({"instances": random.integers(0, 256, SIZE).tolist()})


def main():
    program, rounds = sys.argv[1], int(sys.argv[2])
    print("| body | MB | Berth, ms | orjson and numpy, ms | ratio |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as directory:
        model(directory)
        for name, body in bodies():
            path = os.path.join(directory, "body.json")
            with open(path, "wb") as file:
                file.write(body)
            ours, theirs = [], []
            for _ in range(rounds):
                answer = subprocess.run([program, directory, path], check=True, capture_output=True, text=True)
                ours.append(float(answer.stdout))
                theirs.append(median(lambda: np.array(orjson.loads(body)["instances"], np.float32), 15))
            ratio = np.array(ours) / np.array(theirs)
            times = f"{np.median(ours) * 1e3:.2f} | {np.median(theirs) * 1e3:.2f}"
            print(f"| {name} | {len(body) / 1e6:.1f} | {times} | {np.median(ratio):.2f} ({ratio.min():.2f} to {ratio.max():.2f}) |")


main()
