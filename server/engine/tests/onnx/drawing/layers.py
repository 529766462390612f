"""Products, attention, recurrent and normalising layers, losses, quantised operators."""

import numpy as np
from operators import KINDS, operator


@operator("MatMul")
def product(c):
    batch, m, k, n = c.shape(0, 2), c.size(), c.size(), c.size()
    plain = [([m, k], [k, n]), ([*batch, m, k], [k, n]), ([*batch, m, k], [*c.bent(batch), k, n])]
    a, b = c.one(*plain, ([k], [k]), ([k], [*batch, k, n]), ([*batch, m, k], [k]))
    c.x(*a)
    c.x(*b)


@operator("Gemm")
def gemm(c):
    m, k, n = c.size(), c.size(), c.size()
    ta, tb = c.size(0, 1), c.size(0, 1)
    c.x(*([k, m] if ta else [m, k]))
    c.x(*([n, k] if tb else [k, n]))
    if c.opset < 11 or c.dice.random() < 0.7:
        c.x(*c.one([m, n], [n], [1, n], [m, 1], [], [1]))
    whole = c.inputs[0].dtype.kind in "iu"
    more = c.maybe(alpha=2.0, beta=3.0) if whole else c.maybe(alpha=c.dice.uniform(0.2, 2), beta=c.dice.uniform(0.2, 2))
    return {"transA": ta, "transB": tb} | more


@operator("Einsum", since=12)
def einsum(c):
    sizes = {letter: c.size(1, 4) for letter in "bijkl"}
    equation, terms = c.one(
        ("ij,jk->ik", ["ij", "jk"]), ("bij,bjk->bik", ["bij", "bjk"]), ("ij->ji", ["ij"]), ("ii->i", ["ii"]), ("ij->", ["ij"]),
        ("i,j", ["i", "j"]), ("ij,jk", ["ij", "jk"]), ("...ij,...jk->...ik", ["bij", "bjk"]), ("bij,jk,kl->bil", ["bij", "jk", "kl"]),
        ("i,i", ["i", "i"]), (" b i j , b k j -> b k i", ["bij", "bkj"]), ("...ii->...i", ["bii"]), ("bi,bi->b", ["bi", "bi"]),
    )
    for term in terms:
        c.x(*[sizes[letter] for letter in term])
    return {"equation": equation}


@operator("Det", since=11)
def determinant(c):
    n = c.size(1, 4)
    c.x(*c.shape(0, 2), n, n)


@operator("LayerNormalization", "RMSNormalization", since=17)
def layer_norm(c):
    x = c.shape(1)
    axis = c.dice.randint(-len(x), len(x) - 1)
    c.x(*x)
    c.given(c.numbers(c.kind(), x[axis:]))
    if c.name == "LayerNormalization":
        if c.dice.random() < 0.6:
            c.given(c.numbers(c.kind(2), x[axis:]))
        c.outputs = c.one(1, 1, 2, 3)
    return {"axis": axis} | c.maybe(epsilon=0.01)


@operator("Dropout")
def dropped(c):
    c.x(*c.shape(1))
    c.outputs = c.size(1, 2)
    if c.opset < 12:
        return c.maybe(ratio=0.3)
    if c.dice.random() < 0.5:
        c.given(np.asarray(0.3, KINDS[c.kind()]))
        if c.dice.random() < 0.5:
            c.given(np.asarray(False), True)


@operator("Attention", since=23)
def attention(c):
    batch, heads, groups, width, deep = c.size(1, 2), c.size(1, 2), c.size(1, 2), 2 * c.size(1, 2), c.size(1, 3)
    queries, keys = c.size(1, 4), c.size(1, 5)
    flat, past = c.size(0, 1), c.one(0, 0, c.size(1, 3))
    many = heads * groups
    how = {"q_num_heads": many, "kv_num_heads": heads} if flat else {}
    c.x(*([batch, queries, many * width] if flat else [batch, many, queries, width]))
    c.x(*([batch, keys, heads * width] if flat else [batch, heads, keys, width]))
    c.x(*([batch, keys, heads * deep] if flat else [batch, heads, keys, deep]))
    total = keys + past
    mask = c.one(None, None, [queries, total], [batch, 1, queries, total], [1, many, queries, total])
    if mask:
        kind = c.kind()
        made = c.numbers(kind, mask)
        if kind == "bool":
            made[..., 0] = True
        c.given(made)
    elif past:
        c.none()
    if past:
        c.given(c.numbers(c.kind(0), [batch, heads, past, width]))
        c.given(c.numbers(c.kind(2), [batch, heads, past, deep]))
        c.outputs = 3
    if c.outputs == 3 and c.dice.random() < 0.3:
        c.outputs = 4
        how["qk_matmul_output_mode"] = c.size(0, 3)
    return how | c.maybe(scale=0.3, softcap=2.0, is_causal=c.size(0, 1))


