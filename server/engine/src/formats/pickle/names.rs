//! The names that a pickle may name. None of them is ever called: they say what objects are.

use crate::EngineError;

/// Python itself; modules have to be these.
const PYTHON: &[(&str, &[&str])] = &[
    ("builtins", BUILTINS),
    ("__builtin__", BUILTINS),
    ("copyreg", &["_reconstructor", "__newobj__"]),
    ("copy_reg", &["_reconstructor", "__newobj__"]),
    ("collections", &["OrderedDict", "defaultdict"]),
    ("_codecs", &["encode"]),
    ("pickle", &["PickleBuffer"]),
    ("functools", &["partial"]),
];

const BUILTINS: &[&str] = &[
    "object", "set", "frozenset", "list", "tuple", "dict", "bytes", "bytearray", "slice", "range", "int", "float", "str", "bool",
    "complex",
];

/// Packages with all their modules, which move between versions.
const PACKAGES: &[(&str, &[&str])] = &[
    ("numpy", NUMPY),
    ("scipy", &["csr_matrix", "csc_matrix", "csr_array", "csc_array", "interp1d", "BSpline"]),
    ("joblib", &["NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"]),
    ("pandas", &["_new_Index", "Index", "RangeIndex", "new_block", "_unpickle_block"]),
    ("sklearn", SKLEARN),
    ("xgboost", &[
        "Booster", "XGBModel", "XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor",
    ]),
    ("lightgbm", &["Booster", "LGBMModel", "LGBMClassifier", "LGBMRegressor", "LGBMRanker"]),
];

const NUMPY: &[&str] = &[
    "ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer", "matrix", "bool_", "bool", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64", "str_", "object_", "_mareconstruct", "MaskedArray",
    "__randomstate_ctor", "__bit_generator_ctor", "__generator_ctor", "RandomState", "Generator", "MT19937", "PCG64",
    "SeedSequence", "__pyx_unpickle_SeedSequence", "_ufunc_reconstruct", "log1p", "expm1", "log", "exp", "sqrt", "square", "abs",
    "absolute", "log2", "log10",
];

