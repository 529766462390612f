"""Operators of onnxruntime's own domain, which its optimiser and quantiser write into models."""

import numpy as np
from operators import operator

OWN = "com.microsoft"
FLOAT = np.float32


def floats(c, *shape, low=-2, high=2, fixed=None):
    return c.given(c.noise.uniform(low, high, shape).astype(FLOAT), fixed)


def codes(c, shape, kind, low=-100, high=200):
    limits = np.iinfo(kind)
    return c.noise.integers(max(low, limits.min), min(high, limits.max) + 1, shape).astype(kind)


def coded(c, kind, *shape, told=True):
    """Codes, their scale and zero point."""
    c.given(codes(c, shape, kind))
    scale(c, kind, told)


def scale(c, kind, told=True):
    c.given(np.asarray(c.dice.uniform(0.02, 0.1), FLOAT), True)
    c.given(codes(c, [], kind, 0, 40), True) if told else c.none()


@operator("Gelu", domain=OWN)
def gelu(c):
    floats(c, *c.shape(1))


@operator("BiasGelu", "FastGelu", domain=OWN)
def bias_gelu(c):
    x = c.shape(1)
    floats(c, *x)
    if c.name == "BiasGelu" or c.dice.random() < 0.5:
        floats(c, x[-1])


@operator("QuickGelu", domain=OWN)
def quick_gelu(c):
    floats(c, *c.shape(1))
    return c.maybe(alpha=c.dice.uniform(0.5, 2))


@operator("FusedMatMul", domain=OWN)
def product(c):
    m, k, n, batch = c.size(), c.size(), c.size(), c.shape(0, 2)
    ta, tb = c.size(0, 1), c.size(0, 1)
    turned = [c.size(0, 1) if batch else 0 for _ in range(2)]
    for flag, (rows, columns) in zip(turned, ([k, m] if ta else [m, k], [n, k] if tb else [k, n])):
        floats(c, *([rows, *batch, columns] if flag else [*batch, rows, columns]))
    first = {f"transBatch{side}": flag for side, flag in zip("AB", turned) if flag}
    return {"transA": ta, "transB": tb} | first | c.maybe(alpha=c.dice.uniform(0.1, 2))


def activation(c):
    name, params = c.one(("Relu", []), ("Tanh", []), ("Sigmoid", []), ("LeakyRelu", [0.2]), ("HardSigmoid", [0.3, 0.4]))
    return name, params


@operator("FusedGemm", domain=OWN)
def gemm(c):
    m, k, n = c.size(), c.size(), c.size()
    tb = c.size(0, 1)
    floats(c, m, k)
    floats(c, *([n, k] if tb else [k, n]))
    if c.dice.random() < 0.7:
        floats(c, n)
    name, params = activation(c)
    return {"activation": name, "transB": tb} | {f"activation_{k}": v for k, v in zip(("alpha", "beta"), params)}


@operator("FusedConv", domain=OWN)
def convolution(c):
    floats(c, 1, 3, 6, 6)
    floats(c, 4, 3, 3, 3, fixed=True)
    more = c.dice.random() < 0.4
    floats(c, 4) if more or c.dice.random() < 0.5 else c.none()
    if more:
        floats(c, 1, 4, 6, 6, fixed=False)
    name, params = activation(c)
    return {"activation": name, "pads": [1, 1, 1, 1], "kernel_shape": [3, 3]} | ({"activation_params": params} if params else {})


