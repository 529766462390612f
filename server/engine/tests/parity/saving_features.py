"""What prepares features, and small operations that graphs of older versions hold: sparse and ragged arrays, crosses, counts, layouts."""

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from protocol import Hints
from saving import saving
from saving_modules import WAY, X, function, module, variable

S, F, I = tf.string, tf.float32, tf.int64
WORDS = ([None, 3], S, "words")
NUMBERS = ([None, 4], I, "numbers")


def parts(x, name):
    if isinstance(x, tf.SparseTensor):
        return {f"{name}.at": x.indices, f"{name}.values": x.values, f"{name}.shape": x.dense_shape}
    return {f"{name}.values": x.flat_values} | {f"{name}.{n}": s for n, s in enumerate(x.nested_row_splits)}


@saving("numbers counted into sparse arrays", WAY)
def counts(path, rng):
    @function(NUMBERS)
    def counted(numbers):
        ragged = tf.RaggedTensor.from_tensor(numbers, padding=0)
        sparse = tf.sparse.from_dense(numbers)
        weights = tf.cast(numbers, F) * 0.5
        return (
            parts(tf.sparse.bincount(numbers, axis=-1), "dense")
            | parts(tf.sparse.bincount(numbers, weights=weights, axis=-1, minlength=9), "weighted")
            | parts(tf.sparse.bincount(numbers, axis=-1, binary_output=True, maxlength=3), "binary")
            | parts(tf.sparse.bincount(sparse, axis=-1), "sparse") | parts(tf.sparse.bincount(numbers[0]), "row")
            | parts(tf.sparse.bincount(ragged, axis=-1), "ragged")
        )

    module(path, serving_default=counted)


@saving("sparse sums, softmax, edit distances", WAY)
def sparse(path, rng):
    @function(X, WORDS)
    def made(x, words):
        a, b = tf.sparse.from_dense(tf.nn.relu(x)), tf.sparse.from_dense(tf.nn.relu(x - 0.5))
        sums = tf.sparse.add(a, b)
        small = tf.sparse.add(a, tf.SparseTensor(b.indices, -b.values, b.dense_shape), threshold=0.4)
        soft = tf.sparse.softmax(a)
        left, right = tf.sparse.from_dense(words), tf.sparse.from_dense(tf.reverse(words, [1]))
        return parts(sums, "sums") | parts(small, "small") | parts(soft, "soft") | {
            "distance": tf.edit_distance(left, right), "steps": tf.edit_distance(left, right, normalize=False),
        }

    module(path, serving_default=made)


@saving("features crossed, texts and numbers", WAY)
def crosses(path, rng):
    @function(WORDS, NUMBERS)
    def made(words, numbers):
        ragged = tf.RaggedTensor.from_tensor(words, padding="")
        sparse = tf.sparse.from_dense(words)
        ops = tf.raw_ops
        columns = {"indices": [sparse.indices], "values": [sparse.values], "shapes": [sparse.dense_shape], "dense_inputs": [words]}
        old = ops.SparseCross(**columns, hashed_output=False, num_buckets=0, hash_key=1, out_type=S, internal_type=S)
        strong = ops.SparseCrossHashed(**columns, num_buckets=1000, strong_hash=True, salt=[3, 4])
        return (
            parts(tf.sparse.cross([sparse, numbers], separator="-"), "texts")
            | parts(tf.sparse.cross_hashed([sparse, numbers], num_buckets=100, hash_key=7), "hashed")
            | parts(tf.SparseTensor(*old), "old") | parts(tf.SparseTensor(*strong), "strong")
            | parts(tf.ragged.cross([ragged, numbers]), "ragged")
            | parts(tf.ragged.cross_hashed([numbers, ragged, words], num_buckets=50), "ragged hashed")
        )

    module(path, serving_default=made)


@saving("tf.map_fn over ragged rows", WAY)
def ragged(path, rng):
    @function(NUMBERS, WORDS)
    def mapped(numbers, words):
        rows = tf.RaggedTensor.from_tensor(numbers, padding=0)
        texts = tf.RaggedTensor.from_tensor(words, padding="")
        deep = tf.RaggedTensor.from_uniform_row_length(tf.concat([rows, rows], 0), 2)
        spec = tf.RaggedTensorSpec([None], I, ragged_rank=0)
        filled = tf.raw_ops.RaggedFillEmptyRows(
            value_rowids=rows.value_rowids(), values=rows.values, nrows=rows.nrows() + 2, default_value=-1)
        return (
            {"sums": tf.map_fn(tf.reduce_sum, rows, fn_output_signature=I)}
            | parts(tf.map_fn(lambda r: tf.concat([r, r * 2], 0), rows, fn_output_signature=spec), "doubled")
            | parts(tf.map_fn(lambda r: tf.strings.join([r, "!"]), texts, fn_output_signature=tf.RaggedTensorSpec([None], S, 0)), "texts")
            | {"deep": tf.map_fn(lambda r: tf.reduce_sum(r.values) + r.nrows(), deep, fn_output_signature=I)}
            | parts(tf.map_fn(lambda r: r + 1, deep, fn_output_signature=tf.RaggedTensorSpec([None, None], I, 1)), "levels")
            | {f"filled.{k}": v for k, v in filled._asdict().items()}
        )

    module(path, serving_default=mapped)


