"""Dense layers, activations, normalisations, merging, and the layers that do nothing when a model answers."""

import keras
import numpy as np
from keras import layers as L

from layers import each, layer

each("", {
    "Dense": lambda: [L.Dense(5), L.Dense(3, use_bias=False), L.Dense(7, activation="softmax")],
    "RepeatVector": lambda: L.RepeatVector(3),
    "Flatten Reshape of a vector": lambda: [L.Flatten(), L.Reshape((2, 3)), L.Reshape((3, -1))],
    "BatchNormalization of a vector": lambda: [L.BatchNormalization(), L.BatchNormalization(center=False, scale=False)],
}, (6,))
each("", {
    "Dense on three dimensions": lambda: [L.Dense(5), L.Dense(3, activation="relu")],
    "EinsumDense": lambda: [L.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d"),
                            L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de"),
                            L.EinsumDense("...x,xy->...y", output_shape=7, activation="relu")],
    "TimeDistributed": lambda: [L.TimeDistributed(L.Dense(5)), L.TimeDistributed(L.Dense(3, activation="tanh"))],
}, (None, 6))
each("", {"TimeDistributed Conv2D": lambda: L.TimeDistributed(L.Conv2D(3, 2))}, (3, 5, 5, 2))

NAMES = ("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "sigmoid", "hard_sigmoid", "log_sigmoid", "tanh", "hard_tanh",
         "tanh_shrink", "hard_shrink", "soft_shrink", "softplus", "softsign", "squareplus", "silu", "hard_silu", "gelu", "mish",
         "exponential", "linear", "threshold", "softmax", "log_softmax", "sparsemax", "sparse_plus", "sparse_sigmoid", "glu")


def activation(name):
    function = getattr(keras.activations, name)
    if name == "threshold":
        return lambda x: function(x, 0.3, -0.2)
    return function


each("Activation", {
    name: lambda name=name: [L.Activation(activation(name))] for name in NAMES
}, (None, 6))
each("", {
    "Activation gelu approximate": lambda: L.Activation(lambda x: keras.activations.gelu(x, approximate=True)),
    "ReLU ELU LeakyReLU Softmax": lambda: [L.ReLU(6.0), L.ReLU(None, 0.2, 0.1), L.ReLU(4.0, 0.1, 0.5), L.ELU(0.7),
                                           L.LeakyReLU(0.2), L.Softmax(), L.Softmax(axis=1)],
    "PReLU": lambda: [L.PReLU(), L.PReLU(shared_axes=[1])],
    "ActivityRegularization Identity": lambda: [L.ActivityRegularization(0.1), L.Identity()],
}, (5, 6))

each("", {
    "BatchNormalization": lambda: [L.BatchNormalization(), L.BatchNormalization(center=False), L.BatchNormalization(axis=1)],
    "LayerNormalization": lambda: [L.LayerNormalization(), L.LayerNormalization(axis=[1, 2]), L.LayerNormalization(axis=2),
                                   L.LayerNormalization(center=False, scale=False)],
    "RMSNormalization": lambda: [L.RMSNormalization(), L.RMSNormalization(axis=[1, 2, 3], epsilon=1e-3)],
    "GroupNormalization": lambda: [L.GroupNormalization(2), L.GroupNormalization(-1), L.GroupNormalization(1)],
    "UnitNormalization": lambda: [L.UnitNormalization(), L.UnitNormalization(axis=1)],
    "SpectralNormalization": lambda: L.SpectralNormalization(L.Conv2D(3, 2)),
}, (5, 6, 4))
each("", {"SpectralNormalization Dense": lambda: L.SpectralNormalization(L.Dense(3))}, (6,))


@layer("Normalization")
def normalization():
    rng = np.random.default_rng(1)
    x = keras.Input((5, 4))
    learned, fixed, whole = L.Normalization(), L.Normalization(mean=1.5, variance=2.0), L.Normalization(axis=None, invert=True)
    learned.adapt(rng.normal(3, 2, (50, 5, 4)).astype("float32"))
    whole.adapt(rng.normal(3, 2, (50, 5, 4)).astype("float32"))
    return x, {"a": learned(x), "b": fixed(x), "c": whole(x)}


@layer("Add Subtract Multiply Average Maximum Minimum Concatenate")
def merging():
    a, b = keras.Input((None, 4), name="a"), keras.Input((None, 4), name="b")
    kinds = (L.Add, L.Multiply, L.Average, L.Maximum, L.Minimum, L.Concatenate)
    outputs = {f"y{n}": kind()([a, b, a]) for n, kind in enumerate(kinds)}
    return [a, b], outputs | {"less": L.Subtract()([a, b]), "along": L.Concatenate(axis=1)([a, b])}