@operator("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domain=OWN)
def after_sum(c):
    batch, places, width = c.size(), c.size(), c.one(4, 8, 12)
    floats(c, batch, places, width)
    floats(c, *c.one([batch, places, width], [1, places, width], [places, width]))
    for _ in range(c.size(1, 3) if c.name == "SkipLayerNormalization" else c.size(1, 2)):
        floats(c, width)
    return c.maybe(epsilon=0.01)


@operator("EmbedLayerNormalization", domain=OWN)
def embedded(c):
    batch, places, width = c.size(), c.size(2, 4), 8
    c.given(c.noise.integers(0, 9, (batch, places)).astype(np.int32), False)
    segments = c.dice.random() < 0.6
    c.given(c.noise.integers(0, 2, (batch, places)).astype(np.int32), False) if segments else c.none()
    floats(c, 9, width, fixed=True)
    floats(c, 6, width, fixed=True)
    floats(c, 2, width, fixed=True) if segments else c.none()
    floats(c, width, fixed=True)
    floats(c, width, fixed=True)
    if c.dice.random() < 0.6:
        c.given((np.arange(places) < c.noise.integers(1, places + 1, (batch, 1))).astype(np.int32), False)
    c.outputs = 2
    return c.maybe(epsilon=0.01)


def mask(c, batch, queries, keys):
    kind = c.one("none", "lengths", "rows", "all")
    if kind == "none":
        return c.none()
    if kind == "lengths":
        return c.given(c.noise.integers(1, keys + 1, batch).astype(np.int32), False)
    shape = [batch, keys] if kind == "rows" else [batch, queries, keys]
    made = c.noise.random(shape) < 0.6
    made[..., 0] = True
    return c.given(made.astype(np.int32), False)


@operator("Attention", domain=OWN)
def attention(c):
    batch, heads, width, places, wide = c.size(1, 2), c.size(1, 3), c.one(2, 4), c.size(1, 4), c.one(6, 8)
    past = c.one(0, 0, 2)
    floats(c, batch, places, wide)
    floats(c, wide, 3 * heads * width, fixed=True)
    floats(c, 3 * heads * width, fixed=True)
    mask(c, batch, places, places + past)
    floats(c, 2, batch, heads, past, width, fixed=False) if past else c.none()
    if c.dice.random() < 0.3:
        floats(c, batch, heads, places, places + past, fixed=False)
    c.outputs = 2
    return {"num_heads": heads} | c.maybe(unidirectional=c.size(0, 1), scale=0.4)


@operator("MultiHeadAttention", domain=OWN)
def plain_attention(c):
    batch, heads, width, queries = c.size(1, 2), c.size(1, 3), c.one(2, 4), c.size(1, 4)
    past = c.one(0, 0, 2)
    keys = queries if past else c.size(1, 4)
    floats(c, batch, queries, heads * width)
    for _ in range(2):
        floats(c, batch, keys, heads * width, fixed=False)
    floats(c, 3 * heads * width, fixed=True) if c.dice.random() < 0.5 else c.none()
    mask(c, batch, queries, keys + past)
    floats(c, batch, heads, queries, keys + past, fixed=False) if c.dice.random() < 0.3 else c.none()
    if past:
        for _ in range(2):
            floats(c, batch, heads, past, width, fixed=False)
        c.outputs = 3
    return {"num_heads": heads} | c.maybe(unidirectional=c.size(0, 1), scale=0.4)


@operator("RotaryEmbedding", domain=OWN)
def rotary(c):
    batch, heads, places, width = c.size(1, 2), c.size(1, 3), c.size(1, 4), c.one(4, 8)
    floats(c, *c.one([batch, places, heads * width], [batch, heads, places, width]), fixed=False)
    c.given(c.noise.integers(0, 6, (batch, places)), False)
    for _ in range(2):
        floats(c, 6, width // 2)
    return c.maybe(interleaved=c.size(0, 1))


@operator("QLinearAdd", "QLinearMul", domain=OWN)
def of_two(c):
    kind, x = c.one(np.uint8, np.int8), c.shape(1)
    coded(c, kind, *x)
    coded(c, kind, *c.bent(x))
    scale(c, kind)


@operator("QLinearSigmoid", "QLinearLeakyRelu", domain=OWN)
def of_one(c):
    kind = c.one(np.uint8, np.int8)
    coded(c, kind, *c.shape(1))
    scale(c, kind)
    return c.maybe(alpha=0.2) if c.name == "QLinearLeakyRelu" else {}


@operator("QLinearSoftmax", domain=OWN)
def softmax(c):
    kind, x = c.one(np.uint8, np.int8), c.shape(2)
    coded(c, kind, *x)
    c.given(np.asarray(1 / 256, FLOAT), True)
    c.given(np.asarray(0 if kind == np.uint8 else -128, kind), True)
    return {"opset": c.one(12, 13), "axis": len(x) - 1}


@operator("QLinearWhere", domain=OWN)
def chosen(c):
    kind, x = c.one(np.uint8, np.int8), c.shape(1)
    c.given(c.noise.random(x) < 0.5, False)
    coded(c, kind, *x)
    coded(c, kind, *c.bent(x))
    scale(c, kind)


@operator("QLinearConv", domain=OWN)
def coded_convolution(c):
    groups = c.one(1, 1, 2, 3)
    ins, outs = groups * c.size(1, 2), groups * c.size(1, 2)
    kind, last = c.one(np.uint8, np.int8), c.size(0, 1)
    weights = c.one(np.int8, kind)
    size = [ins, c.size(3, 6), c.size(3, 6)]
    coded(c, kind, 1, *([*size[1:], size[0]] if last else size))
    c.given(codes(c, [outs, ins // groups, 2, 2], weights), True)
    each = c.one([], [outs])
    c.given(c.noise.uniform(0.005, 0.02, each).astype(FLOAT), True)
    c.given(np.zeros(each, weights) if weights == np.int8 else np.full(each, 7, weights), True)
    scale(c, kind)
    if c.dice.random() < 0.5:
        c.given(c.noise.integers(-500, 500, outs).astype(np.int32), True)
    return {"group": groups, "kernel_shape": [2, 2]} | c.maybe(pads=[1, 0, 0, 1]) | c.maybe(strides=[2, 1]) | ({"channels_last": 1} if last else {})


@operator("QLinearConcat", domain=OWN)
def joined(c):
    kind, x = c.one(np.uint8, np.int8), c.shape(1)
    scale(c, kind)
    for _ in range(c.size(1, 3)):
        coded(c, kind, *x)
    return {"axis": c.size(0, len(x) - 1)}


@operator("QLinearGlobalAveragePool", "QLinearAveragePool", domain=OWN)
def pooled(c):
    kind = c.one(np.uint8, np.int8)
    coded(c, kind, 1, 3, c.size(3, 5), c.size(3, 5))
    scale(c, kind)
    return {"channels_last": 0} if "Global" in c.name else {"kernel_shape": [2, 2]} | c.maybe(count_include_pad=1, pads=[1, 0, 0, 1])


@operator("QGemm", domain=OWN)
def coded_gemm(c):
    m, k, n, tb = c.size(), c.size(), c.size(), c.size(0, 1)
    kind = c.one(np.uint8, np.int8)
    coded(c, kind, m, k)
    coded(c, kind, *([n, k] if tb else [k, n]))
    c.given(c.noise.integers(-500, 500, n).astype(np.int32)) if c.dice.random() < 0.5 else c.none()
    if c.dice.random() < 0.5:
        scale(c, kind)
    return {"transB": tb} | c.maybe(alpha=0.5)


@operator("MatMulNBits", domain=OWN)
def by_blocks(c):
    rows, columns, bits, size = c.size(), c.one(16, 32, 40, 64), c.one(4, 4, 8, 2), c.one(16, 32)
    count = -(-columns // size)
    byte = lambda *shape: c.noise.integers(0, 256, shape).astype(np.uint8)
    floats(c, *c.shape(1, 2), columns)
    c.given(byte(rows, count, size * bits // 8), True)
    c.given(c.noise.uniform(0.01, 0.1, rows * count).astype(FLOAT), True)
    c.given(byte(rows * -(-count * bits // 8)), True) if c.dice.random() < 0.5 else c.none()
    c.none()
    floats(c, rows, fixed=True) if c.dice.random() < 0.4 else c.none()
    return {"N": rows, "K": columns, "bits": bits, "block_size": size}


@operator("DynamicQuantizeMatMul", domain=OWN)
def dynamic(c):
    m, k, n, kind = c.size(), c.size(), c.size(), c.one(np.uint8, np.int8)
    floats(c, m, k)
    c.given(codes(c, [k, n], kind), True)
    c.given(c.noise.uniform(0.01, 0.1, c.one([1], [n])).astype(FLOAT), True)
    c.given(codes(c, c.inputs[2].shape, kind, 0, 20), True) if c.dice.random() < 0.6 else c.none()
    if c.dice.random() < 0.5:
        floats(c, n)


@operator("MatMulIntegerToFloat", domain=OWN)
def to_float(c):
    m, k, n, kind = c.size(), c.size(), c.size(), c.one(np.uint8, np.int8)
    c.given(codes(c, [m, k], np.uint8), False)
    c.given(codes(c, [k, n], kind), True)
    for shape in ([], c.one([], [n])):
        c.given(c.noise.uniform(0.01, 0.1, shape).astype(FLOAT), True)
    if c.dice.random() < 0.6:
        c.given(codes(c, [], np.uint8, 0, 20), True)
        c.given(codes(c, c.inputs[3].shape, kind, 0, 20), True)
        if c.dice.random() < 0.6:
            floats(c, n)


@operator("Trilu", domain=OWN)
def triangle(c):
    floats(c, *c.shape(2))
    if c.dice.random() < 0.6:
        c.ints(c.size(-4, 4), "int64")
    return c.maybe(upper=c.size(0, 1))
