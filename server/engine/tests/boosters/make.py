#!/usr/bin/env python3
"""Makes the fixtures of the boosters' test: small XGBoost and LightGBM models and what the libraries answer for them.

    python3 -m venv new && new/bin/pip install xgboost==3.2.0 lightgbm==4.7.0 scikit-learn
    new/bin/python make.py                 # XGBoost in JSON and UBJSON, LightGBM
    # on Python 3.8 to 3.12: a version that still writes the binary file, and one from before base scores were vectors
    python3.11 -m venv old && old/bin/pip install "numpy<2" scipy xgboost==1.7.6
    old/bin/python make.py old             # XGBoost's binary file, and the JSON of that version

Each directory holds the artifact in `model/` and `cases.json`: rows (null is NaN) and answers. Everything is seeded.
`make.py random DIR COUNT` writes that many random models of each library to DIR instead, for `boosters.rs` to read.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROWS, FEATURES = 400, 6


def data(rng, kind="regression", classes=3, categorical=False, missing=0.1, features=FEATURES):
    x = rng.normal(0, 1, (ROWS, features)).astype(np.float32)
    if categorical:
        x[:, 0] = rng.integers(0, 12, ROWS)
    signal = x[:, 1] * 2 + np.sin(x[:, 2 % features] * 3) + (x[:, 0] > 3 if categorical else x[:, 0] ** 2)
    x[rng.random(x.shape) < missing] = np.nan
    if kind == "binary":
        y = (signal > np.median(signal)).astype(np.float32)
    elif kind == "classes":
        y = np.digitize(signal, np.quantile(signal, np.linspace(0, 1, classes + 1)[1:-1])).astype(np.float32)
    elif kind == "positive":
        y = np.exp(signal / 3).astype(np.float32)
    elif kind == "count":
        y = rng.poisson(np.exp(np.clip(signal / 3, -2, 2))).astype(np.float32)
    elif kind == "unit":
        y = (1 / (1 + np.exp(-signal))).astype(np.float32)
    elif kind == "targets":
        y = np.stack([signal, -signal + x[:, 1] * 0, rng.normal(0, 1, ROWS)], 1).astype(np.float32)
        y = np.nan_to_num(y)
    else:
        y = signal.astype(np.float32)
    return x, y


def plain(array):
    array = np.asarray(array)
    exact = lambda v: float(np.format_float_positional(np.float32(v), unique=True)) if array.dtype == np.float32 else float(v)
    return {"shape": list(array.shape), "values": [None if np.isnan(v) else exact(v) for v in array.reshape(-1)]}


def write(root, name, save, rows, outputs):
    """One fixture: `save` puts the artifact's files into a directory; `outputs` by signature."""
    to = root / name
    shutil.rmtree(to, ignore_errors=True)
    (to / "model").mkdir(parents=True)
    save(to / "model")
    cases = {"rows": plain(rows), "outputs": {signature: plain(value) for signature, value in outputs.items()}}
    (to / "cases.json").write_text(json.dumps(cases))
    print(name)


