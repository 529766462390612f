"""Operators that take elements from places that indices name, and put them there."""

import numpy as np
from operators import KINDS, operator


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
    depth = c.size(1, len(x))
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
