"""Recurrent layers, masking, embeddings, attention."""

import keras
import numpy as np
from keras import layers as L

from layers import each, layer
from protocol import BATCHES, Hints

KINDS = {
    "LSTM": L.LSTM,
    "GRU": L.GRU,
    "GRU reset before": lambda *a, **k: L.GRU(*a, reset_after=False, **k),
    "SimpleRNN": L.SimpleRNN,
}


def tails(rng, case):
    """Series whose ends are masked: zeros."""
    x = rng.normal(0, 1, (BATCHES[case], 7, 4)).astype("float32")
    for n, row in enumerate(x):
        row[3 + (n + case) % 4:] = 0
    return x


def gaps(rng, case):
    """Series with masked steps anywhere, at their start too; one of them is masked altogether."""
    x = rng.normal(0, 1, (BATCHES[case], 7, 4)).astype("float32")
    x[rng.random(x.shape[:2]) < 0.4] = 0
    x[0, 0] = 0
    x[1:2] = 0
    return x


MASKED = Hints(arrays={"x": tails})
GAPS = Hints(arrays={"x": gaps})

for name, kind in KINDS.items():
    each(name, {
        "": lambda kind=kind: [kind(5), kind(3, use_bias=False), kind(5, go_backwards=True)],
        "return_sequences": lambda kind=kind: [kind(5, return_sequences=True),
                                               kind(5, return_sequences=True, go_backwards=True)],
        "bidirectional": lambda kind=kind: [L.Bidirectional(kind(5)), L.Bidirectional(kind(4, return_sequences=True)),
                                            L.Bidirectional(kind(4, return_sequences=True), merge_mode="sum")],
        "unroll": lambda kind=kind: kind(5, unroll=True, return_sequences=True),
    }, (6, 4))
    each(name, {"of any length": lambda kind=kind: [kind(5), kind(5, return_sequences=True)]}, (None, 4))

    def masked(kind=kind):
        x = keras.Input((7, 4), name="x")
        y = L.Masking()(x)
        return x, {"last": kind(5)(y), "all": kind(5, return_sequences=True)(y), "both": L.Bidirectional(kind(3))(y)}, MASKED

    layer(f"{name} with Masking")(masked)

    def rarely(kind=kind):
        x = keras.Input((7, 4), name="x")
        y = L.Masking()(x)
        last, *states = kind(5, return_state=True, go_backwards=True)(y)
        return x, {
            "last": last, "state": states[0], "back": kind(5, return_sequences=True, go_backwards=True)(y),
            "begun": kind(5, return_sequences=True)(y, initial_state=states),
            "zeros": kind(5, return_sequences=True, zero_output_for_mask=True)(y), "zero": kind(4, zero_output_for_mask=True)(y),
            "both": L.Bidirectional(kind(3, return_sequences=True))(y),
        }, GAPS

    layer(f"{name} with Masking, states, backwards, zero output")(rarely)

each("", {
    "RNN activations": lambda: [L.LSTM(4, activation="relu", recurrent_activation="hard_sigmoid"), L.GRU(4, activation="elu"),
                                L.SimpleRNN(4, activation="relu")],
    "RNN of stacked cells": lambda: [L.RNN([L.LSTMCell(4), L.GRUCell(3)]), L.RNN(L.SimpleRNNCell(3), return_sequences=True)],
}, (6, 4))


@layer("RNN of stacked cells with Masking")
def stacked():
    x = keras.Input((7, 4), name="x")
    y = L.Masking()(x)
    cells = L.RNN([L.LSTMCell(4), L.LSTMCell(3)], return_sequences=True, return_state=True)
    out, *states = cells(y)
    return x, {"out": out, "h": states[0][0], "c": states[1][1],
               "three": L.RNN([L.GRUCell(4), L.SimpleRNNCell(5), L.LSTMCell(3)])(y),
               "zeros": L.RNN([L.GRUCell(3), L.GRUCell(3)], return_sequences=True, zero_output_for_mask=True)(y)}, GAPS


@layer("LSTM GRU return_state")
def states():
    x = keras.Input((6, 4))
    y, h, c = L.LSTM(5, return_state=True)(x)
    z = L.LSTM(5, return_sequences=True)(x, initial_state=[h, c])
    g, state = L.GRU(3, return_state=True)(x)
    return x, {"y": y, "h": h, "c": c, "z": z, "g": g, "state": state}


