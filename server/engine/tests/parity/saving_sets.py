"""Sets, and sparse arrays that are reduced, compared, taken apart."""

import numpy as np
import tensorflow as tf

from protocol import Hints
from saving import saving
from saving_features import parts
from saving_modules import WAY, X, function, module

S, F, I = tf.string, tf.float32, tf.int64


@saving("sets of numbers and texts", WAY)
def sets(path, rng):
    kinds = {"less": tf.sets.difference, "both": tf.sets.intersection, "all": tf.sets.union}

    @function(([None, 4], I, "numbers"), ([None, 3], S, "words"))
    def made(numbers, words):
        other, sparse = tf.reverse(numbers + 1, [1])[:, :3], tf.sparse.from_dense(numbers)
        texts, more = tf.sparse.from_dense(words), tf.reverse(words, [0])
        deep = tf.stack([numbers, numbers + 2], 1)
        found = {}
        for name, kind in kinds.items():
            found |= parts(kind(numbers, other), f"{name} dense") | parts(kind(numbers, sparse), f"{name} mixed")
            found |= parts(kind(sparse, tf.sparse.from_dense(other)), f"{name} sparse") | parts(kind(words, more), f"{name} words")
            found |= parts(kind(deep, tf.reverse(deep, [1])), f"{name} deep") | parts(kind(texts, tf.sparse.from_dense(more)), f"{name} texts")
        turned = tf.sets.difference(numbers, other, aminusb=False)
        sizes = {"size": tf.sets.size(sparse), "words size": tf.sets.size(texts), "deep size": tf.sets.size(tf.sparse.from_dense(deep))}
        return found | parts(turned, "turned") | sizes

    module(path, serving_default=made)


@saving("tf.map_fn over sparse rows", WAY)
def mapped(path, rng):
    @function(([None, 5], I, "numbers"))
    def made(numbers):
        sparse = tf.sparse.from_dense(numbers)
        spec = tf.SparseTensorSpec([5], I)
        doubled = tf.map_fn(lambda row: tf.sparse.map_values(tf.multiply, row, 2), sparse, fn_output_signature=spec)
        return parts(doubled, "doubled") | {"dense": tf.map_fn(tf.sparse.to_dense, sparse, fn_output_signature=I)}

    module(path, serving_default=made)


@saving("ragged and sparse arrays, given and answered", WAY)
def composite(path, rng):
    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], I)])
    def ragged(rows):
        deep = tf.RaggedTensor.from_uniform_row_length(tf.concat([rows, rows + 1], 0), 2)
        return {"rows": rows * 2, "deep": deep, "lengths": rows.row_lengths(), "sparse": rows.to_sparse()}

    @tf.function(input_signature=[tf.SparseTensorSpec([None, 6], F)])
    def sparse(x):
        return {"turned": tf.sparse.transpose(x), "sums": tf.sparse.reduce_sum(x, 1), "kept": tf.sparse.retain(x, x.values > 0.0)}

    module(path, ragged=ragged, sparse=sparse)
    lengths = ((2, 0, 3), (1, 4, 0, 2))
    return Hints(arrays={
        "rows": lambda rng, case: rng.integers(0, 9, sum(lengths[case])),
        "rows_1": lambda rng, case: np.cumsum((0, *lengths[case])).astype("int64"),
        "x": lambda rng, case: np.array([[0, 1], [0, 5], [2, 0]], "int64"),
        "x_1": lambda rng, case: rng.normal(0, 1, 3).astype("float32"), "x_2": lambda rng, case: np.array([3 + case, 6], "int64"),
    })


@saving("sparse arrays reduced, compared, split", WAY)
def reduced(path, rng):
    @function(X, ([None, 5], I, "numbers"))
    def made(x, numbers):
        a, b = tf.sparse.from_dense(tf.nn.relu(x) - tf.nn.relu(-x - 0.3)), tf.sparse.from_dense(tf.nn.relu(x - 0.5))
        whole, sparse = tf.sparse.from_dense(numbers), tf.sparse
        found = {}
        for name, axis in {"rows": 1, "columns": 0, "everything": None, "both": [0, 1]}.items():
            for keep in (False, True):
                found[f"max {name} {keep}"] = sparse.reduce_max(a, axis, keep)
                found[f"sum {name} {keep}"] = sparse.reduce_sum(whole, axis, keep)
            found |= parts(sparse.reduce_max(a, axis, output_is_sparse=True), f"max sparse {name}")
            found |= parts(sparse.reduce_sum(whole, axis, output_is_sparse=True), f"sum sparse {name}")
        for n, part in enumerate(sparse.split(whole, 3, 1)):
            found |= parts(part, f"part {n}")
        return found | parts(sparse.maximum(a, b), "larger") | parts(sparse.minimum(a, b), "smaller")

    module(path, serving_default=made)
