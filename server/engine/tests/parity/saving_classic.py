"""TensorFlow 1: sessions, simple_save, frozen graphs, control flow before functions, partitioned variables."""

import numpy as np
import tensorflow as tf

from protocol import Hints
from saving import saving

v1 = tf.compat.v1


def answers(path):
    """What a session answers for a signature: not every graph of TensorFlow 1 comes back as a function."""

    def answer(name, inputs):
        with tf.Graph().as_default(), v1.Session() as session:
            meta = v1.saved_model.load(session, ["serve"], path)
            signature = meta.signature_def[name]
            feeds = {signature.inputs[k].name: v for k, v in inputs.items()}
            return session.run({k: v.name for k, v in signature.outputs.items()}, feeds)

    return answer


def classic(name, way="simple_save", tolerance=1e-5):
    """A row from a function that builds a graph and gives its inputs and outputs, and perhaps hints."""

    def register(build):
        @saving(name, way, tolerance)
        def make(path, rng):
            v1.disable_control_flow_v2() if "v1" in way else v1.enable_control_flow_v2()
            try:
                with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
                    inputs, outputs, *hints = build(rng)
                    session.run([v1.global_variables_initializer(), v1.tables_initializer()])
                    if "frozen" in way:
                        frozen(session, path, inputs, outputs)
                    else:
                        v1.saved_model.simple_save(session, path, inputs, outputs, legacy_init_op=v1.tables_initializer())
            finally:
                v1.enable_control_flow_v2()
            hints = hints[0] if hints else Hints()
            hints.answer = answers(path)
            return hints

        return build

    return register


def frozen(session, path, inputs, outputs):
    ends = [t.op.name for t in outputs.values()]
    constants = v1.graph_util.convert_variables_to_constants(session, session.graph_def, ends)
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as bare:
        tf.import_graph_def(constants, name="")
        back = lambda tensors: {k: graph.get_tensor_by_name(t.name) for k, t in tensors.items()}
        v1.saved_model.simple_save(bare, path, back(inputs), back(outputs))


def get(rng, name, *shape, resource=False):
    value = rng.normal(0, 0.3, shape).astype("float32")
    return v1.get_variable(name, initializer=value, use_resource=resource)


def network(rng, resource=False):
    x = v1.placeholder(tf.float32, [None, 9, 9, 2], name="x")
    y = tf.nn.conv2d(x, get(rng, "w", 3, 3, 2, 4, resource=resource), strides=2, padding="SAME")
    y, _, _ = v1.nn.fused_batch_norm(y, get(rng, "scale", 4, resource=resource) + 1.0, get(rng, "offset", 4, resource=resource),
                                     mean=get(rng, "mean", 4, resource=resource), epsilon=1e-3, is_training=False,
                                     variance=tf.abs(get(rng, "variance", 4, resource=resource)) + 0.5)
    y = tf.reshape(tf.nn.relu6(y), [tf.shape(y)[0], 100])
    y = tf.nn.bias_add(tf.matmul(y, get(rng, "d", 100, 3, resource=resource)), [0.1, 0.2, 0.3])
    return {"x": x}, {"probabilities": tf.nn.softmax(y), "classes": tf.argmax(y, axis=1)}


classic("convolutions, reference variables")(network)
classic("convolutions, resource variables")(lambda rng: network(rng, True))
classic("convolutions", "frozen graph")(network)


@classic("partitioned variables")
def partitioned(rng):
    x = v1.placeholder(tf.float32, [None, 8], name="x")
    ids = v1.placeholder(tf.int64, [None, 2], name="ids")
    with v1.variable_scope("p", partitioner=v1.fixed_size_partitioner(3)):
        w = v1.get_variable("w", shape=(8, 5), initializer=v1.random_normal_initializer(seed=3), use_resource=False)
        e = v1.get_variable("e", shape=(11, 4), initializer=v1.random_normal_initializer(seed=4), use_resource=False)
    return {"x": x, "ids": ids}, {"y": tf.matmul(x, tf.convert_to_tensor(w)), "e": tf.nn.embedding_lookup(e, ids)}


def control(rng):
    x = v1.placeholder(tf.float32, [None, 4], name="x")
    w = get(rng, "w", 4, 4)
    a = tf.cond(tf.reduce_sum(x) > 0, lambda: tf.matmul(x, w), lambda: x * 2.0)
    b = tf.cond(tf.reduce_max(x) > 50, lambda: x + 1.0, lambda: x - 1.0)
    return {"x": x}, {"a": a, "b": b}


def loop(rng):
    x = v1.placeholder(tf.float32, [None, 4], name="x")
    w = get(rng, "w", 4, 4)
    _, y = tf.while_loop(lambda i, y: i < 4, lambda i, y: (i + 1, tf.tanh(tf.matmul(y, w))), (0, x))
    return {"x": x}, {"y": y}


