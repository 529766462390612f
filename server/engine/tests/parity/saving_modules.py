"""`tf.Module` with functions of its own: control flow, tables, examples, number types, shards."""

import math
import tempfile

import numpy as np
import tensorflow as tf

from protocol import BATCHES, Hints
from saving import saving

F = tf.float32


def module(path, **functions):
    """Saves functions as signatures; what they close over is tracked by the module."""
    holder = tf.Module()
    holder.functions = functions
    holder.kept = [value for f in functions.values() for value in getattr(f, "kept", [])]
    tf.saved_model.save(holder, path, signatures=functions)


def function(*specs, kept=()):
    def wrap(body):
        made = tf.function(body, input_signature=[tf.TensorSpec(*s[:2], name=s[2]) for s in specs])
        made.kept = list(kept)
        return made

    return wrap


def variable(rng, *shape, dtype="float32"):
    return tf.Variable(rng.normal(0, 0.5, shape).astype(dtype))


WAY = "tf.saved_model.save(tf.Module)"
X = ([None, 4], F, "x")


@saving("several signatures", WAY)
def several(path, rng):
    w = variable(rng, 4, 3)

    @function(X, kept=[w])
    def product(x):
        return {"y": tf.matmul(x, w), "best": tf.argmax(tf.matmul(x, w), axis=1)}

    @function(X, ([None], tf.bool, "flip"), kept=[w])
    def scaled(x, flip):
        return {"y": tf.where(flip[:, None], -x, x), "any": tf.reduce_any(x > 1.0, axis=1)}

    module(path, serving_default=product, scaled=scaled)


@saving("tf.cond", WAY)
def conditions(path, rng):
    w = variable(rng, 4, 4)

    @function(X, ([], tf.bool, "flag"), kept=[w])
    def chosen(x, flag):
        a = tf.cond(flag, lambda: tf.matmul(x, w), lambda: x * 2.0)
        b = tf.cond(tf.reduce_sum(x) > 0, lambda: x + 1.0, lambda: tf.cond(flag, lambda: x - 1.0, lambda: x * x))
        return {"a": a, "b": b}

    module(path, serving_default=chosen)


@saving("tf.case and switch_case", WAY)
def switches(path, rng):
    @function(X, ([], tf.int32, "which"))
    def chosen(x, which):
        return {"a": tf.switch_case(which, [lambda: x, lambda: x + 1.0, lambda: tf.exp(x)])}

    module(path, serving_default=chosen)


@saving("tf.while_loop", WAY)
def loops(path, rng):
    w = variable(rng, 4, 4)

    @function(X, ([], tf.int32, "n"), kept=[w])
    def repeated(x, n):
        _, fixed = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.tanh(tf.matmul(y, w))), (0, x))
        _, by_input = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * 0.5 + 1.0), (0, x))
        until = tf.while_loop(lambda y: tf.reduce_max(tf.abs(y)) > 0.1, lambda y: (y * 0.7,), (x,))[0]
        return {"fixed": fixed, "by_input": by_input, "until": until}

    module(path, serving_default=repeated)


@saving("TensorArray in a loop", WAY)
def arrays(path, rng):
    w = variable(rng, 4, 4)

    @function(([None, None, 4], F, "x"), kept=[w])
    def scanned(x):
        steps = tf.shape(x)[1]
        series = tf.TensorArray(F, size=steps).unstack(tf.transpose(x, (1, 0, 2)))
        made = tf.TensorArray(F, size=steps)
        state = tf.zeros_like(x[:, 0])
        for i in tf.range(steps):
            state = tf.tanh(tf.matmul(state, w) + series.read(i))
            made = made.write(i, state)
        return {"all": tf.transpose(made.stack(), (1, 0, 2)), "last": state}

    module(path, serving_default=scanned)


@saving("tf.scan and tf.map_fn", WAY)
def maps(path, rng):
    @function(X)
    def mapped(x):
        return {"map": tf.map_fn(lambda row: tf.nn.softmax(row) * 2.0, x), "scan": tf.scan(lambda a, b: a * 0.5 + b, x),
                "vectorized": tf.vectorized_map(lambda row: tf.reduce_sum(row) + row, x)}

    module(path, serving_default=mapped)


