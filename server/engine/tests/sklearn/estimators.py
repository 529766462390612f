"""The estimators that are compared, fitted to small random tables."""

import numpy as np

TRAINED, ASKED = 40, 10
OLD = [
    "linear", "logistic", "logistic-classes", "sgd-log", "tree-classes", "forest", "forest-regression", "boosting-classes", "hist",
    "hist-classes", "ada-classes", "isolation", "svc-classes", "svc-chances", "knn", "gaussian-nb", "mlp-classes", "kmeans", "pca",
    "pipeline", "table", "tfidf", "voting", "stacking", "calibrated", "bagging", "one-hot", "simple-imputer", "bins", "poly",
    "kernel-pca-rbf", "factors", "nmf", "nmf-costs", "nmf-kullback", "process-two", "outliers", "birch", "splines", "splines-linear",
]


class Data:
    def __init__(self, seed):
        self.rng = np.random.default_rng(7 if seed is None else 100 + seed)
        self.width = 4 if seed is None else int(self.rng.integers(2, 8))
        self.x = self.rng.normal(0, 1, (TRAINED, self.width))
        self.rows = self.rng.normal(0, 1.2, (ASKED, self.width))
        signal = self.x[:, 0] * 2 + np.sin(self.x[:, 1] * 3) + self.x[:, -1] ** 2
        self.y = signal + self.rng.normal(0, 0.1, TRAINED)
        self.positive = np.abs(self.y) + 0.1
        self.two = (signal > np.median(signal)).astype(int)
        self.three = np.digitize(signal, np.quantile(signal, [0.33, 0.66]))
        self.words = np.array(["blue", "green", "red"], object)[self.three]
        self.targets = np.stack([self.y, self.y * self.x[:, 1]], 1)
        self.outputs = np.stack([self.two, self.three], 1)
        self.many = np.stack([self.two, (self.x[:, 1] > 0).astype(int), (self.y > 1).astype(int)], 1)
        self.counts = self.rng.poisson(2, (TRAINED, self.width))
        self.count_rows = self.rng.poisson(2, (ASKED, self.width))
        self.codes = np.concatenate([self.rng.integers(0, 4, (TRAINED - 4, self.width)), np.tile(np.arange(4)[:, None], self.width)])
        self.code_rows = self.rng.integers(0, 4, (ASKED, self.width))
        self.holes = np.where(self.rng.random(self.x.shape) < 0.15, np.nan, self.x)
        self.hole_rows = np.where(self.rng.random(self.rows.shape) < 0.15, np.nan, self.rows)
        vocabulary = "the cat sat on a mat while Dogs ran past 42 houses and naïve café owners wrote e-mail_1 über long words".split()
        text = lambda: " ".join(self.rng.choice(vocabulary, self.rng.integers(3, 12)))
        self.documents = [text() for _ in range(TRAINED)]
        self.document_rows = [text() for _ in range(ASKED - 2)] + ["", "Nothing of THIS, is known! cat-cat  cat"]

    def frame(self, rows):
        import pandas

        count = TRAINED if rows is None else ASKED
        x = self.x if rows is None else self.rows
        pick = lambda names: self.rng.choice(np.array(names, object), count)
        return pandas.DataFrame({
            "size": x[:, 0],
            "colour": pick(["red", "green", "blue"]),
            "age": np.where(self.rng.random(count) < 0.1, np.nan, x[:, 1]),
            "city": pick(["Rome", "Oslo", "Lima", "Bonn"]),
        })


