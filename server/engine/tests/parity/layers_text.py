"""Layers that take text and categories."""

import keras
import numpy as np
from keras import layers as L

from layers import layer
from protocol import BATCHES, Hints

WORDS = ["red", "green", "blue", "violet"]
TEXTS = ["The quick brown fox!", "jumps over the lazy dog", "", "quick quick, dog?", "Unheard-of words  and\tspaces", "ÄPFEL über fox"]


def strings(words, *shape):
    def make(rng, case):
        return np.array([w.encode() for w in words], dtype=object)[rng.integers(0, len(words), (BATCHES[case], *shape))]

    return Hints(arrays={"x": make})


def integers(low, high, *shape):
    return Hints(arrays={"x": lambda rng, case: rng.integers(low, high, (BATCHES[case], *shape)).astype("int64")})


for mode in ("int", "one_hot", "multi_hot", "count"):
    def encode(mode=mode):
        x = keras.Input((3,) if mode in ("multi_hot", "count") else (1,), dtype="int64", name="x")
        shape = x.shape[1:]
        return x, {"y": L.CategoryEncoding(6, output_mode=mode)(x)}, integers(0, 6, *shape)

    if mode != "int":
        layer(f"CategoryEncoding {mode}")(encode)


@layer("CategoryEncoding with count weights")
def weighted():
    x, w = keras.Input((3,), dtype="int64", name="x"), keras.Input((3,), name="w")
    return [x, w], {"y": L.CategoryEncoding(6, output_mode="count")(x, count_weights=w)}, integers(0, 6, 3)


for mode in ("int", "one_hot", "multi_hot", "count", "tf_idf"):
    def look_up_strings(mode=mode):
        x = keras.Input((1,) if mode == "one_hot" else (3,), dtype="string", name="x")
        options = {"idf_weights": [0.5, 1.5, 2.5, 3.5]} if mode == "tf_idf" else {}
        table = L.StringLookup(vocabulary=WORDS, output_mode=mode, num_oov_indices=1, **options)
        return x, {"y": table(x)}, strings(WORDS + ["black", ""], *x.shape[1:])

    layer(f"StringLookup {mode}")(look_up_strings)


@layer("StringLookup mask, several unknown, inverse")
def look_up_more():
    x = keras.Input((3,), dtype="string", name="x")
    a = L.StringLookup(vocabulary=WORDS, mask_token="", num_oov_indices=3)(x)
    b = L.StringLookup(vocabulary=WORDS, num_oov_indices=0, mask_token=None)
    c = L.StringLookup(vocabulary=WORDS, invert=True)(L.StringLookup(vocabulary=WORDS)(x))
    return x, {"a": a, "c": c}, strings(WORDS + ["black", "white", "grey", ""], 3)


for mode in ("int", "multi_hot", "count"):
    def look_up_integers(mode=mode):
        x = keras.Input((3,), dtype="int64", name="x")
        return x, {"y": L.IntegerLookup(vocabulary=[12, 36, 1138, 42], output_mode=mode)(x)}, Hints(
            arrays={"x": lambda rng, case: rng.choice([12, 36, 1138, 42, 7, 0], (BATCHES[case], 3)).astype("int64")})

    layer(f"IntegerLookup {mode}")(look_up_integers)


for name, settings in {
    "int": {"output_mode": "int"},
    "int of fixed length": {"output_mode": "int", "output_sequence_length": 6},
    "int with n-grams": {"output_mode": "int", "ngrams": 2, "output_sequence_length": 8},
    "by character": {"output_mode": "int", "split": "character", "standardize": "lower"},
    "without splitting": {"output_mode": "int", "split": None, "standardize": None},
    "multi_hot": {"output_mode": "multi_hot"},
    "count": {"output_mode": "count"},
    "tf_idf": {"output_mode": "tf_idf"},
}.items():
    def vectorise(settings=settings):
        text = L.TextVectorization(max_tokens=20, **settings)
        text.adapt(TEXTS)
        x = keras.Input((1,), dtype="string", name="x")
        return x, {"y": text(x)}, strings(TEXTS, 1)

    layer(f"TextVectorization {name}")(vectorise)


@layer("TextVectorization Embedding Dense")
def classify():
    text = L.TextVectorization(max_tokens=20, output_sequence_length=7)
    text.adapt(TEXTS)
    x = keras.Input((1,), dtype="string", name="x")
    y = L.GlobalAveragePooling1D()(L.Embedding(20, 4, mask_zero=True)(text(x)))
    return x, {"y": L.Dense(2, activation="softmax")(y)}, strings(TEXTS, 1)


@layer("Hashing")
def hashing():
    x = keras.Input((3,), dtype="string", name="x")
    return x, {"plain": L.Hashing(7)(x), "salted": L.Hashing(7, salt=[133, 137])(x), "mask": L.Hashing(7, mask_value="")(x)}, \
        strings(WORDS + ["", "a much longer text than thirty-two bytes, for the other branches of the hash"], 3)


@layer("Hashing of integers")
def hashing_integers():
    x = keras.Input((3,), dtype="int64", name="x")
    return x, {"y": L.Hashing(7)(x)}, integers(-50, 5000, 3)


for mode in ("int", "one_hot"):
    def cross(mode=mode):
        a, b = keras.Input((1,), dtype="string", name="x"), keras.Input((1,), dtype="int64", name="b")
        return [a, b], {"y": L.HashedCrossing(5, output_mode=mode)((a, b))}, strings(WORDS, 1)

    layer(f"HashedCrossing {mode}")(cross)

for mode in ("int", "one_hot", "multi_hot", "count"):
    def bucket(mode=mode):
        x = keras.Input((1,) if mode == "one_hot" else (3,), name="x")
        return x, {"y": L.Discretization(bin_boundaries=[-0.7, 0.0, 0.9], output_mode=mode)(x)}

    layer(f"Discretization {mode}")(bucket)
