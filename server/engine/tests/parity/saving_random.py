"""Graphs that draw random numbers: by seeds, keys and generators the numbers are TensorFlow's own, by chance their distribution is."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

from protocol import Hints
from saving import by_export, randomise, saving
from saving_modules import WAY, X, function, module

F, D, I = tf.float32, tf.float64, tf.int64
SEED = ([2], tf.int32, "seed")


def seeds(rng, case):
    return np.array(((7, 11), (-3, 1 << 30))[case], "int32")


@saving("random numbers by a seed that is given", WAY, 1e-6)
def stateless(path, rng):
    r = tf.random

    @function(X, SEED)
    def drawn(x, seed):
        n = tf.shape(x)[0]
        return {
            "uniform": r.stateless_uniform([n, 5], seed), "range": r.stateless_uniform([n, 3], seed, -2.0, 3.0, F),
            "normal": r.stateless_normal([n, 7], seed), "mixed": x * r.stateless_normal(tf.shape(x), seed, 1.0, 0.5),
            "truncated": r.stateless_truncated_normal([n, 9], seed), "wide": r.stateless_normal([n, 3], seed, dtype=D),
            "wide uniform": r.stateless_uniform([n, 3], seed, dtype=D),
            "wide truncated": r.stateless_truncated_normal([3, n], seed, dtype=D),
            "half": tf.cast(r.stateless_uniform([n, 3], seed, dtype=tf.float16), F),
            "brain": tf.cast(r.stateless_normal([n, 3], seed, dtype=tf.bfloat16), F),
            "integers": r.stateless_uniform([n, 6], seed, -5, 100, tf.int32),
            "long": r.stateless_uniform([n, 5], seed, -5, 1 << 40, I),
            "any": r.stateless_uniform([n, 5], seed, None, None, tf.int32),
            "classes": r.stateless_categorical(x, 11, seed), "split": r.split(seed, 3), "folded": r.fold_in(seed, n),
            "shuffled": r.experimental.stateless_shuffle(tf.range(10), seed),
        }

    @function(X)
    def constant(x):
        return {"y": x + r.stateless_normal([4], [1, 2]), "z": tf.nn.experimental.stateless_dropout(x, 0.4, [3, 4])}

    @function(SEED, ([], tf.int32, "n"))
    def older(seed, n):
        ops, shape = tf.raw_ops, [n, 5]
        return {
            "uniform": ops.StatelessRandomUniform(shape=shape, seed=seed), "normal": ops.StatelessRandomNormal(shape=shape, seed=seed),
            "truncated": ops.StatelessTruncatedNormal(shape=shape, seed=seed),
            "integers": ops.StatelessRandomUniformInt(shape=shape, seed=seed, minval=2, maxval=9),
        }

    @function(X, SEED)
    def rejected(x, seed):
        n = tf.shape(x)[0]
        rates = tf.constant([0.5, 3.0, 25.0, 1000.0])
        return {
            "gamma": r.stateless_gamma([n, 5, 4], seed, rates), "flat": r.stateless_gamma([n, 3], seed, 1.0),
            "wide gamma": r.stateless_gamma([n, 4], seed, tf.cast(rates, D), dtype=D),
            "scaled": r.stateless_gamma([n, 4], seed, rates, tf.abs(x[:, :1]) + 1.0),
            "poisson": r.stateless_poisson([n, 6, 4], seed, rates, tf.int32),
            "wide poisson": r.stateless_poisson([n, 4], seed, tf.cast(rates, D), F),
            "binomial": r.stateless_binomial([n, 7, 3], seed, [9.0, 90.0, 900.0], [0.3, 0.7, 0.5], tf.int32),
            "wide binomial": r.stateless_binomial([n, 3], seed, tf.constant([9.0, 90.0, 900.0], D), tf.constant(0.4, D), F),
        }

    @function(X, SEED)
    def bounded(x, seed):
        ops = tf.raw_ops.StatelessParameterizedTruncatedNormal
        draw = lambda shape, *parameters: ops(shape=shape, seed=seed, means=parameters[0], stddevs=parameters[1], minvals=parameters[2],
                                              maxvals=parameters[3])
        means = tf.constant([0.0, 1.0, -2.0])
        return {
            "near": draw([7, 3], means, 1.0, -3.0, 3.0), "tail": draw([5, 3], means, 0.5, 4.0, np.float32("inf")),
            "other tail": draw([5], 0.0, 1.0, np.float32("-inf"), -2.5), "narrow": draw([2, 2, 3], means, 2.0, means - 0.1, means + 0.3),
            "wide": draw([9], tf.constant(0.5, D), tf.constant(2.0, D), tf.constant(0.0, D), tf.constant(9.0, D)),
            "philox": r.stateless_normal([3], seed, alg="philox"),
        }

    module(path, serving_default=drawn, constant=constant, older=older, rejected=rejected, bounded=bounded)
    return Hints(arrays={"seed": seeds, "n": lambda rng, case: np.array((2, 3)[case], "int32")})


@saving("random numbers by seeds of the operations", WAY, 1e-6)
def seeded(path, rng):
    r = tf.random

    @function(X)
    def drawn(x):
        n = tf.shape(x)[0]
        i = tf.constant(0)
        loop = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y + r.normal(tf.shape(y), seed=13)), (i, x))
        return {
            "uniform": r.uniform([n, 5], seed=1), "normal": x + r.normal(tf.shape(x), 1.0, 2.0, seed=2),
            "truncated": r.truncated_normal([n, 9], seed=3), "wide": r.normal([n, 3], dtype=D, seed=4),
            "integers": r.uniform([n, 7], 3, 50, tf.int32, seed=5), "long": r.uniform([n, 7], 3, 1 << 40, I, seed=6),
            "shuffled": r.shuffle(tf.range(11), seed=7), "rows": r.shuffle(x, seed=8),
            "gamma": r.gamma([n, 5], [0.5, 1.0, 30.0], seed=11), "poisson": r.poisson([n, 5], [0.5, 30.0], seed=12),
            "bounded": tf.raw_ops.ParameterizedTruncatedNormal(
                shape=[3, 4], means=[0.0, 1.0, 9.0], stdevs=1.0, minvals=-1.0, maxvals=2.0, seed=14),
            "bounded alike": tf.raw_ops.ParameterizedTruncatedNormal(shape=[3, 4], means=0.0, stdevs=1.0, minvals=2.0, maxvals=9.0, seed=15),
            "classes": r.categorical(x, 9, seed=9), "small": r.categorical(x, 5, tf.int32, seed=10), "loop": loop[1],
        }

    module(path, serving_default=drawn)
    return Hints(fresh=True)


@saving("random numbers by a generator", WAY, 1e-6)
def generators(path, rng):
    g = tf.random.Generator.from_seed(1234)

    @function(X, kept=[g])
    def drawn(x):
        first = g.normal(tf.shape(x))
        return {
            "noisy": x + first, "uniform": g.uniform([3, 2], -1.0, 1.0), "integers": g.uniform([5], 0, 10, tf.int32),
            "truncated": g.truncated_normal([2, 6]), "more": g.normal([3], dtype=D),
        }

    @function(([], tf.int32, "n"), kept=[g])
    def older(n):
        ops, state, shape = tf.raw_ops, g.state.handle, [n, 3]
        normal = ops.StatefulStandardNormalV2(resource=state, algorithm=1, shape=shape, dtype=F)
        return {"normal": normal, "whole": ops.StatefulUniformInt(resource=state, algorithm=1, shape=shape, minval=2, maxval=90)}

    @function(([], tf.int32, "n"), kept=[g])
    def counted(n):
        return {
            "tosses": g.binomial([n, 2], [10.0, 40.0], 0.3, tf.int32), "between": g.normal([3]),
            "more": g.binomial([n], 7.0, 0.5, F), "behind": g.uniform([2]),
        }

    module(path, serving_default=drawn, older=older, counted=counted)
    return Hints(fresh=True, arrays={"n": lambda rng, case: np.array((2, 3)[case], "int32")})


@saving("random numbers by chance have their distribution", WAY)
def chance(path, rng):
    r = tf.random

    def near(value, wanted):
        return tf.abs(tf.cast(value, F) - wanted) < 0.05

    @function(([], tf.int32, "n"))
    def drawn(n):
        uniform, normal, cut = r.uniform([n]), r.normal([n]), r.truncated_normal([n])
        whole, classes = r.uniform([n], 0, 4, tf.int32), r.categorical(tf.math.log([[0.1, 0.6, 0.3]]), n)
        share = lambda k: tf.reduce_mean(tf.cast(classes == k, F))
        return {
            "uniform": near(tf.reduce_mean(uniform), 0.5) & (tf.reduce_max(uniform) < 1) & (tf.reduce_min(uniform) >= 0),
            "normal": near(tf.reduce_mean(normal), 0.0) & near(tf.math.reduce_std(normal), 1.0),
            "truncated": near(tf.math.reduce_std(cut), 0.88) & (tf.reduce_max(tf.abs(cut)) <= 2),
            "whole": near(tf.reduce_mean(tf.cast(whole, F)), 1.5), "classes": near(share(1), 0.6) & near(share(0), 0.1),
            "sorted": tf.sort(r.shuffle(tf.range(20))), "other": tf.reduce_any(r.normal([9]) != r.normal([9])),
            "dropped": near(tf.reduce_mean(tf.cast(tf.nn.dropout(tf.ones([n]), 0.25) > 0, F)), 0.75),
        }

    module(path, serving_default=drawn)
    return Hints(arrays={"n": lambda rng, case: np.array((20000, 30000)[case], "int32")})


@saving("variational autoencoder that samples by a seed generator", "model.export", 1e-5)
def autoencoder(path, rng):
    class Sampling(L.Layer):
        def __init__(self):
            super().__init__()
            self.seeds = keras.random.SeedGenerator(1337)

        def call(self, inputs):
            mean, spread = inputs
            noise = keras.random.normal(keras.ops.shape(mean), seed=self.seeds)
            more = keras.random.normal(keras.ops.shape(mean), seed=self.seeds) * 0.1
            return mean + keras.ops.exp(0.5 * spread) * (noise + more)

    x = keras.Input((8,), name="x")
    h = L.Dense(6, activation="relu")(x)
    z = Sampling()([L.Dense(2)(h), L.Dense(2)(h)])
    model = keras.Model(x, [z, L.Dense(8, activation="sigmoid")(z)])
    randomise(model, rng)
    by_export(model, path)
    return Hints(fresh=True)
