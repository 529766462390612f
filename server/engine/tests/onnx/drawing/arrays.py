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
