"""Compares models as people export them with what onnxruntime answers, one after the other.

    pip install onnx onnxruntime onnxscript sympy torch torchvision timm transformers     # all but these:
    pip install onnx onnxruntime skl2onnx onnxmltools xgboost lightgbm catboost pandas    # tables
    pip install onnx onnxruntime tensorflow tf2onnx                                       # keras
    python exports.py FAMILY [NAME…]              # vision, timm, language, modules, tables, keras or quantised; all of it, or these
    python exports.py FAMILY --test BINARY        # a test that is built already, not `cargo test`
    python exports.py FAMILY --keep FILE.gz       # writes the cases, in the form of cases.py, and asks nothing
    python exports.py --few cases/exports.gz      # those that are committed

Weights are random and seeded. A float may differ by 1e-4 of the largest number of its answer, anything else not at all.
"""

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
import warnings
import zlib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "torch"))

import cases
import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(4)
CLOSE = 1e-4
CARGO = ["cargo", "test", "-p", "berth-engine", "--test", "onnx", "--"]
FAMILIES = ("vision", "timm", "language", "modules", "tables", "keras", "quantised")
# What is committed: small ones, each of another exporter.
FEW = {
    "modules": ("lstm", "gru-both", "tagger", "attention", "upsampled", "picked", "decided", "looped", "spectrum"),
    "tables": ("lightgbm-maps", "catboost", "xgboost-two", "columns", "many-classifiers"),
}


def tensors(names, answers):
    """Names and arrays: of a list of maps the scores that they hold, of a sequence each of its tensors."""
    for name, answer in zip(names, answers):
        if isinstance(answer, list) and isinstance(answer[0], dict):
            yield name, np.array([list(row.values()) for row in answer], np.float32)
        elif isinstance(answer, list):
            yield from ((f"{name}_{n}", item) for n, item in enumerate(answer))
        else:
            yield name, np.asarray(answer)


def records(name, model, feeds, close=CLOSE):
    """A case for each of several requests. `model`: a model, or the path of one."""
    path = model if isinstance(model, (str, Path)) else None
    model = onnx.load(path) if path else model
    # Optimised, it leaves out what rounds.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path) if path else model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    taken = [i.name for i in session.get_inputs()]
    for n, feed in enumerate(feeds):
        parts = cases.Parts()
        try:
            answers = [*tensors(names, session.run(names, {k: v for k, v in feed.items() if k in taken}))]
        except Exception as error:
            print(f"{name}_{n}: onnxruntime: {str(error).splitlines()[0][:200]}", flush=True)
            continue
        outputs = [parts.tensor(k, a) for k, a in answers]
        for entry, (_, answer) in zip(outputs, answers):
            if answer.dtype.kind == "f" and answer.size:
                finite = answer[np.isfinite(answer)]
                entry["atol"] = float(close * np.abs(finite).max(initial=0))
        inputs = [parts.tensor(k, v) for k, v in feed.items() if k in taken]
        yield cases.packed({"name": f"export_{name}_{n}", "rtol": 0, "atol": 0, "inputs": inputs, "outputs": outputs}, model, parts)


def ask(path, test):
    """What the test says of a file of cases."""
    environment = {"RUST_MIN_STACK": "268435456", **os.environ, "BERTH_ONNX": str(path)}
    run = subprocess.run([*([test] if test else CARGO), "--nocapture"], env=environment, capture_output=True, text=True)
    lines = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith("export_")]
    return lines or [f"the test ended with {run.returncode}: {run.stderr[-300:]}"]


def compare(name, make, asked, kept):
    try:
        for label, model, feeds, *close in make():
            whole = f"{name}_{label}" if label else name
            made = list(records(whole, model, feeds, *close))
            if asked.keep or asked.few:
                kept += made
                print(f"{whole}: {len(made)}", flush=True)
                continue
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory) / "case.gz"
                cases.write(path, made, fast=True)
                print("\n".join(ask(path, asked.test)), flush=True)
    except Exception as error:
        print(f"{name}: no export: {type(error).__name__}: {str(error)[:300]}", flush=True)


def main():
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("family", nargs="?", choices=FAMILIES)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--test", help="a binary")
    parser.add_argument("--keep")
    parser.add_argument("--few")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    kept = []
    for family in [asked.family] if asked.family else FEW:
        module = importlib.import_module(f"exporting.{family}")
        names = asked.names or (FEW[family] if asked.few else ())
        for name, make in module.exports(asked.seed):
            if not names or name in names:
                np.random.seed(zlib.crc32(name.encode()))
                compare(name, make, asked, kept)
    if asked.keep or asked.few:
        cases.write(asked.keep or asked.few, kept)
        print(len(kept), "cases")


if __name__ == "__main__":
    main()
