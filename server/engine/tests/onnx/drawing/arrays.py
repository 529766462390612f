"""Operators that move elements and change shapes."""

import numpy as np
from onnx import helper, numpy_helper
from operators import KINDS, operator


@operator("Shape")
def shape(c):
    x = c.shape()
    c.x(*x)
    return c.maybe(start=c.size(-5, 5), end=c.size(-5, 5)) if c.opset >= 15 else {}


@operator("Reshape")
def reshaped(c):
    a, b, d = c.size(), c.size(), c.size()
    c.x(a, b, d)
    wanted = c.one([a * b, d], [-1], [0, -1], [0, 0, d], [d, -1, a], [1, a, 1, b * d], [a, -1, 0] if b else [0])
    c.ints(wanted, "int64")
    return c.maybe(allowzero=0) if c.opset >= 14 else {}


@operator("Flatten")
def flat(c):
    x = c.shape()
    c.x(*x)
    return c.maybe(axis=c.size(-len(x) if c.opset >= 11 else 0, len(x)))


@operator("Squeeze")
def squeezed(c):
    x = c.shape(1)
    ones = c.dice.sample(range(len(x)), c.size(0, len(x)))
    x = [1 if n in ones else max(2, d) for n, d in enumerate(x)]
    c.x(*x)
    signed = [o - len(x) if c.opset >= 11 and c.dice.random() < 0.3 else o for o in ones]
    if c.dice.random() < 0.3 or not signed:
        return {}
    if c.opset < 13:
        return {"axes": signed}
    c.ints(signed, "int64")


@operator("Unsqueeze")
def unsqueezed(c):
    x = c.shape()
    c.x(*x)
    count = c.size(1, 2)
    axes = c.dice.sample(range(len(x) + count), count)
    axes = [a - len(x) - count if c.opset >= 11 and c.dice.random() < 0.3 else a for a in axes]
    if c.opset < 13:
        return {"axes": axes}
    c.ints(axes, "int64")


@operator("Transpose")
def turned(c):
    x = c.shape()
    c.x(*x)
    return c.maybe(perm=c.dice.sample(range(len(x)), len(x))) if x else {}


@operator("Expand", since=8)
def expanded(c):
    x = c.shape()
    c.x(*c.bent(x))
    c.ints(c.bent(x), "int64")


@operator("Tile")
def tiled(c):
    x = c.shape(1)
    c.x(*x)
    c.ints([c.size(0, 3) for _ in x], "int64")


@operator("Range", since=11)
def counted(c):
    kind = c.kind()
    low, high, step = c.one((0, 5, 1), (3, -4, -2), (-2.5, 2.5, 0.75), (1, 1, 3), (0, 10, 4))
    for n in (low, high, step):
        c.given(np.asarray(n, np.float32).astype(KINDS[kind]))


@operator("Constant")
def constant(c):
    kind = c.one(*KINDS) if c.opset >= 23 else c.one("float", "int64", "double", "int8", "bool", "string", "float16", "uint64")
    choices = [{"value": numpy_helper.from_array(c.numbers(kind, c.shape()), "v")}]
    if c.opset >= 12:
        choices += [{"value_int": 3}, {"value_ints": [1, 2]}, {"value_float": 0.5}, {"value_floats": [1.5, 2.0]}]
        choices += [{"value_string": "one"}, {"value_strings": ["one", "ß"]}]
    return c.one(*choices)


@operator("ConstantOfShape", since=9)
def filled(c):
    c.ints(c.shape(), "int64")
    kind = c.one("float", "int64", "double", "int8", "bool", "float16", "uint64", "int32", "uint8")
    return c.maybe(value=helper.make_tensor("v", helper.np_dtype_to_tensor_dtype(np.dtype(KINDS[kind])), [1], c.numbers(kind, [1])))


@operator("Concat")
def joined(c):
    x = c.shape(1)
    axis = c.axis(len(x))
    for _ in range(c.size(1, 3)):
        x[axis] = c.size(0, 3)
        c.x(*x)
    return {"axis": axis}


@operator("Split")
def split(c):
    x = c.shape(1)
    axis = c.axis(len(x))
    x[axis] = c.size(2, 7)
    c.x(*x)
    c.outputs = c.size(1, min(3, x[axis]))
    cuts = sorted(c.size(0, x[axis]) for _ in range(c.outputs - 1))
    sizes = [b - a for a, b in zip([0, *cuts], [*cuts, x[axis]])]
    how = c.maybe(axis=axis) if axis == 0 else {"axis": axis}
    if c.dice.random() < 0.6:
        if c.opset < 13:
            return how | {"split": sizes}
        c.ints(sizes, "int64")
        return how
    if c.opset >= 18:
        return how | {"num_outputs": c.outputs}
    x[axis] = c.outputs * 2
    c.inputs, c.fixed = [], set()
    c.x(*x)
    return how


