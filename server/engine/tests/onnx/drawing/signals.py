"""Operators on signals."""

from operators import operator


@operator("DFT", since=17)
def transformed(c):
    x = [c.size(1, 2), c.size(2, 6), c.size(2, 5), c.one(1, 2)]
    how = c.maybe(inverse=c.size(0, 1))
    if x[-1] == 1 and how.get("inverse", 0) == 0:
        how |= c.maybe(onesided=c.size(0, 1))
    c.x(*x)
    axis = c.one(1, 2)
    length = c.dice.random() < 0.4
    if length:
        c.ints(c.size(2, 7))
    if c.opset < 20:
        return how | {"axis": axis}
    if not length:
        c.none()
    c.ints(axis - c.one(0, 4), "int64")
    return how


@operator("STFT", since=17)
def spectra(c):
    c.x(c.size(1, 2), 16, 1)
    c.ints(c.size(2, 4))
    how = c.maybe(onesided=c.size(0, 1))
    length = c.size(3, 6)
    if c.dice.random() < 0.5:
        c.x(length, low=0.2, high=1)
    else:
        c.none()
    if c.inputs[2] is None or c.dice.random() < 0.5:
        c.ints(length, c.kind(1))
    return how


@operator("HannWindow", "HammingWindow", "BlackmanWindow", since=17)
def weighed(c):
    c.ints(c.size(2, 12))
    return c.maybe(periodic=c.size(0, 1), output_datatype=c.one(1, 11, 10))


@operator("MelWeightMatrix", since=17)
def mel(c):
    for n in (c.size(2, 6), 16, 8000):
        c.ints(n, c.kind(0))
    for n in (100, 3500):
        c.given(c.numbers(c.kind(3), [], low=n, high=n))
    return c.maybe(output_datatype=c.one(1, 11))
