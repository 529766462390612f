"""Every layer of Keras that means something when a model answers, a few settings of one kind to a row."""

import importlib

import keras

import protocol
from protocol import Hints, Row

ROWS = []
PARTS = ("layers_spatial", "layers_plain", "layers_sequences", "layers_text")


def layer(name, tolerance=protocol.TOLERANCE):
    """A row from a function that gives inputs, outputs and perhaps hints."""

    def register(build):
        def make(path, rng):
            inputs, outputs, *hints = build()
            model = outputs if isinstance(outputs, keras.Model) else keras.Model(inputs, outputs)
            protocol.randomise(model, rng)
            model.export(path, format="tf_saved_model", verbose=False)
            return hints[0] if hints else Hints()

        ROWS.append(Row(name, "model.export", make, tolerance))
        return build

    return register


def each(prefix, makers, shape, dtype=None, hints=None, tolerance=protocol.TOLERANCE):
    """One row for each maker of a layer: `{"name": layer}` on one input of one shape."""
    for name, make in makers.items():
        def build(make=make):
            x = keras.Input(shape, dtype=dtype, name="x")
            made = make()
            made = made if isinstance(made, (list, tuple)) else [made]
            # Outputs by number: the names that Keras gives depend on what was made before.
            return x, {f"y{n}": step(x) for n, step in enumerate(made)}, hints or Hints()

        layer(f"{prefix} {name}".strip(), tolerance)(build)


def rows():
    for part in PARTS:
        importlib.import_module(part)
    return ROWS
