"""Signatures that parse: examples of sequences, lines of text, files of pictures and sound, bytes, and the texts made of them."""

import gzip
import io
import struct
import zlib

import numpy as np
import tensorflow as tf

from protocol import BATCHES, Hints
from saving import saving
from saving_modules import WAY, X, function, module

S, F, I = tf.string, tf.float32, tf.int64


def texts(*cases):
    """An input of texts, by case."""
    return lambda rng, case: np.array(cases[case], dtype=object)


def sequences(rng, case):
    """Serialised `tf.train.SequenceExample`s, with and without each feature."""
    feature = lambda **kind: tf.train.Feature(**kind)
    floats = lambda v: feature(float_list=tf.train.FloatList(value=v))
    ints = lambda v: feature(int64_list=tf.train.Int64List(value=v))
    words = lambda v: feature(bytes_list=tf.train.BytesList(value=v))
    made = []
    for n in range((1, 4)[case]):
        context = {"age": floats([float(n)]), "tags": ints(range(n))}
        if n % 2:
            context["name"] = words([b"name %d" % n])
        lists = {
            "frames": [floats(rng.normal(0, 1, 2)) for _ in range(n + 1)],
            "words": [words([b"w%d" % k] * (k + 1)) for k in range(n)],
            "ids": [ints([k, n]) for k in range((n * 3) % 4)],
        }
        if n == 2:
            del lists["words"]
        lists = {k: tf.train.FeatureList(feature=v) for k, v in lists.items()}
        example = tf.train.SequenceExample(
            context=tf.train.Features(feature=context), feature_lists=tf.train.FeatureLists(feature_list=lists))
        made.append(example.SerializeToString())
    return np.array(made, dtype=object)


CONTEXT = {"age": tf.io.FixedLenFeature([], F), "name": tf.io.FixedLenFeature([], S, "nobody"), "tags": tf.io.VarLenFeature(I)}
LISTS = {"frames": tf.io.FixedLenSequenceFeature([2], F), "words": tf.io.VarLenFeature(S)}


def flat(parts):
    """Dense parts as they are, sparse and ragged ones by what they are made of."""
    made = {}
    for part in parts:
        for key, value in part.items():
            if isinstance(value, tf.SparseTensor):
                made |= {f"{key}.at": value.indices, f"{key}.values": value.values, f"{key}.shape": value.dense_shape}
            elif isinstance(value, tf.RaggedTensor):
                made |= {f"{key}.values": value.flat_values} | {f"{key}.{n}": s for n, s in enumerate(value.nested_row_splits)}
            else:
                made[key] = value
    return made


@saving("serialized tf.SequenceExample, batch", "tf.io.parse_sequence_example")
def parse_sequences(path, rng):
    @function(([None], S, "examples"))
    def parsed(examples):
        return flat(tf.io.parse_sequence_example(examples, CONTEXT, LISTS))

    @function(([None], S, "examples"))
    def ragged(examples):
        context = {"tags": tf.io.RaggedFeature(I)}
        lists = {"words": tf.io.RaggedFeature(S), "ids": tf.io.RaggedFeature(I, row_splits_dtype=I)}
        return flat(tf.io.parse_sequence_example(examples, context, lists)[:2])

    module(path, serving_default=parsed, ragged=ragged)
    return Hints(arrays={"examples": sequences})


@saving("serialized tf.SequenceExample, one", "tf.io.parse_single_sequence_example")
def parse_sequence(path, rng):
    @function(([], S, "example"))
    def parsed(example):
        return flat(tf.io.parse_single_sequence_example(example, CONTEXT, LISTS))

    module(path, serving_default=parsed)
    return Hints(arrays={"example": lambda rng, case: sequences(rng, 1)[case + 1]})


@saving("serialized tf.Example, each parsed alone", "tf.io.parse_single_example")
def parse_single(path, rng):
    def examples(rng, case):
        made = []
        for n in range(BATCHES[case]):
            values = {"a": tf.train.Feature(float_list=tf.train.FloatList(value=[n, 2.0])),
                      "b": tf.train.Feature(int64_list=tf.train.Int64List(value=range(n)))}
            made.append(tf.train.Example(features=tf.train.Features(feature=values)).SerializeToString())
        return np.array(made, dtype=object)

    @function(([None], S, "examples"))
    def parsed(examples):
        features = {"a": tf.io.FixedLenFeature([2], F), "c": tf.io.FixedLenFeature([], S, "none")}
        each = tf.map_fn(lambda e: tf.io.parse_single_example(e, features), examples, fn_output_signature={"a": F, "c": S})
        return each

    module(path, serving_default=parsed)
    return Hints(arrays={"examples": examples})