@operator("Slice")
def sliced(c):
    x = c.shape(1)
    c.x(*x)
    axes = sorted(c.dice.sample(range(len(x)), c.size(1, len(x))))
    starts, ends = [[c.size(-6, 6) for _ in axes] for _ in range(2)]
    ends = [c.one(e, 2**31 - 1, 2**63 - 1) for e in ends]
    if c.opset < 10:
        return {"starts": starts, "ends": ends, "axes": axes}
    kind = c.kind(1)
    c.types["Tind"] = kind
    limit = 2**31 - 1
    clip = lambda v: [max(min(n, limit), -limit) if kind == "int32" else n for n in v]
    c.ints(clip(starts), kind)
    c.ints(clip(ends), kind)
    whole = axes == list(range(len(axes))) and c.dice.random() < 0.5
    if c.opset >= 11:
        axes = [a - len(x) if c.dice.random() < 0.3 else a for a in axes]
    c.none() if whole else c.ints(axes, kind)
    if c.dice.random() < 0.6:
        steps = [c.one(1, 2, -1, -2, 3) for _ in axes]
        # Backwards from the end, as exporters write it.
        c.ints(steps, kind)


@operator("Pad")
def padded(c):
    x = [n + 2 for n in c.shape(1, 4)]
    mode = c.one("constant", "reflect", "edge", *["wrap"] * (c.opset >= 19))
    c.x(*x)
    axes = sorted(c.dice.sample(range(len(x)), c.size(1, len(x)))) if c.opset >= 18 and c.dice.random() < 0.5 else None
    count = len(axes) if axes else len(x)
    low = -1 if mode == "constant" or c.opset >= 11 else 0
    pads = [c.size(low, 2) for _ in range(2 * count)]
    how = {"mode": mode} if mode != "constant" else c.maybe(mode=mode)
    if c.opset < 11:
        return how | {"pads": pads} | c.maybe(value=1.5)
    c.ints(pads, "int64")
    if mode == "constant" and c.dice.random() < 0.6:
        c.x(low=1, high=3)
    elif axes:
        c.none()
    if axes:
        c.ints([a - len(x) if c.dice.random() < 0.3 else a for a in axes], c.one("int64", "int32"))
    return how


@operator("DepthToSpace")
def to_space(c):
    block = c.size(1, 3)
    c.x(c.size(), block * block * c.size(1, 2), c.size(), c.size())
    return {"blocksize": block} | (c.maybe(mode=c.one("DCR", "CRD")) if c.opset >= 11 else {})


@operator("SpaceToDepth")
def to_depth(c):
    block = c.size(1, 3)
    c.x(c.size(), c.size(1, 2), block * c.size(1, 3), block * c.size(1, 3))
    return {"blocksize": block} | (c.maybe(mode=c.one("DCR", "CRD")) if c.opset >= 28 else {})


def places(c, extent, shape):
    return c.noise.integers(-extent if c.opset >= 11 else 0, extent, shape)


@operator("Gather")
def gathered(c):
    x = c.shape(1)
    axis = c.axis(len(x))
    c.x(*x)
    c.ints(places(c, x[axis], c.shape(0, 2)))
    return c.maybe(axis=axis) if axis == 0 else {"axis": axis}


@operator("GatherElements", since=11)
def gathered_elements(c):
    x = c.shape(1)
    axis = c.axis(len(x))
    c.x(*x)
    y = [c.size(1, n) for n in x]
    y[axis] = c.size()
    c.ints(places(c, x[axis], y))
    return {"axis": axis}


@operator("GatherND", since=11)
def gathered_deep(c):
    x = c.shape(1)
    c.x(*x)
    batch = c.size(0, len(x) - 1) if c.opset >= 12 else 0
    depth = c.size(1, len(x) - batch)
    outer = x[:batch] + c.shape(1, 2)
    made = np.stack([places(c, x[batch + n], outer) for n in range(depth)], -1)
    c.ints(made, "int64")
    return {"batch_dims": batch} if c.opset >= 12 else {}


def reduction(c):
    names = ["none"] + ["add", "mul"] * (c.opset >= 16) + ["max", "min"] * (c.opset >= 18)
    return {"reduction": c.one(*names)} if c.opset >= 16 and c.dice.random() < 0.7 else {}