@saving("AutoGraph: break, continue, early return", WAY)
def autograph(path, rng):
    @function(X)
    def walked(x):
        total = tf.zeros([4])
        for row in x:
            if tf.reduce_sum(row) > 3.0:
                continue
            total += row
            if tf.reduce_max(total) > 5.0:
                break
        return {"total": total}

    module(path, serving_default=walked)


@saving("functions calling functions", WAY)
def calls(path, rng):
    w = variable(rng, 4, 4)

    @tf.function
    def inner(x):
        return tf.nn.relu(tf.matmul(x, w))

    @tf.function
    def twice(x):
        return inner(inner(x))

    @function(X, kept=[w])
    def outer(x):
        return {"y": twice(x) + tf.stop_gradient(inner(x))}

    module(path, serving_default=outer)


@saving("XLA-compiled function", WAY)
def compiled(path, rng):
    @tf.function(jit_compile=True)
    def inner(x):
        return tf.nn.softmax(x * 2.0)

    @function(X)
    def outer(x):
        return {"y": inner(x)}

    module(path, serving_default=outer)


@saving("custom gradient", WAY)
def custom_gradient(path, rng):
    @tf.custom_gradient
    def clipped(x):
        return tf.clip_by_value(x, -1.0, 1.0), lambda dy: dy

    @function(X)
    def outer(x):
        return {"y": clipped(x)}

    module(path, serving_default=outer)


def examples(rng, case):
    made = []
    for _ in range(BATCHES[case]):
        feature = tf.train.Features(feature={
            "a": tf.train.Feature(float_list=tf.train.FloatList(value=rng.normal(0, 1, 3))),
            "n": tf.train.Feature(int64_list=tf.train.Int64List(value=rng.integers(0, 9, 1))),
            "t": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"red" if rng.random() < 0.5 else b"blue"])),
            "v": tf.train.Feature(int64_list=tf.train.Int64List(value=rng.integers(0, 9, rng.integers(0, 4)))),
        })
        made.append(tf.train.Example(features=feature).SerializeToString())
    return np.array(made, dtype=object)


@saving("serialized tf.Example, dense features", "tf.io.parse_example")
def parse_dense(path, rng):
    w = variable(rng, 3, 2)

    @function(([None], tf.string, "examples"), kept=[w])
    def parsed(examples):
        found = tf.io.parse_example(examples, {
            "a": tf.io.FixedLenFeature([3], F), "n": tf.io.FixedLenFeature([], tf.int64),
            "t": tf.io.FixedLenFeature([1], tf.string), "absent": tf.io.FixedLenFeature([2], F, default_value=[0.5, 1.5]),
        })
        return {"y": tf.matmul(found["a"], w), "n": found["n"], "t": found["t"], "absent": found["absent"]}

    module(path, serving_default=parsed)
    return Hints(arrays={"examples": examples})


@saving("serialized tf.Example, sparse and ragged features", "tf.io.parse_example")
def parse_sparse(path, rng):
    @function(([None], tf.string, "examples"))
    def parsed(examples):
        found = tf.io.parse_example(examples, {"v": tf.io.VarLenFeature(tf.int64),
                                               "a": tf.io.RaggedFeature(F)})
        return {"v": tf.sparse.to_dense(found["v"], default_value=-1), "a": found["a"].to_tensor(-1.0)}

    module(path, serving_default=parsed)
    return Hints(arrays={"examples": examples})


@saving("table from an asset file", "tf.lookup.StaticHashTable")
def asset_table(path, rng):
    with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as file:
        file.write("red\ngreen\nblue\n")
    table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(
        file.name, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), -1)
    back = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(
        file.name, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE), "?")
    oov = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(
        file.name, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), 2)

    @function(([None], tf.string, "x"), kept=[table, back, oov])
    def look_up(x):
        number = table.lookup(x)
        return {"number": number, "word": back.lookup(number), "oov": oov.lookup(x), "size": table.size()}

    module(path, serving_default=look_up)
    return Hints(arrays={"x": lambda rng, case: rng.choice(np.array([b"red", b"green", b"black", b""], object), BATCHES[case])})


