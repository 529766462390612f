"""Models of tables as their converters write them: pipelines of scikit-learn, and boosters."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from sklearn import (
    calibration,
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    mixture,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    random_projection,
    svm,
    tree,
)

ROWS, SHOWN, FEATURES = 200, (1, 9), 6
WORDS = "red green blue cat dog bird runs sleeps eats fast slow big small".split()


class Data:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.x = self.rng.normal(0, 1, (ROWS, FEATURES)).astype(np.float32)
        signal = self.x[:, 0] * 2 + np.sin(self.x[:, 1] * 3) + self.x[:, 2] ** 2 + self.rng.normal(0, 0.3, ROWS)
        self.y = signal.astype(np.float32)
        self.two = (signal > np.median(signal)).astype(np.int64)
        self.three = np.digitize(signal, np.quantile(signal, [0.33, 0.66])).astype(np.int64)
        self.names = np.array(["low", "middle", "high"])[self.three]
        self.targets = np.stack([self.y, -self.y + self.x[:, 3]], 1)
        self.texts = np.array([" ".join(self.rng.choice(WORDS, self.rng.integers(2, 7))) for _ in range(ROWS)])
        self.shown = [self.rng.normal(0, 1.5, (n, FEATURES)).astype(np.float32) for n in SHOWN]

    def gaps(self, x):
        return np.where(self.rng.random(x.shape) < 0.2, np.float32(np.nan), x)


def anywhere(model):
    """Not every machine has the locale that is the usual one."""
    for node in model.graph.node:
        if node.op_type == "StringNormalizer":
            node.attribute.append(onnx.helper.make_attribute("locale", "C"))
    return model


def by_skl2onnx(model, x, y, shown, opset, **options):
    from skl2onnx import to_onnx
    from skl2onnx.common import data_types as of

    model.fit(x, y) if y is not None else model.fit(x)
    kinds = {"f": of.FloatTensorType, "i": of.Int64TensorType}
    types = [("x", kinds.get(x.dtype.kind, of.StringTensorType)([None, *x.shape[1:]]))]
    given = {id(model): options} if options else None
    made = anywhere(to_onnx(model, initial_types=types, target_opset={"": opset, "ai.onnx.ml": 3}, options=given))
    yield f"skl2onnx-{opset}", made, [{"x": s.astype(object) if s.dtype.kind == "U" else s} for s in shown]


def estimators(d):
    """Names, estimators, and what they learn."""
    trees = dict(max_depth=4, random_state=0)
    yield "huber", linear_model.HuberRegressor(), d.y
    yield "bayesian-ridge", linear_model.BayesianRidge(), d.y
    yield "lasso-lars", linear_model.LassoLars(alpha=0.01), d.y
    yield "ransac", linear_model.RANSACRegressor(random_state=0), d.y
    yield "theil-sen", linear_model.TheilSenRegressor(random_state=0), d.y
    yield "tweedie", linear_model.TweedieRegressor(power=1.5), np.exp(d.y / 4)
    yield "gamma", linear_model.GammaRegressor(), np.exp(d.y / 4)
    yield "quantile", linear_model.QuantileRegressor(alpha=0.01), d.y
    yield "logistic-multinomial", linear_model.LogisticRegression(C=0.5), d.names
    yield "passive-aggressive", linear_model.SGDClassifier(loss="hinge", random_state=0), d.two
    yield "sgd", linear_model.SGDRegressor(random_state=0), d.y
    yield "multi-task", linear_model.MultiTaskElasticNet(alpha=0.1), d.targets
    yield "pls", cross_decomposition.PLSRegression(2), d.targets
    yield "one-vs-one", multiclass.OneVsOneClassifier(linear_model.LogisticRegression()), d.three
    yield "many-classifiers", multioutput.MultiOutputClassifier(linear_model.LogisticRegression()), np.stack([d.two, d.three], 1)
    yield "many-regressors", multioutput.MultiOutputRegressor(tree.DecisionTreeRegressor(**trees)), d.targets
    yield "forest-targets", ensemble.RandomForestRegressor(6, **trees), d.targets
    yield "extra-tree", ensemble.ExtraTreesRegressor(6, **trees), d.y
    yield "forest-deep", ensemble.RandomForestClassifier(20, random_state=0), d.names
    yield "ada-regressor", ensemble.AdaBoostRegressor(n_estimators=5, random_state=0), d.y
    yield "bagging-regressor", ensemble.BaggingRegressor(linear_model.Ridge(), n_estimators=4, random_state=0), d.y
    yield "gradient-quantile", ensemble.GradientBoostingRegressor(n_estimators=8, loss="huber", random_state=0), d.y
    yield "histogram-poisson", ensemble.HistGradientBoostingRegressor(max_iter=6, loss="poisson", random_state=0), np.exp(d.y / 4)
    soft = [("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB()), ("c", tree.DecisionTreeClassifier(**trees))]
    yield "voting-soft", ensemble.VotingClassifier(soft, voting="soft", flatten_transform=False), d.three
    yield "voting-hard", ensemble.VotingClassifier(soft, flatten_transform=False), d.three
    stacked = [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(**trees))]
    yield "stacking-regressor", ensemble.StackingRegressor(stacked), d.y
    yield "calibrated-isotonic", calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=0), cv=2, method="isotonic"), d.three
    yield "neighbours-cosine", neighbors.KNeighborsClassifier(3, weights="distance", metric="manhattan"), d.names
    yield "neighbours", neighbors.KNeighborsTransformer(n_neighbors=3), None
    yield "imputer-neighbours", impute.KNNImputer(n_neighbors=2), None
    yield "complement", pipeline.make_pipeline(preprocessing.MinMaxScaler(clip=True), naive_bayes.ComplementNB()), d.three
    yield "categorical", pipeline.make_pipeline(preprocessing.KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"), naive_bayes.CategoricalNB()), d.three
    yield "gaussian-process", gaussian_process.GaussianProcessClassifier(random_state=0), d.two
    yield "mixture", mixture.GaussianMixture(3, random_state=0), None
    yield "bayesian-mixture", mixture.BayesianGaussianMixture(n_components=2, covariance_type="diag", random_state=0), None
    yield "mini-batches", cluster.MiniBatchKMeans(4, n_init=1, random_state=0), None
    yield "kernel-components", decomposition.KernelPCA(3, kernel="rbf", gamma=0.3), None
    yield "incremental", decomposition.IncrementalPCA(3), None
    yield "projection", random_projection.GaussianRandomProjection(3, random_state=0), None
    yield "variance", feature_selection.VarianceThreshold(0.9), None
    yield "eliminated", feature_selection.RFE(linear_model.Ridge(), n_features_to_select=3), d.y
    yield "selected", feature_selection.SelectFromModel(ensemble.RandomForestClassifier(5, **trees)), d.two
    yield "quantiles", preprocessing.QuantileTransformer(n_quantiles=20), None
    yield "polynomials", preprocessing.PolynomialFeatures(3, interaction_only=True), None
    yield "layers", neural_network.MLPClassifier((12, 8), activation="logistic", max_iter=200, random_state=0), d.three
    wide = pipeline.make_union(preprocessing.StandardScaler(), decomposition.PCA(2), preprocessing.PolynomialFeatures(2))
    yield "union", pipeline.make_pipeline(wide, svm.SVC(probability=True, random_state=0)), d.names
    yield "one-class-sgd", linear_model.SGDOneClassSVM(random_state=0), None
    yield "local-outliers", neighbors.LocalOutlierFactor(novelty=True, n_neighbors=5), None
    yield "envelope", pipeline.make_pipeline(preprocessing.RobustScaler(), ensemble.IsolationForest(n_estimators=8, random_state=0)), None


def columns(d):
    """Columns of several types, each an input of its own, with what is missing in them."""
    import pandas
    from skl2onnx import to_onnx
    from skl2onnx.common import data_types as of

    def frame(n):
        made = pandas.DataFrame({f"n{i}": d.gaps(d.rng.normal(size=n).astype(np.float32)) for i in range(3)})
        made["colour"], made["animal"] = d.rng.choice(WORDS[:3], n), d.rng.choice(WORDS[3:6], n)
        made["count"] = d.rng.integers(0, 9, n)
        made["text"] = [" ".join(d.rng.choice(WORDS, 4)) for _ in range(n)]
        return made

    learned = frame(ROWS)
    steps = compose.ColumnTransformer(
        [
            ("numbers", pipeline.make_pipeline(impute.SimpleImputer(strategy="median"), preprocessing.StandardScaler()), ["n0", "n1", "n2"]),
            ("words", preprocessing.OneHotEncoder(handle_unknown="ignore", drop=None, min_frequency=2), ["colour"]),
            ("places", preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["animal"]),
            ("text", feature_extraction.text.TfidfVectorizer(ngram_range=(1, 2)), "text"),
            ("counts", "passthrough", ["count"]),
        ]
    )
    model = pipeline.make_pipeline(steps, ensemble.GradientBoostingClassifier(n_estimators=8, random_state=0))
    model.fit(learned, d.names)
    kinds = {"f": of.FloatTensorType, "i": of.Int64TensorType}
    types = [(c, kinds.get(learned[c].dtype.kind, of.StringTensorType)([None, 1])) for c in learned]
    made = anywhere(to_onnx(model, initial_types=types, target_opset={"": 17, "ai.onnx.ml": 3}))
    of_type = lambda a: a if a.dtype.kind in "fi" else a.astype(object)
    feeds = [{c: of_type(f[c].to_numpy()).reshape(-1, 1) for c in f} for f in map(frame, SHOWN)]
    yield "skl2onnx-17", made, feeds


def by_lightgbm(d, kind, y, zipmap=False, categories=False, **more):
    import lightgbm
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    x = d.gaps(d.x)
    if categories:
        x[:, 0] = np.abs(np.round(x[:, 0]))
        more |= {"min_data_per_group": 1, "cat_smooth": 1.0}
    groups = {"group": [20] * (ROWS // 20)} if kind == "LGBMRanker" else {}
    model = getattr(lightgbm, kind)(n_estimators=8, max_depth=4, random_state=0, verbose=-1, **more)
    model.fit(x, y, **groups, categorical_feature=[0] if categories else "auto")
    types = [("x", FloatTensorType([None, FEATURES]))]
    made = onnxmltools.convert_lightgbm(model.booster_ if kind == "LGBMRanker" else model, initial_types=types, target_opset=15, zipmap=zipmap)
    shown = [d.gaps(s) for s in d.shown]
    for s in shown if categories else ():
        s[:, 0] = np.abs(np.round(s[:, 0]))
    yield "onnxmltools-15", made, [{"x": s} for s in shown]


def by_xgboost(d, kind, y, **more):
    import onnxmltools
    import xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    model = getattr(xgboost, kind)(n_estimators=8, max_depth=4, random_state=0, **more)
    model.fit(d.gaps(d.x), y)
    made = onnxmltools.convert_xgboost(model, initial_types=[("x", FloatTensorType([None, FEATURES]))], target_opset=15)
    yield "onnxmltools-15", made, [{"x": d.gaps(s)} for s in d.shown]


def by_catboost(d, kind, y, **more):
    import catboost

    model = getattr(catboost, kind)(iterations=8, depth=3, random_seed=0, verbose=False, allow_writing_files=False, **more)
    model.fit(d.x, y)
    with tempfile.TemporaryDirectory() as directory:
        path = str(Path(directory) / "model.onnx")
        model.save_model(path, format="onnx")
        made = onnx.load(path)
    yield "catboost", made, [{"features": s} for s in d.shown]


def boosters(d):
    yield "lightgbm-maps", by_lightgbm, ("LGBMClassifier", d.names, True), {}
    yield "lightgbm-two", by_lightgbm, ("LGBMClassifier", d.two), {}
    yield "lightgbm-categories", by_lightgbm, ("LGBMRegressor", d.y, False, True), {}
    yield "lightgbm-poisson", by_lightgbm, ("LGBMRegressor", np.exp(d.y / 4)), {"objective": "poisson"}
    yield "lightgbm-dart", by_lightgbm, ("LGBMRegressor", d.y), {"boosting_type": "dart"}
    yield "lightgbm-forest", by_lightgbm, ("LGBMClassifier", d.two), {"boosting_type": "rf", "subsample": 0.7, "subsample_freq": 1}
    yield "lightgbm-each", by_lightgbm, ("LGBMClassifier", d.three), {"objective": "multiclassova"}
    yield "lightgbm-quantile", by_lightgbm, ("LGBMRegressor", d.y), {"objective": "quantile", "alpha": 0.3}
    yield "lightgbm-ranker", by_lightgbm, ("LGBMRanker", d.three), {}
    yield "xgboost", by_xgboost, ("XGBRegressor", d.y), {}
    yield "xgboost-two", by_xgboost, ("XGBClassifier", d.two), {"base_score": 0.3}
    yield "xgboost-three", by_xgboost, ("XGBClassifier", d.three), {}
    yield "xgboost-poisson", by_xgboost, ("XGBRegressor", np.exp(d.y / 4)), {"objective": "count:poisson"}
    yield "xgboost-tweedie", by_xgboost, ("XGBRegressor", np.exp(d.y / 4)), {"objective": "reg:tweedie"}
    yield "xgboost-logistic", by_xgboost, ("XGBRegressor", d.two), {"objective": "reg:logistic"}
    yield "xgboost-forest", by_xgboost, ("XGBRFRegressor", d.y), {}
    yield "xgboost-dart", by_xgboost, ("XGBClassifier", d.two), {"booster": "dart"}
    yield "catboost", by_catboost, ("CatBoostClassifier", d.three), {}
    yield "catboost-two", by_catboost, ("CatBoostClassifier", d.two), {}
    yield "catboost-names", by_catboost, ("CatBoostClassifier", d.names), {}
    yield "catboost-regressor", by_catboost, ("CatBoostRegressor", d.y), {}


def texts(d):
    extraction = feature_extraction.text
    learned, shown = d.texts.reshape(-1, 1), [d.texts[:1].reshape(-1, 1), np.array([["Red purple CAT"], ["nothing known"], ["big big red cat"]])]
    vectorise = lambda **how: compose.make_column_transformer((extraction.TfidfVectorizer(**how), 0))
    yield "text-logistic", pipeline.make_pipeline(vectorise(), linear_model.LogisticRegression()), learned, d.names, shown
    yield "text-bayes", pipeline.make_pipeline(compose.make_column_transformer((extraction.CountVectorizer(binary=True), 0)), naive_bayes.MultinomialNB()), learned, d.three, shown
    yield "text-topics", pipeline.make_pipeline(vectorise(ngram_range=(1, 3)), decomposition.TruncatedSVD(3, random_state=0)), learned, None, shown
    yield "text-characters", vectorise(analyzer="char", ngram_range=(1, 3)), learned, None, shown
    yield "text-trees", pipeline.make_pipeline(vectorise(), ensemble.RandomForestClassifier(5, random_state=0)), learned, d.two, shown


def exports(seed):
    d = Data(seed)
    opset = lambda: int(d.rng.choice([11, 12, 13, 15, 17, 18, 19, 20, 21]))
    made = [(name, lambda m=model, y=y, o=opset(): by_skl2onnx(m, d.x, y, d.shown, o)) for name, model, y in estimators(d)]
    made += [(name, lambda m=model, x=x, y=y, s=shown, o=opset(): by_skl2onnx(m, x, y, s, o)) for name, model, x, y, shown in texts(d)]
    made.append(("columns", lambda: columns(d)))
    return made + [(name, lambda of=of, args=args, more=more: of(d, *args, **more)) for name, of, args, more in boosters(d)]
