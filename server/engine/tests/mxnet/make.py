#!/usr/bin/env python3
"""Makes the fixtures of MXNet's test: graphs and arrays that MXNet itself writes, and what it answers. MXNet is retired: it needs an old Python.

    python3.8 -m venv venv && venv/bin/pip install "numpy<1.24" mxnet==1.9.1
    venv/bin/python make.py               # an operator each, small networks, linear learners
    venv/bin/python make.py networks      # only these
    venv/bin/python make.py zoo DIR       # all of gluon's model zoo, with random weights (3 GB), for `BERTH_MXNET_ZOO`
    venv/bin/python make.py settled DIR   # the same, with batch norms that know a batch

Operators are in `operators.json`: files, inputs and outputs by name. Each directory holds an artifact in `model/` and `cases.json`; large
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


def case(name, symbol, inputs, params=None):
    """An operator: its files, inputs and outputs become an entry of `operators.json`."""
    params = params or {}
    print(name)
    with tempfile.TemporaryDirectory() as model:
        save(symbol, inputs, params, Path(model))
        files = {f.name: base64.b64encode(f.read_bytes()).decode() for f in sorted(Path(model).iterdir())}
    numbers = lambda of: {n: array(None, n, v) for n, v in of.items()}
    OPERATORS.append({"name": name, "files": files, "inputs": numbers(inputs), "outputs": numbers(run(symbol, inputs, params))})


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


def network(name, net, shape, shapes=True, archive=False, settled=True):
    """A gluon network with random weights. Settled: with batch norms that know a batch, so that numbers neither vanish nor grow."""
    mx.random.seed(3)
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
    network("net-mobilenet-v1", v.MobileNet(0.07, classes=5), (2, 3, 32, 32), archive=True)
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


if __name__ == "__main__":
    if sys.argv[1:2] in (["zoo"], ["settled"]):
        ROOT = Path(sys.argv[2])
        zoo(sys.argv[1] == "settled")
    elif len(sys.argv) > 1:
        for name in sys.argv[1:]:
            globals()[name]()
    else:
        for make in [layers, norms, elementwise, shapes, networks, linear]:
            make()
        (HERE / "operators.json").write_text("[\n" + ",\n".join(map(json.dumps, OPERATORS)) + "\n]\n")
