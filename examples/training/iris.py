#!/usr/bin/env python3
"""Trains the `iris` example: a tiny dense network on four measurements of a flower.

The smallest model worth serving, for first calls and for measuring what the
server itself costs. No data set is fetched: the measurements are drawn from a
seed, three classes with overlapping, correlated sizes in centimetres.

    python examples/training/iris.py                  writes below examples/training/out
    python examples/training/iris.py --out examples   renews the files in this repository
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf

import packing

CLASSES = ["setosa", "versicolor", "virginica"]
FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
MEANS = np.array([[5.0, 3.4, 1.5, 0.25], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.7, 2.1]])
SPREADS = np.array([[0.35, 0.35, 0.2, 0.1], [0.45, 0.3, 0.4, 0.2], [0.55, 0.3, 0.5, 0.25]])
REQUIRED_ACCURACY = 0.95


def dataset(rng, samples):
    """Measurements [samples, 4] to a tenth of a millimetre, and their classes."""
    labels = rng.permutation(np.arange(samples) % len(CLASSES))
    vigour = rng.normal(0, 1, (samples, 1))  # large flowers are large in every measure
    own = rng.normal(0, 1, (samples, len(FEATURES)))
    values = MEANS[labels] + SPREADS[labels] * (0.7 * vigour + 0.7 * own)
    return np.round(np.clip(values, 0.1, None), 2).astype(np.float32), labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "out", help="folder to write to")
    parser.add_argument("--seed", type=int, default=7, help="seed of data and training")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--samples", type=int, default=1500, help="flowers to draw; a fifth is held out")
    args = parser.parse_args()

    keras.utils.set_random_seed(args.seed)
    tf.config.experimental.enable_op_determinism()
    x, y = dataset(np.random.default_rng(args.seed), args.samples)
    held_out = args.samples // 5

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((len(FEATURES),), name="measurements"),
            layers.Dense(16, activation="relu"),
            layers.Dense(16, activation="relu"),
            layers.Dense(len(CLASSES), activation="softmax"),
        ],
        name="iris",
    )
    model.compile(optimizer=keras.optimizers.Adam(5e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[held_out:], y[held_out:], batch_size=32, epochs=args.epochs, verbose=0)
    _, accuracy = model.evaluate(x[:held_out], y[:held_out], verbose=0)
    print(f"{model.count_params():,} parameters, test accuracy {accuracy:.4f} on {held_out} flowers")
    if accuracy <= REQUIRED_ACCURACY:
        sys.exit(f"the accuracy must be above {REQUIRED_ACCURACY}; nothing was written")

    archive = args.out / "models" / "iris.tar.gz"
    packing.export(model, archive)
    print(packing.describe(archive))

    folder = args.out / "requests" / "iris"
    packing.write_request(folder / "request.json", MEANS)
    batch = packing.read_request(folder / "request.json")
    served = packing.Reloaded(archive)
    answers = served(batch)
    packing.write_json(
        folder / "expected.json",
        {
            "model": "iris.tar.gz",
            "signature": "serving_default",
            "input": served.input_name,
            "output": served.output_name,
            "classes": CLASSES,
            "features": FEATURES,
            "request": "request.json",
            "predictions": packing.plain(answers),
        },
    )
    for values, answer in zip(batch, answers):
        print(f"  {values} -> {CLASSES[answer.argmax()]} {answer.max():.4f}")


if __name__ == "__main__":
    main()
