"""Variables that a signature writes: what was assigned is read, and what would go on from request to request is refused."""

import numpy as np
import tensorflow as tf

from protocol import Hints
from saving import saving
from saving_modules import WAY, X, function, module

F = tf.float32


@saving("variables assigned before they are read", WAY)
def scratch(path, rng):
    a, b = tf.Variable(np.zeros(4, "float32")), tf.Variable(np.ones(4, "float32"))

    @tf.function
    def inner(x):
        return x * a + tf.gather(a, [1, 0, 3, 2])

    @function(X, kept=[a, b])
    def made(x):
        a.assign(tf.reduce_sum(x, 0))
        first = inner(x)
        a.assign_sub([1.0, 2.0, 3.0, 4.0])
        second = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * 0.5 + a), (0, x))[1]
        a.assign_add(x[0])
        return {"first": first, "second": second, "third": inner(x), "last": a.read_value(), "other": b * x}

    module(path, serving_default=made)


def refused(name, body, kept, why):
    @saving(name, WAY)
    def make(path, rng):
        variables = kept()
        module(path, serving_default=function(X, kept=variables)(lambda x: {"y": body(x, *variables)}))
        return Hints(refused=why)


def counted(x, n):
    n.assign_add(tf.cast(tf.shape(x)[0], F))
    return x * n


def carried(x, state):
    y = x + state
    state.assign(tf.reduce_mean(y, 0))
    return y


def looped(x, total):
    total.assign(0.0)
    tf.while_loop(lambda i: i < 3, lambda i: [i + tf.cast(total.assign_add(tf.reduce_sum(x)) * 0.0, tf.int32) + 1], [0])
    return total.read_value()


def single():
    return [tf.Variable(0.0)]


ON = "a variable that goes on from request to request"
refused("a variable counted up is refused", counted, single, ON)
refused("a state carried on is refused", carried, lambda: [tf.Variable(np.zeros(4, "float32"))], ON)
refused("a variable that a loop writes is refused", looped, single, "a variable that is changed in a way that is not followed")
