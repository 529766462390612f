"""Writes models of one operation on images, with random windows, and what onnxruntime answers, for `tests/onnx.rs`.

    python windows.py cases/windows.gz [COUNT [SEED]]
"""

import random
import sys

import numpy as np
import onnxruntime
from cases import record, write
from onnx import helper, numpy_helper

COUNT, SEED = 12, 1
onnxruntime.set_default_logger_severity(4)


class Maker:
    def __init__(self, seed):
        self.dice, self.noise, self.records = random.Random(seed), np.random.default_rng(seed), []

    def floats(self, *shape):
        return self.noise.standard_normal(shape).astype(np.float32)

    def integers(self, low, high, shape, dtype):
        return self.noise.integers(low, high, shape).astype(dtype)

    def add(self, op, inputs, constants, outputs=1, opset=19, **attributes):
        """A model that takes `inputs`; None: one that is left out. What onnxruntime refuses is left out."""
        names = [f"input_{n}" if a is not None else "" for n, a in enumerate([*inputs, *constants])]
        given = list(zip(names, inputs))
        # Batches of any size.
        taken = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), [None, *a.shape[1:]])
            for name, a in given
        ]
        kept = [numpy_helper.from_array(np.asarray(a), n) for n, a in zip(names[len(inputs) :], constants) if n]
        made = [helper.make_empty_tensor_value_info(f"output_{n}") for n in range(outputs)]
        node = helper.make_node(op, names, [m.name for m in made], **attributes)
        graph = helper.make_graph([node], op, taken, made, kept)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
        try:
            session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            answers = session.run(None, dict(given))
        except Exception as refused:
            print(op, attributes, str(refused)[:120], file=sys.stderr)
            return
        for n, answer in enumerate(answers):
            kind = helper.np_dtype_to_tensor_dtype(answer.dtype)
            model.graph.output[n].CopyFrom(helper.make_tensor_value_info(made[n].name, kind, None))
        name = f"window_{op}_{len(self.records)}"
        self.records.append(record(name, model, inputs, answers, 1e-4, 2e-5))

    def window(self):
        """Extents of an image, and a window that fits."""
        axes = self.dice.choice([1, 2, 2, 3])
        each = lambda low, high: [self.dice.randint(low, high) for _ in range(axes)]
        kernel, dilations, strides = each(1, 3), each(1, 2), each(1, 3)
        size = [self.dice.randint((k - 1) * d + 1, 9) for k, d in zip(kernel, dilations)]
        return size, kernel, dilations, strides

    def around(self, axes, most, window):
        """Paddings, told or not; those that are not are undefined where steps are longer than windows."""
        kernel, strides = window
        kinds = ["pads", "VALID"] + ["SAME_UPPER", "SAME_LOWER"] * all(s <= k for s, k in zip(strides, kernel))
        kind = self.dice.choice(kinds)
        if kind == "pads":
            return {"pads": [self.dice.randint(0, most[n % axes]) for n in range(2 * axes)]}
        return {"auto_pad": kind}

    def convolutions(self):
        size, kernel, dilations, strides = self.window()
        groups = self.dice.choice([1, 1, 2, 4])
        ins, outs = groups * self.dice.randint(1, 3), groups * self.dice.randint(1, 2)
        common = {"group": groups, "dilations": dilations, "strides": strides}
        around = self.around(len(kernel), [2] * len(kernel), (kernel, strides))
        if "auto_pad" in around:
            common["dilations"] = [1] * len(kernel)
        image = self.floats(2, ins, *size)
        bias = [self.floats(outs)] * self.dice.randint(0, 1)
        self.add("Conv", [image], [self.floats(outs, ins // groups, *kernel), *bias], **common, **around)
        weights = self.floats(ins, outs // groups, *kernel)
        around = self.around(len(kernel), [k // 2 for k in kernel], (kernel, strides))
        more = [self.dice.randint(0, max(s, d) - 1) for s, d in zip(strides, common["dilations"])]
        around["output_padding"] = more if "pads" in around else [0] * len(kernel)
        self.add("ConvTranspose", [image], [weights, *bias], **common, **around)
        quantised = [0.02, 120, 0, 0.01, 0, 0.05, 100]
        kinds = [np.float32, np.uint8, None, np.float32, np.int8, np.float32, np.uint8]
        scales = [kind and kind(n) for n, kind in zip(quantised, kinds)]
        scales[2] = self.integers(-127, 127, (outs, ins // groups, 3, 3), np.int8)
        picture = self.integers(0, 255, (1, ins, 8, 8), np.uint8)
        self.add("QLinearConv", [picture], scales, group=groups, pads=[1, 0, 1, 1])

    def pools(self):
        size, kernel, dilations, strides = self.window()
        image = self.floats(2, 3, *size)
        for op in ("MaxPool", "AveragePool", "LpPool"):
            how = self.around(len(kernel), [k - 1 for k in kernel], (kernel, strides))
            if "pads" in how:
                how |= {"ceil_mode": self.dice.randint(0, 1), "dilations": dilations}
            if op == "AveragePool":
                how["count_include_pad"] = self.dice.randint(0, 1)
            outputs = self.dice.randint(1, 2) if op == "MaxPool" else 1
            opset = 18 if op == "LpPool" else 19
            self.add(op, [image], [], outputs, opset, kernel_shape=kernel, strides=strides, **how)
        self.add("LRN", [self.floats(2, 6, 3, 3)], [], size=3, alpha=0.3, bias=1.5)

    def resizes(self):
        mode = self.dice.choice(["nearest", "linear", "cubic"])
        coordinates = self.dice.choice(["half_pixel", "align_corners", "asymmetric"])
        how = {"mode": mode, "coordinate_transformation_mode": coordinates}
        if mode == "nearest":
            how["nearest_mode"] = self.dice.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
        else:
            how["antialias"] = self.dice.randint(0, 1)
        image = self.floats(1, 2, self.dice.randint(4, 8), self.dice.randint(4, 8))
        factors = np.array([1, 1, self.dice.choice([0.5, 1, 2, 3]), self.dice.choice([1, 2])], np.float32)
        if image.shape[2] % 2 == 0 or factors[2] >= 1:
            self.add("Resize", [image], [None, factors], **how)
        sizes = np.array([1, 2, self.dice.randint(2, 12), self.dice.randint(2, 12)])
        self.add("Resize", [image], [None, None, sizes], **how)

    def places(self):
        image, grid = self.floats(2, 3, 6, 7), 1.2 * self.floats(2, 4, 5, 2)
        how = {"padding_mode": self.dice.choice(["zeros", "border", "reflection"])}
        how |= {"mode": self.dice.choice(["linear", "nearest", "cubic"]), "align_corners": self.dice.randint(0, 1)}
        self.add("GridSample", [image, grid], [], opset=20, **how)
        corners = [self.noise.uniform(0, 8, (4, 2)), self.noise.uniform(6, 20, (4, 2))]
        regions, owners = np.concatenate(corners, 1).astype(np.float32), self.integers(0, 2, 4, np.int64)
        half = self.dice.choice(["half_pixel", "output_half_pixel"])
        how = {"output_height": 2, "output_width": 3, "sampling_ratio": self.dice.choice([0, 2])}
        how |= {"spatial_scale": 0.5, "coordinate_transformation_mode": half}
        self.add("RoiAlign", [image, regions, owners], [], **how)
        regions = np.concatenate([owners[:, None].astype(np.float32), regions], 1)
        self.add("MaxRoiPool", [image, regions], [], pooled_shape=[2, 3], spatial_scale=0.5)


def main():
    count, seed = [int(a) for a in sys.argv[2:]] + [COUNT, SEED][len(sys.argv) - 2 :]
    maker = Maker(seed)
    for _ in range(count):
        maker.convolutions()
        maker.pools()
        maker.resizes()
        maker.places()
    write(sys.argv[1], maker.records)
    print(len(maker.records), "cases")


if __name__ == "__main__":
    main()
