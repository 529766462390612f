"""Recurrent layers of TensorFlow 1: loops over arrays with `sequence_length`, in both forms of control flow, saved and frozen."""

import os

import numpy as np
import tensorflow as tf

from protocol import Hints
from saving_classic import classic, get

# The cells live in Keras 2.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
v1 = tf.compat.v1
cells = v1.nn.rnn_cell
WAYS = ("simple_save, control flow v1", "frozen graph, control flow v1", "simple_save, control flow v2")


def lengths(steps):
    """One length for each row, none and all of the steps among them."""
    return lambda rng, case: np.array([steps, 0, 2, steps - 1, 1][: (2, 5)[case]], "int32")


def inputs(steps, width=3, known=None):
    x = v1.placeholder(tf.float32, [None, known, width], name="x")
    n = v1.placeholder(tf.int32, [None], name="n")
    hints = Hints(arrays={"x": lambda rng, case: rng.normal(0, 1, ((2, 5)[case], steps, width)).astype("float32"), "n": lengths(steps)})
    return x, n, hints


def spread(rng):
    """Biases that are not zero, weights that matter."""
    v1.get_variable_scope().set_initializer(v1.random_normal_initializer(stddev=0.4, seed=int(rng.integers(1 << 30))))


def each_way(name):
    return lambda build: [classic(name, way)(build) for way in WAYS]


CELLS = {
    "LSTM": lambda: cells.LSTMCell(4),
    "basic LSTM": lambda: cells.BasicLSTMCell(4, forget_bias=0.5),
    "GRU": lambda: cells.GRUCell(4),
    "simple": lambda: cells.BasicRNNCell(4),
    "LSTM with peepholes and a projection": lambda: cells.LSTMCell(4, use_peepholes=True, num_proj=3, cell_clip=1.0),
    "stacked": lambda: cells.MultiRNNCell([cells.LSTMCell(4), cells.GRUCell(3)]),
}


def states(found):
    return {f"s{n}": s for n, s in enumerate(tf.nest.flatten(found))}


def layer(cell):
    def build(rng):
        spread(rng)
        x, n, hints = inputs(5)
        out, state = v1.nn.dynamic_rnn(cell(), x, sequence_length=n, dtype=tf.float32)
        return {"x": x, "n": n}, {"out": out, **states(state)}, hints

    return build


for name, cell in CELLS.items():
    each_way(f"dynamic_rnn with lengths, {name}")(layer(cell))


@each_way("dynamic_rnn without lengths, LSTM")
def whole(rng):
    spread(rng)
    x, _, hints = inputs(5, known=5)
    out, state = v1.nn.dynamic_rnn(cells.LSTMCell(4), x, dtype=tf.float32)
    return {"x": x}, {"out": out[:, -1], **states(state)}, hints


@each_way("bidirectional_dynamic_rnn with lengths, LSTM")
def both_ways(rng):
    spread(rng)
    x, n, hints = inputs(6)
    out, state = v1.nn.bidirectional_dynamic_rnn(cells.LSTMCell(4), cells.LSTMCell(4), x, sequence_length=n, dtype=tf.float32)
    return {"x": x, "n": n}, {"out": tf.concat(out, 2), **states(state)}, hints


@each_way("dynamic_rnn, time first, state given, GRU")
def time_first(rng):
    spread(rng)
    x, n, hints = inputs(5)
    start = tf.tanh(x[:, 0, :] @ get(rng, "start", 3, 4))
    out, state = v1.nn.dynamic_rnn(cells.GRUCell(4), tf.transpose(x, (1, 0, 2)), n, start, time_major=True)
    return {"x": x, "n": n}, {"out": out, "state": state}, hints


@each_way("static_rnn with lengths, LSTM")
def unrolled(rng):
    spread(rng)
    x, n, hints = inputs(4, known=4)
    out, state = v1.nn.static_rnn(cells.LSTMCell(4), tf.unstack(x, axis=1), dtype=tf.float32, sequence_length=n)
    return {"x": x, "n": n}, {"out": tf.stack(out, 1), **states(state)}, hints


@each_way("raw_rnn, GRU fed with what it puts out")
def raw(rng):
    spread(rng)
    x, _, hints = inputs(1, width=4)
    cell = cells.GRUCell(4)

    def turn(time, output, state, _):
        done = tf.fill([tf.shape(x)[0]], time >= 4)
        if output is None:
            return done, x[:, 0], cell.zero_state(tf.shape(x)[0], tf.float32), tf.zeros([4]), None
        return done, tf.tanh(output * 2.0), state, output, None

    out, state, _ = v1.nn.raw_rnn(cell, turn)
    return {"x": x}, {"out": out.stack(), "state": state}, hints


@each_way("arrays of TensorFlow 1: split, concat, scatter, size")
def arrays(rng):
    x, n, hints = inputs(5)
    rows = tf.TensorArray(tf.float32, 3, clear_after_read=False, infer_shape=False).split(tf.reshape(x, [-1, 3]), [1, tf.shape(x)[0], tf.shape(x)[0] * 4 - 1])
    picked = tf.TensorArray(tf.float32, 6, element_shape=[3], dynamic_size=True, clear_after_read=False).scatter([4, 1], x[0, :2])
    picked = picked.write(7, x[1, 0])
    return {"x": x, "n": n}, {
        "read": rows.read(1), "joined": rows.concat(), "all": picked.stack(), "few": picked.gather([1, 0]),
        "size": picked.size() + tf.reduce_sum(n) * 0,
    }, hints
