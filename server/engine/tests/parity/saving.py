"""Ways of saving: the same few models by everything that has written SavedModels since TensorFlow 1, and what the graphs of those
ways hold that layers do not: control flow, tables, parsed examples, shards, other number types."""

import importlib
import os

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

from protocol import Row, randomise

ROWS = []
PARTS = ("saving_modules", "saving_classic", "saving_recurrent", "saving_random", "saving_features", "saving_speech",
         "saving_parsing", "saving_functions", "saving_algebra", "saving_sets", "saving_files",
         "saving_state", "saving_edges")


def saving(name, way, tolerance=1e-5):
    """A row from a function that saves into a directory and may return hints."""

    def register(make):
        ROWS.append(Row(name, way, make, tolerance))
        return make

    return register


def image_model():
    return keras.Sequential([
        keras.Input((9, 9, 3), name="x"), L.Conv2D(6, 3, activation="relu"), L.BatchNormalization(), L.MaxPooling2D(2),
        L.Flatten(), L.Dense(4, activation="softmax"),
    ])


def series_model():
    return keras.Sequential([
        keras.Input((None, 4), name="x"), L.Bidirectional(L.LSTM(5, return_sequences=True, recurrent_initializer="he_normal")),
        L.GRU(4, recurrent_initializer="he_normal"), L.Dense(2),
    ])


def table_model():
    a, b = keras.Input((3,), name="a"), keras.Input((2,), dtype="int32", name="b")
    y = L.Concatenate()([L.Dense(4, activation="tanh")(a), L.Flatten()(L.Embedding(6, 3)(b))])
    return keras.Model([a, b], {"class": L.Dense(3, activation="softmax")(y), "score": L.Dense(1)(y)})


MODELS = {"convolutions": image_model, "recurrent": series_model, "two inputs, two outputs": table_model}


def by_export(model, path):
    model.export(path, format="tf_saved_model", verbose=False)


def by_saved_model_save(model, path):
    tf.saved_model.save(model, path)


def by_saved_model_save_with_signature(model, path):
    call = tf.function(lambda **inputs: named(model(inputs if len(inputs) > 1 else next(iter(inputs.values())))))
    specs = {x.name: tf.TensorSpec(x.shape, x.dtype, name=x.name) for x in model.inputs}
    tf.saved_model.save(model, path, signatures={"predict": call.get_concrete_function(**specs)})


def named(outputs):
    return outputs if isinstance(outputs, dict) else {"y": outputs}


def by_export_archive(model, path):
    archive = keras.export.ExportArchive()
    archive.track(model)
    inputs = [tf.TensorSpec(x.shape, x.dtype, name=x.name) for x in model.inputs]
    if len(inputs) == 1:
        archive.add_endpoint("predict", model.call, input_signature=inputs)
    else:
        archive.add_endpoint("predict", lambda a, b: model({"a": a, "b": b}), input_signature=inputs)
    archive.write_out(path, verbose=False)


WAYS = {
    "model.export": by_export,
    "tf.saved_model.save(model)": by_saved_model_save,
    "tf.saved_model.save(model, signatures)": by_saved_model_save_with_signature,
    "ExportArchive": by_export_archive,
}

for kind, build in MODELS.items():
    for way, save in WAYS.items():
        def make(path, rng, build=build, save=save):
            model = build()
            randomise(model, rng)
            save(model, path)

        saving(kind, way)(make)


def typed(dtype, tolerance):
    for kind in ("convolutions", "recurrent"):
        @saving(f"{kind}, {dtype}", "model.export", tolerance)
        def make(path, rng, kind=kind):
            keras.config.set_dtype_policy(dtype)
            keras.backend.set_floatx("float64" if dtype == "float64" else "float32")
            try:
                model = MODELS[kind]()
                randomise(model, rng)
                by_export(model, path)
            finally:
                keras.config.set_dtype_policy("float32")
                keras.backend.set_floatx("float32")


for dtype, tolerance in {"float16": 2e-2, "mixed_float16": 2e-2, "bfloat16": 1e-1, "mixed_bfloat16": 1e-1, "float64": 1e-12}.items():
    typed(dtype, tolerance)


@saving("model within a model", "model.export")
def nested(path, rng):
    inner = image_model()
    x = keras.Input((9, 9, 3), name="x")
    model = keras.Model(x, L.Dense(2)(inner(x)) + L.Dense(2)(inner(-x)))
    randomise(model, rng)
    by_export(model, path)


@saving("subclassed model", "model.export")
def subclassed(path, rng):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = L.Dense(5), L.Dense(3)

        def call(self, x):
            y = self.first(x)
            return self.second(tf.where(y > 0, y, 0.1 * y) + tf.reduce_mean(y, axis=-1, keepdims=True))

    model = Own()
    model(np.zeros((1, 4), "float32"))
    randomise(model, rng)
    by_export(model, path)


@saving("trained model, optimiser state beside the weights", "tf.saved_model.save(model)")
def trained(path, rng):
    model = image_model()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(rng.normal(0, 1, (8, 9, 9, 3)).astype("float32"), rng.integers(0, 4, 8), epochs=1, verbose=0)
    tf.saved_model.save(model, path)


def keras_2(name, build):
    @saving(name, "Keras 2 model.save")
    def make(path, rng):
        os.environ["TF_USE_LEGACY_KERAS"] = "1"
        # tf_keras asks for the package by this name alone.
        tf_keras = importlib.import_module("tf_keras")
        model = build(tf_keras, tf_keras.layers)
        randomise(model, rng)
        model.save(path, save_format="tf")


def image_2(k, l):
    return k.Sequential([
        k.Input((9, 9, 3), name="x"), l.Conv2D(6, 3, activation="relu"), l.BatchNormalization(), l.MaxPooling2D(2),
        l.DepthwiseConv2D(2), l.ReLU(6.0), l.Flatten(), l.Dropout(0.5), l.Dense(4, activation="softmax"),
    ])


def series_2(k, l):
    return k.Sequential([
        k.Input((None, 4), name="x"), l.Bidirectional(l.LSTM(5, return_sequences=True)), l.GRU(4), l.Dense(2),
    ])


def text_2(k, l):
    return k.Sequential([
        k.Input((None,), dtype="int32", name="x"), l.Embedding(6, 4, mask_zero=True),
        l.Bidirectional(l.LSTM(5, return_sequences=True)), l.GRU(4, return_sequences=True),
        l.SimpleRNN(3, return_sequences=True, go_backwards=True), l.LSTM(4), l.Dense(2),
    ])


def table_2(k, l):
    a, b = k.Input((3,), name="a"), k.Input((2,), dtype="int32", name="b")
    y = l.Concatenate()([l.Dense(4, activation="tanh")(a), l.Flatten()(l.Embedding(6, 3)(b))])
    return k.Model([a, b], {"class": l.Dense(3, activation="softmax")(y), "score": l.Dense(1)(y)})


def attention_2(k, l):
    x = k.Input((6, 8), name="x")
    y = l.LayerNormalization()(x + l.MultiHeadAttention(2, 4)(x, x))
    return k.Model(x, l.Dense(2)(l.GlobalAveragePooling1D()(y)))


for name, build in {"convolutions": image_2, "recurrent": series_2, "masked recurrent": text_2, "two inputs, two outputs": table_2,
                    "attention": attention_2}.items():
    keras_2(name, build)


def rows():
    for part in PARTS:
        importlib.import_module(part)
    return ROWS
