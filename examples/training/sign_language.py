#!/usr/bin/env python3
"""Trains the `sign-language` example: VGG16, fine-tuned to read signed digits.

It does what transfer learning does: take VGG16, freeze its first blocks, put a
new classifier on top and train that and the last block on a small data set. No
weights and no data set are fetched: the base starts from a seed, scaled so that
signals keep their strength through its depth, and the pictures are drawn: hands
that sign 0 to 9 with varying skin, light, size, turn, place and background. The
result is as large and as slow as the real thing; a few steps of training make it
better than chance, not good.

    python examples/training/sign_language.py          writes below examples/training/out
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf

import packing
from pictures import Canvas, hsv

SIZE = 224
DIGITS = 10
FROZEN = ("block1", "block2", "block3", "block4")
# What VGG16 expects: blue, green, red order with these means taken off.
MEANS_BGR = [103.939, 116.779, 123.68]

# One hand: the thumb and four fingers as (base x, base y, tip x, tip y).
FINGERS = [
    (-0.22, 0.30, -0.62, 0.02),
    (-0.21, 0.05, -0.32, -0.58),
    (-0.07, 0.00, -0.10, -0.72),
    (0.07, 0.02, 0.12, -0.66),
    (0.20, 0.08, 0.34, -0.50),
]
# The fingers each digit raises; from six on, the thumb touches a bent finger.
RAISED = [
    (), (1,), (1, 2), (0, 1, 2), (1, 2, 3, 4),
    (0, 1, 2, 3, 4), (1, 2, 3), (1, 2, 4), (1, 3, 4), (2, 3, 4),
]
TOUCHED = {6: 4, 7: 3, 8: 2, 9: 1}


def draw(digit, rng, n):
    """Draws n signs of one digit as uint8 [n, 224, 224, 3]."""
    c = Canvas(rng, n, SIZE, shift=0.12, scale=(0.85, 1.1), turn=10.0)
    u = lambda low, high: rng.uniform(low, high, n)
    wall = hsv(u(0, 1), u(0, 0.4), u(0.4, 0.95))
    c.backdrop(wall, wall * 0.8)
    c.clutter(2)
    hue, saturation, value = u(0.03, 0.09), u(0.25, 0.6), u(0.35, 0.95)
    skin, shade = hsv(hue, saturation, value), hsv(hue, saturation, value * 0.72)
    wobble = lambda: rng.uniform(-0.04, 0.04, (n, 1, 1)).astype(np.float32)

    c.paint(hsv(u(0, 1), u(0.2, 0.9), u(0.2, 0.8)), c.polygon((-0.24, 0.8), (0.24, 0.8), (0.3, 1.6), (-0.3, 1.6)))
    c.paint(skin, c.line(0.0, 0.5, 0.0, 0.85, 0.19))
    c.paint(skin, c.ellipse(0.0, 0.3, 0.31, 0.36))
    for finger, (x0, y0, x1, y1) in enumerate(FINGERS):
        if finger in RAISED[digit]:
            c.paint(shade, c.line(x0, y0, x1 + wobble(), y1 + wobble(), 0.095))
            c.paint(skin, c.line(x0, y0, x1 + wobble() * 0.5, y1 + wobble() * 0.5, 0.08))
        elif finger > 0:
            c.paint(shade, c.ellipse(x0, y0 + 0.12, 0.085, 0.14))
    if digit in TOUCHED:
        x, y = FINGERS[TOUCHED[digit]][:2]
        c.paint(shade, c.line(-0.25, 0.42, x, y + 0.1, 0.085))
        c.paint(hsv(hue, saturation * 0.6, np.minimum(value * 1.1, 1.0)), c.ellipse(x, y + 0.1, 0.05, 0.05))
    elif 0 not in RAISED[digit]:
        c.paint(shade, c.line(-0.25, 0.42, 0.1, 0.3, 0.085))
    return c.finish(noise=0.02)


def dataset(rng, samples):
    labels = rng.permutation(np.arange(samples) % DIGITS)
    pictures = np.empty((samples, SIZE, SIZE, 3), dtype=np.uint8)
    for digit in range(DIGITS):
        where = np.flatnonzero(labels == digit)
        pictures[where] = draw(digit, rng, len(where))
    return pictures, labels


def prepare(pictures):
    """8-bit RGB as VGG16 takes it: float32, blue first, means taken off."""
    return pictures[..., ::-1].astype(np.float32) - np.array(MEANS_BGR, dtype=np.float32)


def network(seed):
    """VGG16 from seeded weights, its first blocks frozen, and a new classifier."""
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
    rng = np.random.default_rng(seed)
    for layer in base.layers:
        layer.trainable = not layer.name.startswith(FROZEN)
        if layer.weights:
            kernel, bias = layer.get_weights()
            deviation = np.sqrt(2.0 / np.prod(kernel.shape[:3]))
            if layer.name == "block1_conv1":
                deviation /= 64.0  # its inputs are of the size of 8-bit values
            layer.set_weights([rng.normal(0, deviation, kernel.shape), np.zeros_like(bias)])
    layers = keras.layers
    x = layers.GlobalAveragePooling2D(name="pooled")(base.output)
    x = layers.Dense(256, activation="relu", kernel_initializer="he_normal", name="hidden")(x)
    x = layers.Dense(DIGITS, activation="softmax", name="digit")(x)
    return base, keras.Model(base.input, x, name="sign_language")


def centre(hidden, pooled):
    """Starts the classifier as if its inputs had mean 0 and variance 1.

    Random features say nearly the same of every picture; what differs between
    pictures is small beside it and would be learnt slowly.
    """
    kernel, _ = hidden.get_weights()
    kernel = kernel / (pooled.std(0) + 1e-6)[:, None]
    hidden.set_weights([kernel, -pooled.mean(0) @ kernel])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "out", help="folder to write to")
    parser.add_argument("--seed", type=int, default=7, help="seed of weights, data and training")
    parser.add_argument("--steps", type=int, default=80, help="training steps")
    parser.add_argument("--batch", type=int, default=20, help="pictures per training step")
    parser.add_argument("--samples", type=int, default=400, help="pictures to draw; a fifth is held out")
    args = parser.parse_args()

    started = time.time()
    keras.utils.set_random_seed(args.seed)
    pictures, labels = dataset(np.random.default_rng(args.seed), args.samples)
    held_out = args.samples // 5
    base, model = network(args.seed)

    # The frozen blocks give the same for a picture every time: they run once.
    border = base.get_layer("block4_pool").output
    frozen = keras.Model(base.input, border)
    tuned = keras.Model(border, model.output)
    features = frozen.predict(prepare(pictures), batch_size=args.batch, verbose=0)
    pooled = keras.Model(border, model.get_layer("pooled").output)
    centre(model.get_layer("hidden"), pooled.predict(features[held_out:], batch_size=args.batch, verbose=0))
    print(f"frozen blocks done, {time.time() - started:.0f} s", flush=True)

    tuned.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-4, args.steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    stream = (
        tf.data.Dataset.from_tensor_slices((features[held_out:], labels[held_out:]))
        .shuffle(args.samples, seed=args.seed)
        .repeat()
        .batch(args.batch)
    )
    tuned.fit(stream, steps_per_epoch=args.steps, epochs=1, verbose=2)
    _, accuracy = tuned.evaluate(features[:held_out], labels[:held_out], verbose=0)
    print(
        f"{model.count_params():,} parameters, test accuracy {accuracy:.3f}"
        f" on {held_out} pictures, {time.time() - started:.0f} s"
    )

    archive = args.out / "models" / "sign-language.tar.gz"
    packing.export(model, archive)
    print(packing.describe(archive))

    folder = args.out / "requests" / "sign-language"
    rng = np.random.default_rng([args.seed, 1])
    digits = [3, 8]
    samples = np.concatenate([draw(digit, rng, 1) for digit in digits])
    # Three decimals are exact enough for a request and for it to be read back.
    batch = np.round(prepare(samples), 3).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    for digit, sample in zip(digits, samples):
        (folder / f"{digit}.png").write_bytes(tf.io.encode_png(sample).numpy())
    packing.write_request(folder / "request.json", batch[:1])
    np.save(folder / "request.npy", batch[:1])
    np.save(folder / "request-2.npy", batch)
    served = packing.Reloaded(archive)
    packing.write_json(
        folder / "expected.json",
        {
            "model": "sign-language.tar.gz",
            "signature": "serving_default",
            "input": served.input_name,
            "output": served.output_name,
            "digits": digits,
            "batches": [
                {"requests": ["request.json", "request.npy"], "predictions": packing.plain(served(batch[:1]))},
                {"requests": ["request-2.npy"], "predictions": packing.plain(served(batch))},
            ],
        },
    )
    print(f"done, {time.time() - started:.0f} s")


if __name__ == "__main__":
    main()