def xgboost_models(root, old):
    import xgboost as xgb

    rng = np.random.default_rng(11)
    formats = [("deprecated", "")] if old else [("json", ".json"), ("ubj", ".ubj")]
    prefix = "old-" if old else "xgb-"

    def one(name, params, kind="regression", rounds=8, form=None, **options):
        x, y = data(rng, kind, **options)
        types = (["c"] + ["q"] * (x.shape[1] - 1)) if options.get("categorical") else None
        matrix = xgb.DMatrix(x, y, feature_types=types, enable_categorical=types is not None)
        if kind == "aft":
            matrix.set_float_info("label_lower_bound", np.abs(y) + 0.1)
            matrix.set_float_info("label_upper_bound", np.abs(y) + 0.3)
        if kind == "rank":
            matrix.set_group([20] * (ROWS // 20))
        params = {"max_depth": 4, "seed": 3, "nthread": 1, **params}
        booster = xgb.train(params, matrix, rounds)
        rows, _ = data(np.random.default_rng(12), kind if kind not in ("aft", "rank") else "regression", **options)
        rows = rows[:23]
        if types:
            # Categories that training has not seen, and values that are none.
            rows[:4, 0] = [40, -1, 12, 3]
        ask = xgb.DMatrix(rows, feature_types=types, enable_categorical=types is not None)
        outputs = {"serving_default": booster.predict(ask), "margin": booster.predict(ask, output_margin=True)}
        if params.get("objective") == "multi:softmax" and outputs["margin"].ndim == 1:
            outputs["margin"] = outputs["margin"].reshape(len(rows), -1)
        kind_of_file, ending = form or formats[len(name) % len(formats)]

        def save(to):
            if kind_of_file == "deprecated":
                (to / "xgboost-model").write_bytes(booster.save_raw("deprecated"))
            else:
                (to / f"xgboost-model{ending}").write_bytes(booster.save_raw(kind_of_file))

        write(root, prefix + name, save, rows, outputs)

    one("squarederror", {"objective": "reg:squarederror"})
    one("base", {"objective": "reg:squarederror", "base_score": 2.5})
    one("logistic", {"objective": "binary:logistic"}, "binary")
    one("logistic-base", {"objective": "binary:logistic", "base_score": 0.2}, "binary")
    one("logitraw", {"objective": "binary:logitraw"}, "binary")
    one("hinge", {"objective": "binary:hinge"}, "binary")
    one("reglogistic", {"objective": "reg:logistic"}, "unit")
    one("poisson", {"objective": "count:poisson"}, "count")
    one("gamma", {"objective": "reg:gamma"}, "positive")
    one("tweedie", {"objective": "reg:tweedie"}, "positive")
    one("cox", {"objective": "survival:cox"}, "positive")
    one("aft", {"objective": "survival:aft"}, "aft")
    one("squaredlogerror", {"objective": "reg:squaredlogerror"}, "positive")
    one("pseudohuber", {"objective": "reg:pseudohubererror"})
    one("pairwise", {"objective": "rank:pairwise"}, "rank")
    one("softmax", {"objective": "multi:softmax", "num_class": 3}, "classes")
    one("softprob", {"objective": "multi:softprob", "num_class": 4}, "classes", classes=4)
    one("dart", {"booster": "dart", "rate_drop": 0.5, "objective": "binary:logistic"}, "binary")
    one("linear", {"booster": "gblinear", "objective": "reg:squarederror"})
    one("linear-classes", {"booster": "gblinear", "objective": "multi:softprob", "num_class": 3}, "classes")
    one("forest", {"num_parallel_tree": 4, "subsample": 0.7, "colsample_bynode": 0.7}, rounds=2)
    one("stump", {"max_depth": 1}, rounds=1)
    one("deep", {"max_depth": 12, "min_child_weight": 0}, rounds=3)
    one("whole", {"objective": "reg:absoluteerror"}, missing=0.0)
    if not old:
        one("quantile", {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]})
        for form in formats:
            one(f"category-{form[0]}", {"max_cat_to_onehot": 1}, categorical=True, form=form)
            one(f"onehot-{form[0]}", {"max_cat_to_onehot": 99}, categorical=True, form=form)
        one("targets", {}, "targets")
        one("targets-one-tree", {"multi_strategy": "multi_output_tree"}, "targets")

    # Training that stopped early, and the models of a cross-validation.
    x, y = data(rng)
    train, watch = xgb.DMatrix(x[:200], y[:200]), xgb.DMatrix(x[200:], y[200:])
    rows = data(np.random.default_rng(12))[0][:23]
    early = xgb.train(
        {"max_depth": 6, "eta": 0.9, "seed": 3}, train, 60, evals=[(watch, "w")], early_stopping_rounds=5, verbose_eval=False
    )
    best = (0, early.best_iteration + 1)
    assert early.num_boosted_rounds() > best[1]
    predict = lambda booster, **more: booster.predict(xgb.DMatrix(rows), **more)
    form = formats[0][0]
    write(
        root,
        prefix + "early",
        lambda to: (to / "xgboost-model").write_bytes(early.save_raw(form)),
        rows,
        {
            "serving_default": predict(early, iteration_range=best),
            "margin": predict(early, iteration_range=best, output_margin=True),
        },
    )
    several = [xgb.train({"max_depth": 3, "seed": n}, xgb.DMatrix(x[n::3], y[n::3]), 5) for n in range(3)]

    def save_all(to):
        for n, booster in enumerate(several):
            (to / f"xgboost-model-{n}").write_bytes(booster.save_raw(form))

    write(root, prefix + "several", save_all, rows, {"serving_default": np.mean([predict(b) for b in several], 0)})
    x, y = data(rng, "classes")
    several = [
        xgb.train({"objective": "multi:softmax", "num_class": 3, "max_depth": 2}, xgb.DMatrix(x[n::3], y[n::3]), 2)
        for n in range(3)
    ]
    votes = np.stack([predict(b) for b in several]).astype(int)
    mode = np.array([np.bincount(v, minlength=3).argmax() for v in votes.T], np.float32)
    write(root, prefix + "several-classes", save_all, rows, {"serving_default": mode})


def lightgbm_models(root):
    import lightgbm as lgb

    rng = np.random.default_rng(21)

    def one(name, params, kind="regression", rounds=8, **options):
        x, y = data(rng, kind, **options)
        x = x.astype(np.float64)
        params = {"verbose": -1, "seed": 3, "num_threads": 1, "min_data_in_leaf": 3, "deterministic": True, **params}
        categorical = [0] if options.get("categorical") else "auto"
        group = [20] * (ROWS // 20) if "rank" in params.get("objective", "") else None
        booster = lgb.train(params, lgb.Dataset(x, y, categorical_feature=categorical, group=group), rounds)
        rows = data(np.random.default_rng(22), "regression", **options)[0][:23].astype(np.float64)
        # Zeros are missing to some models; not a number is, to all.
        rows[0, :] = 0
        rows[1, 0] = np.nan
        if options.get("categorical"):
            rows[2:6, 0] = [40, -1, 12, 3]
        outputs = {"serving_default": booster.predict(rows), "raw_score": booster.predict(rows, raw_score=True)}
        write(root, "lgb-" + name, lambda to: booster.save_model(to / "model.txt"), rows, outputs)

    one("regression", {"objective": "regression"})
    one("whole", {"objective": "regression"}, missing=0.0)
    one("sqrt", {"objective": "regression", "reg_sqrt": True})
    one("zeros", {"objective": "regression", "zero_as_missing": True})
    one("no-missing", {"objective": "regression", "use_missing": False})
    one("l1", {"objective": "regression_l1"})
    one("huber", {"objective": "huber"})
    one("quantile", {"objective": "quantile", "alpha": 0.3})
    one("binary", {"objective": "binary", "sigmoid": 1.7}, "binary")
    one("classes", {"objective": "multiclass", "num_class": 3}, "classes")
    one("one-against-all", {"objective": "multiclassova", "num_class": 3}, "classes")
    one("poisson", {"objective": "poisson"}, "count")
    one("gamma", {"objective": "gamma"}, "positive")
    one("tweedie", {"objective": "tweedie"}, "positive")
    one("entropy", {"objective": "cross_entropy"}, "unit")
    one("entropy-lambda", {"objective": "cross_entropy_lambda"}, "unit")
    one("rank", {"objective": "lambdarank"}, "classes")
    one("category", {"objective": "regression", "max_cat_to_onehot": 1, "cat_smooth": 1}, categorical=True)
    one("random-forest", {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7, "objective": "binary"}, "binary")
    one("random-forest-classes", {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7, "objective": "multiclass", "num_class": 3}, "classes")
    one("dart", {"boosting": "dart", "objective": "regression"})
    one("stump", {"objective": "regression", "num_leaves": 2}, rounds=1)
    linear = {"linear_tree": True, "num_leaves": 6, "linear_lambda": 0.1}
    one("linear", {"objective": "regression", **linear})
    one("linear-classes", {"objective": "multiclass", "num_class": 3, **linear}, "classes")
    one("linear-category", {"objective": "binary", "max_cat_to_onehot": 1, "cat_smooth": 1, **linear}, "binary", categorical=True)
    one("linear-forest", {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7, "objective": "binary", **linear}, "binary")


def random_models(root, count):
    """Random options of both libraries."""
    import lightgbm as lgb
    import xgboost as xgb

    for n in range(count):
        rng = np.random.default_rng(1000 + n)
        kind = ["regression", "binary", "classes"][n % 3]
        classes = int(rng.integers(3, 7))
        categorical = bool(rng.random() < 0.3)
        options = {"classes": classes, "categorical": categorical, "missing": float(rng.choice([0, 0.2]))}
        options["features"] = int(rng.integers(2, 30))
        x, y = data(rng, kind, **options)
        rows = data(rng, kind, **options)[0][: int(rng.integers(1, 60))]
        rounds, depth = int(rng.integers(1, 20)), int(rng.integers(1, 10))
        params = {
            "max_depth": depth,
            "eta": float(rng.uniform(0.05, 1)),
            "subsample": float(rng.uniform(0.5, 1)),
            "colsample_bytree": float(rng.uniform(0.5, 1)),
            "num_parallel_tree": int(rng.integers(1, 3)),
            "booster": str(rng.choice(["gbtree", "gbtree", "dart"])),
            "max_cat_to_onehot": int(rng.integers(1, 20)),
            "nthread": 2,
        }
        if kind == "binary":
            params["objective"] = str(rng.choice(["binary:logistic", "binary:logitraw", "binary:hinge"]))
        elif kind == "classes":
            params |= {"objective": str(rng.choice(["multi:softmax", "multi:softprob"])), "num_class": classes}
        else:
            params["objective"] = str(rng.choice(["reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"]))
        types = (["c"] + ["q"] * (x.shape[1] - 1)) if categorical else None
        more = {"feature_types": types, "enable_categorical": categorical}
        booster = xgb.train(params, xgb.DMatrix(x, y, **more), rounds)
        form = str(rng.choice(["json", "ubj"]))
        answer = booster.predict(xgb.DMatrix(rows, **more))
        write(root, f"xgb-{n}", lambda to: (to / "m").write_bytes(booster.save_raw(form)), rows, {"serving_default": answer})

        params = {
            "verbose": -1,
            "num_leaves": int(rng.integers(2, 60)),
            "min_data_in_leaf": int(rng.integers(1, 20)),
            "learning_rate": float(rng.uniform(0.05, 1)),
            "use_missing": bool(rng.random() < 0.7),
            "zero_as_missing": bool(rng.random() < 0.3),
            "max_cat_to_onehot": int(rng.integers(1, 20)),
            "boosting": str(rng.choice(["gbdt", "dart"])),
            "linear_tree": bool(rng.random() < 0.3),
            "num_threads": 2,
        }
        params["objective"] = {"regression": "regression", "binary": "binary", "classes": "multiclass"}[kind]
        if kind == "classes":
            params["num_class"] = classes
        dataset = lgb.Dataset(x.astype(np.float64), y, categorical_feature=[0] if categorical else "auto")
        model = lgb.train(params, dataset, rounds)
        rows = rows.astype(np.float64)
        write(root, f"lgb-{n}", lambda to: model.save_model(to / "m"), rows, {"serving_default": model.predict(rows)})


if __name__ == "__main__":
    if sys.argv[1:2] == ["random"]:
        random_models(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        xgboost_models(HERE, sys.argv[1:] == ["old"])
        if sys.argv[1:] != ["old"]:
            lightgbm_models(HERE)
