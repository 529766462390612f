"""Answers that are files: pictures, sound, serialized tensors; and pictures that are read at a part of their size."""

import numpy as np
import tensorflow as tf

from protocol import Hints
from saving import saving
from saving_modules import WAY, X, function, module

F, S = tf.float32, tf.string


def picture(height, width):
    def make(rng, case):
        corners = rng.integers(0, 256, (4, 4, 3)).astype("float32")
        smooth = tf.image.resize(corners, (height + 11 * case, width + 6 * case)) + rng.normal(0, 9, (height + 11 * case, width + 6 * case, 3))
        return tf.cast(tf.clip_by_value(smooth, 0, 255), tf.uint8).numpy()

    return make


@saving("pictures written as JPEG", WAY)
def jpeg(path, rng):
    @function(([None, None, 3], tf.uint8, "picture"), ([], tf.int32, "quality"))
    def made(picture, quality):
        io = tf.io
        return {
            "usual": io.encode_jpeg(picture), "low": io.encode_jpeg(picture, quality=30, x_density=72, y_density=96, density_unit="cm"),
            "whole": io.encode_jpeg(picture, quality=100, chroma_downsampling=False), "grey": io.encode_jpeg(picture[:, :, :1], quality=80),
            "asked": tf.raw_ops.EncodeJpegVariableQuality(images=picture, quality=quality),
        }

    module(path, serving_default=made)
    return Hints(arrays={"picture": picture(24, 37), "quality": lambda rng, case: np.array((7, 88)[case], "int32")})


@saving("JPEG decoded at a part of its size", WAY, 5e-2)
def shrunk(path, rng):
    @function(([], S, "jpeg"))
    def made(jpeg):
        return {f"by {n}": tf.cast(tf.io.decode_jpeg(jpeg, 3, ratio=n), F) / 255.0 for n in (2, 4, 8)}

    def smooth(rng, case):
        corners = tf.image.resize(rng.integers(0, 256, (3, 3, 3)).astype("float32"), (64, 48 + 16 * case))
        return np.array(tf.io.encode_jpeg(tf.cast(corners, tf.uint8), quality=95).numpy(), object)

    module(path, serving_default=made)
    return Hints(arrays={"jpeg": smooth})


@saving("sound written as WAV, tensors as texts", WAY)
def written(path, rng):
    @function(([None, 2], F, "sound"), ([None, 3], tf.int16, "whole"), ([None, 2], S, "words"))
    def made(sound, whole, words):
        serialize = tf.io.serialize_tensor
        return {
            "wav": tf.audio.encode_wav(sound, 8000), "one": tf.audio.encode_wav(sound[:, :1] * 3.0, 44100), "floats": serialize(sound),
            "whole": serialize(whole), "words": serialize(words), "truth": serialize(sound > 0.0), "half": serialize(tf.cast(sound, tf.float16)),
            "alone": serialize(tf.size(sound)), "back": tf.io.parse_tensor(serialize(whole), tf.int16), "none": serialize(sound[:0]),
        }

    module(path, serving_default=made)
