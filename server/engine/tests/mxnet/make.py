#!/usr/bin/env python3
"""Makes the fixtures of MXNet's test: graphs and arrays that MXNet itself writes, and what it answers. MXNet is retired: it needs an old Python.

    python3.8 -m venv venv && venv/bin/pip install "numpy<1.24" mxnet==1.9.1
    venv/bin/python make.py               # an operator each, small networks, linear learners
    venv/bin/python make.py networks      # only these; also `recurrent`, `detection`, `operators`, `linear`
    venv/bin/python make.py zoo DIR       # all of gluon's model zoo, with random weights (3 GB), for `BERTH_MXNET_ZOO`
    venv/bin/python make.py settled DIR   # the same, with batch norms that know a batch

Operators are in `operators.json`, `recurrent.json` and `detection.json`: files, inputs and outputs by name. Each directory holds an artifact in `model/` and `cases.json`; large
arrays lie beside it. Everything is seeded.
"""

import base64
import json
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import mxnet as mx
import numpy as np

HERE = Path(__file__).parent
ROOT = HERE
OPERATORS = []
LARGE = 4000


def array(directory, name, values):
    values = np.asarray(values, np.float32)
    if directory and values.size > LARGE:
        values.astype("<f4").tofile(directory / (name + ".f32"))
        return {"shape": list(values.shape), "file": name + ".f32"}
    flat = [None if v != v else float("%.8g" % v) for v in values.ravel().tolist()]
    return {"shape": list(values.shape), "values": flat}


def fresh(name):
    directory = ROOT / name
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "model").mkdir(parents=True)
    return directory


def cases(directory, inputs, outputs, rounding=0.0):
    all = {kind: {n: array(directory, n, v) for n, v in of.items()} for kind, of in [("inputs", inputs), ("outputs", outputs)]}
    if rounding:
        all["rounding"] = rounding
    (directory / "cases.json").write_text(json.dumps(all))


def rng_of(name):
    return np.random.default_rng(list(name.encode()))


def run(symbol, inputs, params):
    """What a graph answers, by output."""
    every = {**params, **inputs}
    args = {n: mx.nd.array(every[n]) for n in symbol.list_arguments() if n in every}
    labels = [n for n in symbol.list_arguments() if n not in every]
    if labels:
        shapes, _, _ = symbol.infer_shape(**{n: v.shape for n, v in args.items()})
        args.update({n: mx.nd.zeros(s) for n, s in zip(symbol.list_arguments(), shapes) if n in labels})
    aux = {n: mx.nd.array(every[n]) for n in symbol.list_auxiliary_states()}
    outputs = symbol.bind(mx.cpu(), args=args, aux_states=aux, grad_req="null").forward(is_train=False)
    return dict(zip(symbol.list_outputs(), [o.asnumpy() for o in outputs]))


def save(symbol, inputs, params, to):
    aux = symbol.list_auxiliary_states()
    arg_params = {n: mx.nd.array(v) for n, v in params.items() if n not in aux}
    mx.model.save_checkpoint(str(to / "model"), 0, symbol, arg_params, {n: mx.nd.array(params[n]) for n in aux})
    said = [{"name": n, "shape": list(v.shape)} for n, v in inputs.items()]
    (to / "model-shapes.json").write_text(json.dumps(said))


def case(name, symbol, inputs, params=None, outputs=None):
    """An operator: its files, inputs and outputs become an entry of a file of operators."""
    params = params or {}
    with tempfile.TemporaryDirectory() as model:
        save(symbol, inputs, params, Path(model))
        entry(name, model, inputs, outputs or run(symbol, inputs, params))


def block(name, net, inputs, shapes=True):
    """The same for a block of gluon, as it exports itself."""
    net.initialize()
    net.hybridize()
    given = lambda x: list(map(mx.nd.array, x)) if isinstance(x, list) else mx.nd.array(x)
    net(*map(given, inputs))
    for n, param in enumerate(net.collect_params().values()):
        param.set_data(mx.nd.array(normal(f"{name}{n}", *param.shape) / 3))
    inputs = [one for x in inputs for one in (x if isinstance(x, list) else [x])]
    with tempfile.TemporaryDirectory() as model:
        net.export(model + "/model", 0)
        symbol = mx.sym.load(model + "/model-symbol.json")
        params = {key[4:]: value.asnumpy() for key, value in mx.nd.load(model + "/model-0000.params").items()}
        names = [n for n in symbol.list_arguments() if n not in params]
        # Inputs are named in the order in which they are given.
        named = dict(zip(sorted(names), inputs))
        if shapes:
            said = [{"name": n, "shape": list(v.shape)} for n, v in named.items()]
            Path(model, "model-shapes.json").write_text(json.dumps(said))
        entry(name, model, named, run(symbol, named, params))


def entry(name, model, inputs, outputs):
    print(name)
    files = {f.name: base64.b64encode(f.read_bytes()).decode() for f in sorted(Path(model).iterdir())}
    numbers = lambda of: {n: array(None, n, v) for n, v in of.items()}
    OPERATORS.append({"name": name, "files": files, "inputs": numbers(inputs), "outputs": numbers(outputs)})


def normal(name, *shape):
    return rng_of(name).normal(0, 1, shape).astype(np.float32)


