#!/usr/bin/env python3
"""Makes the fixtures of the built-in algorithms' test: small models and what the libraries that made them answer.

    python3 -m venv venv && venv/bin/pip install faiss-cpu==1.15.1 numpy
    venv/bin/python make.py knn
    venv/bin/python make.py catboost       # pip install catboost==1.2.10
    venv/bin/python make.py rcf            # needs a JDK of 17 or later, and Maven for AWS's library

Each directory holds the artifact in `model/` and `cases.json`: rows and, for each signature, its outputs. Everything is seeded.
`make.py random DIR COUNT` writes that many random indexes to DIR instead, for `builtins.rs` to read.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def array(values):
    values = np.asarray(values)
    flat = [None if v != v else float(f"{v:.9g}") if values.dtype == np.float32 else v for v in values.ravel().tolist()]
    return {"shape": list(values.shape), "values": flat}


def write(root, name, save, rows, signatures, **more):
    """A fixture: `save` writes the artifact into a directory; `signatures`: outputs by name by signature."""
    directory = Path(root) / name
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "model").mkdir(parents=True)
    save(directory / "model")
    cases = {"rows": array(rows), "signatures": {s: {n: array(v) for n, v in o.items()} for s, o in signatures.items()}}
    (directory / "cases.json").write_text(json.dumps({**cases, **more}))


def index(factory, x, metric, probes=3, names=None):
    import faiss

    made = faiss.index_factory(x.shape[1], factory, metric)
    made.train(x)
    if names is None:
        made.add(x)
    else:
        made.add_with_ids(x, names)
    if factory.split(",")[-2:-1] and "IVF" in factory:
        faiss.extract_index_ivf(made).nprobe = probes
    return made


def knn_models(root):
    import faiss

    l2, ip = faiss.METRIC_L2, faiss.METRIC_INNER_PRODUCT
    rng = np.random.default_rng(31)

    def data(width, count=260):
        # Clumps, so that lists differ in length and codes mean something.
        middle = rng.normal(0, 2, (12, width))
        return (middle[rng.integers(0, 12, count)] + rng.normal(0, 1, (count, width))).astype(np.float32)

    def bare(name, factory, metric=l2, width=8, k=10, named=False, change=lambda made: made, tag=None):
        x, rows = data(width), data(width, 17)
        names = rng.permutation(5000)[: len(x)] if named else None
        made = change(index(factory, x, metric, names=names))
        distances, ids = made.search(rows, k)

        def save(to):
            contents = bytes(faiss.serialize_index(made))
            (to / "index.faiss").write_bytes(contents if tag is None else tag + contents[4:])

        write(root, "knn-" + name, save, rows, {"serving_default": {"distances": distances, "ids": ids}})

    def without_residuals(made):
        made.by_residual = False
        made.reset()
        made.add(data(8))
        return made

    bare("flat", "Flat")
    bare("flat-product", "Flat", ip)
    bare("flat-older", "Flat", tag=b"IxFl")
    bare("flat-odd", "Flat", width=37)
    bare("lists", "IVF9,Flat")
    bare("lists-product", "IVF9,Flat", ip)
    bare("codes", "IVF6,PQ4")
    bare("codes-product", "IVF6,PQ4", ip)
    bare("codes-whole", "IVF6,PQ4", change=without_residuals)
    bare("codes-narrow", "IVF6,PQ4x5")
    bare("quantised", "PQ4")
    bare("quantised-narrow", "PQ4x6", ip)
    for kind in ["SQ8", "SQ4", "SQfp16", "SQbf16"]:
        bare(f"scalar-{kind.lower()}", kind)
        bare(f"lists-{kind.lower()}", f"IVF6,{kind}")
    bare("named", "IDMap,Flat", named=True)
    bare("named-twice", "IDMap2,Flat", named=True)
    bare("named-lists", "IVF6,Flat", named=True)
    bare("normalised", "L2norm,Flat", ip)
    bare("principal", "PCA4,Flat")
    bare("rotated", "RR8,IVF6,Flat")
    bare("optimised", "OPQ4_8,IVF6,PQ4")

    def model(name, kind, metric=l2, factory="Flat", k=7, normalise=False):
        x, rows = data(8), data(8, 17)
        signal = x[:, 0] + x[:, 1] ** 2 / 4
        labels = np.digitize(signal, np.quantile(signal, [0.3, 0.6])) if kind == "classifier" else signal
        labels = labels.astype(np.float32)
        unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True) if normalise else v
        made = index(factory, unit(x), metric)
        distances, ids = made.search(unit(rows), k)
        near = np.where(ids >= 0, labels[ids], np.nan)
        if kind == "classifier":
            votes = [np.bincount(row[row == row].astype(int)).argmax() for row in near]
        else:
            votes = np.nanmean(near.astype(np.float64), axis=1)

        def save(to):
            faiss.write_index(made, str(to / "model_algo-1"))
            labels.tofile(to / "model_algo-1.labels")
            reduction = {"type": None, "seed": None, "target_dim": None, "input_dim": 8}
            options = {"k": k, "predictor_type": kind, "dimension_reduction": reduction, "normalize": normalise, "version": "1.0"}
            (to / "model_algo-1.json").write_text(json.dumps(options))

        said = np.asarray(votes, np.float32)
        verbose = {"predicted_label": said, "distances": distances, "labels": near}
        write(root, "knn-" + name, save, rows, {"serving_default": {"predicted_label": said}, "verbose": verbose})

    model("classifier", "classifier")
    model("regressor", "regressor", k=1)
    model("regressor-lists", "regressor", factory="IVF6,Flat")
    model("classifier-codes", "classifier", factory="IVF6,PQ4")
    model("cosine", "classifier", ip, normalise=True)

    # What is not read, and what says so.
    for name, factory, said in [
        ("graph", "HNSW8", "HNSW"),
        ("fast", "IVF4,PQ4x4fs", "fast-scan"),
        ("refined", "IVF4,PQ4+4", "refinement"),
        ("hashed", "LSH", "IxHe"),
    ]:
        made = index(factory, data(8), l2)
        save = lambda to: faiss.write_index(made, str(to / "index"))
        write(root, "knn-not-" + name, save, [], {}, error=said)


def cut_forests(root, count=0):
    """AWS's library writes its own, `examples/random_cut_forest.py` the open format."""
    with tempfile.TemporaryDirectory() as libraries:
        copy = ["mvn", "--quiet", "--batch-mode", "--file", str(HERE / "pom.xml")]
        subprocess.run([*copy, "dependency:copy-dependencies", f"-DoutputDirectory={libraries}"], check=True)
        program = ["java", "-cp", f"{libraries}/*", str(HERE / "RandomCutForests.java"), str(root)]
        subprocess.run(program + [str(count)] * (count > 0), check=True)
    sys.path.insert(0, str(HERE.parents[3] / "examples"))
    import random_cut_forest as rcf

    for name, width, trees, samples in [("open", 3, 10, 60), ("open-one-point", 2, 3, 1)]:
        rng = np.random.default_rng(41)
        points = np.round(rng.normal(0, 1, (200, width)), 1)
        rows = np.concatenate([points[:5], rng.normal(0, 2, (12, width))]).astype(np.float32)
        forest = rcf.train(points, trees, samples, 5)
        scores = np.array([rcf.score(forest, row) for row in rows])
        save = lambda to: (to / "forest.json").write_text(json.dumps(forest))
        write(root, "rcf-" + name, save, rows, {"serving_default": {"score": scores}})


