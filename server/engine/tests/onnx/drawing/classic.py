"""Operators of `ai.onnx.ml`."""

import numpy as np
from onnx import helper
from operators import operator

ML = "ai.onnx.ml"
POSTS = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"]


def names(c, count):
    return {"classlabels_strings": [f"c{n}" for n in range(count)]} if c.size(0, 1) else {}


def labels(c, count, integers="classlabels_ints"):
    c.outputs = 2
    return names(c, count) or {integers: [3 * n - 2 for n in range(count)]}


def some(c, count, low=-2, high=2):
    return [float(n) for n in c.noise.uniform(low, high, count).astype(np.float32)]


@operator("ArrayFeatureExtractor", domain=ML)
def extracted(c):
    x = c.shape(1, 3)
    c.x(*x)
    c.ints(c.noise.integers(0, x[-1], c.one([2], [1, 3])), "int64")


@operator("Binarizer", domain=ML)
def binary(c):
    c.x(*c.shape(1))
    return c.maybe(threshold=0.5)


@operator("Scaler", domain=ML)
def scaled(c):
    x = [c.size(), c.size()]
    c.x(*x)
    return {"offset": some(c, c.one(1, x[1])), "scale": some(c, c.one(1, x[1]))}


@operator("Normalizer", domain=ML)
def normalised(c):
    c.x(*c.shape(1, 2))
    return c.maybe(norm=c.one("MAX", "L1", "L2"))


@operator("Imputer", domain=ML)
def imputed(c):
    x = [c.size(), c.size()]
    made = c.x(*x)
    count = c.one(1, x[1])
    if made.dtype.kind == "i":
        return {"imputed_value_int64s": list(range(5, 5 + count)), "replaced_value_int64": 1}
    missing = c.one(float("nan"), float(made.flat[0]))
    if missing != missing:
        made[made > 1] = np.nan
    return {"imputed_value_floats": some(c, count), "replaced_value_float": missing}


@operator("FeatureVectorizer", domain=ML)
def beside(c):
    rows, widths = c.size(), [c.size() for _ in range(c.size(1, 3))]
    for width in widths:
        c.x(rows, width)
    return {"inputdimensions": widths}


@operator("LabelEncoder", domain=ML, since=2)
def encoded(c):
    kinds = ["strings", "int64s", "floats"]
    own, other = c.one(*kinds), c.one(*kinds)
    if c.opset < 4 and own == other == "floats":
        other = "int64s"
    keys = {"strings": ["a", "b", "c"], "int64s": [1, 2, 3], "floats": [1.0, 2.5, float("nan")]}[own]
    values = {"strings": ["x", "y", "z"], "int64s": [10, 20, 30], "floats": [0.5, 1.5, 2.5]}[other]
    more = {"strings": "e", "int64s": 7, "floats": 9.5}[own]
    dtype = {"strings": object, "int64s": np.int64, "floats": np.float32}[own]
    c.given(np.array([c.dice.choice([*keys, more]) for _ in range(6)], dtype).reshape(2, 3))
    default = {"strings": ("default_string", "none"), "int64s": ("default_int64", -7), "floats": ("default_float", 0.25)}[other]
    return {f"keys_{own}": keys, f"values_{other}": values} | c.maybe(**{default[0]: default[1]})


@operator("LabelEncoder", domain=ML, since=4)
def encoded_tensors(c):
    kinds = {np.int64: 7, np.int32: 6, np.int16: 5, np.float32: 1, np.float64: 11}
    own, other = c.one(*kinds), c.one(*kinds)
    c.given(c.noise.integers(0, 5, c.shape(1)).astype(own))
    how = {"keys_tensor": helper.make_tensor("k", kinds[own], [3], np.array([1, 2, 3], own))}
    how["values_tensor"] = helper.make_tensor("v", kinds[other], [3], np.array([7, 8, 9], other))
    how["default_tensor"] = helper.make_tensor("d", kinds[other], [1], np.array([-1], other))
    return how


@operator("CategoryMapper", domain=ML)
def mapped(c):
    words = c.dice.random() < 0.5
    x = np.array(["a", "b", "zzz"], object) if words else np.array([1, 2, 77], np.int64)
    c.given(c.dice.choice([x, x[::-1].copy()]))
    return {"cats_strings": ["a", "b", "c"], "cats_int64s": [1, 2, 3]} | c.maybe(default_int64=-5, default_string="none")


@operator("OneHotEncoder", domain=ML)
def one_hot(c):
    words = c.dice.random() < 0.4
    x = [c.size() for _ in range(c.size(1, 2))]
    if words:
        c.given(np.array(["a", "b", "c", "zzz"], object)[c.noise.integers(0, 4, x)])
        return {"cats_strings": ["a", "b", "c"], "zeros": 1}
    c.given(c.noise.integers(0, 5, x).astype(c.one(np.int64, np.float32, np.int32, np.float64)))
    return {"cats_int64s": [0, 1, 2, 3], "zeros": 1}


@operator("LinearRegressor", domain=ML)
def linear(c):
    rows, width, targets = c.size(), c.size(), c.size(1, 3)
    c.x(rows, width)
    how = {"targets": targets, "coefficients": some(c, targets * width)}
    return how | c.maybe(intercepts=some(c, targets), post_transform=c.one(*POSTS[:1]))