@operator("RotaryEmbedding", since=23)
def rotary(c):
    batch, heads, places, width = c.size(1, 2), c.size(1, 3), c.size(1, 4), c.one(4, 8)
    flat = c.size(0, 1)
    turned = c.one(width, width // 2)
    how = {} if turned == width and c.dice.random() < 0.5 else {"rotary_embedding_dim": turned}
    c.x(*([batch, places, heads * width] if flat else [batch, heads, places, width]))
    by_place = c.size(0, 1)
    for _ in range(2):
        c.x(*([8, turned // 2] if by_place else [batch, places, turned // 2]))
    if by_place:
        c.ints(c.noise.integers(0, 8, (batch, places)), "int64")
    return how | ({"num_heads": heads} if flat else {}) | c.maybe(interleaved=c.size(0, 1))


ACTIVATIONS = "Relu Tanh Sigmoid Affine LeakyRelu ThresholdedRelu ScaledTanh HardSigmoid Elu Softsign Softplus".split()


@operator("RNN", "GRU", "LSTM")
def recurrent(c):
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[c.name]
    direction = c.one("forward", "reverse", "bidirectional")
    ways = 2 if direction == "bidirectional" else 1
    units, width, steps, batch = c.size(1, 4), c.size(1, 3), c.size(1, 5), c.size(1, 3)
    layout = c.size(0, 1) if c.opset >= 14 else 0
    turn = lambda a, b, *rest: [b, a, *rest] if layout else [a, b, *rest]
    c.x(*turn(steps, batch, width), low=-1, high=1)
    for shape in ([ways, gates * units, width], [ways, gates * units, units]):
        c.fixed.add(len(c.inputs)) if c.dice.random() < 0.7 else None
        c.x(*shape, low=-1, high=1)
    some = lambda: c.dice.random() < 0.5
    c.x(ways, 2 * gates * units, low=-1, high=1) if some() else c.none()
    c.ints(c.noise.integers(1, steps + 1, batch), "int32") if some() else c.none()
    kind = c.kind(0)
    c.given(c.numbers(kind, turn(ways, batch, units), -1, 1)) if some() else c.none()
    if c.name == "LSTM":
        c.given(c.numbers(kind, turn(ways, batch, units), -1, 1)) if some() else c.none()
        c.given(c.numbers(kind, [ways, 3 * units], -1, 1)) if some() else c.none()
    c.outputs = c.size(1, 3 if c.name == "LSTM" else 2)
    how = {"hidden_size": units, "direction": direction} | ({"layout": layout} if layout else {})
    if c.dice.random() < 0.3:
        own = {"RNN": 1, "GRU": 2, "LSTM": 3}[c.name]
        names = [c.one(*ACTIVATIONS) for _ in range(own)] * ways
        how["activations"] = names
        how["activation_alpha"] = [0.3] * len(names)
        how["activation_beta"] = [0.6] * len(names)
    how |= {"clip": 0.4} if c.dice.random() < 0.2 else {}
    if c.name == "GRU":
        how |= c.maybe(linear_before_reset=c.size(0, 1))
    if c.name == "LSTM" and c.dice.random() < 0.2:
        how["input_forget"] = 1
    return how


def targets(c, rank):
    shape = [c.size(1, 3), c.size(2, 4), *[c.size(1, 3) for _ in range(rank - 2)]]
    c.x(*shape)
    ignored = c.one(None, 0, 1, -1)
    made = c.noise.integers(0, shape[1], [shape[0], *shape[2:]])
    if ignored == -1:
        made = np.where(c.noise.random(made.shape) < 0.3, -1, made)
    c.given(made.astype(KINDS[c.kind()]))
    if c.dice.random() < 0.5:
        c.given(c.numbers(c.kind(0), [shape[1]], 0.2, 2))
    return ({} if ignored is None else {"ignore_index": ignored}) | c.maybe(reduction=c.one("none", "sum", "mean"))


@operator("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss", since=12)
def loss(c):
    if c.name.startswith("Softmax"):
        c.outputs = c.size(1, 2)
    return targets(c, c.size(2, 4))


@operator("CausalConvWithState", since=27)
def causal(c):
    batch, channels, length, taps = c.size(1, 2), c.size(1, 3), c.size(1, 5), c.size(1, 4)
    c.x(batch, channels, length)
    c.x(channels, 1, taps)
    c.x(channels) if c.dice.random() < 0.5 else c.none()
    if c.dice.random() < 0.5:
        c.x(batch, channels, taps - 1)
    c.outputs = 2
    return c.maybe(activation=c.one("none", "silu", "swish"))


def scales(c, shape, place):
    kind = c.kind(place)
    return c.given(c.numbers(kind, shape, 1, 3) if "int" in kind else c.numbers(kind, shape, 0.02, 0.2))


def grid(c, x):
    """How scales lie over a value: one for all, one a slice, one a block."""
    axis = c.axis(len(x))
    how = c.one("all", *["slices"] * (c.opset >= 13), *["blocks"] * (c.opset >= 21))
    if how == "all":
        return [], {}
    if how == "slices":
        return [x[axis]], {"axis": axis}
    block = c.size(1, 3)
    shape = list(x)
    shape[axis] = -(-x[axis] // block)
    return shape, {"axis": axis, "block_size": block}


@operator("QuantizeLinear", since=10)
def quantised(c):
    x = c.shape(1)
    shape, how = grid(c, x)
    c.x(*x, low=-9, high=9)
    scales(c, shape, 1)
    if c.dice.random() < 0.7:
        kind = c.kind(2)
        c.given(np.zeros(shape, KINDS[kind]) if "float" in kind else c.numbers(kind, shape))
    elif c.opset >= 21:
        how |= c.maybe(output_dtype=c.one(2, 3, 4, 5))
    return how


@operator("DequantizeLinear", since=10)
def dequantised(c):
    x = c.shape(1)
    shape, how = grid(c, x)
    kind = c.kind()
    c.given(c.numbers(kind, x, -100, 100))
    scales(c, shape, 1)
    if c.dice.random() < 0.7:
        c.given(np.zeros(shape, KINDS[kind]) if "float" in kind or kind == "int32" else c.numbers(kind, shape))
    return how


@operator("DynamicQuantizeLinear", since=11)
def dynamic(c):
    c.x(*c.shape(1))
    c.outputs = 3


@operator("QLinearMatMul", since=10)
def quantised_product(c):
    m, k, n = c.size(), c.size(), c.size()
    batch = c.shape(0, 1)
    for shape, place, by in (([*batch, m, k], 0, []), ([*batch, k, n], 3, c.one([], [n]) if not batch else [])):
        c.given(c.numbers(c.kind(place), shape, -100, 200))
        scales(c, by, 1)
        c.given(c.numbers(c.kind(place), by, -4, 100))
    scales(c, [], 1)
    c.given(c.numbers(c.kind(7), [], 0, 60))


@operator("MatMulInteger", since=10)
def whole_product(c):
    m, k, n = c.size(), c.size(), c.size()
    batch = c.shape(0, 1)
    c.x(*batch, m, k, low=-100, high=200)
    c.x(*batch, k, n, low=-100, high=200)
    if c.dice.random() < 0.7:
        c.given(c.numbers(c.kind(0), c.one([], [1]), 0, 100))
        if c.dice.random() < 0.7:
            c.given(c.numbers(c.kind(1), c.one([], [n]), 0, 100))


@operator("ConvInteger", since=10)
def whole_convolution(c):
    c.x(1, 2, 5, 5, low=-100, high=200)
    c.x(3, 2, 2, 2, low=-100, high=200)
    if c.dice.random() < 0.7:
        c.given(c.numbers(c.kind(0), [], 0, 100))
        if c.dice.random() < 0.7:
            c.given(c.numbers(c.kind(1), c.one([], [3]), 0, 100))
    return c.maybe(pads=[1, 0, 1, 1], strides=[2, 1], auto_pad="NOTSET")


@operator("QLinearConv", since=10)
def quantised_convolution(c):
    groups = c.one(1, 1, 2)
    c.given(c.numbers(c.kind(0), [1, 2 * groups, 5, 5], -100, 200))
    scales_ = lambda shape: c.given(c.noise.uniform(0.02, 0.2, shape).astype(np.float32))
    scales_([])
    c.given(c.numbers(c.kind(0), [], 0, 100))
    c.given(c.numbers(c.kind(3), [2 * groups, 2, 2, 2], -100, 200))
    by = c.one([], [2 * groups])
    scales_(by)
    c.given(c.numbers(c.kind(3), by, 0, 0))
    scales_([])
    c.given(c.numbers(c.kind(7), [], 0, 60))
    if c.dice.random() < 0.5:
        c.ints(c.noise.integers(-500, 500, 2 * groups), "int32", True)
    return {"group": groups} | c.maybe(pads=[1, 0, 1, 1], strides=[2, 1])
