"""Operators on images."""

import numpy as np
from operators import operator


def window(c):
    """Extents of an image, and a window that fits."""
    axes = c.one(1, 2, 2, 3)
    each = lambda low, high: [c.size(low, high) for _ in range(axes)]
    kernel, dilations, strides = each(1, 3), each(1, 2), each(1, 3)
    return [c.size((k - 1) * d + 1, 9) for k, d in zip(kernel, dilations)], kernel, dilations, strides


def around(c, kernel, strides, most):
    """Paddings, told or not; those that are not are undefined where steps are longer than windows."""
    same = ["SAME_UPPER", "SAME_LOWER"] * all(s <= k for s, k in zip(strides, kernel))
    kind = c.one("pads", "pads", "none", "NOTSET", "VALID", *same)
    if kind == "none":
        return {}
    if kind in ("pads", "NOTSET"):
        pads = [c.size(0, most[n % len(kernel)]) for n in range(2 * len(kernel))]
        return {"pads": pads} | ({"auto_pad": kind} if kind == "NOTSET" else {})
    return {"auto_pad": kind}


def optional(**attributes):
    """Attributes of a window that may be left out where they say nothing."""
    return {k: v for k, v in attributes.items() if any(n != 1 for n in v) or len(v) == 2}


@operator("Conv")
def convolved(c):
    size, kernel, dilations, strides = window(c)
    how = around(c, kernel, strides, [2] * len(kernel))
    dilations = [1] * len(kernel) if "SAME" in how.get("auto_pad", "") else dilations
    groups = c.one(1, 1, 2, 4)
    ins, outs = groups * c.size(1, 3), groups * c.size(1, 2)
    c.x(c.size(0, 2), ins, *size) if c.dice.random() < 0.05 else c.x(2, ins, *size)
    c.x(outs, ins // groups, *kernel)
    if c.dice.random() < 0.5:
        c.x(outs)
    return how | optional(dilations=dilations, strides=strides) | c.maybe(kernel_shape=kernel) | ({"group": groups} if groups > 1 else {})


@operator("ConvTranspose")
def transposed(c):
    size, kernel, dilations, strides = window(c)
    how = around(c, kernel, strides, [k // 2 for k in kernel])
    groups = c.one(1, 1, 2)
    ins, outs = groups * c.size(1, 2), c.size(1, 2)
    c.x(2, ins, *size)
    c.x(ins, outs, *kernel)
    if c.dice.random() < 0.5:
        c.x(outs * groups)
    if "auto_pad" not in how and c.dice.random() < 0.5:
        how["output_padding"] = [c.size(0, max(s, d) - 1) for s, d in zip(strides, dilations)]
    if c.dice.random() < 0.2 and "pads" not in how:
        whole = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(size, strides, kernel, dilations)]
        how["output_shape"] = [max(1, w - c.size(0, 1)) for w in whole]
    return how | optional(dilations=dilations, strides=strides) | ({"group": groups} if groups > 1 else {})


@operator("MaxPool", "AveragePool", "LpPool")
def pooled(c):
    size, kernel, dilations, strides = window(c)
    how = around(c, kernel, strides, [k - 1 for k in kernel])
    since = {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[c.name]
    c.x(2, 2, *size)
    if c.opset >= since and "SAME" not in how.get("auto_pad", ""):
        how |= optional(dilations=dilations)
    if c.opset >= {"MaxPool": 10, "AveragePool": 10, "LpPool": 18}[c.name]:
        how |= c.maybe(ceil_mode=c.size(0, 1))
    if c.name == "AveragePool":
        how |= c.maybe(count_include_pad=c.size(0, 1))
    if c.name == "LpPool":
        how |= c.maybe(p=c.size(1, 3))
    if c.name == "MaxPool" and c.opset >= 8:
        c.outputs = c.size(1, 2)
        how |= c.maybe(storage_order=c.size(0, 1)) if c.outputs == 2 else {}
    return {"kernel_shape": kernel} | how | optional(strides=strides)


@operator("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def whole(c):
    c.x(2, c.size(), *[c.size() for _ in range(c.size(1, 3))])
    return c.maybe(p=c.size(1, 3)) if c.name == "GlobalLpPool" else {}


@operator("MaxUnpool", since=9)
def unpooled(c):
    kernel = c.size(2, 3)
    size = [c.size(1, 3), c.size(1, 3)]
    c.x(1, 2, *size)
    wide = [n * kernel for n in size]
    rows = np.arange(size[0])[:, None] * kernel + c.noise.integers(0, kernel, size)
    columns = np.arange(size[1])[None] * kernel + c.noise.integers(0, kernel, size)
    flat = rows * wide[1] + columns
    c.ints(np.stack([flat, flat + wide[0] * wide[1]])[None], "int64")
    return {"kernel_shape": [kernel, kernel], "strides": [kernel, kernel]}


@operator("LRN")
def response(c):
    c.x(2, c.size(1, 6), *[c.size() for _ in range(c.size(1, 2))])
    return {"size": c.one(1, 3, 5)} | c.maybe(alpha=0.3, beta=0.5, bias=1.5)


@operator("BatchNormalization")
def batch_norm(c):
    channels = c.size()
    c.x(2, channels, *[c.size() for _ in range(c.size(0, 3))])
    for _ in range(3):
        c.x(channels)
    c.x(channels, low=0.2, high=3)
    return c.maybe(epsilon=0.01, momentum=0.8)


@operator("InstanceNormalization")
def instance_norm(c):
    channels = c.size()
    c.x(2, channels, *[c.size(2, 5) for _ in range(c.size(1, 3))])
    c.x(channels)
    c.x(channels)
    return c.maybe(epsilon=0.01)


@operator("GroupNormalization")
def group_norm(c):
    groups = c.size(1, 3)
    channels = groups * c.size(1, 3)
    c.x(2, channels, *[c.size(2, 4) for _ in range(c.size(1, 2))])
    for _ in range(2):
        c.x(groups if c.opset < 21 else channels)
    return {"num_groups": groups} | c.maybe(epsilon=0.01)


@operator("MeanVarianceNormalization", since=9)
def standardised(c):
    x = c.one([2, 3, 4, 2], [2, 2, 3, 3])
    c.x(*x)
    return c.maybe(axes=c.one([0, 2, 3], [2, 3], [-1], [0, 1, 2, 3], [1]))


@operator("LpNormalization")
def lp_norm(c):
    x = c.shape(1)
    c.x(*x)
    return c.maybe(axis=c.axis(len(x)), p=c.size(1, 2))


@operator("Resize", since=10)
def resized(c):
    mode = c.one("nearest", "linear", "cubic") if c.opset >= 11 else c.one("nearest", "linear")
    rank = c.one(3, 4, 4, 5) if mode != "cubic" else 4
    x = [1, c.size(1, 2), *[c.size(3, 7) for _ in range(rank - 2)]]
    c.x(*x)
    factors = [1, 1, *[c.one(0.5, 0.6, 1, 1.5, 2, 3) for _ in range(rank - 2)]]
    if c.opset < 11:
        c.given(np.array(factors, np.float32))
        return {"mode": mode}
    names = ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]
    names += ["half_pixel_symmetric"] * (c.opset >= 19) + ["tf_crop_and_resize"]
    coordinates = c.one(*names)
    how = {"mode": mode} | (c.maybe(coordinate_transformation_mode=coordinates))
    if mode == "nearest":
        how |= c.maybe(nearest_mode=c.one("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"))
    elif c.opset >= 18:
        how |= c.maybe(antialias=c.size(0, 1))
    if mode == "cubic":
        how |= c.maybe(cubic_coeff_a=-0.5, exclude_outside=c.size(0, 1))
    axes = list(range(2, rank)) if c.opset >= 18 and c.dice.random() < 0.4 else None
    if axes:
        how["axes"] = [a - c.one(0, rank) for a in axes]
        factors = factors[2:]
    if how.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        half = [0.1] * len(factors) + [0.8] * len(factors)
        c.given(np.array(half, np.float32), True)
        how |= c.maybe(extrapolation_value=1.5)
    else:
        c.none() if c.opset >= 13 else c.given(np.zeros([0], np.float32), True)
    if c.dice.random() < 0.5:
        c.given(np.array(factors, np.float32))
        return how
    c.none() if c.opset >= 13 else c.given(np.zeros([0], np.float32), True)
    sizes = [n if k < 2 and not axes else c.size(2, 12) for k, n in enumerate(x)]
    sizes = sizes[2:] if axes else sizes
    c.ints(sizes, "int64")
    if c.opset >= 18 and c.dice.random() < 0.3:
        how["keep_aspect_ratio_policy"] = c.one("stretch", "not_larger", "not_smaller")
    return how


@operator("Upsample", last=9)
def upsampled(c):
    c.x(1, 2, c.size(2, 4), c.size(2, 4))
    factors = [1.0, 1.0, c.one(1.0, 2.0, 1.5), c.one(1.0, 2.0, 3.0)]
    how = {"mode": c.one("nearest", "linear")}
    if c.opset < 9:
        return how | {"scales": factors}
    c.given(np.array(factors, np.float32))
    return how


@operator("GridSample", since=16)
def sampled(c):
    axes = 2 if c.opset < 20 else c.one(2, 2, 3)
    names = ("bilinear", "nearest", "bicubic") if c.opset < 20 else ("linear", "nearest", "cubic")
    mode = c.one(*names) if axes == 2 else c.one(*names[:2])
    c.x(2, 2, *[c.size(2, 5) for _ in range(axes)])
    kind = c.inputs[0].dtype if c.inputs[0].dtype.kind == "f" else np.float32
    # Between integers the reference weighs in integers.
    mode = mode if c.inputs[0].dtype.kind == "f" else "nearest"
    grid = [2, *[c.size(2, 4) for _ in range(axes)], axes]
    c.given(c.noise.uniform(-1.3, 1.3, grid).astype(kind))
    return {"mode": mode} | c.maybe(padding_mode=c.one("zeros", "border", "reflection"), align_corners=c.size(0, 1))


@operator("AffineGrid", since=20)
def affine(c):
    axes = c.one(2, 3)
    c.x(2, axes, axes + 1)
    c.ints([2, 3, *[c.size(2, 4) for _ in range(axes)]], "int64")
    return c.maybe(align_corners=c.size(0, 1))


@operator("RoiAlign", since=10)
def aligned(c):
    c.x(2, 2, 6, 7, low=0)
    corners = np.concatenate([c.noise.uniform(0, 5, (3, 2)), c.noise.uniform(6, 13, (3, 2))], 1)
    c.given(corners.astype(c.inputs[0].dtype))
    c.ints(c.noise.integers(0, 2, 3), "int64")
    how = c.maybe(coordinate_transformation_mode=c.one("half_pixel", "output_half_pixel")) if c.opset >= 16 else {}
    return {"spatial_scale": 0.5, "sampling_ratio": 2} | how | c.maybe(mode=c.one("avg", "max"), output_height=2, output_width=3)


@operator("MaxRoiPool")
def region_pooled(c):
    c.x(2, 2, 6, 7)
    corners = np.concatenate([c.noise.integers(0, 2, (3, 1)), c.noise.integers(0, 5, (3, 2)), c.noise.integers(6, 13, (3, 2))], 1)
    c.given(corners.astype(c.inputs[0].dtype))
    return {"pooled_shape": [c.size(1, 3), c.size(1, 3)]} | c.maybe(spatial_scale=0.5)


@operator("NonMaxSuppression", since=10)
def suppressed(c):
    count = c.size(2, 8)
    centred = c.size(0, 1)
    first, extents = c.noise.uniform(0, 1, (2, count, 2)), c.noise.uniform(0.1, 0.6, (2, count, 2))
    c.given(np.concatenate([first, extents if centred else first + extents], -1).astype(np.float32))
    c.given(c.noise.random((2, 2, count)).astype(np.float32))
    c.ints([c.size(1, 4)], "int64")
    if c.dice.random() < 0.7:
        c.given(np.array([c.dice.uniform(0.1, 0.8)], np.float32))
        if c.dice.random() < 0.7:
            c.given(np.array([c.dice.uniform(0.1, 0.8)], np.float32))
    return c.maybe(center_point_box=centred) if centred == 0 else {"center_point_box": 1}


@operator("DeformConv", since=19)
def deformed(c):
    ins, outs = c.size(1, 2) * 2, c.size(1, 2) * 2
    groups, offsets = c.one(1, 2), c.one(1, 2)
    c.x(1, ins, 5, 6)
    c.x(outs, ins // groups, 2, 2)
    c.x(1, offsets * 8, 4, 5, low=-1.5, high=1.5)
    if c.dice.random() < 0.5:
        c.x(outs)
        if c.dice.random() < 0.5:
            c.x(1, offsets * 4, 4, 5, low=0, high=1)
    return {"group": groups, "offset_group": offsets, "kernel_shape": [2, 2]}


@operator("Col2Im", since=18)
def from_columns(c):
    c.x(1, 2 * 4, 12)
    c.ints([4, 5], "int64")
    c.ints([2, 2], "int64")
    return c.maybe(dilations=[1, 1], strides=[1, 1], pads=[0, 0, 0, 0])