def catboost_models(root):
    """CatBoost's JSON: trees of numeric features."""
    import catboost as cb

    rng = np.random.default_rng(51)
    x = rng.normal(0, 1, (300, 4)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    signal = np.nan_to_num(x[:, 0]) * 2 + np.nan_to_num(x[:, 1]) ** 2
    rows = rng.normal(0, 1.5, (17, 4)).astype(np.float32)
    rows[0, :] = np.nan

    def one(name, y, proba=False, **options):
        options = {"iterations": 3, "depth": 3, "border_count": 8, "verbose": 0, "random_seed": 3, "thread_count": 1, "allow_writing_files": False, **options}
        made = (cb.CatBoostClassifier if proba else cb.CatBoostRegressor)(**options).fit(x, y)
        save = lambda to: made.save_model(str(to / "model.json"), format="json")
        answer = made.predict_proba(rows) if proba else made.predict(rows)
        raw = made.predict(rows, prediction_type="RawFormulaVal")
        output = "probabilities" if proba else "predictions"
        write(root, "cat-" + name, save, rows.astype(np.float64), {"serving_default": {output: answer}, "raw_score": {"raw_score": raw}})

    one("regression", signal)
    one("max", signal, nan_mode="Max")
    one("lossguide", signal, grow_policy="Lossguide")
    one("depthwise", signal, grow_policy="Depthwise")
    one("binary", (signal > 0).astype(int), True)
    classes = np.digitize(signal, [-1, 1])
    one("classes", classes, True, loss_function="MultiClass")
    one("classes-any", classes, True, loss_function="MultiClass", grow_policy="Depthwise")
    one("one-against-all", classes, True, loss_function="MultiClassOneVsAll")
    one("poisson", np.exp(signal / 3), loss_function="Poisson")


def random_models(root, count):
    import faiss

    for n in range(count):
        rng = np.random.default_rng(5000 + n)
        width = 4 * int(rng.integers(1, 20))
        x = rng.normal(0, 1, (int(rng.integers(300, 3000)), width)).astype(np.float32)
        rows = rng.normal(0, 1, (int(rng.integers(1, 80)), width)).astype(np.float32)
        factories = ["Flat", "IVF7,Flat", "IVF7,PQ4", "PQ4", "IVF7,SQ8", "SQ8", "PCA4,IVF5,Flat", "L2norm,Flat", "IDMap,Flat", "IVF7,PQ2x5"]
        factory = str(rng.choice(factories))
        names = rng.permutation(10 * len(x))[: len(x)] if "IDMap" in factory else None
        metric = [faiss.METRIC_L2, faiss.METRIC_INNER_PRODUCT][int(rng.integers(2))]
        made = index(factory, x, metric, int(rng.integers(1, 6)), names)
        distances, ids = made.search(rows, 10)
        save = lambda to: faiss.write_index(made, str(to / "index"))
        write(root, f"knn-{n}", save, rows, {"serving_default": {"distances": distances, "ids": ids}})


if __name__ == "__main__":
    if sys.argv[1:2] == ["random"]:
        random_models(Path(sys.argv[2]), int(sys.argv[3]))
        cut_forests(Path(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1:] == ["knn"]:
        knn_models(HERE)
    elif sys.argv[1:] == ["catboost"]:
        catboost_models(HERE)
    elif sys.argv[1:] == ["rcf"]:
        cut_forests(HERE)
    else:
        sys.exit(__doc__)