@saving("table from constants", "tf.lookup.StaticHashTable")
def constant_table(path, rng):
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1.5, 2.5]), -1.0)

    @function(([None], tf.string, "x"), kept=[table])
    def look_up(x):
        return {"y": table.lookup(x)}

    module(path, serving_default=look_up)
    return Hints(arrays={"x": lambda rng, case: rng.choice(np.array([b"a", b"b", b"c"], object), BATCHES[case])})


@saving("text operations", WAY)
def texts(path, rng):
    @function(([None], tf.string, "x"))
    def treated(x):
        s = tf.strings
        return {"lower": s.lower(x), "upper": s.upper(x), "length": s.length(x), "joined": s.join([x, x], "-"),
                "part": s.substr(x, 0, 2), "replaced": s.regex_replace(x, "[aeiou]+", "_"), "strip": s.strip(x),
                "reduced": s.reduce_join(x), "bucket": s.to_hash_bucket_fast(x, 11), "same": tf.equal(x, "one"),
                "match": s.regex_full_match(x, "t.*"), "number": s.as_string(s.length(x))}

    module(path, serving_default=treated)


@saving("texts split, ragged inside", WAY)
def ragged(path, rng):
    @function(([None], tf.string, "x"))
    def split(x):
        words = tf.strings.split(x)
        return {"padded": words.to_tensor("-"), "count": words.row_lengths(), "numbers": tf.strings.length(words).to_tensor(),
                "most": tf.reduce_max(tf.cast(tf.strings.length(words), F), axis=1)}

    module(path, serving_default=split)


@saving("integer types", WAY)
def whole(path, rng):
    kinds = ("int8", "uint8", "int16", "uint16", "int32", "int64", "uint32", "uint64")

    @function(*(([None, 3], getattr(tf, k), k) for k in kinds))
    def mixed(*inputs):
        made = {}
        for kind, x in zip(kinds, inputs):
            made[f"{kind}_sum"] = x + x * x
            made[f"{kind}_cast"] = tf.cast(x, F) / 2.0
            made[f"{kind}_less"] = x < tf.reverse(x, [1])
        return made

    module(path, serving_default=mixed)


