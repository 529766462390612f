"""Operators that go element by element, and reductions."""

from onnx import helper
from operators import operator

ONE = "Abs Ceil Cos Cosh Erf Exp Floor Neg Not Reciprocal Relu Round Sigmoid Sign Sin Sinh Softplus Softsign Tan Tanh Atan Asinh"
ONE += " HardSwish Mish IsNaN BitwiseNot Identity Size"
TWO = "Add Sub Mul And Or Xor Equal Greater Less GreaterOrEqual LessOrEqual BitwiseAnd BitwiseOr BitwiseXor"
# Casts to and from these.
NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 21, 22, 23, 25, 26]


@operator(*ONE.split())
def one(c):
    c.x(*c.shape())


@operator("Log", "Sqrt")
def positive(c):
    c.x(*c.shape(), low=0.01)


@operator("Acos", "Asin", "Atanh")
def within_one(c):
    c.x(*c.shape(), low=-0.99, high=0.99)


@operator("Acosh")
def above_one(c):
    c.x(*c.shape(), low=1)


@operator("IsInf")
def infinite(c):
    x = c.numbers(c.kind(), c.shape(1))
    x[x > 1] = float("inf")
    x[x < -2] = -float("inf")
    c.given(x)
    return c.maybe(detect_negative=c.size(0, 1), detect_positive=c.size(0, 1))


@operator(*TWO.split())
def two(c):
    shape = c.shape()
    sides = [shape, c.bent(shape)]
    c.dice.shuffle(sides)
    for side in sides:
        c.x(*side)


@operator("Div")
def divided(c):
    shape = c.shape()
    c.x(*shape, low=-40, high=40)
    c.x(*c.bent(shape), zero=False)


@operator("Mod")
def modulo(c):
    shape = c.shape()
    x = c.x(*shape, low=-40, high=40)
    c.x(*c.bent(shape), zero=False)
    return {"fmod": 1} if x.dtype.kind not in "iu" else c.maybe(fmod=c.size(0, 1))


@operator("Pow")
def power(c):
    shape = c.shape()
    c.x(*shape, low=0.1, high=3)
    c.x(*c.bent(shape), low=0, high=3)


@operator("BitShift")
def shifted(c):
    shape = c.shape()
    c.x(*shape, low=0, high=200)
    c.x(*c.bent(shape), low=0, high=6)
    return {"direction": c.one("LEFT", "RIGHT")}


@operator("Max", "Min", "Sum", "Mean")
def several(c):
    shape = c.shape()
    for _ in range(c.size(1, 3)):
        c.x(*c.bent(shape))


@operator("Where", since=9)
def chosen(c):
    shape = c.shape()
    for _ in range(3):
        c.x(*c.bent(shape))


@operator("Clip")
def clipped(c):
    c.x(*c.shape())
    if c.opset < 11:
        return c.maybe(min=-0.5, max=1.5)
    for low, high in [(-2, 0), (1, 3)]:
        c.x(low=low, high=high) if c.dice.random() < 0.7 else c.none()


@operator("LeakyRelu", "Elu", "Celu", "ThresholdedRelu", "Swish")
def alpha(c):
    c.x(*c.shape())
    return c.maybe(alpha=c.dice.uniform(0.1, 2))


@operator("Selu")
def selu(c):
    c.x(*c.shape())
    return c.maybe(alpha=c.dice.uniform(0.1, 2), gamma=c.dice.uniform(0.1, 2))


@operator("HardSigmoid")
def hard_sigmoid(c):
    c.x(*c.shape())
    return c.maybe(alpha=c.dice.uniform(0.1, 1), beta=c.dice.uniform(0, 1))


@operator("Gelu")
def gelu(c):
    c.x(*c.shape())
    return c.maybe(approximate=c.one("none", "tanh"))


@operator("SwiGLU")
def swish_gated(c):
    shape = c.shape()
    c.x(*shape)
    c.x(*shape)
    return c.maybe(alpha=c.dice.uniform(0.1, 2))


@operator("PRelu")
def sloped(c):
    shape = c.shape(1)
    c.x(*shape)
    c.x(*c.bent(shape))


@operator("Shrink")
def shrunk(c):
    c.x(*c.shape())
    return c.maybe(bias=c.dice.uniform(-1, 1), lambd=c.dice.uniform(0, 2))


@operator("Cast")
def cast(c):
    kind = c.kind()
    x = c.numbers(kind, c.shape(), low=-9, high=90)
    if kind == "string":
        words = c.one(["1", "-3", "0", "17"], ["1.5", "-2.25e3", "7", "0.001"])
        flat = [c.dice.choice(words) for _ in range(x.size)]
        x = x.copy()
        x.reshape(-1)[:] = flat
    c.given(x)
    return {"to": c.one(*NUMBERS)} | (c.maybe(saturate=c.size(0, 1)) if c.opset >= 19 else {})


@operator("CastLike")
def cast_like(c):
    c.given(c.numbers(c.kind(), c.shape(), low=-9, high=90))
    c.x(1)
    return c.maybe(saturate=c.size(0, 1)) if c.opset >= 19 else {}


@operator("BitCast")
def bits(c):
    c.x(*c.shape())
    widths = {1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 10: 16, 11: 64, 12: 32, 13: 64, 16: 16}
    widths |= dict.fromkeys((17, 18, 19, 20), 8) | dict.fromkeys((21, 22, 23), 4) | dict.fromkeys((25, 26), 2)
    own = widths[helper.np_dtype_to_tensor_dtype(c.inputs[0].dtype)] if c.inputs[0].dtype != bool else 8
    return {"to": c.one(*[n for n, w in widths.items() if w == own])}


def over(c, rank, opset):
    """Axes of a reduction: an attribute, or an input from a version on."""
    attributes = c.maybe(keepdims=c.size(0, 1))
    axes = c.dice.sample(range(rank), c.size(0 if rank == 0 else 1, rank)) if c.dice.random() < 0.7 else None
    if axes is not None and c.opset >= 11:
        axes = [a - rank if c.dice.random() < 0.3 else a for a in axes]
    if c.opset >= opset:
        if axes is not None:
            c.ints(axes, "int64")
        return attributes | c.maybe(noop_with_empty_axes=c.size(0, 1))
    return attributes | ({} if axes is None else {"axes": axes})


@operator("ReduceMax", "ReduceMin", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp")
def reduced(c):
    shape = c.shape(1)
    c.x(*shape)
    return over(c, len(shape), 18)


@operator("ReduceLogSum", "ReduceProd")
def reduced_positive(c):
    shape = c.shape(1)
    c.x(*shape, low=1, high=2)
    return over(c, len(shape), 18)


@operator("ReduceSum")
def summed(c):
    shape = c.shape(1)
    c.x(*shape)
    return over(c, len(shape), 13)


@operator("ArgMax", "ArgMin")
def extreme(c):
    shape = c.shape(1)
    c.x(*shape)
    more = c.maybe(select_last_index=c.size(0, 1)) if c.opset >= 12 else {}
    return c.maybe(axis=c.axis(len(shape)), keepdims=c.size(0, 1)) | more


@operator("Softmax", "LogSoftmax", "Hardmax")
def softmax(c):
    shape = c.shape(1 if c.opset >= 13 else 2)
    c.x(*shape)
    return c.maybe(axis=c.axis(len(shape)))


@operator("CumSum", "CumProd")
def running(c):
    shape = c.shape(1)
    c.x(*shape, low=-2, high=2)
    c.ints(c.axis(len(shape)))
    return c.maybe(exclusive=c.size(0, 1), reverse=c.size(0, 1))
