"""What the example scripts share: packing archives and recording TensorFlow's answers.

Everything is written under one output folder:

    OUT/models/NAME.tar.gz      the archive to serve, laid out as 1/saved_model.pb, 1/variables/...
    OUT/requests/NAME/...       request bodies, inputs and the answers TensorFlow gives to them
"""

import gzip
import json
import os
import tarfile
import tempfile
from pathlib import Path

import numpy as np


def pack(version_dir, archive):
    """Packs one exported SavedModel as version 1 of a model archive.

    The archive depends on the files' bytes and names alone: entries are sorted
    and carry no time, owner or file mode of the machine that packed them.
    """
    version_dir, archive = Path(version_dir), Path(archive)
    archive.parent.mkdir(parents=True, exist_ok=True)
    paths = [version_dir] + sorted(version_dir.rglob("*"))
    with open(archive, "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as zipped:
            with tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                for path in paths:
                    name = "/".join(("1", *path.relative_to(version_dir).parts))
                    info = tarfile.TarInfo(name)
                    if path.is_dir():
                        info.type, info.mode = tarfile.DIRTYPE, 0o755
                        tar.addfile(info)
                    else:
                        info.mode, info.size = 0o644, path.stat().st_size
                        with open(path, "rb") as file:
                            tar.addfile(info, file)


def export(model, archive):
    """Exports a Keras model by `model.export` and packs the result as `archive`."""
    with tempfile.TemporaryDirectory() as scratch:
        version = os.path.join(scratch, "1")
        model.export(version, format="tf_saved_model", verbose=False)
        pack(version, archive)


class Reloaded:
    """The `serving_default` signature of a packed archive, as TensorFlow runs it.

    The expected answers are taken from here and never from the Keras model in
    memory, so that they belong to the very bytes that are served.
    """

    def __init__(self, archive):
        import tensorflow as tf

        self._tf = tf
        self._scratch = tempfile.TemporaryDirectory()
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(self._scratch.name, filter="data")
        self._model = tf.saved_model.load(os.path.join(self._scratch.name, "1"))
        self._signature = self._model.signatures["serving_default"]
        _, inputs = self._signature.structured_input_signature
        (self.input_name,) = inputs
        (self.output_name,) = self._signature.structured_outputs

    def __call__(self, batch):
        tensor = self._tf.constant(np.asarray(batch, dtype=np.float32))
        return self._signature(**{self.input_name: tensor})[self.output_name].numpy()


def plain(array):
    """Nested lists of the shortest decimals that read back as the same float32."""
    if isinstance(array, np.ndarray) and array.ndim:
        return [plain(item) for item in array]
    return float(str(np.float32(array)))


def write_request(path, batch):
    """Writes `{"instances": [...]}` for a batch and returns nothing."""
    write_json(path, {"instances": plain(np.asarray(batch, dtype=np.float32))}, compact=True)


def read_request(path):
    """The batch of a request file, by way of the decimals that stand in it."""
    return np.array(json.loads(Path(path).read_text())["instances"], dtype=np.float32)


def write_json(path, value, compact=False):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, separators=(",", ":")) if compact else json.dumps(value, indent=1)
    path.write_text(text + "\n")


def describe(archive):
    """One line on an archive: its path and size."""
    return f"{archive}  {os.path.getsize(archive):,} bytes"
