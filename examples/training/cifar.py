#!/usr/bin/env python3
"""Trains the `cifar` example: a small AlexNet for pictures of CIFAR-10's shape.

It does what a user of multi-model endpoints does before the first deployment:
prepare labelled data, train with augmentation, measure on held-out data, export
a SavedModel, pack it as NAME.tar.gz, and set some requests with known answers
aside. No data set is fetched: the pictures are drawn from a seed, ten classes by
CIFAR-10's names, each a figure with its own parts in varying place, size, turn,
colour, light, background and noise.

    python examples/training/cifar.py                  writes below examples/training/out
    python examples/training/cifar.py --out examples   renews the files in this repository
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf

import packing
from pictures import Canvas, hsv

CLASSES = [
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
]
SIZE = 32
BATCH = 64
REQUIRED_ACCURACY = 0.95


def draw(label, rng, n):
    """Draws n pictures of one class as uint8 [n, 32, 32, 3]."""
    c = Canvas(rng, n, SIZE, shift=0.2, scale=(0.7, 1.0), turn=12.0)
    u = lambda low, high: rng.uniform(low, high, n)
    colour = lambda h, s, v: hsv(u(*h), u(*s), u(*v))
    sky = colour((0.50, 0.66), (0.05, 0.6), (0.55, 1.0))
    haze = colour((0.45, 0.75), (0.0, 0.4), (0.5, 1.0))
    land = colour((0.05, 0.40), (0.1, 0.7), (0.25, 0.75))
    indoors = colour((0.0, 1.0), (0.0, 0.5), (0.3, 0.95))
    coat = colour((0.02, 0.12), (0.1, 0.7), (0.2, 0.85))
    any_paint = colour((0.0, 1.0), (0.1, 0.95), (0.35, 1.0))
    dark = colour((0.0, 1.0), (0.0, 0.3), (0.02, 0.2))
    pale = colour((0.0, 1.0), (0.0, 0.2), (0.75, 1.0))
    name = CLASSES[label]

    if name in ("airplane", "bird"):
        c.backdrop(sky, haze)
    elif name in ("automobile", "truck", "deer", "horse"):
        c.backdrop(sky, land, horizon=0.1)
    elif name == "ship":
        c.backdrop(sky, colour((0.48, 0.65), (0.2, 0.8), (0.2, 0.7)), horizon=0.2)
    elif name == "frog":
        c.backdrop(land, colour((0.2, 0.55), (0.1, 0.7), (0.3, 0.9)))
    else:
        c.backdrop(indoors, land)
    c.clutter(3)

    if name == "airplane":
        c.paint(pale * 0.8, c.polygon((-0.1, -0.05), (0.2, -0.05), (-0.25, 0.75), (-0.45, 0.75)))
        c.paint(pale * 0.8, c.polygon((-0.45, -0.75), (-0.25, -0.75), (0.2, 0.05), (-0.1, 0.05)))
        c.paint(pale, c.line(-0.75, 0.0, 0.75, 0.0, 0.13))
        c.paint(any_paint, c.polygon((-0.9, -0.35), (-0.75, -0.35), (-0.55, 0.0), (-0.8, 0.0)))
    elif name in ("automobile", "truck"):
        if name == "automobile":
            c.paint(any_paint, c.polygon((-0.45, -0.4), (0.3, -0.4), (0.6, 0.05), (-0.7, 0.05)))
            c.paint(dark + 0.25, c.polygon((-0.38, -0.3), (0.22, -0.3), (0.42, 0.0), (-0.52, 0.0)))
            c.paint(any_paint, c.box(0.0, 0.18, 0.9, 0.2))
            wheels = (-0.5, 0.5)
        else:
            c.paint(colour((0.0, 1.0), (0.0, 0.6), (0.5, 1.0)), c.box(-0.27, -0.2, 0.63, 0.5))
            c.paint(any_paint, c.box(0.64, 0.02, 0.24, 0.3))
            c.paint(dark + 0.25, c.box(0.72, -0.1, 0.12, 0.12))
            c.paint(dark + 0.1, c.box(0.0, 0.34, 0.9, 0.06))
            wheels = (-0.65, -0.25, 0.6)
        for x in wheels:
            c.paint(dark, c.ellipse(x, 0.42, 0.2, 0.2))
            c.paint(pale * 0.7, c.ellipse(x, 0.42, 0.07, 0.07))
    elif name == "bird":
        c.paint(any_paint, c.polygon((-0.9, 0.2), (-0.4, 0.0), (-0.3, 0.25), (-0.85, 0.42)))
        c.paint(any_paint, c.ellipse(-0.1, 0.15, 0.48, 0.28))
        c.paint(any_paint, c.ellipse(0.42, -0.15, 0.22, 0.22))
        c.paint(colour((0.05, 0.15), (0.7, 1.0), (0.7, 1.0)), c.polygon((0.6, -0.25), (0.92, -0.1), (0.6, -0.03)))
        c.paint(any_paint * 0.5, c.polygon((-0.45, -0.6), (0.15, 0.05), (-0.25, 0.2)))
        c.paint(dark, c.ellipse(0.48, -0.2, 0.05, 0.05))
    elif name == "cat":
        for s in (-1, 1):
            outer = [(s * 0.62, -0.85), (s * 0.62, -0.2), (s * 0.1, -0.4)]
            c.paint(coat, c.polygon(*(outer if s > 0 else outer[::-1])))
        c.paint(coat, c.ellipse(0.0, 0.05, 0.66, 0.58))
        for s in (-1, 1):
            c.paint(colour((0.12, 0.4), (0.5, 1.0), (0.6, 1.0)), c.ellipse(s * 0.27, -0.08, 0.15, 0.11))
            c.paint(dark, c.ellipse(s * 0.27, -0.08, 0.045, 0.11))
            c.paint(pale, c.line(s * 0.2, 0.28, s * 0.85, 0.2, 0.03))
            c.paint(pale, c.line(s * 0.2, 0.34, s * 0.85, 0.4, 0.03))
        c.paint(colour((0.95, 1.0), (0.2, 0.6), (0.6, 0.9)), c.polygon((-0.1, 0.15), (0.1, 0.15), (0.0, 0.28)))
    elif name == "dog":
        c.paint(coat, c.ellipse(0.0, -0.1, 0.5, 0.55))
        for s in (-1, 1):
            c.paint(coat * 0.55, c.ellipse(s * 0.56, 0.05, 0.18, 0.5))
            c.paint(dark, c.ellipse(s * 0.2, -0.2, 0.08, 0.09))
        c.paint(np.clip(coat * 1.35, 0, 1), c.ellipse(0.0, 0.35, 0.33, 0.3))
        c.paint(dark, c.ellipse(0.0, 0.2, 0.17, 0.11))
        c.paint(colour((0.95, 1.0), (0.4, 0.8), (0.6, 0.95)), c.ellipse(0.0, 0.6, 0.11, 0.2))
    elif name in ("deer", "horse"):
        hide = coat if name == "deer" else colour((0.0, 0.12), (0.0, 0.8), (0.1, 0.9))
        lean = 0.16 if name == "horse" else 0.07
        for x in (-0.5, -0.3, 0.15, 0.35):
            c.paint(hide * 0.8, c.line(x, 0.2, x, 0.85, 0.4 * lean + 0.02))
        c.paint(hide, c.ellipse(-0.08, 0.12, 0.58, 0.27 if name == "horse" else 0.2))
        c.paint(hide, c.line(0.35, 0.05, 0.55, -0.45, lean))
        c.paint(hide, c.line(0.55, -0.45, 0.85, -0.28, lean * 0.8))
        if name == "deer":
            for s in (-1, 1):
                c.paint(pale * 0.9, c.line(0.52, -0.5, 0.5 + s * 0.25, -0.95, 0.035))
                c.paint(pale * 0.9, c.line(0.5 + s * 0.12, -0.72, 0.5 + s * 0.38, -0.7, 0.035))
            c.paint(pale, c.ellipse(-0.68, 0.05, 0.08, 0.1))
        else:
            c.paint(dark, c.line(0.2, 0.0, 0.45, -0.55, 0.09))
            c.paint(dark, c.line(-0.62, 0.0, -0.85, 0.6, 0.08))
    elif name == "frog":
        skin = colour((0.18, 0.42), (0.4, 0.95), (0.3, 0.9))
        for s in (-1, 1):
            c.paint(skin * 0.8, c.line(s * 0.55, 0.35, s * 0.9, 0.6, 0.13))
            c.paint(skin, c.ellipse(s * 0.38, -0.38, 0.22, 0.22))
        c.paint(skin, c.ellipse(0.0, 0.15, 0.75, 0.48))
        for s in (-1, 1):
            c.paint(pale, c.ellipse(s * 0.38, -0.4, 0.13, 0.13))
            c.paint(dark, c.ellipse(s * 0.38, -0.4, 0.07, 0.07))
        c.paint(dark, c.line(-0.45, 0.2, 0.45, 0.2, 0.035))
    elif name == "ship":
        c.paint(dark + 0.2, c.line(0.05, -0.1, 0.05, -0.85, 0.04))
        c.paint(any_paint, c.polygon((0.1, -0.8), (0.5, -0.65), (0.1, -0.5)))
        c.paint(pale, c.box(-0.2, -0.02, 0.4, 0.16))
        c.paint(dark + 0.1, c.box(-0.35, -0.3, 0.09, 0.16))
        c.paint(any_paint * 0.8, c.polygon((-0.85, 0.12), (0.95, 0.12), (0.65, 0.5), (-0.65, 0.5)))
    return c.finish(noise=0.05)


def dataset(seed, samples):
    """`samples` pictures, the classes in equal shares and shuffled, as uint8 and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(samples) % len(CLASSES))
    pictures = np.empty((samples, SIZE, SIZE, 3), dtype=np.uint8)
    for label in range(len(CLASSES)):
        where = np.flatnonzero(labels == label)
        pictures[where] = draw(label, rng, len(where))
    return pictures, labels


