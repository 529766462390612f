"""What recognisers of speech and writing are saved with: fused recurrent layers, decoders of labels; and boxes on pictures."""

import numpy as np
import tensorflow as tf

from protocol import Hints
from saving import saving
from saving_modules import WAY, X, function, module, variable

S, F, I = tf.string, tf.float32, tf.int64
SCORES = ([None, None, 5], F, "scores")


def lengths(rng, case):
    return np.array(((6,), (4, 9, 1))[case], "int32")


@saving("CTC decoders", WAY)
def ctc(path, rng):
    def parts(decoded, scores):
        made = {"scores": scores}
        for n, x in enumerate(decoded):
            made |= {f"{n}.at": x.indices, f"{n}.values": x.values, f"{n}.shape": x.dense_shape}
        return made

    @function(SCORES, ([None], tf.int32, "lengths"))
    def greedy(scores, lengths):
        a = tf.nn.ctc_greedy_decoder(tf.transpose(scores, (1, 0, 2)), lengths)
        b = tf.nn.ctc_greedy_decoder(tf.transpose(scores, (1, 0, 2)), lengths, merge_repeated=False, blank_index=0)
        return parts(*a) | {f"b.{k}": v for k, v in parts(*b).items()}

    @function(SCORES, ([None], tf.int32, "lengths"))
    def beam(scores, lengths):
        x = tf.transpose(scores, (1, 0, 2)) * 2.0
        a = tf.nn.ctc_beam_search_decoder(x, lengths, beam_width=7, top_paths=3)
        b = tf.compat.v1.nn.ctc_beam_search_decoder(x, lengths, beam_width=20, top_paths=1)
        return parts(*a) | {f"b.{k}": v for k, v in parts(*b).items()}

    module(path, serving_default=greedy, beam=beam)
    return Hints(sizes=((6,), (9,)), arrays={
        "scores": lambda rng, case: rng.normal(0, 1, ((1, 6, 5), (3, 9, 5))[case]).astype("float32"), "lengths": lengths,
    })


@saving("fused LSTM layers of TensorFlow 1", WAY)
def fused(path, rng):
    w, b = variable(rng, 7, 12), variable(rng, 12)
    peep = [variable(rng, 3) for _ in range(3)]

    @function(([None, 2, 4], F, "x"), ([], I, "steps"), kept=[w, b, *peep])
    def layers(x, steps):
        ops, state = tf.raw_ops, tf.zeros([2, 3])
        given = {"seq_len_max": steps, "x": x, "cs_prev": state, "h_prev": state + 0.1, "w": w, "b": b}
        given |= dict(zip(("wci", "wcf", "wco"), peep))
        first, second = ops.BlockLSTM(**given, use_peephole=True, cell_clip=0.3), ops.BlockLSTMV2(**given, cell_clip=0.0)
        # Beyond the steps that are made nothing but cells and outputs is said.
        made = {f"1.{k}": v[:steps] for k, v in first._asdict().items()} | {f"2.{k}": v[:steps] for k, v in second._asdict().items()}
        return made | {"all.cs": first.cs, "all.h": second.h}

    module(path, serving_default=layers)
    return Hints(arrays={
        "x": lambda rng, case: rng.normal(0, 1, ((1, 2, 4), (3, 2, 4))[case]).astype("float32"),
        "steps": lambda rng, case: np.array((1, 2)[case]),
    })


@saving("fused LSTM and GRU cells of TensorFlow 1", WAY)
def cells(path, rng):
    w, b = variable(rng, 7, 12), variable(rng, 12)
    peep = [variable(rng, 3) for _ in range(3)]
    ru, c, ru_bias, c_bias = variable(rng, 7, 6), variable(rng, 7, 3), variable(rng, 6), variable(rng, 3)

    @function(X, kept=[w, b, *peep, ru, c, ru_bias, c_bias])
    def made(x):
        ops, state = tf.raw_ops, tf.zeros([tf.shape(x)[0], 3]) + 0.2
        given = {"x": x, "cs_prev": state, "h_prev": state, "w": w, "b": b} | dict(zip(("wci", "wcf", "wco"), peep))
        lstm = ops.LSTMBlockCell(**given, forget_bias=0.5)
        gru = ops.GRUBlockCell(x=x, h_prev=state, w_ru=ru, w_c=c, b_ru=ru_bias, b_c=c_bias)
        return {f"lstm.{k}": v for k, v in lstm._asdict().items()} | {f"gru.{k}": v for k, v in gru._asdict().items()}

    module(path, serving_default=made)


@saving("boxes drawn on pictures", WAY)
def boxes(path, rng):
    @function(([None, 9, 7, 3], F, "image"), ([None, 5, 4], F, "boxes"))
    def drawn(image, boxes):
        colours = tf.constant([[0.1, 0.2, 0.3], [0.9, 0.8, 0.7]])
        return {
            "drawn": tf.raw_ops.DrawBoundingBoxes(images=image, boxes=boxes),
            "coloured": tf.image.draw_bounding_boxes(image, boxes, colours),
            "grey": tf.raw_ops.DrawBoundingBoxes(images=image[..., :1], boxes=boxes),
        }

    module(path, serving_default=drawn)
    return Hints(arrays={"boxes": lambda rng, case: rng.uniform(-0.2, 1.2, ((1, 5, 4), (3, 5, 4))[case]).astype("float32")})


@saving("parts of JPEG files", WAY, 0.05)
def jpeg(path, rng):
    @function(([], S, "jpeg"))
    def cut(jpeg):
        return {"part": tf.cast(tf.image.decode_and_crop_jpeg(jpeg, [2, 3, 8, 5]), F), "shape": tf.io.extract_jpeg_shape(jpeg)}

    module(path, serving_default=cut)
    smooth = lambda case: np.add.outer(np.arange(16) * 7 + case * 20, np.arange(24) * 4)[..., None].repeat(3, -1).astype("uint8")
    return Hints(arrays={"jpeg": lambda rng, case: np.array(tf.io.encode_jpeg(smooth(case), quality=95).numpy(), dtype=object)})
