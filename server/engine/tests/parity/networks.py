"""Random small networks, each a function of its number: images, series, texts of numbers or plain vectors, through blocks of
random kinds and sizes."""

import keras
import numpy as np
from keras import layers as L

from protocol import BATCHES, Hints, Row, randomise

ACTIVATIONS = ("relu", "relu6", "elu", "selu", "tanh", "sigmoid", "silu", "gelu", "softplus", "hard_silu", "leaky_relu", None)


class Maker:
    def __init__(self, number):
        self.rng = np.random.default_rng(number)

    def pick(self, *values):
        return values[self.rng.integers(len(values))]

    def activation(self):
        return self.pick(*ACTIVATIONS)

    def sometimes(self, chance=0.5):
        return self.rng.random() < chance

    def conv(self, x):
        strides, dilation = self.pick((1, 1), (1, 1), (2, 1), (1, 2))
        groups = 2 if x.shape[-1] % 2 == 0 and self.sometimes(0.2) else 1
        return L.Conv2D(2 * self.pick(2, 3, 4, 9), self.pick(1, 2, 3, (1, 3), (5, 2)), strides=strides, dilation_rate=dilation,
                        padding="same", groups=groups, use_bias=self.sometimes(), activation=self.activation())(x)

    def depthwise(self, x):
        return L.DepthwiseConv2D(self.pick(2, 3), strides=self.pick(1, 2), padding="same", depth_multiplier=self.pick(1, 2),
                                 activation=self.activation())(x)

    def pool(self, x):
        kind = self.pick(L.MaxPooling2D, L.AveragePooling2D)
        return kind(self.pick(2, 3), strides=self.pick(1, 2), padding="same")(x)

    def norm(self, x):
        y = self.pick(L.BatchNormalization, L.LayerNormalization)()(x)
        return L.Activation(self.activation() or "linear")(y)

    def residual(self, x):
        width = x.shape[-1]
        y = L.Conv2D(width, 3, padding="same", activation=self.activation())(x)
        return self.pick(L.Add, L.Multiply, L.Maximum)()([x, L.BatchNormalization()(y)])

    def branches(self, x):
        parts = [L.Conv2D(self.pick(2, 3, 5), self.pick(1, 3), padding="same", activation=self.activation())(x)
                 for _ in range(self.pick(2, 3))]
        return L.Concatenate()(parts)

    def excite(self, x):
        width = x.shape[-1]
        y = L.GlobalAveragePooling2D(keepdims=True)(x)
        y = L.Conv2D(max(1, width // 2), 1, activation="silu")(y)
        return L.Multiply()([x, L.Conv2D(width, 1, activation="sigmoid")(y)])

    def transposed(self, x):
        return L.Conv2DTranspose(self.pick(2, 4), self.pick(2, 3), strides=self.pick(1, 2), padding="same")(x)

    def image(self):
        x = keras.Input((self.pick(7, 9, 12), self.pick(8, 11), self.pick(1, 3, 4)), name="x")
        y = L.Rescaling(0.5, 0.1)(x) if self.sometimes(0.3) else x
        kinds = (self.conv, self.conv, self.depthwise, self.pool, self.norm, self.residual, self.branches, self.excite,
                 self.transposed)
        for _ in range(self.pick(2, 3, 4, 5)):
            y = self.pick(*kinds)(y)
        return x, self.pick(L.Flatten, L.GlobalAveragePooling2D, L.GlobalMaxPooling2D)()(y)

    def recurrent(self, y):
        kind = self.pick(L.LSTM, L.GRU, L.SimpleRNN)
        made = kind(self.pick(2, 3, 5), return_sequences=True, go_backwards=self.sometimes(0.2))
        return L.Bidirectional(kind(self.pick(2, 4), return_sequences=True))(y) if self.sometimes(0.4) else made(y)

    def attention(self, y):
        heads, width = self.pick(1, 2, 3), self.pick(2, 4)
        z = L.MultiHeadAttention(heads, width)(y, y)
        return L.LayerNormalization()(L.Add()([y, z]))

    def conv_series(self, y):
        return L.Conv1D(self.pick(3, 4, 6), self.pick(2, 3), padding=self.pick("same", "causal"), dilation_rate=self.pick(1, 2),
                        activation=self.activation())(y)

    def pool_series(self, y):
        return self.pick(L.MaxPooling1D, L.AveragePooling1D)(2, padding="same")(y)

    def series(self):
        if self.sometimes(0.4):
            x = keras.Input((8,), dtype="int32", name="x")
            y = L.Embedding(5, self.pick(3, 6), mask_zero=False)(x)
        else:
            x = y = keras.Input((self.pick(6, 9), self.pick(3, 4)), name="x")
        kinds = (self.recurrent, self.attention, self.conv_series, self.pool_series, self.norm,
                 lambda y: L.Dense(self.pick(3, 5), activation=self.activation())(y))
        for _ in range(self.pick(1, 2, 3)):
            y = self.pick(*kinds)(y)
        return x, self.pick(L.Flatten, L.GlobalAveragePooling1D, L.GlobalMaxPooling1D)()(y)

    def vector(self):
        x = y = keras.Input((self.pick(3, 8, 17),), name="x")
        for _ in range(self.pick(1, 2, 3)):
            z = L.Dense(self.pick(4, 7, 16), activation=self.activation())(y)
            y = L.Concatenate()([y, z]) if self.sometimes(0.3) else z
            if self.sometimes(0.4):
                y = self.norm(y)
        return x, y

    def model(self):
        x, y = self.pick(self.image, self.series, self.vector)()
        if self.sometimes():
            y = L.Dropout(0.2)(L.Dense(self.pick(5, 12), activation=self.activation())(y))
        outputs = {"y": L.Dense(self.pick(1, 3, 10), activation=self.pick("softmax", "sigmoid", None))(y)}
        if self.sometimes(0.3):
            outputs["other"] = L.Dense(2)(y)
        return keras.Model(x, outputs)


def rows(first="0", count="40"):
    for number in range(int(first), int(first) + int(count)):
        def make(path, rng, number=number):
            model = Maker(number).model()
            randomise(model, rng)
            model.export(path, format="tf_saved_model", verbose=False)

        yield Row(f"network {number}", "model.export", make, 3e-5)
