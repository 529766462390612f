"""Networks of Keras as Keras itself exports them, by tf2onnx."""

import os

os.environ |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
import random
import tempfile

import numpy as np
import onnx
from tensorflow import keras
from tensorflow.keras import layers

OPSETS = (11, 13, 15, 16, 17, 18)


def image(*body, size=24, channels=3):
    return keras.Sequential([keras.Input((size, size, channels)), *body]), [(2, size, size, channels), (1, size, size, channels)]


def steps(*body, width=5, length=None):
    return keras.Sequential([keras.Input((length, width)), *body]), [(2, length or 7, width), (3, length or 4, width)]


def convolutional():
    return image(
        layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"), layers.BatchNormalization(), layers.DepthwiseConv2D(3, padding="same"),
        layers.ReLU(6.0), layers.SeparableConv2D(12, 3), layers.LayerNormalization(), layers.Conv2DTranspose(6, 3, strides=2, padding="same"),
        layers.UpSampling2D(2, interpolation="bilinear"), layers.ZeroPadding2D(1), layers.Cropping2D(2), layers.MaxPooling2D(2), layers.GlobalAveragePooling2D(), layers.Dense(4, "softmax"),
    )  # fmt: skip


def activations():
    names = ("elu", "selu", "gelu", "swish", "softplus", "softsign", "hard_sigmoid", "mish", "exponential", "tanh", "leaky_relu", "log_softmax")
    x = keras.Input((5,))
    parts = [layers.Dense(6, name)(x) for name in names]
    made = layers.Concatenate()([layers.Add()(parts[:3]), layers.Multiply()(parts[3:5]), layers.Maximum()(parts[5:7]), layers.Average()(parts[7:]), layers.PReLU()(parts[0])])
    return keras.Model(x, made), [(3, 5), (1, 5)]


def attention():
    x = keras.Input((None, 12))
    y = layers.MultiHeadAttention(3, 4)(x, x)
    y = layers.LayerNormalization()(x + y)
    y = layers.LayerNormalization()(y + layers.Dense(12)(layers.Dense(24, "gelu")(y)))
    return keras.Model(x, layers.GlobalAveragePooling1D()(y)), [(2, 7, 12), (3, 4, 12)]


def words():
    x = keras.Input((None,), dtype="int32")
    y = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(layers.Embedding(30, 8)(x))
    return keras.Model(x, layers.Dense(4, "softmax")(layers.GRU(5)(y))), [(2, 7), (3, 4)]


def masked():
    x = keras.Input((6,), dtype="int32")
    return keras.Model(x, layers.LSTM(6)(layers.Embedding(30, 8, mask_zero=True)(x))), [(2, 6), (3, 6)]


def clips():
    return keras.Sequential([keras.Input((4, 8, 8, 2)), layers.ConvLSTM2D(3, 3, padding="same"), layers.Flatten(), layers.Dense(3)]), [(2, 4, 8, 8, 2), (1, 4, 8, 8, 2)]


def volumes():
    return keras.Sequential([keras.Input((6, 6, 6, 1)), layers.Conv3D(4, 3, padding="same"), layers.AveragePooling3D(2), layers.Conv3DTranspose(2, 2, strides=2)]), [(2, 6, 6, 6, 1), (1, 6, 6, 6, 1)]


def sounds():
    return steps(layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu"), layers.MaxPooling1D(2), layers.Conv1DTranspose(4, 3), layers.GlobalMaxPooling1D(), layers.Dense(3), length=16)


def application(name, **more):
    return keras.applications.__dict__[name](weights=None, classes=10, input_shape=(64, 64, 3), **more), [(2, 64, 64, 3), (1, 64, 64, 3)]


NETWORKS = {
    "convolutional": convolutional, "activations": activations, "attention": attention, "words": words, "masked": masked, "clips": clips, "volumes": volumes, "sounds": sounds,
    "lstm": lambda: steps(layers.LSTM(7, return_sequences=True), layers.LSTM(5)),
    "gru": lambda: steps(layers.GRU(7, return_sequences=True), layers.GRU(5, reset_after=False)),
    "rnn": lambda: steps(layers.SimpleRNN(7, return_sequences=True, activation="relu"), layers.Bidirectional(layers.SimpleRNN(4))),
    "distributed": lambda: steps(layers.TimeDistributed(layers.Dense(6, "relu")), layers.GRU(4, go_backwards=True)),
    "groups": lambda: image(layers.Conv2D(8, 3, groups=1), layers.GroupNormalization(4), layers.UnitNormalization(), layers.AveragePooling2D(3, padding="same"), layers.Flatten(), layers.Dense(3)),
    "mobilenet": lambda: application("MobileNet", alpha=0.25), "mobilenet-v2": lambda: application("MobileNetV2", alpha=0.35),
    "mobilenet-v3": lambda: application("MobileNetV3Small"), "efficientnet": lambda: application("EfficientNetB0"),
    "resnet": lambda: application("ResNet50"), "densenet": lambda: application("DenseNet121"), "efficientnet-v2": lambda: application("EfficientNetV2B0"),
    "convnext": lambda: application("ConvNeXtTiny"), "nasnet": lambda: application("NASNetMobile"),
}  # fmt: skip


def converted(name, make, seed):
    keras.utils.set_random_seed(1)
    model, shapes = make()
    rng, opset = np.random.default_rng(2), random.Random(f"{name} {seed}").choice(OPSETS)
    words = "int" in str(model.inputs[0].dtype)
    feeds = [rng.integers(0, 30, s).astype(np.int32) if words else rng.standard_normal(s).astype(np.float32) for s in shapes]
    # Norms that do something.
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([w + rng.uniform(0, 0.2, w.shape) for w in layer.get_weights()])
    model(feeds[0])
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/model.onnx"
        model.export(path, format="onnx", opset_version=opset, verbose=False)
        made = onnx.load(path)
    name = made.graph.input[0].name
    yield f"keras-{opset}", made, [{name: x} for x in feeds]


def exports(seed):
    return [(name, lambda name=name, make=make: converted(name, make, seed)) for name, make in NETWORKS.items()]
