"""Writes layers with constant weights as exporters write them, and what onnxruntime answers, for `tests/onnx.rs`.

    python layers.py cases
"""

import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import cases


def recurrent(rng, op, gates, direction, bias, states, reset_after):
    directions = 2 if direction == "bidirectional" else 1
    units, width, steps, batch = int(rng.choice([3, 12, 20])), 5, 7, 3

    def numbers(name, *shape):
        return numpy_helper.from_array((rng.standard_normal(shape) * 0.4).astype(np.float32), name)

    weights = [numbers("W", directions, gates * units, width), numbers("R", directions, gates * units, units)]
    inputs = ["X", "W", "R", "B" if bias else ""]
    if bias:
        weights.append(numbers("B", directions, 2 * gates * units))
    if states:
        weights.append(numbers("h", directions, batch, units))
        inputs += ["", "h"]
        if op == "LSTM":
            weights.append(numbers("c", directions, batch, units))
            inputs.append("c")
    outputs = ["Y", "Yh"] + (["Yc"] if op == "LSTM" else [])
    attributes = {"hidden_size": units, "direction": direction}
    if op == "GRU":
        attributes["linear_before_reset"] = reset_after
    node = helper.make_node(op, inputs, outputs, **attributes)
    x = helper.make_tensor_value_info("X", TensorProto.FLOAT, ["steps", "batch", width])
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph([node], "layer", [x], made, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model, (rng.standard_normal((steps, batch, width)) * 0.4).astype(np.float32)


def main():
    rng = np.random.default_rng(5)
    records = []
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        for direction in ("forward", "reverse", "bidirectional"):
            for bias, states in ((0, 0), (0, 1), (1, 0), (1, 1)):
                for reset_after in (0, 1) if op == "GRU" else (0,):
                    model, x = recurrent(rng, op, gates, direction, bias, states, reset_after)
                    session = onnxruntime.InferenceSession(model.SerializeToString())
                    name = f"layer_{op}_{direction}_{bias}{states}{reset_after}"
                    records.append(cases.record(name, model, [x], session.run(None, {"X": x}), 1e-4, 1e-5))
    cases.write(f"{sys.argv[1]}/recurrent.gz", records)
    print(len(records), "cases")


if __name__ == "__main__":
    main()