@saving("small operations of older graphs", WAY)
def small(path, rng):
    w = variable(rng, 3, 4)

    @function(X, ([None, 6, 6, 2], F, "image"), kept=[w])
    def made(x, image):
        ops = tf.raw_ops
        whole = tf.cast(image * 10.0, tf.int32)
        pooled = tf.nn.max_pool2d(whole, 3, 2, "SAME")
        batched = tf.nondifferentiable_batch_function(2, 10, 100000)(lambda y: tf.matmul(y, w, transpose_b=True))(x)
        return {
            "pooled": pooled, "batched": batched,
            "permuted": ops.DataFormatVecPermute(x=tf.shape(image)), "inner": ops.DataFormatVecPermute(x=tf.shape(image)[1:3]),
            "axis": ops.DataFormatDimMap(x=tf.constant([0, -1, 2])), "shape": ops.VariableShape(input=w.handle),
        }

    module(path, serving_default=made)


@saving("tensors parsed out of texts", WAY)
def tensors(path, rng):
    @function(([], S, "floats"), ([], S, "words"))
    def parsed(floats, words):
        return {"floats": tf.io.parse_tensor(floats, F), "words": tf.io.parse_tensor(words, S)}

    module(path, serving_default=parsed)
    one = lambda value: np.array(tf.io.serialize_tensor(value).numpy(), dtype=object)
    return Hints(arrays={
        "floats": lambda rng, case: one(rng.normal(0, 1, (2, case + 1)).astype("float32")),
        "words": lambda rng, case: one(tf.constant(["a", "bc"][: case + 1])),
    })


@saving("batch norm as TensorFlow's first graphs had it", WAY)
def first_norm(path, rng):
    scale, offset, mean, variance = (variable(rng, 2) for _ in range(4))

    @function(([None, 4, 3, 2], F, "x"), kept=[scale, offset, mean, variance])
    def normed(x):
        return {"y": tf.raw_ops.FusedBatchNorm(
            x=x, scale=scale, offset=offset, mean=mean, variance=variance + 1.0, epsilon=0.01, is_training=False).y}

    module(path, serving_default=normed)

    def older(path):
        # TensorFlow writes the operation no more, and runs it only in graphs of that age.
        file = path / "saved_model.pb"
        model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
        for f in model.meta_graphs[0].graph_def.library.function:
            for node in f.node_def:
                if node.op == "FusedBatchNorm":
                    node.op = "BatchNormWithGlobalNormalization"
                    x, scale, offset, mean, variance, *rest = node.input
                    node.input[:] = [x, mean, variance, offset, scale, *rest]
                    node.attr.clear()
                    node.attr["variance_epsilon"].f = 0.01
                    node.attr["scale_after_normalization"].b = True
        file.write_bytes(model.SerializeToString())

    return Hints(after=older)


@saving("tf.vectorized_map over loops and lists", WAY)
def vectorized(path, rng):
    @function(([None, 5], F, "x"))
    def mapped(x):
        def looped(row):
            array, state = tf.TensorArray(F, size=5), 0.0
            for i in tf.range(5):
                state = state * 0.5 + row[i]
                array = array.write(i, state)
            return array.stack()

        def pushed(row):
            shape, ops = tf.zeros([0], tf.int32), tf.raw_ops
            made = ops.EmptyTensorList(element_shape=shape, max_num_elements=10, element_dtype=F)
            for n in range(3):
                made = ops.TensorListPushBack(input_handle=made, tensor=row[n] * 2.0)
            return ops.TensorListStack(input_handle=made, element_shape=shape, element_dtype=F, num_elements=-1)

        return {
            "looped": tf.vectorized_map(looped, x), "pushed": tf.vectorized_map(pushed, x),
            "scanned": tf.vectorized_map(lambda row: tf.scan(lambda s, e: s * 0.5 + e, row), x),
        }

    module(path, serving_default=mapped)