@operator("LinearClassifier", domain=ML)
def classified(c):
    rows, width, classes = c.size(), c.size(), c.size(2, 4)
    c.x(rows, width)
    how = {"coefficients": some(c, classes * width), "intercepts": some(c, classes)}
    if classes == 2 and c.dice.random() < 0.5:
        how = {"coefficients": some(c, width), "intercepts": some(c, 1)}
    return how | labels(c, classes) | c.maybe(post_transform=c.one(*POSTS), multi_class=c.size(0, 1))


def kernel(c):
    kind = c.one("LINEAR", "POLY", "RBF", "SIGMOID")
    return {"kernel_type": kind, "kernel_params": [0.3, 0.5, 2.0]}


@operator("SVMRegressor", domain=ML)
def svm_regressor(c):
    rows, width, supports = c.size(), c.size(), c.size(1, 4)
    c.x(rows, width)
    how = {"n_supports": supports, "support_vectors": some(c, supports * width), "coefficients": some(c, supports)}
    return how | {"rho": some(c, 1)} | kernel(c) | c.maybe(one_class=c.size(0, 1))


@operator("SVMClassifier", domain=ML)
def svm_classifier(c):
    rows, width, classes = c.size(), c.size(), c.size(2, 4)
    c.x(rows, width)
    each = [c.size(1, 3) for _ in range(classes)]
    total, pairs = sum(each), classes * (classes - 1) // 2
    how = {"vectors_per_class": each, "support_vectors": some(c, total * width), "coefficients": some(c, total * (classes - 1))}
    if c.dice.random() < 0.5:
        how |= {"prob_a": some(c, pairs, -2, -0.5), "prob_b": some(c, pairs)}
    return how | {"rho": some(c, pairs)} | kernel(c) | labels(c, classes) | c.maybe(post_transform=c.one(*POSTS))


def forest(c, width, targets, prefix):
    """A few trees as lists of nodes."""
    nodes = {k: [] for k in "treeids nodeids featureids values modes truenodeids falsenodeids missing_value_tracks_true".split()}
    leaves = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}

    def grow(tree, depth):
        own = sum(t == tree for t in nodes["treeids"])
        place = len(nodes["treeids"])
        leaf = depth == 0 or c.dice.random() < 0.2
        mode = "LEAF" if leaf else c.one("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_GTE", "BRANCH_EQ", "BRANCH_NEQ")
        row = [tree, own, c.size(0, width - 1), round(c.dice.uniform(-2, 2), 2), mode, 0, 0, c.size(0, 1)]
        for k, v in zip(nodes, row):
            nodes[k].append(v)
        if leaf:
            for target in c.dice.sample(range(targets), c.size(1, targets)):
                for k, v in zip(leaves, [tree, own, target, round(c.dice.uniform(-1, 1), 2)]):
                    leaves[k].append(v)
        else:
            nodes["truenodeids"][place] = grow(tree, depth - 1)
            nodes["falsenodeids"][place] = grow(tree, depth - 1)
        return own

    for tree in range(c.size(1, 4)):
        grow(tree, 3)
    return {f"nodes_{k}": v for k, v in nodes.items()} | {f"{prefix}_{k}": v for k, v in leaves.items()}


@operator("TreeEnsembleRegressor", domain=ML, last=4)
def tree_regressor(c):
    rows, width, targets = c.size(), c.size(), c.size(1, 3)
    c.x(rows, width)
    how = {"n_targets": targets} | forest(c, width, targets, "target")
    return how | c.maybe(aggregate_function=c.one("SUM", "AVERAGE", "MIN", "MAX"), base_values=some(c, targets))


@operator("TreeEnsembleClassifier", domain=ML, last=4)
def tree_classifier(c):
    rows, width, classes = c.size(), c.size(), c.size(2, 4)
    c.x(rows, width)
    how = forest(c, width, classes, "class") | labels(c, classes, "classlabels_int64s")
    return how | c.maybe(post_transform=c.one(*POSTS), base_values=some(c, classes))


@operator("TreeEnsemble", domain=ML, since=5)
def trees(c):
    rows, width, targets = c.size(), c.size(), c.size(1, 2)
    kind = c.one(np.float32, np.float64)
    c.given(c.noise.uniform(-2, 2, (rows, width)).astype(kind))
    onnx_kind = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    count = c.size(1, 3)
    tensor = lambda name, numbers: helper.make_tensor(name, onnx_kind, [len(numbers)], np.array(numbers, kind))
    how = {
        "n_targets": targets,
        "tree_roots": list(range(count)),
        "nodes_featureids": [c.size(0, width - 1) for _ in range(count)],
        "nodes_splits": tensor("s", some(c, count)),
        "nodes_modes": helper.make_tensor("m", 2, [count], np.array([c.size(0, 5) for _ in range(count)], np.uint8)),
        "nodes_truenodeids": list(range(0, 2 * count, 2)),
        "nodes_falsenodeids": list(range(1, 2 * count, 2)),
        "nodes_trueleafs": [1] * count,
        "nodes_falseleafs": [1] * count,
        "leaf_targetids": [c.size(0, targets - 1) for _ in range(2 * count)],
        "leaf_weights": tensor("w", some(c, 2 * count)),
    }
    return how | c.maybe(aggregate_function=c.size(0, 3), post_transform=0, nodes_missing_value_tracks_true=[0] * count)
