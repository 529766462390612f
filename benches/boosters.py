"""See boosters.sh. Random data, seeded; 500 trees of depth 6 (XGBoost) or 64 leaves (LightGBM)."""

import argparse
import tempfile
from pathlib import Path

import lightgbm as lgb
import numpy as np
import xgboost as xgb

from peer import Berth, rounds

TREES, FEATURES = 500, 50
# Rows of a request, and runs of one round.
SIZES = [(1, 2000), (100, 300), (10_000, 9)]


def models(root):
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (20_000, FEATURES)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + rng.normal(0, 1, len(x)) > 0).astype(np.float32)
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 6, "eta": 0.1}, xgb.DMatrix(x, y), TREES)
    params = {"objective": "binary", "num_leaves": 64, "max_depth": 6, "verbose": -1}
    light = lgb.train(params, lgb.Dataset(x.astype(np.float64), y), TREES)
    for name, save in [("xgboost", lambda f: f.write_bytes(booster.save_raw("ubj"))), ("lightgbm", light.save_model)]:
        (root / name).mkdir()
        save(root / name / "model")
    return booster, light, rng.normal(0, 1, (10_000, FEATURES))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--berth", required=True)
    options.add_argument("--threads", default="1,2")
    options.add_argument("--rounds", type=int, default=5)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as root:
        root = Path(root)
        booster, light, rows = models(root)
        print("| threads | model | rows | Berth ms | peer ms | Berth / peer |\n| --- | --- | --- | --- | --- | --- |")
        for threads in map(int, options.threads.split(",")):
            booster.set_param({"nthread": threads})
            for name, dtype in [("xgboost", np.float32), ("lightgbm", np.float64)]:
                berth = Berth(options.berth, threads)
                berth.ask(f"load {root / name}")
                for size, times in SIZES:
                    x = np.ascontiguousarray(rows[:size].astype(dtype))
                    np.save(root / "x.npy", x)
                    berth.ask(f"input features {root / 'x.npy'}")
                    peer = {
                        "xgboost": lambda: booster.inplace_predict(x),
                        "lightgbm": lambda: light.predict(x, num_threads=threads),
                    }[name]
                    columns = rounds(berth, peer, options.rounds, times, times, (4, 3))
                    print(f"| {threads} | {name} | {size} | {columns} |", flush=True)
                berth.close()


main()
