"""Writes classic models, as their converters write them, and what `onnxruntime` answers, for `tests/onnx.rs`.

    pip install onnx onnxruntime skl2onnx scikit-learn onnxmltools xgboost lightgbm pandas "protobuf<7"
    python classic.py cases/classic.gz [SEED]

The form of the file is that of `cases.py`. All is made of random numbers; another seed makes other models.
"""

import sys
import warnings
from pathlib import Path

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
import xgboost
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common import data_types as of
from sklearn import (
    calibration,
    cluster,
    compose,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

sys.path.insert(0, str(Path(__file__).parent))
import cases

ROWS, SHOWN, FEATURES = 150, 10, 5
TOLERANCE = 1e-5
OPSETS = {"": 18, "ai.onnx.ml": 3}
WORDS = "red green blue cat dog bird runs sleeps eats fast slow big small".split()


class Maker:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.records = []
        x = self.rng.normal(0, 1, (ROWS, FEATURES)).astype(np.float32)
        signal = x[:, 0] * 2 + np.sin(x[:, 1] * 3) + x[:, 2] ** 2 + self.rng.normal(0, 0.3, ROWS)
        self.x, self.y = x, signal.astype(np.float32)
        self.two = (signal > np.median(signal)).astype(np.int64)
        self.three = np.digitize(signal, np.quantile(signal, [0.33, 0.66])).astype(np.int64)
        self.names = np.array(["low", "middle", "high"])[self.three]
        self.texts = np.array([" ".join(self.rng.choice(WORDS, self.rng.integers(2, 7))) for _ in range(ROWS)])
        # More like what requests bring than what was learned from.
        self.shown = self.rng.normal(0, 1.5, (SHOWN, FEATURES)).astype(np.float32)

    def case(self, name, model, inputs):
        """A model and what the runtime answers; of a list of maps the scores that they hold."""
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        names = [o.name for o in session.get_outputs()]
        answers = session.run(names, inputs)
        made = []
        for answer in answers:
            if isinstance(answer, list):
                answer = np.array([list(row.values()) for row in answer], np.float32)
            made.append(np.asarray(answer))
        parts = cases.Parts()
        header = {
            "name": f"runtime_{name}",
            "rtol": TOLERANCE,
            "atol": TOLERANCE,
            "inputs": [parts.tensor(n, a) for n, a in inputs.items()],
            "outputs": [parts.tensor(n, a) for n, a in zip(names, made)],
        }
        self.records.append(cases.packed(header, model, parts))

    def sklearn(self, name, model, y=None, x=None, shown=None, maps=False, types=None, options=None):
        x = self.x if x is None else x
        shown = self.shown if shown is None else shown
        model.fit(x, y) if y is not None else model.fit(x)
        options = dict(options or {})
        if hasattr(model, "predict_proba") and not maps:
            options["zipmap"] = False
        types = types or [("x", of.FloatTensorType([None, x.shape[1]]))]
        made = to_onnx(model, initial_types=types, target_opset=OPSETS, options={id(model): options} if options else None)
        for node in made.graph.node:
            # Not every machine has the locale that is the usual one.
            if node.op_type == "StringNormalizer":
                node.attribute.append(helper.make_attribute("locale", "C"))
        self.case(name, made, {"x": shown})


def linear(m):
    m.sklearn("linear", linear_model.LinearRegression(), m.y)
    m.sklearn("linear_targets", linear_model.Ridge(), np.stack([m.y, -m.y + m.x[:, 3]], 1))
    m.sklearn("elastic_net", linear_model.ElasticNet(alpha=0.1), m.y)
    m.sklearn("logistic_two", linear_model.LogisticRegression(), m.two)
    m.sklearn("logistic_three_names", linear_model.LogisticRegression(), m.names)
    m.sklearn("logistic_maps", linear_model.LogisticRegression(), m.names, maps=True)
    m.sklearn("sgd_log", linear_model.SGDClassifier(loss="log_loss", random_state=0), m.two)
    m.sklearn("ridge_classifier", linear_model.RidgeClassifier(), m.three)
    m.sklearn("perceptron", linear_model.Perceptron(random_state=0), m.three, options={"raw_scores": True})
    m.sklearn("discriminant", discriminant_analysis.LinearDiscriminantAnalysis(), m.three)
    m.sklearn("poisson", linear_model.PoissonRegressor(), np.exp(m.y / 4))
    m.sklearn("one_vs_rest", multiclass.OneVsRestClassifier(linear_model.LogisticRegression()), m.three)


def machines(m):
    for kernel in ("linear", "poly", "rbf", "sigmoid"):
        m.sklearn(f"svc_{kernel}", svm.SVC(kernel=kernel, probability=True, random_state=0), m.three)
    m.sklearn("svc_two", svm.SVC(probability=True, random_state=0), m.two)
    m.sklearn("svc_raw", svm.SVC(decision_function_shape="ovo"), m.names, options={"raw_scores": True})
    m.sklearn("svc_two_raw", svm.SVC(), m.two, options={"raw_scores": True})
    m.sklearn("nu_svc", svm.NuSVC(probability=True, random_state=0), m.names)
    m.sklearn("linear_svc", svm.LinearSVC(random_state=0), m.three, options={"raw_scores": True})
    m.sklearn("svr", svm.SVR(), m.y)
    m.sklearn("nu_svr_poly", svm.NuSVR(kernel="poly"), m.y)
    m.sklearn("one_class", svm.OneClassSVM())


def trees(m):
    m.sklearn("tree_two", tree.DecisionTreeClassifier(max_depth=4, random_state=0), m.two)
    m.sklearn("tree_names", tree.DecisionTreeClassifier(max_depth=4, random_state=0), m.names)
    m.sklearn("tree_maps", tree.DecisionTreeClassifier(max_depth=3, random_state=0), m.three, maps=True)
    m.sklearn("tree_targets", tree.DecisionTreeRegressor(max_depth=4, random_state=0), np.stack([m.y, m.x[:, 3]], 1))
    m.sklearn("forest_two", ensemble.RandomForestClassifier(5, max_depth=4, random_state=0), m.two)
    m.sklearn("forest_three", ensemble.RandomForestClassifier(5, max_depth=4, random_state=0), m.three)
    m.sklearn("forest", ensemble.RandomForestRegressor(5, max_depth=4, random_state=0), m.y)
    m.sklearn("extra_trees", ensemble.ExtraTreesClassifier(5, max_depth=4, random_state=0), m.names)
    m.sklearn("gradient_two", ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0), m.two)
    m.sklearn("gradient_three", ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0), m.three)
    m.sklearn("gradient", ensemble.GradientBoostingRegressor(n_estimators=5, random_state=0), m.y)
    m.sklearn("bagging", ensemble.BaggingClassifier(n_estimators=4, random_state=0), m.three)
    m.sklearn("ada", ensemble.AdaBoostClassifier(n_estimators=4, random_state=0), m.three)
    m.sklearn("isolation", ensemble.IsolationForest(n_estimators=5, random_state=0))
    gaps = m.shown.copy()
    gaps[m.rng.random(gaps.shape) < 0.3] = np.nan
    learned = m.x.copy()
    learned[m.rng.random(learned.shape) < 0.2] = np.nan
    m.sklearn("histogram_gaps", ensemble.HistGradientBoostingRegressor(max_iter=5, random_state=0), m.y, learned, gaps)
    m.sklearn("histogram_two", ensemble.HistGradientBoostingClassifier(max_iter=5, random_state=0), m.two, learned, gaps)
    m.sklearn("histogram_three", ensemble.HistGradientBoostingClassifier(max_iter=5, random_state=0), m.three)


