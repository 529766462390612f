"""Networks of PyTorch as onnxruntime's quantiser leaves them, in each of its forms, and as its optimiser does."""

import tempfile
from pathlib import Path

import onnx
import onnxruntime
import torch
from exporting import modules, torches
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from zoo import language, settled, vision

# A step of a quantisation may be told otherwise by a last bit, and the steps of all layers after it.
A_STEP = 0.1
NETWORKS = {
    vision: ("resnet18", "mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x1_0", "efficientnet_b0", "vgg11_bn", "regnet_y_400mf"),
    language: ("bert", "distilbert", "roberta", "gpt2", "vit", "t5", "convnext", "mobilevit", "whisper"),
}
LEVELS = onnxruntime.GraphOptimizationLevel
SIGNED, UNSIGNED = QuantType.QInt8, QuantType.QUInt8
STATIC = {
    "qdq-u8s8": (QuantFormat.QDQ, UNSIGNED, SIGNED, {}),
    "qdq-s8s8-channels": (QuantFormat.QDQ, SIGNED, SIGNED, {"per_channel": True}),
    "qdq-u16": (QuantFormat.QDQ, QuantType.QUInt16, UNSIGNED, {"extra_options": {"UseQDQContribOps": True}}),
    "operators-u8u8": (QuantFormat.QOperator, UNSIGNED, UNSIGNED, {}),
    "operators-u8s8-channels": (QuantFormat.QOperator, UNSIGNED, SIGNED, {"per_channel": True}),
}


class Calibration(CalibrationDataReader):
    def __init__(self, feeds):
        self.left = iter(feeds * 2)

    def get_next(self):
        return next(self.left, None)


def optimised(path, to, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(to)
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return onnx.load(to)


def quantised(name, make):
    torch.manual_seed(0)
    module, requests, dynamic = make()
    module = settled(module.eval(), requests[0])
    feeds = [{k: v.numpy() for k, v in request.items()} for request in requests]
    with tempfile.TemporaryDirectory() as directory:
        plain, ready, made = (Path(directory) / f"{n}.onnx" for n in ("plain", "ready", "made"))
        with torch.no_grad():
            plain.write_bytes(torches.scripted(module, {k: v.clone() for k, v in requests[0].items()}, dynamic, 17))
        yield "optimised", optimised(plain, made, LEVELS.ORT_ENABLE_EXTENDED), feeds
        quantize_dynamic(plain, made, weight_type=SIGNED)
        yield "dynamic-s8", onnx.load(made), feeds, A_STEP
        yield "dynamic-s8-optimised", optimised(made, Path(directory) / "more.onnx", LEVELS.ORT_ENABLE_EXTENDED), feeds, A_STEP
        quantize_dynamic(plain, made, weight_type=UNSIGNED, per_channel=True)
        yield "dynamic-u8-channels", onnx.load(made), feeds, A_STEP
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        for how, (form, own, weights, more) in STATIC.items():
            try:
                quantize_static(ready, made, Calibration(feeds), quant_format=form, activation_type=own, weight_type=weights, **more)
            except Exception as error:
                print(f"{name}_{how}: no export: {type(error).__name__}: {str(error)[:150]}", flush=True)
                continue
            yield how, onnx.load(made), feeds, A_STEP
            yield f"{how}-optimised", optimised(made, Path(directory) / "more.onnx", LEVELS.ORT_ENABLE_EXTENDED), feeds, A_STEP


def exports(seed):
    networks = [pair for zoo, names in NETWORKS.items() for pair in zoo.networks() if pair[0] in names]
    networks += [(n, m) for n, m in modules.networks() if n in ("lstm", "gru", "encoder", "autoencoder", "skips", "sounds", "tagger", "attention")]
    return [(name, lambda name=name, make=make: quantised(name, make)) for name, make in networks]