/// Estimators, and what they keep.
const SKLEARN: &[&str] = &[
    // Linear models.
    "LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "Lars", "LarsCV", "LassoLars",
    "LassoLarsCV", "LassoLarsIC", "OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV", "BayesianRidge", "ARDRegression",
    "HuberRegressor", "TheilSenRegressor", "RANSACRegressor", "QuantileRegressor", "PoissonRegressor", "GammaRegressor",
    "TweedieRegressor", "MultiTaskLasso", "MultiTaskElasticNet", "MultiTaskLassoCV", "MultiTaskElasticNetCV", "SGDRegressor",
    "SGDClassifier", "SGDOneClassSVM", "PassiveAggressiveClassifier", "PassiveAggressiveRegressor", "Perceptron",
    "LogisticRegression", "LogisticRegressionCV", "RidgeClassifier", "RidgeClassifierCV", "LinearSVC", "LinearSVR", "Hinge",
    "SquaredHinge", "Log", "ModifiedHuber", "SquaredLoss", "Huber", "EpsilonInsensitive", "SquaredEpsilonInsensitive",
    "TransformedTargetRegressor", "IsotonicRegression", "PLSRegression", "KernelRidge",
    // Support vectors, neighbours, Bayes, networks.
    "SVC", "SVR", "NuSVC", "NuSVR", "OneClassSVM", "KNeighborsClassifier", "KNeighborsRegressor", "RadiusNeighborsClassifier",
    "RadiusNeighborsRegressor", "NearestCentroid", "KDTree", "KDTree64", "BallTree", "BallTree64", "newObj", "EuclideanDistance",
    "EuclideanDistance64", "ManhattanDistance", "ManhattanDistance64", "ChebyshevDistance", "ChebyshevDistance64",
    "MinkowskiDistance", "MinkowskiDistance64", "GaussianNB", "BernoulliNB", "MultinomialNB", "ComplementNB", "CategoricalNB",
    "MLPClassifier", "MLPRegressor", "GaussianProcessRegressor", "GaussianProcessClassifier", "RBF", "ConstantKernel",
    "WhiteKernel", "Sum", "Product", "Matern", "RationalQuadratic", "DotProduct", "Exponentiation",
    // Trees and what is made of several.
    "Tree", "DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor",
    "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor", "RandomTreesEmbedding",
    "GradientBoostingClassifier", "GradientBoostingRegressor", "HistGradientBoostingClassifier", "HistGradientBoostingRegressor",
    "AdaBoostClassifier", "AdaBoostRegressor", "BaggingClassifier", "BaggingRegressor", "IsolationForest", "VotingClassifier",
    "VotingRegressor", "StackingClassifier", "StackingRegressor", "TreePredictor", "_BinMapper", "MultiOutputClassifier",
    "MultiOutputRegressor", "ClassifierChain", "RegressorChain", "OneVsRestClassifier", "OneVsOneClassifier",
    "OutputCodeClassifier", "_ConstantPredictor", "CalibratedClassifierCV", "_CalibratedClassifier", "_SigmoidCalibration",
    "DummyClassifier", "DummyRegressor", "_BinaryGaussianProcessClassifierLaplace",
    // Losses and links, of several versions.
    "BinomialDeviance", "MultinomialDeviance", "ExponentialLoss", "LeastSquaresError", "LeastAbsoluteError", "HuberLossFunction",
    "QuantileLossFunction", "QuantileEstimator", "MeanEstimator", "PriorProbabilityEstimator", "LogOddsEstimator",
    "ScaledLogOddsEstimator", "ZeroEstimator", "BinaryCrossEntropy", "CategoricalCrossEntropy", "LeastSquares",
    "LeastAbsoluteDeviation", "Poisson", "HalfBinomialLoss", "HalfMultinomialLoss", "HalfSquaredError", "AbsoluteError",
    "PinballLoss", "HalfPoissonLoss", "HalfGammaLoss", "HalfTweedieLoss", "HalfTweedieLossIdentity", "HuberLoss",
    "CyHalfBinomialLoss", "CyHalfMultinomialLoss", "CyHalfSquaredError", "CyAbsoluteError", "CyPinballLoss", "CyHalfPoissonLoss",
    "CyHalfGammaLoss", "CyHalfTweedieLoss", "CyHalfTweedieLossIdentity", "CyHuberLoss", "CyExponentialLoss", "IdentityLink",
    "LogLink", "LogitLink", "HalfLogitLink", "MultinomialLogit", "Interval", "__pyx_unpickle_CyHalfBinomialLoss",
    "__pyx_unpickle_CyHalfMultinomialLoss", "__pyx_unpickle_CyHalfSquaredError", "__pyx_unpickle_CyAbsoluteError",
    "__pyx_unpickle_CyHalfPoissonLoss", "__pyx_unpickle_CyHalfGammaLoss", "__pyx_unpickle_CyExponentialLoss",
    "_NormalDistribution", "NormalDistribution", "PoissonDistribution", "GammaDistribution", "TweedieDistribution",
    // Transformers.
    "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "Normalizer", "Binarizer", "PolynomialFeatures",
    "SplineTransformer", "KBinsDiscretizer", "PowerTransformer", "QuantileTransformer", "FunctionTransformer", "SimpleImputer",
    "KNNImputer", "IterativeImputer", "MissingIndicator", "OneHotEncoder", "OrdinalEncoder", "TargetEncoder", "LabelEncoder",
    "LabelBinarizer", "MultiLabelBinarizer", "Pipeline", "FeatureUnion", "ColumnTransformer", "_RemainderColsList", "PCA",
    "IncrementalPCA", "KernelPCA", "KernelCenterer", "TruncatedSVD", "NMF", "MiniBatchNMF", "FactorAnalysis", "FastICA",
    "SparsePCA", "LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis", "GaussianMixture", "BayesianGaussianMixture",
    "KMeans", "MiniBatchKMeans", "BisectingKMeans", "Birch", "LocalOutlierFactor", "EllipticEnvelope", "GaussianRandomProjection",
    "SparseRandomProjection", "RBFSampler", "Nystroem", "SelectKBest", "SelectPercentile", "SelectFpr", "SelectFdr", "SelectFwe",
    "GenericUnivariateSelect", "SelectFromModel", "RFE", "RFECV", "SequentialFeatureSelector", "VarianceThreshold",
    "CountVectorizer", "TfidfVectorizer", "TfidfTransformer", "HashingVectorizer", "DictVectorizer", "FeatureHasher",
    // What is told about fitting.
    "GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV", "ParameterGrid", "KFold",
    "StratifiedKFold", "ShuffleSplit", "StratifiedShuffleSplit", "RepeatedKFold", "RepeatedStratifiedKFold", "GroupKFold",
    "TimeSeriesSplit", "LeaveOneOut", "Bunch", "f_classif", "f_regression", "chi2", "mutual_info_classif",
    "mutual_info_regression", "f_oneway", "_PredictScorer", "_ProbaScorer", "_ThresholdScorer", "_Scorer", "_passthrough_scorer",
    "accuracy_score", "r2_score", "mean_squared_error", "mean_absolute_error", "log_loss", "f1_score", "roc_auc_score",
    "average_precision_score", "balanced_accuracy_score", "make_column_selector", "check_array", "MetadataRequest", "MethodMetadataRequest",
];

/// What somebody with a model of another library is to do.
fn advice(module: &str) -> &'static str {
    match module.split('.').next().unwrap_or("") {
        "torch" | "torchvision" => "; export the model with torch.export or torch.jit and serve that",
        "keras" | "tensorflow" | "tf_keras" => "; export the model as a TensorFlow SavedModel (model.export) and serve that",
        "catboost" => "; save the model as JSON (save_model with format=\"json\") and serve that",
        "__main__" => "; classes and functions of a program's own are not in the file",
        _ => "",
    }
}

/// Whether a name may be named.
pub fn check(module: &str, name: &str) -> Result<(), EngineError> {
    let is_one = |(known, names): &(&str, &[&str])| *known == module && names.contains(&name);
    let package = module.split('.').next().unwrap_or("");
    let in_one = |(known, names): &(&str, &[&str])| *known == package && names.contains(&name);
    if PYTHON.iter().any(is_one) || PACKAGES.iter().any(in_one) {
        return Ok(());
    }
    let shown: String = format!("{module}.{name}").chars().take(200).collect();
    Err(EngineError::broken(format!("the pickle names {shown:?}, which is not one of the classes that are read{}", advice(module))))
}