@layer("Masking")
def masking():
    x = keras.Input((7, 4), name="x")
    return x, {"y": L.Masking(0.0)(x), "mean": L.GlobalAveragePooling1D()(L.Masking(0.0)(x))}, MASKED


each("", {"ConvLSTM1D": lambda: [L.ConvLSTM1D(3, 2), L.ConvLSTM1D(3, 3, padding="same", return_sequences=True)]}, (4, 6, 2))
each("", {"ConvLSTM2D": lambda: [L.ConvLSTM2D(3, 2), L.ConvLSTM2D(3, 3, padding="same", return_sequences=True)]}, (4, 6, 5, 2))
each("", {"ConvLSTM3D": lambda: L.ConvLSTM3D(2, 2)}, (3, 4, 4, 3, 2))


@layer("Embedding")
def embedding():
    x = keras.Input((None,), dtype="int32", name="words")
    return x, {"a": L.Embedding(7, 3)(x), "b": L.GlobalAveragePooling1D()(L.Embedding(7, 3)(x))}


@layer("Embedding mask_zero")
def embedding_masked():
    x = keras.Input((None,), dtype="int32", name="words")
    y = L.Embedding(7, 3, mask_zero=True)(x)
    return x, {"a": y, "mean": L.GlobalAveragePooling1D()(y), "lstm": L.LSTM(4)(y), "gru": L.Bidirectional(L.GRU(4))(y)}


@layer("Attention")
def attention():
    q, v = keras.Input((5, 4), name="q"), keras.Input((6, 4), name="v")
    return [q, v], {"a": L.Attention()([q, v]), "b": L.Attention(use_scale=True)([q, v]),
                    "c": L.Attention(score_mode="concat")([q, v])}


@layer("Attention causal")
def causal_attention():
    q = keras.Input((5, 4), name="q")
    return q, {"a": L.Attention()([q, q], use_causal_mask=True)}


@layer("AdditiveAttention")
def additive():
    q, v = keras.Input((5, 4), name="q"), keras.Input((6, 4), name="v")
    return [q, v], {"a": L.AdditiveAttention()([q, v]), "b": L.AdditiveAttention(use_scale=False)([q, v])}


@layer("MultiHeadAttention")
def multi_head():
    q, v = keras.Input((None, 8), name="q"), keras.Input((None, 8), name="v")
    out, scores = L.MultiHeadAttention(2, 4)(q, v, return_attention_scores=True)
    return [q, v], {"out": out, "scores": scores, "self": L.MultiHeadAttention(2, 3, value_dim=5, output_shape=6)(q, q)}


@layer("MultiHeadAttention causal and masked")
def multi_head_masked():
    x = keras.Input((None,), dtype="int32", name="words")
    y = L.Embedding(7, 8, mask_zero=True)(x)
    return x, {"a": L.MultiHeadAttention(2, 4)(y, y, use_causal_mask=True), "b": L.MultiHeadAttention(2, 4)(y, y)}


@layer("MultiHeadAttention over two axes")
def multi_head_axes():
    x = keras.Input((4, 5, 8), name="x")
    return x, {"a": L.MultiHeadAttention(2, 4, attention_axes=(1, 2))(x, x)}


@layer("GroupQueryAttention")
def grouped():
    q, v = keras.Input((None, 8), name="q"), keras.Input((None, 8), name="v")
    return [q, v], {"a": L.GroupQueryAttention(4, 4, 2)(q, v), "b": L.GroupQueryAttention(3, 4, 1)(q, q, use_causal_mask=True)}


@layer("Transformer encoder block")
def transformer():
    x = keras.Input((None,), dtype="int32", name="words")
    y = L.Embedding(11, 16)(x)
    for _ in range(2):
        y = L.LayerNormalization()(y + L.MultiHeadAttention(4, 4)(y, y))
        y = L.LayerNormalization()(y + L.Dense(16)(L.Dense(32, activation="gelu")(y)))
    return x, {"y": L.Dense(3, activation="softmax")(L.GlobalAveragePooling1D()(y))}, Hints(
        arrays={"words": lambda rng, case: rng.integers(0, 11, (BATCHES[case], 4 + 3 * case)).astype(np.int32)})
