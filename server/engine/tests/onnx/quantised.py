"""Writes small networks as onnxruntime's quantiser and optimiser leave them, and what onnxruntime answers, for `tests/onnx.rs`.

    pip install onnx onnxruntime sympy
    python quantised.py cases/quantised.gz [SEED]

The form of the file is that of `cases.py`.
"""

import logging
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from cases import record, write
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

SEED = 3
# A step of a quantisation may be told otherwise by a last bit; of an LSTM's states the engine makes no codes.
CLOSE, A_STEP = 1e-4, 0.02
TYPES = [(QuantType.QUInt8, QuantType.QInt8), (QuantType.QInt8, QuantType.QInt8), (QuantType.QUInt8, QuantType.QUInt8)]
LEVELS = onnxruntime.GraphOptimizationLevel
onnxruntime.set_default_logger_severity(4)
logging.disable(logging.CRITICAL)


class Network:
    """Nodes, one after the other, and their weights."""

    def __init__(self, rng, shape):
        self.rng, self.shape, self.nodes, self.weights, self.last = rng, shape, [], [], "x"

    def floats(self, *shape):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array((self.rng.standard_normal(shape) * 0.3).astype(np.float32), name))
        return name

    def add(self, op, *more, first=None, outputs=1, **attributes):
        made = [f"v{len(self.nodes)}"] if outputs == 1 else ["", f"v{len(self.nodes)}", ""]
        self.nodes.append(helper.make_node(op, [first or self.last, *more], made, **attributes))
        self.last = f"v{len(self.nodes) - 1}"
        return self.last

    def model(self, width):
        values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", self.shape), (self.last, [None, width]))]
        graph = helper.make_graph(self.nodes, "network", values[:1], values[1:], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def images(rng):
    net = Network(rng, [None, 3, 8, 8])
    net.add("Conv", net.floats(4, 3, 3, 3), net.floats(4), pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    before = net.add("Relu")
    conv = net.add("Conv", net.floats(4, 1, 3, 3), net.floats(4), pads=[1, 1, 1, 1], kernel_shape=[3, 3], group=4)
    gate = net.add("Sigmoid")
    net.add("Mul", gate, first=conv)
    net.add("Add", before)
    pooled = net.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    net.add("Concat", pooled, axis=1)
    net.add("LeakyRelu", alpha=0.1)
    net.add("GlobalAveragePool")
    net.add("Flatten")
    net.add("Gemm", net.floats(5, 8), net.floats(5), transB=1)
    net.add("Softmax")
    return net.model(5), rng.standard_normal((2, 3, 8, 8))


def rows(rng):
    net = Network(rng, [None, 6])
    net.add("MatMul", net.floats(6, 16))
    net.add("Add", net.floats(16))
    net.add("Relu")
    net.add("MatMul", net.floats(16, 3))
    net.add("Add", net.floats(3))
    return net.model(3), rng.standard_normal((4, 6))


def steps(rng):
    net = Network(rng, [5, None, 3])
    net.add("LSTM", net.floats(1, 16, 3), net.floats(1, 16, 4), net.floats(1, 32), outputs=3, hidden_size=4)
    net.weights.append(numpy_helper.from_array(np.array([0]), "first"))
    net.add("Squeeze", "first")
    net.add("MatMul", net.floats(4, 2))
    return net.model(2), rng.standard_normal((5, 2, 3))


class Calibration(CalibrationDataReader):
    def __init__(self, feeds):
        self.left = iter([feeds] * 3)

    def get_next(self):
        return next(self.left, None)


class Maker:
    def __init__(self, name, model, x, directory):
        self.name, self.feeds, self.records, self.directory = name, {"x": x.astype(np.float32)}, [], Path(directory)
        self.source = self.directory / f"{name}.onnx"
        onnx.save(model, self.source)

    def add(self, how, path, close):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = LEVELS.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        answers = session.run(None, self.feeds)
        self.records.append(record(f"runtime_{self.name}_{how}", onnx.load(path), list(self.feeds.values()), answers, close, close))

    def optimised(self, how, path, close):
        """As the optimiser leaves it."""
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = LEVELS.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(self.directory / "optimised.onnx")
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.add(f"{how}_optimised", self.directory / "optimised.onnx", close)

    def all(self):
        self.optimised("floats", self.source, CLOSE)
        made = self.directory / "quantised.onnx"
        quantize_dynamic(self.source, made)
        self.add("dynamic", made, A_STEP)
        self.optimised("dynamic", made, A_STEP)
        if self.name == "steps":
            return
        for form, (own, weights), each in product((QuantFormat.QDQ, QuantFormat.QOperator), TYPES, (False, True)):
            how = {"quant_format": form, "per_channel": each, "activation_type": own, "weight_type": weights}
            quantize_static(self.source, made, Calibration(self.feeds), **how)
            self.add(f"{form.name}_{own.name}_{weights.name}_{each}", made, A_STEP)


def main():
    rng, records = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else SEED), []
    with tempfile.TemporaryDirectory() as directory:
        for network in (images, rows, steps):
            maker = Maker(network.__name__, *network(rng), directory)
            maker.all()
            records += maker.records
    write(sys.argv[1], records)
    print(len(records), "cases")


if __name__ == "__main__":
    main()
