#!/usr/bin/env python3
"""Makes the fixtures of the estimators' test: small scikit-learn models and what the library answers for them.

    python3.12 -m venv new && new/bin/pip install scikit-learn==1.9.1 skops==0.16.0 joblib lz4 pandas xgboost-cpu==3.4.1 lightgbm==4.7.0
    new/bin/python make.py
    # the same models as older versions write them
    python3.10 -m venv v13 && v13/bin/pip install scikit-learn==1.3.2 "numpy<2" && v13/bin/python make.py old
    python3.9 -m venv v10 && v10/bin/pip install scikit-learn==1.0.2 "numpy<1.24" "scipy<1.10" && v10/bin/python make.py old
    python3.8 -m venv v024 && v024/bin/pip install scikit-learn==0.24.2 "numpy<1.24" "scipy<1.7" "joblib<1.2" && v024/bin/python make.py old
    python3.8 -m venv v022 && v022/bin/pip install scikit-learn==0.22.2.post1 "numpy<1.20" "scipy<1.6" "joblib<1" && v022/bin/python make.py old

Each directory holds the artifact in `model/` and `cases.json`: inputs (null is NaN) and, by method, answers. Everything is seeded.
`make.py random DIR COUNT` writes that many random models of each estimator to DIR instead, for `sklearn.rs` to read.
"""

import json
import pickle
import shutil
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np

from estimators import every, fitted

HERE = Path(__file__).parent
METHODS = {
    "predict": "predictions",
    "predict_proba": "probabilities",
    "decision_function": "decision",
    "transform": "transformed",
    "score_samples": "scores",
}


def plain(array):
    if hasattr(array, "toarray"):
        array = array.toarray()
    array = np.asarray(array)
    kind = {"i": "int", "u": "int", "f": "float", "b": "bool"}.get(array.dtype.kind, "text")
    flat = array.reshape(-1).tolist()
    if kind == "float":
        flat = [None if np.isnan(v) else v for v in flat]
    if kind == "text":
        flat = [str(v) for v in flat]
    return {"shape": list(array.shape), "kind": kind, "values": flat}


def answers(model, rows, skip):
    """What each method says, as lists of arrays: models of several outputs have several."""
    all = {}
    for method in METHODS:
        if method in skip or not hasattr(model, method):
            continue
        try:
            said = getattr(model, method)(rows)
        except (AttributeError, NotImplementedError):
            continue
        all[method] = [plain(one) for one in (said if isinstance(said, list) else [said])]
    return all


def inputs(rows):
    """Rows as the inputs that the server takes: a table of one type, documents, or columns by name."""
    if hasattr(rows, "columns"):
        return {str(name): plain(rows[name].to_numpy()) for name in rows.columns}
    if isinstance(rows, list):
        return {"text": plain(np.array(rows, object))}
    rows = np.asarray(rows)
    return {"labels" if rows.ndim == 1 else "features": plain(rows)}


def save(to, model, form):
    import joblib

    if form.startswith("protocol"):
        (to / "model.pkl").write_bytes(pickle.dumps(model, int(form[-1])))
    elif form == "skops":
        import skops.io

        skops.io.dump(model, to / "model.skops", compression=zipfile.ZIP_DEFLATED)
    elif form == "joblib":
        joblib.dump(model, to / "model.joblib")
    else:
        joblib.dump(model, to / "model.joblib", compress=(form, 3))


FORMS = ["joblib", "protocol4", "protocol5", "zlib", "protocol2", "skops", "gzip", "protocol0", "protocol3", "bz2", "xz", "protocol1", "lzma"]
SMALL = ["zlib", "gzip", "skops", "bz2", "xz", "lzma"]


def write(root, name, model, rows, skip, form):
    to = root / name
    shutil.rmtree(to, ignore_errors=True)
    (to / "model").mkdir(parents=True)
    # Large ones are not for forms that make them larger.
    if len(pickle.dumps(model)) > 6000 and form not in SMALL:
        form = SMALL[len(name) % len(SMALL)]
    try:
        save(to / "model", model, form)
    except Exception as error:
        print(f"{name}: {form}: {error}")
        save(to / "model", model, "joblib")
    cases = {"inputs": inputs(rows), "outputs": answers(model, rows, skip)}
    if "alone" in skip:
        cases["together"] = True
    (to / "cases.json").write_text(json.dumps(cases, separators=(",", ":")))


def boosters():
    """Boosters of other libraries in pickles: they answer as their own files do."""
    import lightgbm
    import xgboost

    rng = np.random.default_rng(3)
    x, rows = rng.normal(0, 1, (60, 4)), rng.normal(0, 1, (8, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    classifier = xgboost.XGBClassifier(n_estimators=4, max_depth=3).fit(x, y)
    booster = xgboost.train({"max_depth": 3}, xgboost.DMatrix(x, y), 4)
    light = lightgbm.LGBMRegressor(n_estimators=4, min_child_samples=3, verbose=-1).fit(x, y)
    for name, model, said in [
        ("xgb-classifier", classifier, classifier.predict_proba(rows)),
        ("xgb-booster", booster, booster.predict(xgboost.DMatrix(rows))),
        ("lgb-regressor", light, light.predict(rows)),
        ("lgb-booster", light.booster_, light.predict(rows)),
    ]:
        to = HERE / name
        shutil.rmtree(to, ignore_errors=True)
        (to / "model").mkdir(parents=True)
        save(to / "model", model, "zlib")
        cases = {"inputs": inputs(rows), "outputs": {"serving_default": [plain(said)]}}
        (to / "cases.json").write_text(json.dumps(cases, separators=(",", ":")))


def main():
    import sklearn

    warnings.simplefilter("ignore")
    version = "".join(sklearn.__version__.split(".")[:2])
    if sys.argv[1:2] == ["random"]:
        root, count = Path(sys.argv[2]), int(sys.argv[3])
        for seed in range(count):
            for n, (name, make) in enumerate(every(seed)):
                model, rows, skip = make()
                write(root, f"{name}-{seed}", model, rows, skip, FORMS[(n + seed) % 6])
        return
    old = sys.argv[1:2] == ["old"]
    forms = [form for form in FORMS if form != "skops"] if old else FORMS
    if old:
        SMALL.remove("skops")
    for n, (name, make) in enumerate(fitted() if old else every(None)):
        try:
            model, rows, skip = make()
        except (TypeError, ValueError) as error:
            if not old:
                raise
            print(f"{name}: {error}")
            continue
        write(HERE, f"v{version}-{name}" if old else name, model, rows, skip, forms[n % len(forms)])
    if not old:
        boosters()


main()