def network():
    """A smaller AlexNet: three convolutions with pooling, then two dense layers."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3), name="picture"),
            layers.Conv2D(16, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(48, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.25),
            layers.Dense(len(CLASSES), activation="softmax"),
        ],
        name="cifar",
    )


def with_augmentation(model):
    """The model behind random turns and shifts, to train with; its weights are the model's.

    The augmentation stays outside the exported model: these layers take training
    as their default, so `model.export` would turn and shift the served pictures too.
    """
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.RandomRotation(0.04, fill_mode="nearest"),
            keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest"),
            model,
        ]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "out", help="folder to write to")
    parser.add_argument("--seed", type=int, default=7, help="seed of data and training")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=10_000, help="pictures to draw; a fifth is held out")
    args = parser.parse_args()

    started = time.time()
    keras.utils.set_random_seed(args.seed)
    tf.config.experimental.enable_op_determinism()
    pictures, labels = dataset(args.seed, args.samples)
    x = pictures.astype(np.float32) / 255.0
    held_out = args.samples // 5
    x_train, y_train = x[held_out:], labels[held_out:]
    x_test, y_test = x[:held_out], labels[:held_out]

    model = network()
    trainer = with_augmentation(model)
    steps = args.epochs * -(-len(x_train) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    judge = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    trainer.compile(optimizer=keras.optimizers.Adam(rate), **judge)
    trainer.fit(x_train, y_train, batch_size=BATCH, epochs=args.epochs, verbose=2)
    model.compile(**judge)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(
        f"{model.count_params():,} parameters, test accuracy {accuracy:.4f}"
        f" on {held_out} pictures, {time.time() - started:.0f} s"
    )
    if accuracy <= REQUIRED_ACCURACY:
        sys.exit(f"the accuracy must be above {REQUIRED_ACCURACY}; nothing was written")

    archive = args.out / "models" / "cifar.tar.gz"
    packing.export(model, archive)
    print(packing.describe(archive))
    write_requests(packing.Reloaded(archive), args.out / "requests" / "cifar", args.seed)


def write_requests(served, folder, seed):
    """One fresh picture of each class, as PNG and as a request, with TensorFlow's answers."""
    rng = np.random.default_rng([seed, 1])
    samples = np.concatenate([draw(label, rng, 1) for label in range(len(CLASSES))])
    folder.mkdir(parents=True, exist_ok=True)
    for name, sample in zip(CLASSES, samples):
        (folder / f"{name}.png").write_bytes(tf.io.encode_png(sample).numpy())
        # Four decimals tell 256 levels apart and keep a request near 20 KB.
        packing.write_request(folder / f"{name}.json", np.round(sample[None] / 255.0, 4))
    packing.write_request(folder / "request.json", packing.read_request(folder / "frog.json"))

    # What the files say is what is asked, to the last bit of each float32.
    batch = np.concatenate([packing.read_request(folder / f"{name}.json") for name in CLASSES])
    np.save(folder / "pictures.npy", batch)
    answers = np.concatenate([served(picture[None]) for picture in batch])
    np.save(folder / "answers.npy", answers)
    if np.abs(served(batch) - answers).max() > 1e-5:
        sys.exit("one batch of ten and ten batches of one disagree")
    packing.write_json(
        folder / "expected.json",
        {
            "model": "cifar.tar.gz",
            "signature": "serving_default",
            "input": served.input_name,
            "output": served.output_name,
            "classes": CLASSES,
            "batch": "pictures.npy",
            "answers": "answers.npy",
            "pictures": [
                {
                    "class": name,
                    "request": f"{name}.json",
                    "picture": f"{name}.png",
                    "row": row,
                    "probabilities": packing.plain(answers[row]),
                }
                for row, name in enumerate(CLASSES)
            ],
        },
    )
    for name, answer in zip(CLASSES, answers):
        print(f"  {name:<12}-> {CLASSES[answer.argmax()]:<12}{answer.max():.4f}")


if __name__ == "__main__":
    main()
