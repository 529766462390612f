"""Where small differences show: no rows at all, sizes that are rounded down, sums of nothing yet."""

import keras
import tensorflow as tf
from keras import layers as L

from protocol import Hints, randomise
from saving import saving
from saving_modules import WAY, X, function, module

F = tf.float32


@saving("pictures fitted into a frame", WAY)
def fitted(path, rng):
    @function(([None, None, 3], F, "picture"))
    def made(picture):
        # TensorFlow multiplies by what a constant is the inverse of, and 23.999998 rounds down to 23.
        height = tf.cast(tf.shape(picture)[0], F)
        ratio = tf.maximum(height / 24.0, 0.1)
        return {
            "picture": tf.image.resize_with_pad(picture, 24, 20), "many": tf.image.resize_with_pad(picture[None], 24, 20),
            "height": tf.cast(tf.floor(height / ratio), tf.int32), "by_cast": height / tf.cast(tf.constant(24), F),
        }

    module(path, serving_default=made)
    sizes = ((37, 21, 3), (20, 30, 3))
    return Hints(arrays={"picture": lambda rng, case: rng.normal(0, 1, sizes[case]).astype("float32")})


@saving("attention of no rows at all", "model.export")
def nothing(path, rng):
    x = keras.Input((5, 6), name="x")
    y = L.MultiHeadAttention(2, 3, value_dim=4, output_shape=7)(x, x)
    model = keras.Model(x, {"y": y, "mean": L.Dense(2)(L.GlobalAveragePooling1D()(y))})
    randomise(model, rng)
    model.export(path, format="tf_saved_model", verbose=False)
    return Hints(arrays={"x": lambda rng, case: rng.normal(0, 1, (2 * case, 5, 6)).astype("float32")})


@saving("running logarithms of sums, of nothing first", WAY)
def running(path, rng):
    @function(X)
    def made(x):
        sums = tf.math.cumulative_logsumexp
        return {"before": sums(x, 1, exclusive=True), "behind": sums(x, 1, exclusive=True, reverse=True), "with": sums(x, 0)}

    module(path, serving_default=made)
