"""The pipe to the test: one JSON line for each row on standard output, one line back when its directory may go.

A row is a saved model and what TensorFlow answers for it. Arrays travel as `.npy` in four types (float32, float64, int64, bool);
narrower ones are widened on the way, as the engine's border does. Strings travel as hex in JSON.
"""

import json
import os
import shutil
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# oneDNN rounds otherwise than TensorFlow's own kernels do.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
import tensorflow as tf

BATCHES = (1, 3)
TOLERANCE = 1e-5


@dataclass
class Row:
    """A name, a way of saving, and a function that saves into a directory and gives hints for the inputs."""

    name: str
    way: str
    make: Callable
    tolerance: float = TOLERANCE


@dataclass
class Hints:
    """How to make inputs: `arrays[name](rng, case)` makes one; `sizes` fill unknown dimensions after the batch, by case."""

    arrays: dict = field(default_factory=dict)
    sizes: tuple = ((6, 6, 6, 6), (9, 7, 8, 5))
    # (signature, inputs) -> outputs, for what `tf.saved_model.load` cannot bring back.
    answer: Callable = None
    signatures: list = None
    # Each case is the first call of a model that was just loaded: others answer something else.
    fresh: bool = False
    # What is done to the saved model once TensorFlow has answered: what only older versions write.
    after: Callable = None
    # Why the model is not to be served at all.
    refused: str = None


def randomise(model, rng, spread=1.0):
    """Gives every weight a value that matters: fresh biases and batch norms would be zeros and ones."""
    for weight in model.weights:
        dtype = str(getattr(weight.dtype, "name", weight.dtype))
        if "seed" in getattr(weight, "path", weight.name) or "float" not in dtype:
            continue
        shape = tuple(weight.shape)
        name = getattr(weight, "path", weight.name)
        fan = max(1, int(np.prod(shape[:-1])))
        value = rng.normal(0, spread / np.sqrt(fan) if len(shape) > 1 else 0.3, shape)
        if any(word in name for word in ("variance", "gamma", "moving_var")):
            value = np.abs(value) + 0.5
        weight.assign(tf.cast(value, dtype) if dtype == "bfloat16" else value.astype(dtype))


def sample(name, spec, case, hints, rng):
    """One input: as the hints say, or random of the declared shape."""
    if name in hints.arrays:
        return np.asarray(hints.arrays[name](rng, case))
    sizes = iter(hints.sizes[case])
    shape = []
    for at, extent in enumerate(spec.shape.as_list()):
        shape.append(extent if extent is not None else BATCHES[case] if at == 0 else next(sizes))
    if spec.dtype.is_floating:
        return rng.normal(0, 1, shape).astype(spec.dtype.as_numpy_dtype)
    if spec.dtype == tf.bool:
        return rng.random(shape) < 0.5
    if spec.dtype == tf.string:
        words = np.array([b"one", b"two", b"three", b"", b"four five"], dtype=object)
        return words[rng.integers(0, len(words), shape)]
    return rng.integers(0, 5, shape).astype(spec.dtype.as_numpy_dtype)


def write(array, path):
    """A file for numbers, JSON for strings."""
    # As numpy's own texts they would lose zeros at their end.
    array = np.array(array, object) if isinstance(array, bytes) else np.asarray(array)
    if array.dtype.kind in "OSU":
        texts = [t if isinstance(t, bytes) else str(t).encode() for t in array.reshape(-1).tolist()]
        return {"shape": list(array.shape), "hex": [t.hex() for t in texts]}
    if array.dtype in (np.float64, np.bool_):
        wide = array
    elif array.dtype.kind in "iu":
        wide = array.astype(np.int64)
    else:
        wide = array.astype(np.float32)
    np.save(path, np.ascontiguousarray(wide).reshape(array.shape))
    return {"file": str(path)}


def flat(values):
    """Values of several tensors as the engine names them."""
    named = {}
    for name, value in values.items():
        if isinstance(value, (tf.SparseTensor, tf.SparseTensorSpec)):
            spec = isinstance(value, tf.SparseTensorSpec)
            parts = (tf.TensorSpec([None, value.shape.rank], tf.int64), tf.TensorSpec([None], value.dtype),
                     tf.TensorSpec([value.shape.rank], tf.int64)) if spec else (value.indices, value.values, value.dense_shape)
            named |= dict(zip((f"{name}/indices", f"{name}/values", f"{name}/shape"), parts))
        elif isinstance(value, tf.RaggedTensor):
            named |= {f"{name}/values": value.flat_values}
            named |= {f"{name}/row_splits" + (f"_{n}" if n else ""): s for n, s in enumerate(value.nested_row_splits)}
        else:
            named[name] = value
    return named


def whole(name, spec, inputs):
    """A value to feed: the engine's tensors put together again."""
    if isinstance(spec, tf.SparseTensorSpec):
        return tf.SparseTensor(*(inputs[f"{name}/{part}"] for part in ("indices", "values", "shape")))
    return tf.constant(inputs[name], spec.dtype)


def cases(path, hints, rng, scratch):
    """Every signature on two shapes."""
    loaded = tf.saved_model.load(str(path))
    made = []
    names = hints.signatures or [n for n in loaded.signatures if n != "serve" or len(loaded.signatures) == 1]
    for name in names:
        signature = loaded.signatures[name]
        for case in range(len(BATCHES)):
            if hints.fresh:
                signature = tf.saved_model.load(str(path)).signatures[name]
            specs = signature.structured_input_signature[1]
            inputs = {k: sample(k, v, case, hints, rng) for k, v in flat(specs).items()}
            if hints.answer:
                outputs = hints.answer(name, inputs)
            else:
                fed = {k: whole(k, spec, inputs) for k, spec in specs.items()}
                outputs = {k: v.numpy() for k, v in flat(signature(**fed)).items()}
            mark = f"{len(made)}"
            made.append({
                "signature": name,
                "inputs": {k: write(v, scratch / f"{mark}.in.{n}.npy") for n, (k, v) in enumerate(inputs.items())},
                "outputs": {k: write(v, scratch / f"{mark}.out.{n}.npy") for n, (k, v) in enumerate(outputs.items())},
            })
    return made


def serve(rows):
    """Makes row after row; each is gone once the test has answered."""
    only = os.environ.get("BERTH_PARITY_ONLY", "").split("|")
    done = os.environ.get("BERTH_PARITY_DONE", "").split("\n")
    # What libraries print must not get between the lines of the protocol.
    out, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
    os.dup2(2, 1)
    for row in rows:
        if not any(text in row.name or text in row.way for text in only) or f"{row.name}\t{row.way}" in done:
            continue
        seed = sum(row.name.encode()) * 1000 + len(row.way)
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed % 2**31)
        rng = np.random.default_rng(seed)
        scratch = Path(tempfile.mkdtemp(prefix="parity-"))
        line = {"row": row.name, "way": row.way, "tolerance": row.tolerance}
        try:
            model = scratch / "model" / "1"
            hints = row.make(str(model), rng) or Hints()
            line |= {"dir": str(model), "fresh": hints.fresh, "refused": hints.refused, "cases": cases(model, hints, rng, scratch)}
            if hints.after:
                hints.after(model)
        except Exception as error:
            if os.environ.get("BERTH_PARITY_TRACE"):
                traceback.print_exc()
            line |= {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(line), file=out, flush=True)
        answer = sys.stdin.readline()
        shutil.rmtree(scratch, ignore_errors=True)
        if not answer:
            return