def others(m):
    layers = dict(hidden_layer_sizes=(8, 6), max_iter=300, random_state=0)
    m.sklearn("mlp", neural_network.MLPRegressor(**layers), m.y)
    m.sklearn("mlp_two", neural_network.MLPClassifier(activation="tanh", **layers), m.two)
    m.sklearn("mlp_names", neural_network.MLPClassifier(**layers), m.names)
    m.sklearn("k_means", cluster.KMeans(3, n_init=2, random_state=0))
    m.sklearn("neighbours", neighbors.KNeighborsClassifier(3), m.three)
    m.sklearn("neighbours_mean", neighbors.KNeighborsRegressor(4, weights="distance"), m.y)
    m.sklearn("gaussian", naive_bayes.GaussianNB(), m.names)
    m.sklearn("multinomial", naive_bayes.MultinomialNB(), m.three, np.abs(m.x), np.abs(m.shown))
    m.sklearn("bernoulli", naive_bayes.BernoulliNB(), m.two)
    m.sklearn("process", gaussian_process.GaussianProcessRegressor(alpha=0.1), m.y)
    m.sklearn("calibrated", calibration.CalibratedClassifierCV(linear_model.LogisticRegression(), cv=2), m.two)
    m.sklearn("stacking", ensemble.StackingClassifier([("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=3))]), m.two)
    m.sklearn("voting", ensemble.VotingRegressor([("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))]), m.y)


def preparations(m):
    p = preprocessing
    for name, step in {
        "standard": p.StandardScaler(),
        "min_max": p.MinMaxScaler(),
        "robust": p.RobustScaler(),
        "max_abs": p.MaxAbsScaler(),
        "l1": p.Normalizer("l1"),
        "l2": p.Normalizer("l2"),
        "max": p.Normalizer("max"),
        "binarizer": p.Binarizer(threshold=0.3),
        "polynomial": p.PolynomialFeatures(2),
        "bins": p.KBinsDiscretizer(3, encode="ordinal", quantile_method="averaged_inverted_cdf"),
        "power": p.PowerTransformer(),
        "components": decomposition.PCA(3),
        "truncated": decomposition.TruncatedSVD(2, random_state=0),
    }.items():
        m.sklearn(f"step_{name}", step)
    m.sklearn("step_best", feature_selection.SelectKBest(k=2), m.three)
    gaps = m.shown.copy()
    gaps[m.rng.random(gaps.shape) < 0.3] = np.nan
    m.sklearn("step_imputer", impute.SimpleImputer(), shown=gaps)
    words = m.rng.choice(WORDS[:5], (ROWS, 2)).astype(object)
    types = [("x", of.StringTensorType([None, 2]))]
    shown = words[:SHOWN].copy()
    m.sklearn("step_ordinal", p.OrdinalEncoder(), x=words, shown=shown, types=types)
    shown[0, 0] = "unknown"
    m.sklearn("step_one_hot", p.OneHotEncoder(handle_unknown="ignore", sparse_output=False), x=words, shown=shown, types=types)
    numbers = m.rng.integers(0, 4, (ROWS, 2))
    types = [("x", of.Int64TensorType([None, 2]))]
    m.sklearn("step_one_hot_numbers", p.OneHotEncoder(sparse_output=False), x=numbers, shown=numbers[:SHOWN], types=types)
    types = [("x", of.StringTensorType([None]))]
    m.sklearn("step_labels", p.LabelEncoder(), x=words[:, 0], shown=words[:SHOWN, 0], types=types)


def texts(m):
    types = [("x", of.StringTensorType([None]))]
    shown = np.array([*m.texts[: SHOWN - 2], "red purple cat", "nothing known"], object)
    given = dict(x=m.texts, shown=shown, types=types)
    extraction = feature_extraction.text
    m.sklearn("text_counts", extraction.CountVectorizer(), **given)
    m.sklearn("text_tfidf", extraction.TfidfVectorizer(), **given)
    m.sklearn("text_pairs", extraction.TfidfVectorizer(ngram_range=(1, 2), stop_words=["red", "big"]), **given)
    m.sklearn("text_sublinear", extraction.TfidfVectorizer(sublinear_tf=True, norm="l1"), **given)
    steps = pipeline.make_pipeline(extraction.TfidfVectorizer(), linear_model.LogisticRegression())
    m.sklearn("text_pipeline", steps, m.names, **given)


def columns(m):
    """Inputs of several types, each a tensor of its own."""
    import pandas

    frame = pandas.DataFrame({f"n{i}": m.x[:, i] for i in range(3)})
    frame["colour"] = m.rng.choice(WORDS[:3], ROWS)
    frame["count"] = m.rng.integers(0, 9, ROWS)
    steps = compose.ColumnTransformer(
        [
            ("numbers", pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()), ["n0", "n1", "n2"]),
            ("words", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["colour"]),
            ("counts", "passthrough", ["count"]),
        ]
    )
    model = pipeline.make_pipeline(steps, ensemble.RandomForestClassifier(4, max_depth=3, random_state=0))
    model.fit(frame, m.names)
    kinds = {"f": of.FloatTensorType, "i": of.Int64TensorType}
    types = [(c, kinds.get(frame[c].dtype.kind, of.StringTensorType)([None, 1])) for c in frame]
    made = to_onnx(model, initial_types=types, target_opset=OPSETS, options={id(model): {"zipmap": False}})
    shown = frame[:SHOWN].copy()
    shown.loc[0, "colour"] = "unknown"
    arrays = {c: shown[c].to_numpy().reshape(-1, 1) for c in shown}
    m.case("columns", made, {c: a.astype(object) if a.dtype.kind not in "fi" else a for c, a in arrays.items()})


def boosters(m):
    types = [("x", onnxmltools.convert.common.data_types.FloatTensorType([None, FEATURES]))]
    gaps = m.shown.copy()
    gaps[m.rng.random(gaps.shape) < 0.2] = np.nan
    few = dict(n_estimators=5, max_depth=3)
    for name, kind, y in (("", "Regressor", m.y), ("_two", "Classifier", m.two), ("_three", "Classifier", m.three)):
        model = getattr(xgboost, f"XGB{kind}")(random_state=0, **few).fit(m.x, y)
        made = onnxmltools.convert_xgboost(model, initial_types=types, target_opset=15)
        m.case(f"xgboost{name}", made, {"x": gaps})
        model = getattr(lightgbm, f"LGBM{kind}")(random_state=0, verbose=-1, **few).fit(m.x, y)
        made = onnxmltools.convert_lightgbm(model, initial_types=types, target_opset=15, zipmap=False)
        m.case(f"lightgbm{name}", made, {"x": gaps})


def ml(m, name, op, inputs, outputs, **attributes):
    """A model of one operator."""
    inputs = {n: np.asarray(a) for n, a in inputs.items()}
    kind_of = lambda a: TensorProto.STRING if a.dtype == object else helper.np_dtype_to_tensor_dtype(a.dtype)
    taken = [helper.make_tensor_value_info(n, kind_of(a), a.shape) for n, a in inputs.items()]
    made = [helper.make_tensor_value_info(n, kind, None) for n, kind in outputs.items()]
    version, domain = attributes.pop("version", 3), attributes.pop("domain", "ai.onnx.ml")
    node = helper.make_node(op, list(inputs), list(outputs), domain=domain, **attributes)
    graph = helper.make_graph([node], name, taken, made)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", version)]
    m.case(name, helper.make_model(graph, opset_imports=opsets, ir_version=10), inputs)


def random_trees(m, weights, targets, modes, count=3, prefix="target", sole=False):
    """Lists of full trees of depth two."""
    rng, lists = m.rng, {}
    put = lambda name, value: lists.setdefault(name, []).append(value)
    for t in range(count):
        for n in range(7):
            inner = n < 3
            put("nodes_treeids", t)
            put("nodes_nodeids", n)
            put("nodes_featureids", int(rng.integers(FEATURES)) if inner else 0)
            put("nodes_modes", str(rng.choice(modes)) if inner else "LEAF")
            put("nodes_values", float(rng.integers(-2, 3)) if inner else 0.0)
            put("nodes_truenodeids", 2 * n + 1 if inner else 0)
            put("nodes_falsenodeids", 2 * n + 2 if inner else 0)
            put("nodes_missing_value_tracks_true", int(rng.integers(2)) if inner else 0)
            for target in ([t % targets] if sole else range(targets)) if not inner else []:
                put(f"{prefix}_treeids", t)
                put(f"{prefix}_nodeids", n)
                put(f"{prefix}_ids", target)
                put(f"{prefix}_weights", float(weights(rng)))
    return lists


def places(m, name, x, kind, function, targets, post):
    """Trees that name their nodes by their places: each an inner node with two of them below, and four leaves."""
    rng, trees = m.rng, 3
    count = 3 * trees
    modes = rng.integers(0, 7, count)
    members = [[*rng.integers(-2, 3, 2).astype(float), np.nan] for mode in modes if mode == 6]
    number = lambda n, values: helper.make_tensor(n, kind, [len(values)], values)
    inner = lambda own, leaf: [leaf if n % 3 else own for n in range(count)]
    leaves = [4 * (n // 3) + 2 * (n % 3 - 1) for n in range(count)]
    optional = {"membership_values": number("membership_values", np.concatenate(members))} if members else {}
    ml(
        m,
        name,
        "TreeEnsemble",
        {"x": x},
        {"y": kind},
        version=5,
        n_targets=targets,
        aggregate_function=function,
        post_transform=post,
        tree_roots=[0, 3, 6],
        nodes_featureids=rng.integers(0, FEATURES, count).tolist(),
        nodes_modes=helper.make_tensor("nodes_modes", TensorProto.UINT8, [count], modes),
        nodes_splits=number("nodes_splits", rng.integers(-1, 2, count).astype(float)),
        nodes_missing_value_tracks_true=rng.integers(0, 2, count).tolist(),
        nodes_trueleafs=inner(0, 1),
        nodes_falseleafs=inner(0, 1),
        nodes_truenodeids=[leaves[n] if n % 3 else n + 1 for n in range(count)],
        nodes_falsenodeids=[leaves[n] + 1 if n % 3 else n + 2 for n in range(count)],
        leaf_targetids=rng.integers(0, targets, 4 * trees).tolist(),
        leaf_weights=number("leaf_weights", rng.normal(size=4 * trees)),
        **optional,
    )


def operators(m):
    """What the converters leave out."""
    signed, positive = (lambda r: r.normal()), (lambda r: r.uniform(0, 0.3))
    modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
    x = np.round(m.shown)
    x[m.rng.random(x.shape) < 0.2] = np.nan
    floats = {"y": TensorProto.FLOAT}
    for mode in modes:
        ml(m, f"nodes_{mode.lower()}", "TreeEnsembleRegressor", {"x": x}, floats, n_targets=1, **random_trees(m, signed, 1, [mode]))
    for function in ("SUM", "AVERAGE", "MIN", "MAX"):
        for targets, base in ((1, [0.5]), (3, [0.1, 0.2, 0.3])):
            lists = random_trees(m, signed, targets, modes)
            ml(m, f"trees_{function.lower()}_{targets}", "TreeEnsembleRegressor", {"x": x}, floats, n_targets=targets, aggregate_function=function, base_values=base, **lists)
    lists = random_trees(m, signed, 2, modes)
    for name in ("nodes_values", "target_weights"):
        values = lists.pop(name)
        lists[f"{name}_as_tensor"] = helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)
    ml(m, "trees_double", "TreeEnsembleRegressor", {"x": x.astype(np.float64)}, floats, n_targets=2, **lists)
    for post in ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
        for kind, weights in (("positive", positive), ("signed", signed)):
            for classes, sole in ((2, False), (2, True), (3, False)):
                lists = random_trees(m, weights, 1 if sole else classes, modes, prefix="class", sole=sole)
                answers = {"label": TensorProto.INT64, "scores": TensorProto.FLOAT}
                name = f"classes_{post.lower()}_{kind}_{classes}{'_sole' if sole else ''}"
                # Where both of two classes have weights the runtime answers their numbers, whatever their labels.
                first = 0 if classes == 2 else 5
                ml(m, name, "TreeEnsembleClassifier", {"x": x}, answers, classlabels_int64s=list(range(first, first + classes)), post_transform=post, **lists)
    for kind in (TensorProto.FLOAT, TensorProto.DOUBLE):
        given = x.astype(helper.tensor_dtype_to_np_dtype(kind))
        name = "places_" + ("float" if kind == TensorProto.FLOAT else "double")
        # The runtime takes the numbers of softmax and of logistic for each other's.
        for function in range(4):
            places(m, f"{name}_{function}", given, kind, function, 1 + function % 3, 0)
    ml(m, "scores_softmax", "LinearRegressor", {"x": m.shown}, floats, coefficients=m.rng.normal(size=15).tolist(), intercepts=[0.1, 0.2, 0.3], targets=3, post_transform="SOFTMAX")
    ml(m, "binary_names", "LinearClassifier", {"x": m.shown}, {"label": TensorProto.STRING, "scores": TensorProto.FLOAT}, coefficients=m.rng.normal(size=5).tolist(), intercepts=[0.1], classlabels_strings=["no", "yes"], post_transform="LOGISTIC")
    words = m.rng.choice(WORDS[:4], (4, 2)).astype(object)
    ml(m, "mapper", "CategoryMapper", {"x": words}, {"y": TensorProto.INT64}, cats_strings=WORDS[:3], cats_int64s=[7, 8, 9], default_int64=-5)
    ml(m, "mapper_back", "CategoryMapper", {"x": np.array([7, 9, 4])}, {"y": TensorProto.STRING}, cats_strings=WORDS[:3], cats_int64s=[7, 8, 9])
    keys = np.array([0.0, np.nan, 1.5, 3.0], np.float32)
    ml(m, "labels_floats", "LabelEncoder", {"x": keys}, {"y": TensorProto.STRING}, version=4, keys_floats=[np.nan, 0.0, 1.5], values_strings=["none", "zero", "some"], default_string="other")
    ml(m, "labels_numbers", "LabelEncoder", {"x": np.array([3, 4, 5])}, floats, keys_int64s=[3, 4], values_floats=[0.25, 0.5], default_float=-2.0)
    ml(m, "vectorizer", "FeatureVectorizer", {"a": m.shown[:, :2], "b": m.shown[:, 3:4]}, floats, inputdimensions=[2, 1])
    ml(m, "imputer_numbers", "Imputer", {"x": np.array([[0, 2], [3, 0]])}, {"y": TensorProto.INT64}, imputed_value_int64s=[5, 6], replaced_value_int64=0)


def quantised(m):
    """Numbers in few bits, where the backend tests are short."""
    rng = m.rng
    bytes_of = lambda kind, *shape: rng.integers(np.iinfo(kind).min, np.iinfo(kind).max + 1, shape).astype(kind)
    scales = lambda *shape: rng.uniform(0.001, 0.02, shape).astype(np.float32)
    one = lambda name, op, inputs, outputs, **given: ml(m, name, op, inputs, outputs, domain="", **given)
    a, b = bytes_of(np.uint8, 4, 300), bytes_of(np.int8, 300, 6)
    zeros = {"az": np.array(120, np.uint8), "bz": bytes_of(np.int8, 6)}
    one("product_integers", "MatMulInteger", {"a": a, "b": b, **zeros}, {"y": TensorProto.INT32})
    inputs = {"a": a, "as": scales(), "az": zeros["az"], "b": b, "bs": scales(6), "bz": zeros["bz"], "ys": scales() + np.float32(0.5), "yz": np.array(100, np.uint8)}
    one("product_quantised", "QLinearMatMul", inputs, {"y": TensorProto.UINT8})
    x = rng.normal(0, 1, (4, 10, 3)).astype(np.float32)
    for kind, name in ((np.uint8, "UINT8"), (np.int8, "INT8"), (np.int16, "INT16")):
        inputs = {"x": x, "s": scales(10), "z": bytes_of(kind, 10)}
        one(f"quantise_{name.lower()}", "QuantizeLinear", inputs, {"y": getattr(TensorProto, name)}, axis=1)
        inputs = {"x": bytes_of(kind, 4, 10, 3), "s": scales(4, 3, 3), "z": bytes_of(kind, 4, 3, 3)}
        one(f"dequantise_{name.lower()}", "DequantizeLinear", inputs, {"y": TensorProto.FLOAT}, axis=-2, block_size=4)
    one("dequantise_sums", "DequantizeLinear", {"x": bytes_of(np.int32, 3, 5), "s": scales(3)}, {"y": TensorProto.FLOAT}, axis=0)
    outputs = {"y": TensorProto.UINT8, "scale": TensorProto.FLOAT, "zero": TensorProto.UINT8}
    one("quantise_nothing", "DynamicQuantizeLinear", {"x": np.zeros((2, 3), np.float32)}, outputs)


def words(m):
    """Byte strings, where the backend tests are short."""
    rng = m.rng
    one = lambda name, op, inputs, kind, **given: ml(m, name, op, inputs, {"y": kind}, domain="", **given)
    for mode in ("TF", "IDF", "TFIDF"):
        for weighted in (False, True):
            given = dict(mode=mode, min_gram_length=1, max_gram_length=3, max_skip_count=2)
            given |= dict(ngram_counts=[0, 4, 10], ngram_indexes=[4, 0, 6, 2, 5, 1, 3, 7])
            given |= dict(weights=rng.uniform(0, 2, 8).tolist()) if weighted else {}
            name = f"grams_{mode.lower()}{'_weighted' if weighted else ''}"
            pool = rng.integers(0, 4, 13).tolist()
            pool[:4] = [0, 1, 2, 3]
            pool[4:10] = [0, 1, 1, 2, 3, 0]
            x = rng.integers(0, 5, (3, 12))
            one(name, "TfIdfVectorizer", {"x": x}, TensorProto.FLOAT, pool_int64s=pool, **given)
            named = {"x": np.array(WORDS[:5], object)[x[0]]}
            one(f"{name}_words", "TfIdfVectorizer", named, TensorProto.FLOAT, pool_strings=[WORDS[n] for n in pool], **given)
    x = np.array([["Red", "rED", "green", "the", "THE"]], object)
    for case in ("NONE", "LOWER", "UPPER"):
        for sensitive in (0, 1):
            given = dict(case_change_action=case, is_case_sensitive=sensitive, stopwords=["red", "the"], locale="C")
            one(f"words_{case.lower()}_{sensitive}", "StringNormalizer", {"x": x}, TensorProto.STRING, **given)
    one("words_none_left", "StringNormalizer", {"x": x[0, 3:]}, TensorProto.STRING, stopwords=["the"], locale="C")
    given = {"a": np.array([["a"], ["b"]], object), "b": np.array([["x", "y", ""]], object)}
    one("words_joined", "StringConcat", given, TensorProto.STRING)


def sequences(m):
    """A loop that begins with nothing, and one that makes no step."""
    model = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 16]>
        loops (int64 steps, float[2,3] x) => (int64 count, float[N,3] joined, float[N,2,3] gathered) {
            yes = Constant <value: tensor = bool {1}> ()
            none = Optional <type: type_proto = seq(float[2,3])> ()
            all = Loop (steps, yes, none) <body = step (int64 n, bool go, optional(seq(float[2,3])) before) => (bool on, seq(float[2,3]) after) {
                on = Identity (go)
                there = OptionalHasElement (before)
                so_far = If (there) <
                    then_branch = then () => (seq(float[2,3]) old) { old = OptionalGetElement (before) },
                    else_branch = other () => (seq(float[2,3]) new) { new = SequenceConstruct (x) }
                >
                step = Cast <to = 1> (n)
                more = Add (x, step)
                after = SequenceInsert (so_far, more)
            }>
            count = SequenceLength (all)
            joined = ConcatFromSequence <axis = 0> (all)
            zero = Constant <value: tensor = int64 {0}> ()
            gathered = Loop (zero, yes) <body = nothing (int64 n, bool go) => (bool on, float[2,3] same) {
                on = Identity (go)
                same = Identity (x)
            }>
        }
    """)
    x = m.rng.normal(size=(2, 3)).astype(np.float32)
    m.case("loops", model, {"steps": np.array(3), "x": x})


def main():
    warnings.filterwarnings("ignore")
    maker = Maker(int(sys.argv[2]) if len(sys.argv) > 2 else 7)
    for make in (linear, machines, trees, others, preparations, texts, columns, boosters, operators, quantised, words, sequences):
        make(maker)
    cases.write(sys.argv[1], maker.records)
    print(len(maker.records), "cases")


if __name__ == "__main__":
    main()