def layers():
    x = mx.sym.var("data")
    image = normal("image", 2, 4, 7, 6)

    def conv(name, kernel, channels=6, groups=1, data=image, bias=True, **more):
        width = data.shape[1] // groups
        params = {"c_weight": normal(name, channels, width, *kernel) / 3}
        if bias:
            params["c_bias"] = normal(name + "b", channels)
        made = mx.sym.Convolution(x, kernel=kernel, num_filter=channels, num_group=groups, no_bias=not bias, name="c", **more)
        case("op-" + name, made, {"data": data}, params)

    conv("conv", (3, 3))
    conv("conv-pad", (3, 3), pad=(1, 2), stride=(2, 1))
    conv("conv-dilate", (3, 3), dilate=(2, 2), bias=False)
    conv("conv-groups", (3, 3), groups=2)
    conv("conv-depthwise", (3, 3), channels=4, groups=4, pad=(1, 1))
    conv("conv-depthwise-two", (3, 3), channels=8, groups=4)
    conv("conv-one", (1, 1))
    conv("conv-line", (3,), data=normal("line", 2, 4, 11), pad=(1,), stride=(2,))
    conv("conv-volume", (2, 3, 3), data=normal("volume", 1, 2, 5, 6, 7), pad=(0, 1, 1))

    def deconv(name, kernel, channels=6, groups=1, bias=False, **more):
        params = {"d_weight": normal(name, 4, channels // groups, *kernel) / 3}
        if bias:
            params["d_bias"] = normal(name + "b", channels)
        made = mx.sym.Deconvolution(x, kernel=kernel, num_filter=channels, num_group=groups, no_bias=not bias, name="d", **more)
        case("op-" + name, made, {"data": image}, params)

    deconv("deconv", (3, 3))
    deconv("deconv-stride", (4, 4), stride=(2, 2), pad=(1, 1), bias=True)
    deconv("deconv-adj", (3, 3), stride=(2, 2), pad=(1, 1), adj=(1, 1))
    deconv("deconv-groups", (3, 3), groups=2)

    for kind in ["max", "avg", "sum"]:
        pool = lambda name, **more: case(f"op-pool-{kind}-{name}", mx.sym.Pooling(x, pool_type=kind, name="p", **more), {"data": image})
        pool("valid", kernel=(2, 2), stride=(2, 2))
        pool("pad", kernel=(3, 3), stride=(2, 2), pad=(1, 1))
        pool("all", kernel=(1, 1), global_pool=True)
        if kind != "sum":
            pool("full", kernel=(3, 3), stride=(2, 2), pooling_convention="full")
            pool("full-pad", kernel=(3, 3), stride=(2, 2), pad=(1, 1), pooling_convention="full")
    case("op-pool-avg-exclude", mx.sym.Pooling(x, pool_type="avg", kernel=(3, 3), stride=(2, 2), pad=(1, 1), count_include_pad=False), {"data": image})
    case("op-pool-line", mx.sym.Pooling(x, pool_type="max", kernel=(3,), stride=(2,)), {"data": normal("line", 2, 4, 11)})
    case("op-adaptive", mx.sym.contrib.AdaptiveAvgPooling2D(x, output_size=1), {"data": image})
    case("op-adaptive-parts", mx.sym.contrib.AdaptiveAvgPooling2D(x, output_size=(3, 4)), {"data": normal("large", 1, 2, 6, 8)})

    def dense(name, data, width, **more):
        params = {"f_weight": normal(name, 5, width), "f_bias": normal(name + "b", 5)}
        params = params if not more.get("no_bias") else {"f_weight": params["f_weight"]}
        case("op-" + name, mx.sym.FullyConnected(x, num_hidden=5, name="f", **more), {"data": data}, params)

    dense("dense", normal("rows", 3, 7), 7)
    dense("dense-image", image, 4 * 7 * 6)
    dense("dense-rows", normal("deep", 2, 3, 7), 7, flatten=False)
    dense("dense-plain", normal("rows", 3, 7), 7, no_bias=True)
    ids = np.array([[0, 3, 9], [5, 100, 2]], np.float32)
    case("op-embedding", mx.sym.Embedding(x, input_dim=10, output_dim=4, name="e"), {"data": ids}, {"e_weight": normal("table", 10, 4)})
    case("op-upsampling", mx.sym.UpSampling(x, scale=2, sample_type="nearest"), {"data": image})
    weight = {"u_weight": normal("up", 4, 1, 4, 4)}
    case("op-upsampling-bilinear", mx.sym.UpSampling(x, mx.sym.var("u_weight"), scale=2, sample_type="bilinear", num_filter=4, num_args=2), {"data": image}, weight)
    case("op-resize", mx.sym.contrib.BilinearResize2D(x, height=13, width=5), {"data": image})


def norms():
    x = mx.sym.var("data")
    image = normal("image", 2, 4, 7, 6)

    def batch(name, data, channels, **more):
        params = {
            "b_gamma": normal(name, channels),
            "b_beta": normal(name + "b", channels),
            "b_moving_mean": normal(name + "m", channels),
            "b_moving_var": np.abs(normal(name + "v", channels)) + 0.1,
        }
        case("op-" + name, mx.sym.BatchNorm(x, name="b", **more), {"data": data}, params)

    batch("batch-norm", image, 4, fix_gamma=False)
    batch("batch-norm-fixed", image, 4)
    batch("batch-norm-rows", normal("rows", 3, 7), 7, fix_gamma=False, eps=1e-5)
    batch("batch-norm-last", image, 6, fix_gamma=False, axis=3)

    def scaled(name, made, data, count):
        case("op-" + name, made, {"data": data}, {"n_gamma": normal(name, count), "n_beta": normal(name + "b", count)})

    scaled("layer-norm", mx.sym.LayerNorm(x, name="n"), normal("deep", 2, 3, 7), 7)
    scaled("layer-norm-axis", mx.sym.LayerNorm(x, axis=1, name="n"), normal("deep", 2, 3, 7), 3)
    scaled("instance-norm", mx.sym.InstanceNorm(x, name="n"), image, 4)
    scaled("group-norm", mx.sym.GroupNorm(x, num_groups=2, name="n"), image, 2)
    for mode in ["instance", "channel", "spatial"]:
        case("op-l2-" + mode, mx.sym.L2Normalization(x, mode=mode), {"data": image})
    case("op-lrn", mx.sym.LRN(x, nsize=3, alpha=0.01), {"data": normal("wide", 1, 9, 3, 3)})


def elementwise():
    x, y = mx.sym.var("data"), mx.sym.var("other")
    a, b = normal("a", 3, 5) * 2, normal("b", 3, 5)
    positive, small = np.abs(a) + 0.1, np.tanh(a) * 0.9

    for kind in ["relu", "sigmoid", "tanh", "softrelu", "softsign"]:
        case("op-activation-" + kind, mx.sym.Activation(x, act_type=kind), {"data": a})
    for kind in ["leaky", "elu", "selu", "gelu", "rrelu"]:
        case("op-leaky-" + kind, mx.sym.LeakyReLU(x, act_type=kind, slope=0.3)[0], {"data": a})
    image = normal("image", 2, 4, 7, 6)
    case("op-leaky-prelu", mx.sym.LeakyReLU(x, act_type="prelu", name="l"), {"data": image}, {"l_gamma": normal("g", 4)})
    case("op-leaky-prelu-one", mx.sym.LeakyReLU(x, act_type="prelu", name="l"), {"data": image}, {"l_gamma": normal("g", 1)})
    case("op-hard-sigmoid", mx.sym.hard_sigmoid(x), {"data": a})
    case("op-softmax", mx.sym.softmax(x), {"data": a})
    case("op-softmax-axis", mx.sym.softmax(x, axis=1, temperature=2.0), {"data": image})
    case("op-log-softmax", mx.sym.log_softmax(x), {"data": a})
    case("op-softmin", mx.sym.softmin(x), {"data": a})
    case("op-softmax-activation", mx.sym.SoftmaxActivation(x), {"data": a})
    case("op-softmax-channel", mx.sym.SoftmaxActivation(x, mode="channel"), {"data": image})
    case("op-softmax-output", mx.sym.SoftmaxOutput(x, name="softmax"), {"data": a})
    case("op-softmax-multi", mx.sym.SoftmaxOutput(x, multi_output=True, name="softmax"), {"data": image})
    case("op-logistic-output", mx.sym.LogisticRegressionOutput(x, name="lr"), {"data": a})
    case("op-linear-output", mx.sym.LinearRegressionOutput(x, name="lr"), {"data": a})

    one = "abs ceil cos erf exp expm1 tan arctan sinh cosh floor negative relu rint round sign sin sigmoid softsign square tanh trunc fix cbrt zeros_like ones_like degrees radians logical_not".split()
    # Several of one kind are one graph with many ends.
    group = lambda names, of: mx.sym.Group([getattr(mx.sym, n)(of, name=n) for n in names])
    case("op-functions", group(one, x), {"data": a})
    case("op-functions-positive", group("log log1p log2 log10 reciprocal rsqrt sqrt rcbrt gammaln".split(), x), {"data": positive})
    case("op-functions-small", group("arccos arcsin arctanh arcsinh".split(), x), {"data": small})
    two = "elemwise_add elemwise_sub elemwise_mul elemwise_div broadcast_add broadcast_sub broadcast_mul broadcast_div broadcast_maximum broadcast_minimum broadcast_equal broadcast_not_equal broadcast_greater broadcast_greater_equal broadcast_lesser broadcast_lesser_equal broadcast_logical_and broadcast_logical_or broadcast_logical_xor broadcast_hypot".split()
    pairs = lambda names: mx.sym.Group([getattr(mx.sym, n)(x, y, name=n) for n in names])
    case("op-pairs", pairs(two), {"data": a, "other": b})
    case("op-pairs-broadcast", pairs([n for n in two if "broadcast" in n]), {"data": a, "other": b[:1]})
    case("op-power", mx.sym.broadcast_power(x, y), {"data": positive, "other": b})
    numbers = [x + 2, 2 - x, x - 2, x * 3, x / 4, 4 / x, x == 2, x != 2, x > 0, x >= 0, x < 0, x <= 0, mx.sym.maximum(x, 0.5), mx.sym.minimum(x, 0.5)]
    case("op-numbers", mx.sym.Group(numbers), {"data": a})
    case("op-numbers-positive", mx.sym.Group([x ** 1.5, mx.sym.pow(2, x), x % 0.7, mx.sym.smooth_l1(x, scalar=2.0)]), {"data": positive})
    case("op-clip", mx.sym.clip(x, a_min=-0.5, a_max=1), {"data": a})
    case("op-add-n", mx.sym.add_n(x, y, x), {"data": a, "other": b})
    case("op-cast", mx.sym.cast(mx.sym.cast(x, dtype="int32"), dtype="float32"), {"data": a})
    case("op-identity", mx.sym.Dropout(mx.sym.BlockGrad(mx.sym.identity(x))), {"data": a})

    case("op-dot", mx.sym.dot(x, y), {"data": normal("m", 3, 4), "other": normal("n", 4, 5)})
    case("op-dot-turned", mx.sym.dot(x, y, transpose_a=True, transpose_b=True), {"data": normal("m", 4, 3), "other": normal("n", 5, 4)})
    case("op-batch-dot", mx.sym.batch_dot(x, y, transpose_b=True), {"data": normal("m", 2, 3, 4), "other": normal("n", 2, 5, 4)})
    case("op-where", mx.sym.where(x > 0, x, y), {"data": a, "other": b})
    case("op-where-rows", mx.sym.where(mx.sym.sum(x, axis=1) > 0, x, y), {"data": a, "other": b})


def shapes():
    x, y = mx.sym.var("data"), mx.sym.var("other")
    value = normal("value", 2, 3, 4, 5)
    of = lambda name, made, data=value: case("op-" + name, made, {"data": data})
    of("flatten", mx.sym.Flatten(x))
    for n, shape in enumerate([(0, -1), (-1, 5), (0, 0, 20), (-2,), (0, -3, 5), (0, 0, -4, 2, 2, 0), (-3, -2), (2, -4, -1, 3, 0, 0), (0, -4, -1, 3, -2)]):
        of(f"reshape-{n}", mx.sym.reshape(x, shape=shape))
    of("reshape-reverse", mx.sym.reshape(x, shape=(0, -3, 0), reverse=True))
    of("transpose", mx.sym.transpose(x))
    of("transpose-axes", mx.sym.transpose(x, axes=(0, 2, 3, 1)))
    of("swap", mx.sym.SwapAxis(x, dim1=1, dim2=3))
    of("expand", mx.sym.squeeze(mx.sym.expand_dims(mx.sym.expand_dims(x, axis=1), axis=-1), axis=(1,)))
    of("broadcast-to", mx.sym.broadcast_to(x, shape=(0, 3, 0, 0)), normal("thin", 2, 1, 4, 5))
    of("broadcast-axis", mx.sym.broadcast_axis(x, axis=(1,), size=(3,)), normal("thin", 2, 1, 4, 5))
    of("concat", mx.sym.concat(x, x * 2, dim=1))
    of("concat-last", mx.sym.concat(x, x * 2, dim=-1))
    of("stack", mx.sym.stack(x, x * 2, axis=1))
    of("split", mx.sym.Group(list(mx.sym.split(x, num_outputs=2, axis=2))))
    of("split-squeeze", mx.sym.Group(list(mx.sym.split(x, num_outputs=3, axis=1, squeeze_axis=True))))
    of("split-at", mx.sym.Group(list(mx.sym.split_v2(x, (1, 3), axis=3))))
    of("slice", mx.sym.slice(x, begin=(None, 1, -3), end=(None, 3, None)))
    of("slice-step", mx.sym.slice(x, begin=(None, None, None, None), end=(None, None, None, None), step=(1, 1, -1, 2)))
    of("slice-axis", mx.sym.slice_axis(x, axis=-1, begin=1, end=-1))
    of("slice-axis-end", mx.sym.slice_axis(x, axis=2, begin=-2, end=None))
    case("op-slice-like", mx.sym.slice_like(x, y, axes=(2, 3)), {"data": value, "other": normal("o", 2, 3, 2, 3)})
    case("op-reshape-like", mx.sym.reshape_like(x, y), {"data": value, "other": normal("o", 2, 12, 5)})
    of("tile", mx.sym.tile(x, reps=(2, 1, 3)))
    of("repeat", mx.sym.repeat(x, repeats=2, axis=1))
    of("repeat-all", mx.sym.repeat(x, repeats=2), normal("row", 5))
    of("reverse", mx.sym.reverse(x, axis=(1,)))
    for mode in ["constant", "edge", "reflect"]:
        of("pad-" + mode, mx.sym.pad(x, mode=mode, pad_width=(0, 0, 0, 0, 1, 2, 2, 1), constant_value=3))
    of("space-to-depth", mx.sym.space_to_depth(x, block_size=2), normal("even", 1, 2, 4, 6))
    of("depth-to-space", mx.sym.depth_to_space(x, block_size=2), normal("deep8", 1, 8, 2, 3))

    for kind in ["sum", "mean", "max", "min", "prod"]:
        f = getattr(mx.sym, kind)
        of("reduce-" + kind, mx.sym.Group([f(x, axis=1), f(x, axis=(2, 3), keepdims=True), f(x, axis=(1,), exclude=True), f(x)]))
    of("norm", mx.sym.Group([mx.sym.norm(x), mx.sym.norm(x, axis=1), mx.sym.norm(x, ord=1, axis=2)]))
    of("argmax", mx.sym.Group([mx.sym.argmax(x, axis=1), mx.sym.argmin(x, axis=3, keepdims=True), mx.sym.argmax(x)]))
    of("argmax-channel", mx.sym.argmax_channel(x), normal("rows", 3, 7))
    of("topk", mx.sym.Group(list(mx.sym.topk(x, k=2, ret_typ="both"))), normal("rows", 3, 7))
    of("one-hot", mx.sym.one_hot(x, depth=4, on_value=2, off_value=-1), np.array([0, 3, 1], np.float32))
    ids = np.array([[0, 2], [1, 9]], np.float32)
    case("op-take", mx.sym.take(x, y, axis=1), {"data": value, "other": ids})
    case("op-pick", mx.sym.pick(x, y, axis=1), {"data": normal("rows", 3, 7), "other": np.array([0, 6, 3], np.float32)})
    case("op-gather-nd", mx.sym.gather_nd(x, y), {"data": value, "other": np.array([[0, 1], [2, 0]], np.float32)})
    of("arange", mx.sym.broadcast_add(x, mx.sym.arange(0, 5)), normal("five", 3, 5))


def recurrent():
    from mxnet.gluon import nn, rnn

    steps, batch, width, units = 5, 3, 4, 6
    x, time_major = normal("sequences", batch, steps, width), normal("sequences", steps, batch, width)
    lengths = np.array([2, 5, 0], np.float32)
    layers = {"lstm": rnn.LSTM, "gru": rnn.GRU, "tanh": lambda *a, **k: rnn.RNN(*a, activation="tanh", **k), "relu": rnn.RNN}

    # Layers as gluon exports them: alone, with their states as inputs; within a network, which begins with zeros.
    for kind, layer in layers.items():
        states = [normal(f"{kind}{n}", 4, batch, units) for n in range(2 if kind == "lstm" else 1)]
        block("rnn-" + kind, layer(units, 2, bidirectional=True), [time_major, states], shapes=False)
        net = nn.HybridSequential()
        net.add(layer(units, layout="NTC"), nn.Dense(2))
        block(f"rnn-{kind}-network", net, [x], shapes=kind == "gru")
    words = nn.HybridSequential()
    words.add(nn.Embedding(9, width), rnn.LSTM(units, 2, layout="NTC", bidirectional=True), nn.Dense(3, flatten=False))
    block("rnn-words", words, [np.array([[1, 8, 0, 3], [2, 2, 5, 7]], np.float32)])

    class Unrolled(mx.gluon.HybridBlock):
        """Cells, step by step; with lengths if they are given."""

        def __init__(self, cell):
            super().__init__()
            with self.name_scope():
                self.cell = cell

        def hybrid_forward(self, F, x, lengths=None):
            outputs, states = self.cell.unroll(steps, x, valid_length=lengths, merge_outputs=True)
            return [outputs, *states]

    def stack():
        cells = rnn.HybridSequentialRNNCell()
        for cell in [rnn.RNNCell(width), rnn.ResidualCell(rnn.GRUCell(width)), rnn.DropoutCell(0.3), rnn.LSTMCell(units)]:
            cells.add(cell)
        return cells

    for kind, cell in {"lstm": rnn.LSTMCell, "gru": rnn.GRUCell, "rnn": rnn.RNNCell, "stack": lambda _: stack()}.items():
        block(f"cell-{kind}", Unrolled(cell(units)), [x])
        block(f"cell-{kind}-lengths", Unrolled(cell(units)), [x, np.maximum(lengths, 1)])
    both = rnn.BidirectionalCell(rnn.LSTMCell(units), rnn.GRUCell(units))
    block("cell-both-lengths", Unrolled(both), [x, np.maximum(lengths, 1)])
    block("cell-zoneout", Unrolled(rnn.ZoneoutCell(rnn.RNNCell(units), 0.2, 0.3)), [x])

    # The operator by its own name, with weights in one row, as modules have it.
    data = mx.sym.var("data")
    for mode, gates in [("lstm", 4), ("gru", 3), ("rnn_tanh", 1)]:
        cell = mx.rnn.FusedRNNCell(units, 2, mode, bidirectional=True, prefix="f_", get_next_state=True)
        outputs, states = cell.unroll(steps, data, layout="NTC", merge_outputs=True)
        row = 2 * gates * units * (width + units) + 2 * gates * units * 3 * units + 8 * gates * units
        params = {"f_parameters": normal(mode, row) / 3}
        case(f"rnn-fused-{mode}", mx.sym.Group([outputs, *states]), {"data": x}, params)
    for kind, cell in {"lstm": mx.rnn.LSTMCell(units, "c_"), "gru": mx.rnn.GRUCell(units, "c_")}.items():
        gates = {"lstm": 4, "gru": 3}[kind] * units
        shapes = {"c_i2h_weight": (gates, width), "c_h2h_weight": (gates, units), "c_i2h_bias": (gates,), "c_h2h_bias": (gates,)}
        outputs, states = cell.unroll(steps, data, layout="NTC", merge_outputs=True)
        case(f"cell-module-{kind}", mx.sym.Group([outputs, *states]), {"data": x}, {n: normal(n, *s) / 3 for n, s in shapes.items()})

    def stacked(name, rows, more, outputs=None, state=units, inputs=None, **how):
        """The operator on `[steps, batch, width]`, with states and weights of its own."""
        symbols = [mx.sym.var(n) for n in ["data", "w", "h", "c", *(inputs or {})]]
        made = mx.sym.RNN(*symbols, mode="lstm", state_size=units, state_outputs=True, name="r", **how)
        params = {"w": normal(name, rows) / 3, "h": normal(name + "h", more, batch, state), "c": normal(name + "c", more, batch, units)}
        case(name, made, {"data": time_major, **(inputs or {})}, params, outputs and outputs(params))

    rows = lambda layers, directions, out: sum(
        directions * (4 * units * ((width if n == 0 else directions * out) + out + 2) + (units * out if out != units else 0)) for n in range(layers)
    )
    stacked("rnn-projected", rows(2, 1, 3), 2, state=3, num_layers=2, projection_size=3)
    stacked("rnn-projected-both", rows(2, 2, 3), 4, state=3, num_layers=2, projection_size=3, bidirectional=True)

    def alone(params):
        """Lengths and limits are GPU's alone in MXNet, which leaves them out on a CPU: each sequence by itself is as long as it says."""
        made = {"r_output": np.zeros((steps, batch, 2 * units)), "r_state_output": params["h"].copy(), "r_statecell_output": params["c"].copy()}
        for n, length in enumerate(lengths.astype(int)):
            if length:
                of = [time_major[:length, n : n + 1], params["w"], params["h"][:, n : n + 1], params["c"][:, n : n + 1]]
                found = mx.nd.RNN(*map(mx.nd.array, of), mode="lstm", state_size=units, num_layers=2, bidirectional=True, state_outputs=True)
                made["r_output"][:length, n] = found[0].asnumpy()[:, 0]
                made["r_state_output"][:, n], made["r_statecell_output"][:, n] = found[1].asnumpy()[:, 0], found[2].asnumpy()[:, 0]
        return made

    more = {"num_layers": 2, "bidirectional": True, "use_sequence_length": True}
    stacked("rnn-lengths", rows(2, 2, units), 4, alone, inputs={"lengths": lengths}, **more)

    def limited(params):
        """Step by step, by MXNet's own operators."""
        cut = np.split(params["w"], np.cumsum([4 * units * width, 4 * units * units, 4 * units]))
        weights = [mx.nd.array(w) for w in [cut[0].reshape(-1, width), cut[1].reshape(-1, units), cut[2], cut[3]]]
        h, c, found = mx.nd.array(params["h"][0]), mx.nd.array(params["c"][0]), []
        for step in map(mx.nd.array, time_major):
            inner = mx.nd.FullyConnected(step, weights[0], weights[2], num_hidden=4 * units)
            gates = mx.nd.split(inner + mx.nd.FullyConnected(h, weights[1], weights[3], num_hidden=4 * units), 4, axis=1)
            c = mx.nd.clip(mx.nd.sigmoid(gates[1]) * c + mx.nd.sigmoid(gates[0]) * mx.nd.tanh(gates[2]), -0.2, 0.3)
            h = mx.nd.sigmoid(gates[3]) * mx.nd.tanh(c)
            found.append(h.asnumpy())
        return {"r_output": np.stack(found), "r_state_output": h.asnumpy()[None], "r_statecell_output": c.asnumpy()[None]}

    stacked("rnn-limited", rows(1, 1, units), 1, limited, num_layers=1, lstm_state_clip_min=-0.2, lstm_state_clip_max=0.3)

    # Attention as transformers of gluonnlp have it.
    z = mx.sym.var("third")
    contrib = mx.sym.contrib
    mixed, asked = normal("mixed", 4, 2, 3 * 2 * 5), normal("asked", 3, 2, 2 * 5)
    scores = contrib.interleaved_matmul_selfatt_qk(data, heads=2)
    both = [scores, contrib.interleaved_matmul_selfatt_valatt(data, mx.sym.softmax(scores), heads=2)]
    case("op-self-attention", mx.sym.Group(both), {"data": mixed})
    scores = contrib.interleaved_matmul_encdec_qk(z, data, heads=2)
    both = [scores, contrib.interleaved_matmul_encdec_valatt(data, mx.sym.softmax(scores), heads=2)]
    case("op-attention", mx.sym.Group(both), {"data": mixed[:, :, :20], "third": asked})
    numbered = [contrib.arange_like(data), contrib.arange_like(data, axis=1, start=2, step=0.5), contrib.div_sqrt_dim(data)]
    case("op-numbers-like", mx.sym.Group(numbered), {"data": asked})
    case("op-broadcast-like", mx.sym.Group([mx.sym.broadcast_like(data, z), mx.sym.broadcast_like(data, z, lhs_axes=(1, -1), rhs_axes=(0, 2))]), {"data": asked[:, :1, :1], "third": asked})

    # Operators on sequences.
    y = mx.sym.var("lengths")
    whole = normal("whole", 4, 3, 2, 2)
    long = {"data": whole, "lengths": np.array([1, 4, 2], np.float32)}
    case("op-sequence-mask", mx.sym.SequenceMask(data, y, use_sequence_length=True, value=-1.5), long)
    case("op-sequence-last", mx.sym.SequenceLast(data, y, use_sequence_length=True), long)
    case("op-sequence-reverse", mx.sym.SequenceReverse(data, y, use_sequence_length=True), long)
    first = {"data": whole, "lengths": np.array([3, 1, 0, 2], np.float32)}
    case("op-sequence-mask-first", mx.sym.SequenceMask(data, y, use_sequence_length=True, axis=1), first)
    first["lengths"] = np.array([3, 1, 1, 2], np.float32)
    case("op-sequence-last-first", mx.sym.SequenceLast(data, y, use_sequence_length=True, axis=1), first)
    plain = [mx.sym.SequenceMask(data), mx.sym.SequenceLast(data), mx.sym.SequenceLast(data, axis=1), mx.sym.SequenceReverse(data)]
    case("op-sequence-plain", mx.sym.Group(plain), {"data": whole})


def network(name, net, shape, shapes=True, archive=False, settled=True, seed=3):
    """A gluon network with random weights, by a seed whose numbers round little on the way. Settled: with batch norms that know a batch, so that numbers neither vanish nor grow."""
    mx.random.seed(seed)
    net.initialize(mx.init.Xavier(magnitude=2.5))
    x = mx.nd.array(normal(name, *shape))
    if settled:
        norms = lambda block: block._kwargs.update(momentum=0.0) if isinstance(block, mx.gluon.nn.BatchNorm) else None
        net.apply(norms)
        net.hybridize()
        with mx.autograd.train_mode(), mx.autograd.record():
            out = net(mx.nd.array(normal(name + "0", 32 if shape[-1] < 100 else 4, *shape[1:])))
        # Statistics are kept on the way back.
        out.backward()
    net.hybridize()
    answer = net(x).asnumpy()
    directory = fresh(name)
    net.export(str(directory / "model" / "net"), 0)
    symbol = mx.sym.load(str(directory / "model" / "net-symbol.json"))
    rounding = rounded(symbol, directory / "model" / "net-0000.params", x, answer)
    if shapes:
        (directory / "model" / "model-shapes.json").write_text(json.dumps([{"name": "data", "shape": list(shape)}]))
    if archive:
        pack(directory / "model", shape)
    cases(directory, {"data": x.asnumpy()}, {symbol.list_outputs()[0]: answer}, rounding)


def rounded(symbol, params, x, answer):
    """How far MXNet's answer is from its own in 64 bits: networks make more of what is rounded the deeper they are."""
    wide = {"arg": {}, "aux": {}}
    for key, value in mx.nd.load(str(params)).items():
        wide[key[:3]][key[4:]] = value.astype("float64")
    bound = symbol.bind(mx.cpu(), args={**wide["arg"], "data": x.astype("float64")}, aux_states=wide["aux"], grad_req="null")
    exact = bound.forward(is_train=False)[0].asnumpy()
    return float("%.1e" % (np.abs(exact - answer).max() / np.abs(exact).max()))


def pack(model, shape):
    """The files of a model as a model archive of multi-model-server."""
    signature = {"inputs": [{"data_name": "data", "data_shape": [0, *shape[1:]]}], "input_type": "application/json"}
    manifest = {"specificationVersion": "1.0", "runtime": "python", "model": {"modelName": "net", "handler": "mxnet_vision_service:handle"}}
    with zipfile.ZipFile(model / "net.mar", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps(manifest))
        archive.writestr("signature.json", json.dumps(signature))
        for file in list(model.iterdir()):
            if file.suffix != ".mar":
                archive.write(file, file.name)
                file.unlink()


def networks():
    from mxnet.gluon import nn
    from mxnet.gluon.model_zoo import vision as v

    network("net-resnet-v1", v.ResNetV1(v.BasicBlockV1, [1, 1], [4, 4, 8], classes=5), (2, 3, 48, 40))
    network("net-resnet-v2", v.ResNetV2(v.BottleneckV2, [1, 1], [4, 8, 16], classes=5), (2, 3, 48, 40))
    network("net-mobilenet-v1", v.MobileNet(0.07, classes=5), (2, 3, 32, 32), archive=True, seed=79)
    network("net-mobilenet-v2", v.MobileNetV2(0.07, classes=5), (1, 3, 32, 32), shapes=False)
    network("net-densenet", v.DenseNet(6, 3, [2, 2], bn_size=2, classes=5), (1, 3, 112, 112))
    mlp = nn.HybridSequential()
    mlp.add(nn.Dense(7, activation="relu"), nn.BatchNorm(), nn.Dropout(0.5), nn.Dense(3))
    network("net-mlp", mlp, (4, 6), shapes=False)


def linear():
    """What the linear learner's file looks like: a zip archive of a graph, arrays and options."""
    x, rows = mx.sym.var("data"), normal("ll", 9, 5)
    weights = {"fc0_weight": normal("w", 1, 5), "fc0_bias": normal("b", 1)}
    many = {"fc0_weight": normal("w", 4, 5), "fc0_bias": normal("b", 4)}
    dense = lambda count: mx.sym.FullyConnected(x, num_hidden=count, name="fc0")
    kinds = [
        ("regressor", mx.sym.LinearRegressionOutput(dense(1), name="linear"), weights, {}),
        ("binary", mx.sym.LogisticRegressionOutput(dense(1), name="logistic"), weights, {}),
        ("binary-threshold", mx.sym.sigmoid(dense(1), name="logistic"), weights, {"predictor_type": "binary_classifier", "threshold": 0.7}),
        ("classes", mx.sym.SoftmaxOutput(dense(4), name="softmax"), many, {"predictor_type": "multiclass_classifier"}),
    ]
    for name, symbol, params, options in kinds:
        score = list(run(symbol, {"data": rows}, params).values())[0]
        directory = fresh("linear-" + name)
        parts = directory / "parts"
        parts.mkdir()
        mx.model.save_checkpoint(str(parts / "mx-mod"), 0, symbol, {n: mx.nd.array(v) for n, v in params.items()}, {})
        (parts / "manifest.json").write_text(json.dumps({"contents": ["mx-mod"]}))
        (parts / "additional-params.json").write_text(json.dumps(options))
        with zipfile.ZipFile(directory / "model" / "model_algo-1", "w") as archive:
            for file in sorted(parts.iterdir()):
                archive.write(file, file.name)
        shutil.rmtree(parts)
        if name == "classes":
            outputs = {"score": score, "predicted_label": score.argmax(1)}
        elif name == "regressor":
            outputs = {"score": score[:, 0]}
        else:
            outputs = {"score": score[:, 0], "predicted_label": score[:, 0] > options.get("threshold", 0.5)}
        cases(directory, {"data": rows}, outputs)


def zoo(settled):
    import inspect
    from mxnet.gluon.model_zoo.vision import get_model

    for name in re.findall(r"'([\w.]+)': \w+", inspect.getsource(get_model)):
        shape = (1, 3, 299, 299) if "inception" in name else (1, 3, 224, 224)
        network(name, get_model(name, classes=1000), shape, settled=settled)


def detection():
    x, y, z = mx.sym.var("data"), mx.sym.var("other"), mx.sym.var("third")
    contrib = mx.sym.contrib
    image, few = normal("image", 2, 3, 4, 6), rng_of("few")

    priors = [
        contrib.MultiBoxPrior(x),
        contrib.MultiBoxPrior(x, sizes=(0.5, 0.25, 0.1), ratios=(1, 2, 0.5), clip=True),
        contrib.MultiBoxPrior(x, sizes=(0.4,), ratios=(3, 0.7), steps=(0.3, 0.2), offsets=(0.25, 0.75)),
    ]
    case("op-priors", mx.sym.Group(priors), {"data": image})

    def corners(*shape):
        """Boxes that overlap."""
        middle, half = few.uniform(0.2, 0.8, (*shape, 2)), few.uniform(0.05, 0.3, (*shape, 2))
        return np.concatenate([middle - half, middle + half], -1).astype(np.float32)

    anchors = corners(1, 40)
    found = {"data": few.dirichlet(np.ones(4), (2, 40)).transpose(0, 2, 1).astype(np.float32), "other": normal("offsets", 2, 160) / 3}
    hows = [{}, {"nms_topk": 9}, {"force_suppress": True, "nms_threshold": 0.2, "clip": False}]
    hows += [{"nms_threshold": -1, "threshold": 0.5}, {"threshold": 0.3, "variances": (0.2, 0.1, 0.1, 0.3), "nms_threshold": 0.4}]
    for n, how in enumerate(hows):
        case(f"op-detection-{n}", contrib.MultiBoxDetection(x, y, z, name="d", **how), found, {"third": anchors})
    class Detector(mx.gluon.HybridBlock):
        """A small SSD: two scales, each with its anchors, classes and offsets."""

        def __init__(self):
            super().__init__()
            with self.name_scope():
                layer = lambda count, **how: mx.gluon.nn.Conv2D(count, 3, padding=1, **how)
                self.body = [layer(4, activation="relu", strides=2), layer(6, activation="relu", strides=2)]
                self.heads = [[layer(3 * 4), layer(3 * 4)] for _ in self.body]
                for n, block in enumerate([*self.body, *sum(self.heads, [])]):
                    self.register_child(block, f"child{n}")

        def hybrid_forward(self, F, x):
            flat = lambda y: F.flatten(F.transpose(y, axes=(0, 2, 3, 1)))
            anchors, classes, offsets = [], [], []
            for n, (layer, heads) in enumerate(zip(self.body, self.heads)):
                x = layer(x)
                anchors.append(F.contrib.MultiBoxPrior(x, sizes=(0.3 + 0.3 * n, 0.4 + 0.3 * n), ratios=(1, 2)))
                classes.append(flat(heads[0](x)))
                offsets.append(flat(heads[1](x)))
            classes = F.reshape(F.concat(*classes, dim=1), (0, -1, 4))
            chances = F.softmax(F.transpose(classes, axes=(0, 2, 1)), axis=1)
            return F.contrib.MultiBoxDetection(chances, F.concat(*offsets, dim=1), F.concat(*anchors, dim=1), nms_topk=20)

    block("net-detector", Detector(), [normal("photo", 2, 3, 16, 12)])

    rows = lambda *shape: np.concatenate([few.integers(0, 3, (*shape, 1)), few.uniform(0, 1, (*shape, 1)), corners(*shape)], -1).astype(np.float32)
    hows = [{}, {"id_index": 0}, {"id_index": 0, "force_suppress": True, "overlap_thresh": 0.2}, {"topk": 5, "valid_thresh": 0.3}, {"topk": 0}]
    hows += [{"in_format": "center"}, {"out_format": "center", "id_index": 0, "background_id": 1}, {"valid_thresh": 2}]
    case("op-box-nms", mx.sym.Group([contrib.box_nms(x, **how) for how in hows]), {"data": rows(2, 12)})
    case("op-box-nms-one", contrib.box_nms(x, coord_start=2, score_index=1, overlap_thresh=0.1), {"data": rows(9)})
    boxes = {"data": corners(2, 5), "other": corners(3)}
    case("op-box-iou", mx.sym.Group([contrib.box_iou(x, y), contrib.box_iou(x, y, format="center")]), boxes)
    how = {"std0": 0.1, "std1": 0.1, "std2": 0.2, "std3": 0.3}
    decoded = [contrib.box_decode(x, y, **how), contrib.box_decode(x, y, format="corner", clip=0.1, **how)]
    case("op-box-decode", mx.sym.Group(decoded), {"data": normal("moves", 2, 7, 4), "other": corners(1, 7)})

    regions = np.array([[0, 0, 0, 5, 3], [1, 1.2, 0.4, 3.9, 2.8], [0, 2, 2, 2, 2], [1, -3, -2, 4, 9]], np.float32)
    deep = {"data": normal("deep", 2, 12, 4, 6), "other": regions}
    pooled = {"pooled_size": (2, 3), "spatial_scale": 0.9}
    aligned = [contrib.ROIAlign(x, y, **pooled), contrib.ROIAlign(x, y, sample_ratio=2, **pooled), contrib.ROIAlign(x, y, position_sensitive=True, **pooled)]
    case("op-roi-align", mx.sym.Group(aligned), deep)
    proper = {**deep, "other": regions[[0, 1, 3]]}
    case("op-roi-align-aligned", contrib.ROIAlign(x, y, aligned=True, sample_ratio=2, **pooled), proper)
    case("op-roi-pooling", mx.sym.ROIPooling(x, y, **pooled), deep)

    odd = {"data": normal("odd", 2, 3, 5, 8)}
    case("op-adaptive-uneven", mx.sym.Group([contrib.AdaptiveAvgPooling2D(x, output_size=n) for n in [(3, 5), (7, 2), 4]]), odd)
    modes = [{"mode": mode} for mode in ["to_even_down", "to_even_up", "to_odd_down", "to_odd_up"]]
    modes += [{"mode": "odd_scale", "scale_height": 2, "scale_width": 0.5}, {"scale_height": 1.5, "scale_width": 0.8}]
    resized = [contrib.BilinearResize2D(x, **mode) for mode in modes] + [contrib.BilinearResize2D(x, height=7, width=3, align_corners=False)]
    case("op-resize-modes", mx.sym.Group(resized), odd)
    case("op-resize-like", contrib.BilinearResize2D(x, y, mode="like"), {**odd, "other": normal("like", 2, 1, 9, 3)})
    small = {**odd, "other": normal("half", 2, 3, 10, 16)}
    several = [mx.sym.UpSampling(x, y, scale=4, sample_type="nearest", num_args=2, multi_input_mode=mode) for mode in ["concat", "sum"]]
    case("op-upsampling-several", mx.sym.Group(several), small)

    lengths = np.array([[1, 5, 3], [2, 4, 5]], np.float32)
    whole = mx.sym.cast(y, dtype="int32")
    by_length = [mx.sym.softmax(x, whole, use_length=True), mx.sym.softmax(x, whole, use_length=True, temperature=3)]
    case("op-softmax-length", mx.sym.Group(by_length), {"data": normal("scores", 2, 3, 5), "other": lengths})
    case("op-softmax-length-axis", mx.sym.softmax(x, whole, use_length=True, axis=1), {"data": normal("scores", 2, 5, 3), "other": lengths})
    output = [mx.sym.SoftmaxOutput(x, preserve_shape=True), mx.sym.SoftmaxOutput(x), mx.sym.SoftmaxOutput(x, multi_output=True)]
    case("op-softmax-outputs", mx.sym.Group(output), {"data": normal("scores", 2, 3, 5)})
    case("op-smooth-l1", mx.sym.Group([mx.sym.smooth_l1(x, scalar=s) for s in [1.0, 3.0]]), {"data": normal("small", 3, 7)})
    case("op-topk-ways", mx.sym.Group([mx.sym.topk(x, k=2, axis=1, is_ascend=True), mx.sym.topk(x, k=3, ret_typ="value", axis=0), mx.sym.topk(x, k=2, ret_typ="mask", axis=1)]), {"data": normal("tops", 4, 6)})
    whole = [mx.sym.cast(v, dtype="int64") for v in [x, y]]
    integers = [mx.sym.cast(f(*whole), dtype="float32") for f in [mx.sym.broadcast_div, mx.sym.broadcast_mod, mx.sym.broadcast_mul]]
    case("op-integers", mx.sym.Group(integers), {"data": np.arange(12, dtype=np.float32).reshape(3, 4) * 3, "other": np.full((1, 1), 7, np.float32)})
    case("op-arange-end", mx.sym.broadcast_add(x, mx.sym.arange(5)), {"data": normal("five", 3, 5)})
    case("op-tile-wide", mx.sym.tile(x, reps=(2, 1, 3, 1)), {"data": normal("five", 3, 5)})
    case("op-sorts", mx.sym.Group([mx.sym.sort(x), mx.sym.sort(x, axis=0, is_ascend=False), mx.sym.argsort(x, axis=1, is_ascend=False)]), {"data": normal("tops", 4, 6)})


FAMILIES = {"operators": [layers, norms, elementwise, shapes], "recurrent": [recurrent], "detection": [detection]}


def operators(name):
    OPERATORS.clear()
    for make in FAMILIES[name]:
        make()
    (HERE / (name + ".json")).write_text("[\n" + ",\n".join(map(json.dumps, OPERATORS)) + "\n]\n")


if __name__ == "__main__":
    if sys.argv[1:2] in (["zoo"], ["settled"]):
        ROOT = Path(sys.argv[2])
        zoo(sys.argv[1] == "settled")
    else:
        for name in sys.argv[1:] or [*FAMILIES, "networks", "linear"]:
            operators(name) if name in FAMILIES else globals()[name]()