def every(seed):
    """Names, and what makes a model, rows to ask, methods that are not compared; "alone" where all rows make an answer together."""
    from sklearn import (
        calibration, cluster, compose, covariance, cross_decomposition, decomposition, discriminant_analysis, dummy, ensemble, feature_extraction, feature_selection,
        gaussian_process, impute, isotonic, kernel_approximation, kernel_ridge, linear_model, mixture, model_selection, multiclass, multioutput, naive_bayes, neighbors,
        neural_network, pipeline, preprocessing, svm, tree,
    )

    from sklearn.experimental import enable_iterative_imputer  # noqa: F401

    try:
        from sklearn.experimental import enable_hist_gradient_boosting  # noqa: F401
    except ImportError:
        pass
    words = feature_extraction.text
    all = []

    def add(name, make, x="x", y=None, rows=None, skip=()):
        def made():
            d = Data(seed)
            value = lambda key: getattr(d, key) if isinstance(key, str) else key(d)
            model = make()
            train = value(x)
            model.fit(*([train] if y is None else [train, value(y)]))
            asked = rows or {"x": "rows", "counts": "count_rows", "codes": "code_rows", "holes": "hole_rows", "documents": "document_rows"}.get(x)
            return model, value(asked), skip

        all.append((name, made))

    join = pipeline.make_pipeline
    # Linear models.
    add("linear", linear_model.LinearRegression, y="y")
    add("linear-targets", linear_model.LinearRegression, y="targets")
    add("ridge", linear_model.Ridge, y="y")
    add("ridge-targets", linear_model.Ridge, y="targets")
    add("ridge-cv", linear_model.RidgeCV, y="y")
    add("lasso", lambda: linear_model.Lasso(0.1), y="y")
    add("elastic-net", lambda: linear_model.ElasticNet(0.1), y="y")
    add("lars", linear_model.Lars, y="y")
    add("bayesian-ridge", linear_model.BayesianRidge, y="y", skip=())
    add("huber", linear_model.HuberRegressor, y="y")
    add("omp", linear_model.OrthogonalMatchingPursuit, y="y")
    add("multi-lasso", lambda: linear_model.MultiTaskLasso(0.1), y="targets")
    add("sgd-regression", linear_model.SGDRegressor, y="y")
    if hasattr(linear_model, "PoissonRegressor"):
        add("poisson", linear_model.PoissonRegressor, y="positive")
        add("gamma", linear_model.GammaRegressor, y="positive")
        add("tweedie", lambda: linear_model.TweedieRegressor(power=1.5), y="positive")
        add("tweedie-identity", lambda: linear_model.TweedieRegressor(power=0), y="positive")
    if hasattr(linear_model, "QuantileRegressor"):
        add("quantile", lambda: linear_model.QuantileRegressor(alpha=0.01, solver="highs"), y="y")
    if hasattr(linear_model, "SGDOneClassSVM"):
        add("sgd-one-class", lambda: linear_model.SGDOneClassSVM(random_state=1))
    add("logistic", linear_model.LogisticRegression, y="two")
    add("logistic-words", linear_model.LogisticRegression, y="words")
    add("logistic-classes", linear_model.LogisticRegression, y="three")
    add("logistic-liblinear", lambda: linear_model.LogisticRegression(solver="liblinear"), y="two")
    add("sgd-hinge", lambda: linear_model.SGDClassifier(random_state=1), y="three")
    add("sgd-log", lambda: linear_model.SGDClassifier(loss=log_loss(), random_state=1), y="three")
    add("sgd-log-two", lambda: linear_model.SGDClassifier(loss=log_loss(), random_state=1), y="two")
    add("sgd-huber", lambda: linear_model.SGDClassifier(loss="modified_huber", random_state=1), y="three")
    add("sgd-huber-two", lambda: linear_model.SGDClassifier(loss="modified_huber", random_state=1), y="two")
    add("perceptron", lambda: linear_model.Perceptron(random_state=1), y="three")
    add("ridge-classes", linear_model.RidgeClassifier, y="three")
    add("ridge-two", linear_model.RidgeClassifier, y="two")
    add("linear-svc", lambda: svm.LinearSVC(random_state=1), y="three")
    add("linear-svr", lambda: svm.LinearSVR(random_state=1), y="y")
    # Trees.
    add("tree", lambda: tree.DecisionTreeRegressor(random_state=1), y="y")
    add("tree-targets", lambda: tree.DecisionTreeRegressor(random_state=1), y="targets")
    add("tree-classes", lambda: tree.DecisionTreeClassifier(random_state=1, max_depth=3), y="words")
    add("tree-outputs", lambda: tree.DecisionTreeClassifier(random_state=1, max_depth=3), y="outputs")
    add("extra-tree", lambda: tree.ExtraTreeClassifier(random_state=1, max_depth=3), y="three")
    add("forest", lambda: ensemble.RandomForestClassifier(8, max_depth=4, random_state=1), y="three")
    add("forest-two", lambda: ensemble.RandomForestClassifier(8, max_depth=4, random_state=1), y="two")
    add("forest-regression", lambda: ensemble.RandomForestRegressor(6, max_depth=4, random_state=1), y="y")
    add("forest-outputs", lambda: ensemble.RandomForestClassifier(4, max_depth=3, random_state=1), y="outputs")
    add("extra-trees", lambda: ensemble.ExtraTreesClassifier(6, max_depth=4, random_state=1), y="words")
    add("extra-trees-targets", lambda: ensemble.ExtraTreesRegressor(4, max_depth=4, random_state=1), y="targets")
    add("boosting", lambda: ensemble.GradientBoostingRegressor(n_estimators=10, random_state=1), y="y")
    add("boosting-huber", lambda: ensemble.GradientBoostingRegressor(n_estimators=5, loss="huber", random_state=1), y="y")
    add("boosting-zero", lambda: ensemble.GradientBoostingRegressor(n_estimators=5, init="zero", random_state=1), y="y")
    add("boosting-init", lambda: ensemble.GradientBoostingRegressor(n_estimators=5, init=linear_model.LinearRegression(), random_state=1), y="y")
    add("boosting-two", lambda: ensemble.GradientBoostingClassifier(n_estimators=8, random_state=1), y="two")
    add("boosting-exponential", lambda: ensemble.GradientBoostingClassifier(n_estimators=8, loss="exponential", random_state=1), y="two")
    add("boosting-classes", lambda: ensemble.GradientBoostingClassifier(n_estimators=4, random_state=1), y="words")
    hist = dict(max_iter=6, min_samples_leaf=3)
    add("hist", lambda: ensemble.HistGradientBoostingRegressor(**hist), x="holes", y="y")
    add("hist-two", lambda: ensemble.HistGradientBoostingClassifier(**hist), x="holes", y="two")
    add("hist-classes", lambda: ensemble.HistGradientBoostingClassifier(**hist), y="words")
    add("hist-poisson", lambda: ensemble.HistGradientBoostingRegressor(loss="poisson", **hist), y="positive")
    add("hist-categories", lambda: ensemble.HistGradientBoostingRegressor(categorical_features=[0], **hist), x="codes", y="y",
        rows=lambda d: np.where(d.code_rows == 3, 9, d.code_rows).astype(float))
    add("ada", lambda: ensemble.AdaBoostRegressor(n_estimators=6, random_state=1), y="y")
    add("ada-two", lambda: ensemble.AdaBoostClassifier(n_estimators=6, random_state=1), y="two")
    add("ada-classes", lambda: ensemble.AdaBoostClassifier(n_estimators=6, random_state=1), y="words")
    add("isolation", lambda: ensemble.IsolationForest(n_estimators=10, random_state=1))
    add("isolation-columns", lambda: ensemble.IsolationForest(n_estimators=6, max_features=0.5, contamination=0.2, random_state=1))
    # Ensembles of others.
    base = "estimator"
    import inspect

    if base not in inspect.signature(ensemble.BaggingClassifier).parameters:
        base = "base_estimator"
    several = lambda: [("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=2, random_state=1))]
    numbers = lambda: [("a", linear_model.LinearRegression()), ("b", tree.DecisionTreeRegressor(max_depth=2, random_state=1))]
    add("bagging", lambda: ensemble.BaggingClassifier(n_estimators=4, random_state=1), y="words")
    add("bagging-linear", lambda: ensemble.BaggingClassifier(linear_model.LogisticRegression(), n_estimators=3, max_features=0.5, random_state=1), y="three")
    add("bagging-votes", lambda: ensemble.BaggingClassifier(linear_model.Perceptron(random_state=1), n_estimators=3, random_state=1), y="three")
    add("bagging-regression", lambda: ensemble.BaggingRegressor(n_estimators=4, random_state=1), y="y")
    add("voting", lambda: ensemble.VotingClassifier(several(), voting="soft", weights=[2, 1]), y="words")
    add("voting-hard", lambda: ensemble.VotingClassifier(several() + [("c", naive_bayes.GaussianNB())]), y="words")
    add("voting-regression", lambda: ensemble.VotingRegressor(numbers()), y="y")
    add("stacking", lambda: ensemble.StackingClassifier(several(), cv=3), y="words")
    add("stacking-two", lambda: ensemble.StackingClassifier(several(), cv=3, passthrough=True), y="two")
    add("stacking-regression", lambda: ensemble.StackingRegressor(numbers(), cv=3), y="y")
    add("calibrated", lambda: calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=1), cv=3), y="words")
    add("calibrated-isotonic", lambda: calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), method="isotonic", cv=3), y="two")
    add("multi-output", lambda: multioutput.MultiOutputClassifier(linear_model.LogisticRegression()), y="outputs")
    add("multi-regression", lambda: multioutput.MultiOutputRegressor(linear_model.Ridge()), y="targets")
    add("chain", lambda: multioutput.ClassifierChain(linear_model.LogisticRegression(), order=[2, 0, 1]), y="many")
    add("regressor-chain", lambda: multioutput.RegressorChain(linear_model.Ridge()), y="targets")
    add("rest", lambda: multiclass.OneVsRestClassifier(linear_model.LogisticRegression()), y="words")
    add("rest-two", lambda: multiclass.OneVsRestClassifier(linear_model.LogisticRegression()), y="two")
    add("rest-trees", lambda: multiclass.OneVsRestClassifier(tree.DecisionTreeClassifier(max_depth=2, random_state=1)), y="three")
    add("rest-labels", lambda: multiclass.OneVsRestClassifier(linear_model.LogisticRegression()), y="many")
    add("pairs", lambda: multiclass.OneVsOneClassifier(linear_model.LogisticRegression()), y="words")
    add("pairs-two", lambda: multiclass.OneVsOneClassifier(svm.LinearSVC(random_state=1)), y="two")
    add("dummy", lambda: dummy.DummyClassifier(strategy="prior"), y="words")
    add("dummy-constant", lambda: dummy.DummyClassifier(strategy="constant", constant=1), y="two")
    add("dummy-regression", lambda: dummy.DummyRegressor(strategy="median"), y="y")
    add("search", lambda: model_selection.GridSearchCV(linear_model.LogisticRegression(), {"C": [0.1, 1]}, cv=3), y="words")
    add("target-scaled", lambda: compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=preprocessing.StandardScaler()), y="y")
    add("target-log", lambda: compose.TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1), y="positive")
    # Naive Bayes.
    add("gaussian-nb", naive_bayes.GaussianNB, y="words")
    add("multinomial-nb", naive_bayes.MultinomialNB, x="counts", y="three")
    add("complement-nb", naive_bayes.ComplementNB, x="counts", y="three")
    add("bernoulli-nb", lambda: naive_bayes.BernoulliNB(binarize=0.2), y="three")
    add("categorical-nb", naive_bayes.CategoricalNB, x="codes", y="three")
    # Support vectors.
    chances = dict(probability=True, random_state=1)
    for kernel in ["linear", "rbf", "poly", "sigmoid"]:
        add(f"svc-{kernel}", lambda kernel=kernel: svm.SVC(kernel=kernel), y="two")
        add(f"svr-{kernel}", lambda kernel=kernel: svm.SVR(kernel=kernel), y="y")
    add("svc-classes", svm.SVC, y="words")
    add("svc-ovo", lambda: svm.SVC(decision_function_shape="ovo"), y="three")
    add("svc-ties", lambda: svm.SVC(break_ties=True, gamma=0.3), y="three")
    add("svc-chances", lambda: svm.SVC(**chances), y="words")
    add("svc-chances-two", lambda: svm.SVC(**chances), y="two")
    add("nu-svc", lambda: svm.NuSVC(nu=0.3), y="three")
    add("nu-svr", svm.NuSVR, y="y")
    add("one-class", lambda: svm.OneClassSVM(nu=0.2))
    # Neighbours.
    add("knn", neighbors.KNeighborsClassifier, y="words")
    add("knn-weights", lambda: neighbors.KNeighborsClassifier(3, weights="distance"), y="three", rows=lambda d: np.concatenate([d.rows[:-2], d.x[:2]]))
    add("knn-manhattan", lambda: neighbors.KNeighborsClassifier(3, p=1, algorithm="ball_tree"), y="two")
    add("knn-cosine", lambda: neighbors.KNeighborsClassifier(3, metric="cosine"), y="two")
    add("knn-regression", neighbors.KNeighborsRegressor, y="y")
    add("knn-targets", lambda: neighbors.KNeighborsRegressor(weights="distance", algorithm="kd_tree"), y="targets")
    add("radius-regression", lambda: neighbors.RadiusNeighborsRegressor(4.0), y="y")
    add("outliers", lambda: neighbors.LocalOutlierFactor(5, novelty=True))
    add("outliers-manhattan", lambda: neighbors.LocalOutlierFactor(4, metric="manhattan", contamination=0.2, novelty=True))
    add("centroid", neighbors.NearestCentroid, y="words", skip=("predict_proba", "decision_function"))
    # Networks.
    net = dict(hidden_layer_sizes=(5, 3), max_iter=30, random_state=1)
    add("mlp", lambda: neural_network.MLPRegressor(**net), y="y")
    add("mlp-targets", lambda: neural_network.MLPRegressor(activation="tanh", **net), y="targets")
    add("mlp-two", lambda: neural_network.MLPClassifier(activation="logistic", **net), y="two")
    add("mlp-classes", lambda: neural_network.MLPClassifier(**net), y="words")
    add("mlp-labels", lambda: neural_network.MLPClassifier(**net), y="many")
    # Clusters, mixtures, projections.
    add("kmeans", lambda: cluster.KMeans(3, n_init=2, random_state=1))
    add("mini-kmeans", lambda: cluster.MiniBatchKMeans(3, n_init=2, random_state=1))
    for kind in ["full", "tied", "diag", "spherical"]:
        add(f"mixture-{kind}", lambda kind=kind: mixture.GaussianMixture(2, covariance_type=kind, random_state=1))
    add("pca", lambda: decomposition.PCA(2))
    add("pca-whiten", lambda: decomposition.PCA(2, whiten=True))
    add("svd", lambda: decomposition.TruncatedSVD(1, random_state=1))
    add("ica", lambda: decomposition.FastICA(2, random_state=1))
    for kernel, more in [("linear", {}), ("poly", {"degree": 2}), ("rbf", {}), ("sigmoid", {"gamma": 0.01}), ("cosine", {})]:
        add(f"kernel-pca-{kernel}", lambda kernel=kernel, more=more: decomposition.KernelPCA(2, kernel=kernel, **more))
    add("factors", lambda: decomposition.FactorAnalysis(2, random_state=1))
    if "rotation" in inspect.signature(decomposition.FactorAnalysis).parameters:
        add("factors-rotated", lambda: decomposition.FactorAnalysis(2, rotation="varimax"))
    add("nmf", lambda: decomposition.NMF(2, init="nndsvda", tol=1e-12, max_iter=5000), x="counts")
    add("nmf-rounds", lambda: decomposition.NMF(2, init="nndsvda", max_iter=5), x="counts", skip=("alone",))
    costs = "alpha_W" if "alpha_W" in inspect.signature(decomposition.NMF).parameters else "alpha"
    add("nmf-costs", lambda: decomposition.NMF(2, init="nndsvda", l1_ratio=0.5, **{costs: 0.05}), x="counts", skip=("alone",))
    for name, loss in [("frobenius", "frobenius"), ("kullback", "kullback-leibler"), ("itakura", "itakura-saito"), ("between", 1.5), ("below", 0.5), ("above", 3)]:
        add(f"nmf-{name}", lambda loss=loss: decomposition.NMF(2, init="nndsvda", solver="mu", beta_loss=loss, l1_ratio=0.5, **{costs: 0.01}),
            x=lambda d: d.counts + 1.0, rows=lambda d: d.count_rows + 1.0, skip=("alone",))
    add("nmf-zeros", lambda: decomposition.NMF(2, init="nndsvda", solver="mu", beta_loss="kullback-leibler"), x="counts", skip=("alone",))
    add("nmf-words", lambda: join(words.TfidfVectorizer(), decomposition.NMF(3, init="nndsvd")), x="documents", skip=("alone",))
    add("birch", lambda: cluster.Birch(threshold=0.8, n_clusters=3))
    add("birch-all", lambda: cluster.Birch(threshold=0.8, n_clusters=None))
    add("lda", discriminant_analysis.LinearDiscriminantAnalysis, y="words")
    add("lda-two", lambda: discriminant_analysis.LinearDiscriminantAnalysis(solver="eigen"), y="two")
    add("qda", discriminant_analysis.QuadraticDiscriminantAnalysis, y="words")
    add("qda-two", lambda: discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.1), y="two")
    # Transformers.
    add("standard", preprocessing.StandardScaler)
    add("standard-mean", lambda: preprocessing.StandardScaler(with_std=False), x="holes")
    add("min-max", lambda: preprocessing.MinMaxScaler((-1, 2)))
    add("max-abs", preprocessing.MaxAbsScaler)
    add("robust", preprocessing.RobustScaler)
    for norm in ["l1", "l2", "max"]:
        add(f"normalizer-{norm}", lambda norm=norm: preprocessing.Normalizer(norm=norm))
    add("binarizer", lambda: preprocessing.Binarizer(threshold=0.3))
    add("poly", preprocessing.PolynomialFeatures)
    add("poly-interactions", lambda: preprocessing.PolynomialFeatures(3, interaction_only=True, include_bias=False))
    add("bins", lambda: preprocessing.KBinsDiscretizer(3))
    add("bins-ordinal", lambda: preprocessing.KBinsDiscretizer(4, encode="ordinal", strategy="uniform"))
    if hasattr(preprocessing, "SplineTransformer"):
        splines = preprocessing.SplineTransformer
        add("splines", splines)
        add("splines-linear", lambda: splines(6, degree=2, knots="quantile", extrapolation="linear", include_bias=False))
        add("splines-lines", lambda: splines(2, degree=1))
        add("splines-steps", lambda: splines(4, degree=0, extrapolation="continue"))
        add("splines-periodic", lambda: splines(extrapolation="periodic"))
        add("splines-continue", lambda: splines(3, extrapolation="continue"))
        add("splines-error", lambda: splines(extrapolation="error"), rows=lambda d: d.x[:6] * 0.99)
        add("splines-counts", lambda: splines(5, knots="quantile"), x="counts")
        if "sparse_output" in inspect.signature(splines).parameters:
            add("splines-sparse", lambda: join(splines(sparse_output=True), linear_model.Ridge()), y="y")
        if "handle_missing" in inspect.signature(splines).parameters:
            add("splines-holes", lambda: splines(handle_missing="zeros"), x="holes")
    add("power", preprocessing.PowerTransformer)
    add("power-box-cox", lambda: preprocessing.PowerTransformer(method="box-cox"), x=lambda d: np.abs(d.x) + 0.1, rows=lambda d: np.abs(d.rows) + 0.1)
    add("quantiles", lambda: preprocessing.QuantileTransformer(n_quantiles=10))
    add("quantiles-normal", lambda: preprocessing.QuantileTransformer(n_quantiles=10, output_distribution="normal"))
    add("simple-imputer", impute.SimpleImputer, x="holes")
    add("imputer-indicator", lambda: impute.SimpleImputer(strategy="median", add_indicator=True), x="holes")
    add("imputer-words", lambda: impute.SimpleImputer(strategy="most_frequent", missing_values=""),
        x=lambda d: d.words.reshape(-1, 1), rows=lambda d: np.array([["red"], [""], ["blue"]], object))
    add("missing", lambda: impute.MissingIndicator(error_on_new=False), x="holes")
    add("one-hot", lambda: preprocessing.OneHotEncoder(handle_unknown="ignore"), x="codes", rows=lambda d: d.code_rows + 1)
    add("one-hot-words", lambda: preprocessing.OneHotEncoder(drop="first"), x=lambda d: d.words.reshape(-1, 1), rows=lambda d: d.words[:5].reshape(-1, 1))
    if "min_frequency" in inspect.signature(preprocessing.OneHotEncoder).parameters:
        add("one-hot-seldom", lambda: preprocessing.OneHotEncoder(min_frequency=11, handle_unknown="infrequent_if_exist"), x="codes", rows=lambda d: d.code_rows + 1)
    add("ordinal", preprocessing.OrdinalEncoder, x="codes")
    add("ordinal-words", lambda: preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        x=lambda d: d.words.reshape(-1, 1), rows=lambda d: np.array([["red"], ["pink"], ["blue"]], object))
    if hasattr(preprocessing, "TargetEncoder"):
        add("target-encoder", lambda: preprocessing.TargetEncoder(random_state=1), x="codes", y="y")
        add("target-encoder-classes", lambda: preprocessing.TargetEncoder(random_state=1), x="codes", y="three")
    add("label-encoder", preprocessing.LabelEncoder, x="words", rows=lambda d: d.words[:5])
    add("label-binarizer", preprocessing.LabelBinarizer, x="three", rows=lambda d: d.three[:6].astype(float))
    add("k-best", lambda: feature_selection.SelectKBest(k=2), y="three")
    add("percentile", lambda: feature_selection.SelectPercentile(percentile=40), y="three")
    add("fpr", lambda: feature_selection.SelectFpr(alpha=0.5), y="three")
    add("fdr", lambda: feature_selection.SelectFdr(alpha=0.9), y="three")
    add("variance", lambda: feature_selection.VarianceThreshold(0.5), x="counts")
    add("from-forest", lambda: feature_selection.SelectFromModel(ensemble.RandomForestClassifier(5, random_state=1)), y="three")
    add("from-lasso", lambda: feature_selection.SelectFromModel(linear_model.Lasso(0.1)), y="y")
    add("rfe", lambda: feature_selection.RFE(linear_model.LogisticRegression(), n_features_to_select=2), y="three")
    add("isotonic", lambda: isotonic.IsotonicRegression(out_of_bounds="clip"), x=lambda d: d.x[:, :1], y="y", rows=lambda d: d.rows[:, :1], skip=("transform",))
    # Kernels, and what tells missing values by others.
    kernels = gaussian_process.kernels
    add("kernel-ridge", lambda: kernel_ridge.KernelRidge(kernel="rbf"), y="y")
    add("kernel-ridge-poly", lambda: kernel_ridge.KernelRidge(kernel="poly", degree=2), y="targets")
    add("nystroem", lambda: kernel_approximation.Nystroem(n_components=6, random_state=1))
    add("rbf-sampler", lambda: kernel_approximation.RBFSampler(n_components=6, random_state=1))
    for name, kernel in [
        ("rbf", kernels.ConstantKernel(2.0) * kernels.RBF(1.5) + kernels.WhiteKernel(0.1)),
        ("matern", kernels.Matern(1.2, nu=1.5) + kernels.DotProduct(0.5) ** 2),
        ("matern-5", kernels.Matern(1.2, nu=2.5)),
        ("quadratic", kernels.RationalQuadratic(1.2, 0.7)),
    ]:
        add(f"process-{name}", lambda kernel=kernel: gaussian_process.GaussianProcessRegressor(kernel, alpha=1e-2, normalize_y=True, optimizer=None), y="y")
    for name, options, y in [
        ("two", {"kernel": kernels.ConstantKernel(2.0) * kernels.RBF(1.5)}, "two"),
        ("words", {"kernel": kernels.Matern(1.2, nu=1.5) + kernels.DotProduct(0.5) ** 2 + kernels.WhiteKernel(0.1)}, "words"),
        ("pairs", {"kernel": kernels.RationalQuadratic(1.2, 0.7), "multi_class": "one_vs_one"}, "three"),
        ("plain", {}, "two"),
    ]:
        add(f"process-{name}", lambda options=options: gaussian_process.GaussianProcessClassifier(optimizer=None, **options), y=y,
            skip=("predict_proba",) if "multi_class" in options else ())
    add("ransac", lambda: linear_model.RANSACRegressor(random_state=1), y="y")
    add("pls", lambda: cross_decomposition.PLSRegression(1), y="y")
    add("pls-targets", lambda: cross_decomposition.PLSRegression(2), y="targets")
    add("envelope", lambda: covariance.EllipticEnvelope(random_state=1))
    add("radius", lambda: neighbors.RadiusNeighborsClassifier(1.5, outlier_label=1), y="three")
    add("knn-imputer", lambda: impute.KNNImputer(n_neighbors=3), x="holes")
    add("knn-imputer-weights", lambda: impute.KNNImputer(n_neighbors=3, weights="distance"), x="holes")
    add("iterative-imputer", lambda: impute.IterativeImputer(max_iter=3, random_state=1), x="holes")
    # Composition.
    add("pipeline", lambda: join(preprocessing.StandardScaler(), "passthrough", svm.SVC()), y="words")
    add("pipeline-transform", lambda: join(impute.SimpleImputer(), preprocessing.MinMaxScaler()), x="holes")
    add("union", lambda: pipeline.FeatureUnion([("a", decomposition.PCA(2)), ("b", preprocessing.StandardScaler())], transformer_weights={"b": 2}))
    add("function", lambda: preprocessing.FunctionTransformer(), y=None)
    add("function-log", lambda: join(preprocessing.FunctionTransformer(np.log1p), linear_model.Ridge()), x="counts", y="y")
    add("columns", lambda: compose.ColumnTransformer([("a", preprocessing.StandardScaler(), [0]), ("b", preprocessing.MinMaxScaler(), slice(1, 2))], remainder="passthrough"))
    table = lambda: compose.ColumnTransformer([
        ("numbers", join(impute.SimpleImputer(), preprocessing.StandardScaler()), ["size", "age"]),
        ("words", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["colour", "city"]),
    ])
    frame = dict(x=lambda d: d.frame(None), rows=lambda d: d.frame(d.rows))
    add("table", lambda: join(table(), linear_model.LogisticRegression()), y="words", **frame)
    add("table-forest", lambda: join(table(), ensemble.RandomForestClassifier(4, max_depth=3, random_state=1)), y="words", **frame)
    chosen = lambda: compose.ColumnTransformer([
        ("numbers", impute.SimpleImputer(), compose.make_column_selector(dtype_include=np.number)),
        ("words", preprocessing.OneHotEncoder(handle_unknown="ignore"), compose.make_column_selector(dtype_exclude=[np.number, bool])),
    ])
    add("table-chosen", lambda: join(chosen(), linear_model.LogisticRegression()), y="words", **frame)
    # Documents.
    add("count", words.CountVectorizer, x="documents")
    add("count-pairs", lambda: words.CountVectorizer(ngram_range=(1, 2), stop_words="english", min_df=2), x="documents")
    add("count-characters", lambda: words.CountVectorizer(analyzer="char", ngram_range=(1, 3), max_features=40), x="documents")
    add("count-in-words", lambda: words.CountVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=40, strip_accents="unicode"), x="documents")
    add("count-pattern", lambda: words.CountVectorizer(token_pattern=r"(?u)\b(\w)\w*\b", binary=True, strip_accents="ascii"), x="documents")
    add("tfidf", lambda: join(words.TfidfVectorizer(), linear_model.LogisticRegression()), x="documents", y="words")
    add("tfidf-rows", lambda: words.TfidfVectorizer(sublinear_tf=True, norm="l1"), x="documents")
    add("tfidf-steps", lambda: join(words.CountVectorizer(), words.TfidfTransformer(), naive_bayes.MultinomialNB()), x="documents", y="three")
    add("tfidf-best", lambda: join(words.TfidfVectorizer(), feature_selection.SelectKBest(k=5), svm.LinearSVC(random_state=1)), x="documents", y="three")
    add("tfidf-svd", lambda: join(words.TfidfVectorizer(), decomposition.TruncatedSVD(2, random_state=1)), x="documents")
    add("tfidf-union", lambda: join(pipeline.FeatureUnion([("a", words.TfidfVectorizer()), ("b", words.CountVectorizer(analyzer="char", max_features=5))]), linear_model.LogisticRegression()), x="documents", y="three")
    add("tfidf-forest", lambda: join(words.TfidfVectorizer(), ensemble.RandomForestClassifier(4, random_state=1)), x="documents", y="three")
    add("hashing", lambda: join(words.HashingVectorizer(n_features=64), linear_model.LogisticRegression()), x="documents", y="three")
    # What newer versions have.
    if hasattr(model_selection, "FixedThresholdClassifier"):
        from sklearn.frozen import FrozenEstimator

        add("threshold", lambda: model_selection.TunedThresholdClassifierCV(linear_model.LogisticRegression(), cv=3), y="two")
        add("threshold-fixed", lambda: model_selection.FixedThresholdClassifier(linear_model.LogisticRegression(), threshold=0.3), y="two")
        add("threshold-decision", lambda: model_selection.FixedThresholdClassifier(
            svm.LinearSVC(random_state=1), threshold=0.4, pos_label="red", response_method="decision_function"),
            y=lambda d: np.where(d.two == 1, "red", "blue"))
        add("svc-documents", lambda: join(words.TfidfVectorizer(), svm.SVC(kernel="linear")), x="documents", y="words")
        fitted_before = lambda: naive_bayes.GaussianNB().fit(Data(seed).x, Data(seed).words)
        add("frozen", lambda: calibration.CalibratedClassifierCV(FrozenEstimator(fitted_before())), y="words")
        tempered = dict(method="temperature", cv=3)
        add("calibrated-temperature", lambda: calibration.CalibratedClassifierCV(linear_model.LogisticRegression(), **tempered), y="words")
        add("calibrated-temperature-two", lambda: calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=1), **tempered), y="two")
        add("calibrated-temperature-chances", lambda: calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), **tempered), y="two")
        add("from-logistic-lasso", lambda: feature_selection.SelectFromModel(
            linear_model.LogisticRegression(l1_ratio=1, C=0.1, solver="saga", max_iter=2000, random_state=1)), y="two")
    add("from-elastic-lasso", lambda: feature_selection.SelectFromModel(linear_model.ElasticNet(0.1, l1_ratio=1)), y="y")
    add("ridge-labels", linear_model.RidgeClassifier, y="many")
    add("knn-imputer-indicator", lambda: impute.KNNImputer(n_neighbors=3, add_indicator=True), x="holes")
    add("iterative-imputer-indicator", lambda: impute.IterativeImputer(max_iter=3, random_state=1, add_indicator=True), x="holes")
    return all


def log_loss():
    import sklearn

    return "log_loss" if [int(n) for n in sklearn.__version__.split(".")[:2]] >= [1, 1] else "log"


def fitted():
    """What old versions make."""
    return [(name, make) for name, make in every(None) if name in OLD]