@saving("lines of comma-separated values", "tf.io.decode_csv")
def lines(path, rng):
    @function(([None], S, "lines"))
    def parsed(lines):
        a, b, c, d, e = tf.io.decode_csv(lines, [[1.5], tf.constant([], tf.int32), [b"none"], [7], tf.constant([0.5], tf.float64)])
        return {"a": a, "b": b, "c": c, "d": tf.cast(d, I), "e": e}

    @function(([None], S, "lines"))
    def chosen(lines):
        a, b = tf.io.decode_csv(lines, [["-"], [0.0]], field_delim=",", select_cols=[2, 4], na_value="NA", use_quote_delim=True)
        return {"a": a, "b": b}

    module(path, serving_default=parsed, chosen=chosen)
    return Hints(arrays={"lines": texts([b"1.25,3,word,-4,1e3"], [b",3,,,", b'2,0,"a ""quoted"", one",5,0.125', b"-1e-3,7,x y,,7"])})


@saving("bytes unpacked and read as numbers", WAY)
def raw(path, rng):
    @function(([None], S, "zlib"), ([None], S, "gzip"), ([None], S, "plain"))
    def parsed(zlib, gzip, plain):
        return {
            "zlib": tf.io.decode_compressed(zlib, "ZLIB"), "gzip": tf.io.decode_compressed(gzip, "GZIP"),
            "plain": tf.io.decode_compressed(plain, ""), "shorts": tf.io.decode_raw(plain, tf.int16),
            "floats": tf.io.decode_raw(plain, F), "big": tf.io.decode_raw(plain, tf.uint16, little_endian=False),
            "padded": tf.io.decode_raw(gzip, tf.uint8, fixed_length=12),
        }

    word = lambda case: [b"%d bytes" % n for n in range((1, 3)[case])]
    return module(path, serving_default=parsed) or Hints(arrays={
        "zlib": lambda rng, case: np.array([zlib.compress(w) for w in word(case)], dtype=object),
        "gzip": lambda rng, case: np.array([gzip.compress(w, mtime=0) for w in word(case)], dtype=object),
        "plain": lambda rng, case: np.array([b"12345678" for _ in word(case)], dtype=object),
    })