@operator("ScatterElements", since=11)
@operator("Scatter", since=9, last=10)
def scattered(c):
    x = c.shape(1)
    axis = c.axis(len(x))
    c.x(*x)
    y = [c.size(1, n) for n in x]
    order = np.stack([c.noise.permutation(x[axis])[: y[axis]] for _ in range(int(np.prod(y)) // y[axis])], -1)
    rest = [n for k, n in enumerate(y) if k != axis % len(x)]
    made = np.moveaxis(order.reshape([y[axis], *rest]), 0, axis)
    c.ints(made)
    c.x(*y)
    return {"axis": axis} | (reduction(c) if c.name == "ScatterElements" else {})


@operator("ScatterND", since=11)
def scattered_deep(c):
    x = c.shape(1)
    c.x(*x)
    depth, count = c.size(1, len(x)), 1
    flat = c.noise.permutation(int(np.prod(x[:depth])))[: c.size(1, 4)]
    made = np.stack(np.unravel_index(flat, x[:depth]), -1)
    c.ints(made, "int64")
    c.x(len(flat), *x[depth:])
    return reduction(c)


@operator("Trilu")
def triangle(c):
    x = c.shape(2)
    c.x(*x)
    if c.dice.random() < 0.6:
        c.ints(c.size(-4, 4), "int64")
    return c.maybe(upper=c.size(0, 1))


@operator("Compress", since=9)
def compressed(c):
    x = c.shape(1)
    c.x(*x)
    axis = c.axis(len(x)) if c.dice.random() < 0.7 else None
    count = x[axis] if axis is not None else int(np.prod(x))
    c.given(c.noise.random(c.size(1, count)) < 0.5)
    return {} if axis is None else {"axis": axis}


@operator("NonZero", since=9)
def non_zero(c):
    c.x(*c.shape(1))


@operator("Unique", since=11)
def unique(c):
    x = c.shape(1)
    c.x(*x, low=-2, high=2)
    c.outputs = c.size(1, 4)
    return c.maybe(axis=c.axis(len(x)), sorted=c.size(0, 1))


@operator("OneHot", since=9)
def one_hot(c):
    depth = c.size(2, 6)
    x = c.shape(1, 3)
    unsigned = c.kind().startswith("uint") or c.opset < 11
    c.given(c.noise.integers(0 if unsigned else -depth, depth, x).astype(KINDS[c.kind(0)]))
    c.given(np.asarray(c.one(depth, [depth])).astype(KINDS[c.kind(1)]))
    c.x(2)
    return c.maybe(axis=c.size(-len(x) - 1, len(x)))


@operator("EyeLike", since=9)
def eye(c):
    c.x(c.size(), c.size())
    return c.maybe(k=c.size(-3, 3), dtype=c.one(1, 6, 7, 9, 10, 11, 2))


@operator("TopK")
def top(c):
    x = c.shape(1)
    axis = c.axis(len(x))
    kind = c.kind()
    made = c.noise.permutation(int(np.prod(x))).reshape(x) % 120
    c.given(made.astype(KINDS[kind]))
    c.outputs = 2
    if c.opset < 10:
        return {"k": c.size(1, x[axis]), "axis": axis}
    c.ints([c.size(0 if c.opset >= 11 else 1, x[axis])], "int64")
    return {"axis": axis} | (c.maybe(largest=c.size(0, 1)) if c.opset >= 11 else {})


@operator("ReverseSequence", since=10)
def reversed_sequence(c):
    time = c.size(0, 1)
    x = [c.size(), c.size(), *c.shape(0, 2)]
    c.x(*x)
    c.ints(c.noise.integers(1, x[time] + 1, x[1 - time]), "int64")
    return {"time_axis": time, "batch_axis": 1 - time}


@operator("CenterCropPad", since=18)
def centred(c):
    x = c.shape(1)
    c.x(*x)
    axes = c.dice.sample(range(len(x)), c.size(1, len(x))) if c.dice.random() < 0.6 else None
    count = len(axes) if axes else len(x)
    c.ints([c.size(1, 7) for _ in range(count)])
    return {"axes": [a - c.one(0, len(x)) for a in axes]} if axes else {}


@operator("TensorScatter", since=24)
def overlaid(c):
    batch, heads, most, width = c.size(1, 3), c.size(1, 2), c.size(4, 6), c.size(1, 3)
    length = c.size(1, 3)
    c.x(batch, heads, most, width)
    c.x(batch, heads, length, width)
    mode = c.one("linear", "circular")
    if c.dice.random() < 0.7:
        c.ints(c.noise.integers(0, most if mode == "circular" else most - length + 1, batch), "int64")
    return {"mode": mode} | c.maybe(axis=c.one(-2, 2))