@layer("Merging with broadcast")
def broadcast():
    a, b = keras.Input((5, 4), name="a"), keras.Input((1, 4), name="b")
    return [a, b], {"sum": L.Add()([a, b]), "product": L.Multiply()([a, b]), "most": L.Maximum()([a, b])}


@layer("Dot")
def dot():
    a, b = keras.Input((5, 4), name="a"), keras.Input((3, 4), name="b")
    c = keras.Input((4,), name="c")
    return [a, b, c], {"two": L.Dot(axes=2)([a, b]), "cosine": L.Dot(axes=-1, normalize=True)([a, b]),
                       "one": L.Dot(axes=(2, 1))([a, c])}


@layer("Dropout GaussianNoise and their like")
def quiet():
    x = keras.Input((8, 8, 3))
    y = x
    for made in (L.Dropout(0.3), L.SpatialDropout2D(0.3), L.GaussianNoise(0.2), L.GaussianDropout(0.2), L.AlphaDropout(0.2)):
        y = made(y)
    series = keras.Input((5, 3))
    z = L.SpatialDropout1D(0.2)(series)
    return [x, series], {"image": L.Conv2D(2, 2)(y), "series": L.Dense(2)(z)}


@layer("Random augmentation")
def augmentation():
    names = ("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomContrast", "RandomBrightness",
             "RandomCrop", "RandomShear", "RandomGrayscale", "RandomHue", "RandomSaturation", "RandomInvert",
             "RandomPosterization", "RandomSharpness", "RandomColorDegeneration", "RandomErasing", "RandomPerspective",
             "RandomGaussianBlur", "RandomElasticTransform", "Solarization", "AutoContrast", "Equalization")
    skip = {"RandomCrop", "Solarization", "AutoContrast", "Equalization"}
    settings = {"RandomTranslation": (0.1, 0.1), "RandomFlip": (), "RandomGrayscale": (), "RandomInvert": (),
                "RandomErasing": (), "RandomPerspective": (), "RandomGaussianBlur": (), "RandomElasticTransform": (),
                "RandomPosterization": (4,), "RandomShear": (0.1, 0.1)}
    inner = keras.Sequential([keras.Input((8, 8, 3))] + [
        getattr(L, name)(*settings.get(name, (0.1,))) for name in names if name not in skip and hasattr(L, name)
    ])
    x = keras.Input((8, 8, 3))
    # Keras augments unless it is told that this is inference.
    return x, {"y": L.Conv2D(2, 2)(inner(x, training=False))}


each("", {
    "RandomCrop at inference": lambda: lambda x: L.RandomCrop(5, 6)(x, training=False),
}, (8, 9, 3))


@layer("keras.ops in a functional model")
def operations():
    ops = keras.ops
    x = keras.Input((6, 4), name="x")
    return x, {
        "a": ops.sum(x, axis=1), "b": ops.mean(x, axis=(1, 2), keepdims=True), "c": ops.max(x, axis=-1),
        "d": ops.where(x > 0, x, -x), "e": ops.argmax(x, axis=-1), "f": ops.sqrt(ops.abs(x)), "g": ops.clip(x, -0.5, 0.5),
        "h": ops.transpose(x, (0, 2, 1)), "i": x[:, ::2, 1:3], "j": ops.matmul(x, ops.transpose(x, (0, 2, 1))),
        "k": ops.stack([x, -x], axis=1), "l": ops.var(x, axis=1), "m": ops.std(x, axis=-1), "n": ops.logsumexp(x, axis=-1),
        "o": ops.one_hot(ops.argmin(x, axis=1), 6),
    }


@layer("keras.ops, the rarer ones")
def rarer():
    ops = keras.ops
    x = keras.Input((6, 4), name="x")
    return x, {
        "a": ops.cumsum(x, axis=1), "b": ops.sort(x, axis=-1), "c": ops.argsort(x, axis=-1), "d": ops.top_k(x, 2)[0],
        "e": ops.einsum("bij,bkj->bik", x, x), "f": ops.tile(x, (1, 2, 1)), "g": ops.repeat(x, 2, axis=1),
        "h": ops.roll(x, 1, axis=1), "i": ops.flip(x, axis=1), "j": ops.pad(x, ((0, 0), (1, 2), (0, 1))),
        "k": ops.take(x, [0, 2], axis=1), "l": ops.norm(x, axis=-1), "m": ops.prod(x, axis=-1), "n": ops.floor(x) % 3.0,
        "o": ops.erf(x), "p": ops.split(x, 2, axis=1)[1], "q": ops.expand_dims(x, 2), "r": ops.arctan2(x, x * 2 + 1),
    }