def scan(rng):
    x = v1.placeholder(tf.float32, [None, 5, 4], name="x")
    w = get(rng, "w", 4, 4)
    series = tf.TensorArray(tf.float32, 5).unstack(tf.transpose(x, (1, 0, 2)))
    made = tf.TensorArray(tf.float32, 5)

    def step(i, state, made):
        state = tf.tanh(tf.matmul(state, w) + series.read(i))
        return i + 1, state, made.write(i, state)

    _, last, made = tf.while_loop(lambda i, *_: i < 5, step, (0, tf.zeros_like(x[:, 0]), made))
    return {"x": x}, {"last": last, "all": made.stack()}


for way in ("simple_save, control flow v1", "simple_save, control flow v2"):
    classic("tf.cond", way)(control)
    classic("tf.while_loop", way)(loop)
    classic("TensorArray in a loop", way)(scan)
classic("tf.while_loop", "frozen graph, control flow v1")(loop)


@classic("table from constants")
def table(rng):
    x = v1.placeholder(tf.string, [None], name="x")
    words = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["one", "two"], tf.constant([1, 2], tf.int64)), -1)
    return {"x": x}, {"y": words.lookup(x)}


@classic("placeholder with default, dropout off")
def default(rng):
    x = v1.placeholder(tf.float32, [None, 4], name="x")
    keep = v1.placeholder_with_default(1.0, [], name="keep")
    y = tf.matmul(x, get(rng, "w", 4, 3)) * keep
    return {"x": x}, {"y": tf.nn.relu(y)}


@classic("dynamic_rnn of an LSTM", "simple_save, control flow v1")
def recurrent(rng):
    x = v1.placeholder(tf.float32, [None, 5, 4], name="x")
    kernel, bias = get(rng, "kernel", 7, 12), get(rng, "bias", 12)

    def step(t, c, h, out):
        i, j, f, o = tf.split(tf.nn.bias_add(tf.matmul(tf.concat([x[:, t], h], 1), kernel), bias), 4, 1)
        c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(c) * tf.sigmoid(o)
        return t + 1, c, h, out.write(t, h)

    zero = tf.zeros([tf.shape(x)[0], 3])
    _, _, last, out = tf.while_loop(lambda t, *_: t < 5, step, (0, zero, zero, tf.TensorArray(tf.float32, 5)))
    return {"x": x}, {"last": last, "all": tf.transpose(out.stack(), (1, 0, 2))}


@classic("wide and deep over feature columns")
def columns(rng):
    fc = tf.feature_column
    age, hours = fc.numeric_column("age"), fc.numeric_column("hours", shape=(2,), normalizer_fn=lambda x: (x - 3.0) / 2.0)
    buckets = fc.bucketized_column(age, [18, 25, 40, 65])
    degree = fc.categorical_column_with_vocabulary_list("degree", ["bs", "ms", "phd"], num_oov_buckets=2)
    work = fc.categorical_column_with_hash_bucket("work", 20)
    weighted = fc.weighted_categorical_column(fc.categorical_column_with_identity("number", 10, default_value=0), "weight")
    crossed = fc.crossed_column(["degree", "work", buckets], 50)
    deep = [age, hours, buckets, fc.indicator_column(degree), fc.embedding_column(work, 4),
            fc.embedding_column(weighted, 3, combiner="sqrtn"), fc.indicator_column(crossed)]
    wide = [buckets, degree, work, crossed, weighted]
    examples = v1.placeholder(tf.string, [None], name="examples")
    parsed = v1.io.parse_example(examples, fc.make_parse_example_spec(deep + wide))
    y = v1.feature_column.input_layer(parsed, deep)
    for n, width in enumerate((8, 4)):
        y = tf.nn.relu(tf.matmul(y, get(rng, f"w{n}", int(y.shape[-1]), width)))
    logit = tf.matmul(y, get(rng, "out", 4, 1)) + v1.feature_column.linear_model(parsed, wide)

    def made(rng, case):
        rows = []
        for n in range((1, 3)[case]):
            example = tf.train.Example()
            feature = example.features.feature
            feature["age"].float_list.value.append(float(rng.integers(10, 80)))
            feature["hours"].float_list.value.extend([2.0, float(n)])
            feature["degree"].bytes_list.value.append([b"bs", b"phd", b"none"][n])
            feature["work"].bytes_list.value.extend([b"a", b"b"][: 1 + n % 2])
            if n != 1:
                feature["number"].int64_list.value.append(3)
                feature["weight"].float_list.value.append(0.5)
            rows.append(example.SerializeToString())
        return np.array(rows, object)

    return {"examples": examples}, {"chance": tf.sigmoid(logit), "deep": y}, Hints(arrays={"examples": made})