def gif(rng, frames, width=5, height=4):
    """Frames that cover a part of the picture, pixels that are clear, by hand: codes of 9 bits, cleared before the table grows."""
    palette = rng.integers(0, 256, 128 * 3).astype("uint8").tobytes()
    out = b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF6, 3, 0) + palette
    for n in range(frames):
        left, top, wide, high = (0, 0, width, height) if n == 0 else (1, n % 2, width - 2, height - 2)
        disposal, clear = (1, n > 0)
        out += b"\x21\xf9\x04" + struct.pack("<BHBB", disposal << 2 | clear, 10, 9, 0)
        out += b"\x2c" + struct.pack("<HHHHB", left, top, wide, high, 0)
        pixels = rng.integers(0, 12, wide * high)
        bits, count = 0, 0
        for code in [128] + [int(c) for p in pixels for c in (p, 128)] + [129]:
            bits |= code << count
            count += 8
        data = bits.to_bytes((count + 7) // 8, "little")
        out += b"\x07" + b"".join(bytes([len(part)]) + part for part in (data[k : k + 255] for k in range(0, len(data), 255))) + b"\0"
    return out + b"\x3b"


def bmp(rng, channels, down=False, width=5, height=3):
    """An uncompressed bitmap, rows filled up to four bytes."""
    stride = (width * channels + 3) // 4 * 4
    rows = rng.integers(0, 256, height * stride).astype("uint8").tobytes()
    table = bytes(range(256)) * 4 if channels == 1 else b""
    head = struct.pack("<IiiHHIIIIII", 40, width, -height if down else height, 1, channels * 8, 0, len(rows), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(table) + len(rows), 0, 0, 54 + len(table)) + head + table + rows


def png(rng, *shape):
    return tf.io.encode_png(rng.integers(0, 256, shape).astype("uint8")).numpy()


@saving("GIF and BMP decoded inside", WAY)
def pictures(path, rng):
    @function(([], S, "gif"), ([], S, "bmp"), ([], S, "grey"), ([], S, "any"))
    def decoded(gif, bmp, grey, any):
        return {
            "gif": tf.io.decode_gif(gif), "bmp": tf.io.decode_bmp(bmp), "grey": tf.io.decode_bmp(grey),
            "any": tf.io.decode_image(any), "first": tf.io.decode_image(any, expand_animations=False),
            "floats": tf.io.decode_image(any, channels=3, dtype=F, expand_animations=False),
            "again": tf.io.decode_bmp(bmp, channels=0),
        }

    @function(([], S, "gif"))
    def named(gif):
        return {"y": tf.image.resize(tf.io.decode_jpeg(gif, channels=3), (8, 8)), "z": tf.io.decode_png(gif, channels=3)}

    module(path, serving_default=decoded, named=named)
    return Hints(arrays={
        "gif": lambda rng, case: np.array(gif(rng, 1 if case == 0 else 4), dtype=object),
        "bmp": lambda rng, case: np.array(bmp(rng, (3, 4)[case], case == 1), dtype=object),
        "grey": lambda rng, case: np.array(bmp(rng, 1), dtype=object),
        "any": lambda rng, case: np.array((gif(rng, 3), bmp(rng, 3))[case], dtype=object),
    }, signatures=["serving_default"])


@saving("GIF of one frame read as PNG and JPEG", WAY)
def one_frame(path, rng):
    @function(([], S, "gif"))
    def named(gif):
        return {"y": tf.io.decode_jpeg(gif, channels=3), "z": tf.io.decode_png(gif, channels=3)}

    module(path, serving_default=named)
    return Hints(arrays={"gif": lambda rng, case: np.array(gif(rng, 1), dtype=object)})


def wav(rng, channels, frames):
    sound = rng.integers(-(1 << 15), 1 << 15, frames * channels).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, channels, 16000, 16000 * channels * 2, channels * 2, 16)
    extra = b"LIST" + struct.pack("<I", 4) + b"abcd"
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + extra + b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(body)) + body


@saving("sound decoded inside, spectrogram and cepstrum", WAY, 1e-4)
def sound(path, rng):
    @function(([], S, "wav"))
    def decoded(wav):
        audio, rate = tf.audio.decode_wav(wav)
        fixed, _ = tf.audio.decode_wav(wav, desired_channels=1, desired_samples=500)
        spectrum = tf.raw_ops.AudioSpectrogram(input=fixed, window_size=100, stride=40, magnitude_squared=True)
        cepstrum = tf.raw_ops.Mfcc(spectrogram=spectrum, sample_rate=rate)
        return {"audio": audio, "rate": rate, "fixed": fixed, "spectrum": spectrum, "cepstrum": cepstrum}

    module(path, serving_default=decoded)
    return Hints(arrays={"wav": lambda rng, case: np.array(wav(rng, (1, 2)[case], (400, 800)[case]), dtype=object)})


@saving("texts formatted, scripts of characters, crossed features", WAY)
def words(path, rng):
    @function(X, ([None, 2], S, "words"), ([None, 3], I, "numbers"))
    def made(x, words, numbers):
        sparse = tf.sparse.from_dense(words)
        return {
            "format": tf.strings.format("{} of {}", (tf.round(x[:1] * 100.0) / 8.0, numbers[:1]), summarize=2),
            "script": tf.strings.unicode_script(tf.strings.unicode_decode("aж, 字あ!é", "UTF-8")),
            "strong": tf.strings.to_hash_bucket_strong(words, 1000, [3, 5]),
            "crossed": tf.sparse.to_dense(tf.sparse.cross([sparse, numbers], separator="-")),
            "hashed": tf.sparse.to_dense(tf.sparse.cross_hashed([sparse, numbers], num_buckets=100, hash_key=7)),
        }

    module(path, serving_default=made)
