"""Functions of mathematical physics, losses, histograms and what else is seldom asked of a served model."""

import numpy as np
import tensorflow as tf

from protocol import Hints
from saving import saving
from saving_modules import WAY, X, function, module

F, D, I = tf.float32, tf.float64, tf.int64
SPECIAL = tf.math.special
WIDE = ([None, 7], D, "wide")
IMAGES = ([None, 6, 5, 2], I, "images")


def numbers(rng, case):
    """Small and large ones, of both signs."""
    return rng.normal(0, 1, ((2, 5)[case], 7)) * np.array([0.01, 0.3, 1.0, 2.0, 5.0, 12.0, 50.0])


@saving("functions of mathematical physics", WAY)
def special(path, rng):
    names = ("bessel_i0", "bessel_i1", "bessel_i0e", "bessel_i1e", "bessel_j0", "bessel_j1", "dawsn", "expint", "fresnel_cos", "fresnel_sin")
    above = ("bessel_k0", "bessel_k1", "bessel_k0e", "bessel_k1e", "bessel_y0", "bessel_y1", "spence")

    @function(WIDE)
    def made(wide):
        x = tf.cast(wide, F)
        far = lambda y: tf.clip_by_value(y, -9.0, 9.0)
        own = {n: getattr(SPECIAL, n)(far(x) if n == "expint" or n[-1] in "01" else x) for n in names}
        own |= {n: getattr(SPECIAL, n)(tf.abs(far(x)) + 0.01) for n in above}
        return own | {f"wide {n}": getattr(SPECIAL, n)(tf.abs(far(wide)) + 0.01) for n in names[:6] + above}

    @function(WIDE)
    def gamma(wide):
        a, x = tf.abs(wide) + 0.1, tf.abs(tf.reverse(wide, [1])) + 0.05
        order = tf.constant([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], D)
        window = tf.signal.kaiser_window(9, 8.0)
        return {
            "lower": tf.math.igamma(a, x), "upper": tf.math.igammac(a, x), "narrow": tf.math.igamma(tf.cast(a, F), tf.cast(x, F)),
            "zeta": tf.math.zeta(a + 1.0, x), "polygamma": tf.math.polygamma(order, x + 0.5), "window": window,
            "wave": tf.signal.kaiser_bessel_derived_window(8, 4.0) * tf.cast(x[0, 0], F),
        }

    module(path, serving_default=made, gamma=gamma)
    return Hints(arrays={"wide": numbers})


@saving("losses, histograms, the best that are searched for approximately", WAY)
def losses(path, rng):
    @function(X, ([None], I, "classes"))
    def made(x, classes):
        n = tf.nn
        classes = classes % 4
        back = tf.raw_ops.SoftmaxCrossEntropyWithLogits(features=x, labels=tf.nn.softmax(-x)).backprop
        rare = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=tf.cast(x, D), labels=classes)
        best, at = tf.math.approx_max_k(x, 3)
        return {
            "loss": n.softmax_cross_entropy_with_logits(tf.nn.softmax(x * 0.5), x), "back": back,
            "class loss": n.sparse_softmax_cross_entropy_with_logits(classes, x), "class back": rare.backprop,
            "histogram": tf.histogram_fixed_width(x, [-1.0, 1.5], 6), "ones": tf.raw_ops.PopulationCount(x=tf.cast(classes - 2, tf.int32)),
            "best": best, "best at": at, "kept": tf.raw_ops.GuaranteeConst(input=x),
        }

    @function(X)
    def sparse(x):
        a = tf.sparse.from_dense(tf.nn.relu(x))
        scaled, shared = a * tf.constant([1.0, 2.0, 3.0, 4.0]), a / (tf.abs(x) + 1.0)
        return {"sum": tf.sparse.add(a, x), "scaled": tf.sparse.to_dense(scaled), "shared": tf.sparse.to_dense(shared)}

    @function(IMAGES)
    def whole(images):
        far = images * (1 << 55) - images
        return {"pooled": tf.raw_ops.MaxPool(input=far, ksize=[1, 2, 2, 1], strides=[1, 2, 1, 1], padding="SAME")}

    @function(X)
    def matrices(x):
        square = tf.matmul(x, x, transpose_a=True) + tf.linalg.diag([1.0, 2.0, 3.0, 4.0])
        values, vectors = tf.linalg.eigh(tf.stack([square, -square]))
        back = tf.matmul(vectors * values[:, None, :], vectors, transpose_b=True)
        return {"values": values, "back": back, "alone": tf.linalg.eigvalsh(tf.cast(square, D))}

    @function(([None, 5, 3], tf.uint8, "picture"))
    def pictures(picture):
        deep = tf.cast(picture, tf.uint16) * 257
        files = [tf.io.encode_png(picture), tf.image.encode_png(deep[:, :, :1])]
        return {"byte": tf.io.decode_png(files[0]), "deep": tf.io.decode_png(files[1], dtype=tf.uint16)}

    module(path, serving_default=made, sparse=sparse, whole=whole, matrices=matrices, pictures=pictures)
