"""The applications of Keras with random weights whose activations neither explode nor vanish."""

import keras
import numpy as np

from protocol import BATCHES, Hints, Row

SMALL = ("MobileNetV2", "ResNet50", "EfficientNetB0", "DenseNet121")
ALL = ("Xception", "VGG16", "VGG19", "ResNet50", "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2",
       "InceptionV3", "InceptionResNetV2", "MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "DenseNet121",
       "DenseNet169", "DenseNet201", "NASNetMobile", "NASNetLarge", *(f"EfficientNetB{n}" for n in range(8)),
       *(f"EfficientNetV2B{n}" for n in range(4)), "EfficientNetV2S", "EfficientNetV2M", "EfficientNetV2L",
       *(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")))


def calm(model, rng):
    """He normal, statistics of batch norms near one, small biases; residual scales as they are."""
    for weight in model.weights:
        name, shape = weight.path, tuple(weight.shape)
        if "float" not in str(weight.dtype) or "normalization/" in name and "efficientnet" in model.name:
            continue
        if "gamma" in name or "variance" in name:
            # Deep sums of branches grow by each branch: a scale below one keeps them.
            value = rng.uniform(0.8, 1.2, shape) * (0.7 if "gamma" in name and len(model.layers) > 150 else 1.0)
        elif len(shape) >= 2:
            depthwise = "depthwise" in name
            fan = np.prod(shape[:2]) if depthwise else np.prod(shape[:-1])
            value = rng.standard_normal(shape, dtype=np.float32) * np.sqrt(2 / fan)
        else:
            value = rng.normal(0, 0.05, shape)
        weight.assign(value.astype("float32"))


def soften(model, sample):
    """The last scores are scaled until they differ by one or so: else the answer is one 1 and zeros, which proves little."""
    last = [layer for layer in model.layers if hasattr(layer, "kernel")][-1]
    before = last.activation
    last.activation = None
    scores = np.asarray(keras.Model(model.inputs, last(last.input))(sample))
    last.activation = before
    last.kernel.assign(last.kernel / max(float(scores.std()), 1e-6))


def rows(which="small"):
    for name in SMALL if which == "small" else ALL:
        def make(path, rng, name=name):
            build = getattr(keras.applications, name)
            model = build(weights=None, **({"input_shape": (96, 96, 3)} if which == "small" else {}))
            calm(model, rng)
            scale = 255.0 if "Efficient" in name or "ConvNeXt" in name or "V3" in name and "Mobile" in name else 2.0
            # MobileNet V3 takes images of any size.
            size = tuple(extent or 224 for extent in model.input_shape[1:])
            make = lambda rng, case: (rng.random((BATCHES[case], *size), dtype=np.float32) - (0.0 if scale > 2 else 0.5)) * scale
            soften(model, make(np.random.default_rng(1), 0))
            model.export(path, format="tf_saved_model", verbose=False)
            names = [x.name for x in model.inputs]
            return Hints(arrays={n: make for n in names})

        yield Row(name, f"model.export, {'96 pixels' if which == 'small' else 'full size'}", make, 1e-4)
