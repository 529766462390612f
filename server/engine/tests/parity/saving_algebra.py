"""Matrices and numbers of two parts: factors, functions and equations, bands, complex arithmetic, what explains an answer by its gradient."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L
from tensorflow.core.protobuf import saved_model_pb2

from protocol import BATCHES, Hints, randomise
from saving import saving
from saving_modules import WAY, X, function, module, variable

F, D = tf.float32, tf.float64
SQUARES = ([None, 4, 4], D, "x")


@saving("factors, roots and equations of matrices", WAY, 1e-6)
def equations(path, rng):
    linalg = tf.linalg

    def full(x):
        # Vectors may be turned round: what they make of the values may not.
        values, left, right = linalg.svd(x, full_matrices=True)
        count = tf.shape(values)[-1]
        back = tf.matmul(left[:, :, :count] * values[:, None], right[:, :, :count], transpose_b=True)
        square = tf.matmul(left, left, transpose_b=True)
        return tf.concat([tf.reshape(part, [tf.shape(x)[0], -1]) for part in (back, square, tf.matmul(right, right, transpose_b=True))], 1)

    @function(SQUARES)
    def made(x):
        near = tf.matmul(x, x, transpose_b=True)
        lu, order = linalg.lu(x)
        narrow, b = tf.cast(x, F), x[:, :, :2]
        return {
            "lu": lu, "order": order, "solved": linalg.lu_solve(lu, order, b), "root": linalg.sqrtm(near),
            "other root": linalg.sqrtm(x * 0.3 + 2.0 * tf.eye(4, dtype=D)), "power": linalg.expm(x), "narrow power": linalg.expm(narrow),
            "nearest": linalg.lstsq(x[:, :, :2], b, fast=False), "weighted": linalg.lstsq(x[:, :, :3], b, l2_regularizer=0.3),
            "smallest": linalg.lstsq(x[:, :2], b[:, :2], fast=False), "smallest weighted": linalg.lstsq(x[:, :2], b[:, :2], 0.1),
            "full": linalg.svd(x[:, :3], full_matrices=True)[0], "plane": full(x[:, :3]), "tall plane": full(x[:, :, :2]),
            "chance": tf.math.betainc(tf.abs(x) + 0.1, tf.abs(near) + 0.1, tf.sigmoid(x)),
        }

    @function(SQUARES)
    def bands(x):
        three, b = x[:, :3] + [[0.0], [3.0], [0.0]], x[:, :, :2]
        ops = tf.raw_ops
        return {
            "solved": linalg.tridiagonal_solve(three, b), "without": linalg.tridiagonal_solve(three, b, partial_pivoting=False),
            "swapped": linalg.tridiagonal_solve(three * [[9.0], [0.1], [1.0]], b),
            "product": linalg.tridiagonal_matmul(three, b),
            "lower": ops.BandedTriangularSolve(matrix=x[:, :2] + 2.0, rhs=b),
            "lower adjoint": ops.BandedTriangularSolve(matrix=x[:, :2] + 2.0, rhs=b, adjoint=True),
            "upper": ops.BandedTriangularSolve(matrix=x[:, :3] + 2.0, rhs=b, lower=False),
            "upper adjoint": ops.BandedTriangularSolve(matrix=x[:, :3] + 2.0, rhs=b, lower=False, adjoint=True),
        }

    module(path, serving_default=made, bands=bands)


@saving("powers of matrices as TensorFlow's first graphs had them", WAY, 1e-9)
def powers(path, rng):
    @function(SQUARES)
    def made(x):
        return {"y": tf.raw_ops.MatrixSquareRoot(input=x)}

    module(path, serving_default=made)

    def older(path):
        # TensorFlow runs the operation in graphs of that age alone.
        file = path / "saved_model.pb"
        model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
        for f in model.meta_graphs[0].graph_def.library.function:
            for node in f.node_def:
                if node.op == "MatrixSquareRoot":
                    node.op = "MatrixExponential"
        file.write_bytes(model.SerializeToString())

    return Hints(after=older, answer=lambda name, inputs: {"y": tf.linalg.expm(inputs["x"]).numpy()})


@saving("complex arithmetic", WAY)
def arithmetic(path, rng):
    w = variable(rng, 4, 3)

    @function(X, kept=[w])
    def made(x):
        z = tf.complex(x, tf.reverse(x, [1]) * 0.5)
        v = tf.cast(w, tf.complex64) * tf.constant(0.5 + 2j, tf.complex64)
        shown = {
            "product": z * tf.math.conj(z) * tf.constant([1j, 2.0, 0.5 - 1j, 1.0], tf.complex64), "quotient": z / (z + (1 + 0.5j)), "power": tf.exp(z),
            "log": tf.math.log(z), "root": tf.sqrt(z), "square": tf.square(z), "matrix": tf.matmul(z, v), "sum": tf.reduce_sum(z, 1),
            "mean": tf.reduce_mean(z, 0, keepdims=True), "turned": tf.transpose(z), "adjoint": tf.linalg.adjoint(v),
            "parts": tf.concat([z[:, :1], -z[:, 2:]], 1), "stacked": tf.stack([z, z - 1j], 1), "einsum": tf.einsum("ij,kj->ik", z, z),
            "adjoint product": tf.matmul(z[:, None], z[:, None], adjoint_b=True), "reshaped": tf.reshape(z, [-1, 2, 2]),
            "chosen": tf.where(x > 0, z, tf.zeros_like(z)), "padded": tf.pad(z, [[0, 0], [1, 2]]), "gathered": tf.gather(z, [3, 0], axis=1),
            "tiled": tf.tile(z, [1, 2]), "rolled": tf.roll(z, 1, 1), "filled": tf.fill([2], tf.constant(1 + 3j, tf.complex64)), "inverse": 1.0 / z,
        }
        real = {f"{k} {part}": f(v) for k, v in shown.items() for part, f in (("real", tf.math.real), ("imaginary", tf.math.imag))}
        return real | {"same": tf.equal(z, tf.math.conj(z)), "shape": tf.shape(z), "cast": tf.cast(z, F), "angle": tf.math.angle(z)}

    @function(([None, 16], F, "wave"))
    def filtered(wave):
        spectrum = tf.signal.rfft(wave)
        kernel = tf.signal.rfft(tf.constant([0.5, 0.3, 0.2], F), [16])
        shift = tf.exp(tf.complex(0.0, -2.0 * np.pi * tf.range(9, dtype=F) / 16.0))
        frames = tf.signal.stft(wave, 8, 4, 8)
        phase = frames / tf.cast(tf.abs(frames) + 1e-3, tf.complex64)
        return {
            "convolved": tf.signal.irfft(spectrum * kernel), "shifted": tf.signal.irfft(spectrum * shift),
            "back": tf.signal.inverse_stft(tf.cast(tf.abs(frames), tf.complex64) * phase, 8, 4, 8),
            "spectrum": tf.math.real(tf.signal.fft(tf.cast(wave, tf.complex64)) * tf.cast(tf.range(16), tf.complex64)),
        }

    module(path, serving_default=made, filtered=filtered)


@saving("Fourier neural operator", WAY)
def operator(path, rng):
    real, imaginary, lift = variable(rng, 6, 6, 5), variable(rng, 6, 6, 5), variable(rng, 2, 6)

    @function(([None, 16, 2], F, "x"), kept=[real, imaginary, lift])
    def made(x):
        h = tf.einsum("bnc,cd->bnd", x, lift)
        spectrum = tf.signal.rfft(tf.transpose(h, [0, 2, 1]))[:, :, :5]
        mixed = tf.einsum("bim,iom->bom", spectrum, tf.complex(real, imaginary))
        mixed = tf.concat([mixed, tf.zeros([tf.shape(x)[0], 6, 4], tf.complex64)], 2)
        return {"y": tf.nn.gelu(tf.transpose(tf.signal.irfft(mixed, [16]), [0, 2, 1]) + h)}

    module(path, serving_default=made)


def network(activation):
    return keras.Sequential([
        keras.Input((8, 8, 3), name="x"), L.Conv2D(6, 3, activation=activation, padding="same"), L.BatchNormalization(),
        L.MaxPooling2D(2), L.DepthwiseConv2D(3, strides=1, padding="same", depth_multiplier=2), L.AveragePooling2D(3, 2, "same"),
        L.Conv2D(4, 2), L.LeakyReLU(), L.Flatten(), L.Dense(5, activation="sigmoid"), L.Dense(3),
    ])


@saving("answers explained by gradients", WAY)
def explained(path, rng):
    models = [network(a) for a in ("relu", "elu", "softplus", "tanh", "selu", "softsign", "relu6", "silu", "gelu")]
    for model in models:
        randomise(model, rng)

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3], F, name="x")])
    def saliency(x):
        maps = {}
        for n, model in enumerate(models):
            with tf.GradientTape() as tape:
                tape.watch(x)
                best = tf.reduce_max(tf.nn.softmax(model(x)), axis=1)
            maps[f"map {n}"] = tape.gradient(best, x)
        return maps

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3], F, name="x")])
    def integrated(x):
        total = tf.zeros_like(x)
        for share in tf.linspace(0.0, 1.0, 5):
            with tf.GradientTape() as tape:
                tape.watch(x)
                score = models[0](x * share)[:, 1]
            total += tape.gradient(score, x)
        return {"y": total * x / 5.0}

    holder = tf.Module()
    holder.models, holder.functions = models, [saliency, integrated]
    tf.saved_model.save(holder, path, signatures={"serving_default": saliency, "integrated": integrated})


@saving("gradients of small functions", WAY)
def slopes(path, rng):
    @function(X)
    def made(x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = {
                "root": tf.sqrt(tf.abs(x) + 1.0), "inverse root": tf.math.rsqrt(tf.abs(x) + 1.0), "inverse": tf.math.reciprocal(x + 7.0),
                "part": x[:, 1:3] * 2.0, "steps": x[:, ::-2] ** 2, "spread": x * x[:, :1], "norm": tf.linalg.norm(x, axis=1),
                "soft": tf.nn.log_softmax(x), "picked": tf.gather(x, [1, 1, 3], axis=1), "best": tf.sort(x, axis=1)[:, :2],
                "padded": tf.pad(x, [[0, 0], [1, 1]]) ** 2, "tiled": tf.tile(x, [1, 2]) * tf.range(8.0), "sums": tf.cumsum(x, 1) ** 2,
                "ends": tf.clip_by_value(x, -0.5, 0.5) * x, "chosen": tf.where(x > 0, x * x, -x), "sides": tf.concat([x, x * 2.0], 1) ** 2,
            }
            back = tf.foldl(lambda s, row: s * 0.5 + row * row, tf.transpose(x), tf.zeros_like(x[:, 0]))
        return {k: tape.gradient(v, x) for k, v in (y | {"folded": back}).items()}

    module(path, serving_default=made)


@saving("the nearest of some centres", WAY)
def centres(path, rng):
    c = variable(rng, 5, 4)

    @function(X, kept=[c])
    def made(x):
        near = tf.raw_ops.NearestNeighbors(points=x, centers=c, k=2)
        return {"which": near[0], "far": near[1], "all": tf.raw_ops.NearestNeighbors(points=x, centers=c, k=9)[0]}

    module(path, serving_default=made)