@saving("integers wrap around", WAY)
def wraps(path, rng):
    @function(([None], tf.int32, "a"), ([None], tf.uint8, "b"))
    def grown(a, b):
        return {"a": a * 1000003 + 12345678, "b": b * 3 + 200, "c": tf.bitwise.bitwise_xor(a, 255), "d": a // 7, "e": a % -5}

    module(path, serving_default=grown)
    return Hints(arrays={"a": lambda rng, case: rng.integers(-2**31, 2**31, BATCHES[case]).astype("int32"),
                         "b": lambda rng, case: rng.integers(0, 256, BATCHES[case]).astype("uint8")})


@saving("truth values and texts pass through", WAY)
def passes(path, rng):
    @function(([None, 2], tf.bool, "b"), ([None], tf.string, "s"), ([None], tf.int32, "i"))
    def through(b, s, i):
        return {"b": tf.logical_not(b), "s": s, "i": i, "pick": tf.where(b[:, 0], s, "none")}

    module(path, serving_default=through)


for dtype, tolerance in (("float16", 2e-2), ("bfloat16", 1e-1), ("float64", 1e-12)):
    @saving(f"inputs and outputs of {dtype}", WAY, tolerance)
    def typed(path, rng, dtype=dtype):
        kind = getattr(tf, dtype)
        w = tf.Variable(tf.cast(rng.normal(0, 0.5, (4, 3)), kind))

        @function(([None, 4], kind, "x"), kept=[w])
        def product(x):
            return {"y": tf.tanh(tf.matmul(x, w)), "wide": tf.cast(x, tf.float32), "sum": tf.reduce_sum(x, 1)}

        module(path, serving_default=product)


@saving("scatter, gather, segments", WAY)
def indexed(path, rng):
    w = variable(rng, 6, 3)

    @function(X, ([None, 2], tf.int32, "at"), kept=[w])
    def picked(x, at):
        return {"gather": tf.gather(w, at), "nd": tf.gather_nd(w, at[:, :, None]), "batch": tf.gather(x, at % 4, batch_dims=1),
                "scatter": tf.scatter_nd(at[:, :1], x, [6, 4]), "update": tf.tensor_scatter_nd_update(w, at[:, :1], w[:1] * 0 + x[:, :3]),
                "segments": tf.math.unsorted_segment_sum(x, at[:, 0], 6), "unique": tf.unique(at[:, 0])[0],
                "where": tf.where(x > 0), "mask": tf.boolean_mask(x, x[:, 0] > -9.0)}

    module(path, serving_default=picked)
    return Hints(arrays={"at": lambda rng, case: np.stack(
        [rng.permutation(6)[:BATCHES[case]], rng.integers(0, 6, BATCHES[case])], 1).astype("int32")})


@saving("non-maximum suppression, crop and resize", WAY)
def boxes(path, rng):
    @function(([None, 4], F, "boxes"), ([None], F, "scores"), ([1, 8, 8, 3], F, "image"))
    def chosen(boxes, scores, image):
        kept = tf.image.non_max_suppression(boxes, scores, 3)
        return {"kept": kept, "crops": tf.image.crop_and_resize(image, boxes, tf.zeros_like(scores, tf.int32), (3, 4))}

    module(path, serving_default=chosen)
    return Hints(arrays={"boxes": lambda rng, case: np.sort(rng.random((BATCHES[case], 2, 2)), 1).reshape(-1, 4).astype("float32"),
                         "scores": lambda rng, case: rng.random(BATCHES[case]).astype("float32")})


@saving("PNG decoded inside", WAY)
def decoded(path, rng):
    @function(([None], tf.string, "png"))
    def decode(png):
        images = tf.map_fn(lambda b: tf.cast(tf.io.decode_png(b, 3), F) / 255.0, png, fn_output_signature=F)
        return {"y": tf.image.resize(tf.ensure_shape(images, [None, None, None, 3]), (4, 4))}

    module(path, serving_default=decode)
    return Hints(arrays={"png": lambda rng, case: np.array(
        [tf.io.encode_png(rng.integers(0, 256, (6, 5, 3)).astype("uint8")).numpy() for _ in range(BATCHES[case])], object)})


@saving("JPEG decoded inside", WAY, 3e-2)
def decoded_jpeg(path, rng):
    @function(([], tf.string, "jpeg"))
    def decode(jpeg):
        image = tf.cast(tf.io.decode_jpeg(jpeg, 3), F) / 255.0
        return {"y": image, "grey": tf.cast(tf.io.decode_image(jpeg, 1, expand_animations=False), F)}

    # Smooth, as photographs are.
    def picture(rng, case):
        corners = tf.image.resize(rng.integers(0, 256, (3, 3, 3)).astype("float32"), (40, 33 + 7 * case))
        return tf.io.encode_jpeg(tf.cast(corners, tf.uint8), quality=90).numpy()

    module(path, serving_default=decode)
    return Hints(arrays={"jpeg": picture})


@saving("linear algebra and spectra", WAY, 1e-4)
def algebra(path, rng):
    @function(([None, 4, 4], F, "x"))
    def solved(x):
        square = tf.matmul(x, x, transpose_b=True) + 4.0 * tf.eye(4)
        return {"inverse": tf.linalg.inv(square), "cholesky": tf.linalg.cholesky(square), "band": tf.linalg.band_part(x, 1, 0),
                "diagonal": tf.linalg.diag_part(x), "spectrum": tf.abs(tf.signal.rfft(x))}

    module(path, serving_default=solved)


@saving("sharded checkpoint", "variables in several files")
def sharded(path, rng):
    holder = tf.Module()
    holder.parts = [variable(rng, 64, 64) for _ in range(4)]

    @function(([None, 64], F, "x"))
    def product(x):
        for w in holder.parts:
            x = tf.tanh(tf.matmul(x, w))
        return {"y": x}

    holder.product = product
    options = tf.saved_model.SaveOptions(experimental_sharding_callback=tf.train.experimental.MaxShardSizePolicy(20000))
    tf.saved_model.save(holder, path, signatures=product, options=options)
