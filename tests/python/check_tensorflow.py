"""Calls a running server through tensorflow-serving-api, unmodified: every method of both services, and every error as its own code.

    python check_tensorflow.py 127.0.0.1:8080 ANSWERS.json
"""

import json
import math
import sys

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    classification_pb2, get_model_metadata_pb2, get_model_status_pb2, inference_pb2, model_management_pb2,
    model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc, regression_pb2)

address, answers = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
channel = grpc.insecure_channel(address, [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)])
predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
models = model_service_pb2_grpc.ModelServiceStub(channel)
Code, calls = grpc.StatusCode, 0


def spec(message, name, signature="", version=None, label=None):
    message.name, message.signature_name = name, signature
    if version is not None:
        message.version.value = version
    if label is not None:
        message.version_label = label


def ask(method, request):
    global calls
    calls += 1
    return method(request, timeout=60)


def refused(code, says, method, request):
    try:
        ask(method, request)
    except grpc.RpcError as error:
        assert error.code() == code and says in error.details(), (error.code(), error.details(), code, says)
        return
    raise SystemExit(f"not refused with {code}: {request}")


def prediction(name="full", signature="", filter=(), version=None, label=None, **inputs):
    request = predict_pb2.PredictRequest(output_filter=filter)
    spec(request.model_spec, name, signature, version, label)
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(value if isinstance(value, tensor_pb2.TensorProto) else tf.make_tensor_proto(value))
    return request


def predict(**request):
    return ask(predictions.Predict, prediction(**request))


def arrays(response):
    return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}


def f32(*values):
    return np.array(values, np.float32)


def same(got, wanted):
    wanted = np.asarray(wanted)
    assert got.dtype == wanted.dtype and got.shape == wanted.shape and np.array_equal(got, wanted, equal_nan=got.dtype.kind == "f"), (got, wanted)


def tensor(dtype, shape, **fields):
    return tensor_pb2.TensorProto(dtype=dtype, tensor_shape=tf.TensorShape(shape).as_proto(), **fields)


# Predict: every type both ways, contents and fields, the short form.
response = predict(x=f32(1, 2.5, -3))
same(arrays(response)["y"], f32(*answers["scale"]["predictions"]))
assert (response.model_spec.name, response.model_spec.version.value, response.model_spec.signature_name) == ("full", 2, "serving_default")
same(arrays(predict(name="full.tar.gz", x=f32(0.1, 1e-7, 12345678)))["y"], f32(*answers["scale float"]["predictions"]))
found = arrays(predict(signature="two", a=np.array([3, -4]), b=np.array([[1.5, 2], [0.25, 7]], np.float32)))
same(found["sum"], np.array(answers["two columns"]["outputs"]["sum"], np.float32))
same(found["twice"], answers["two columns"]["outputs"]["twice"])
only = arrays(predict(signature="two", filter=["twice"], a=np.array([3, -4]), b=np.zeros((2, 2), np.float32)))
assert list(only) == ["twice"], only
found = arrays(predict(signature="text", s=["a", "é", ""]))
assert [t.decode() for t in found["joined"]] == answers["text columns"]["outputs"]["joined"], found
found = arrays(predict(signature="raw", s=[b"\xff\x00", b"plain", b"x" * 100_000]))
assert found["copy_bytes"].tolist() == [b"\xff\x00", b"plain", b"x" * 100_000]
same(arrays(predict(signature="logic", flag=[True, False]))["opposite"], answers["logic"]["predictions"])
same(arrays(predict(signature="scalar", x=np.float32(1.25)))["y"], np.float32(answers["scalar"]["outputs"]))
same(arrays(predict(signature="divide", x=f32(1, -1, 0, 3), y=f32(0, 0, 0, 2)))["quotient"], f32(math.inf, -math.inf, math.nan, 1.5))
limits = {
    "f16": np.array([0.1, -65504, math.nan], np.float16), "f64": np.array([1e300, 0.1, -0.0]),
    "i8": np.array([-128, 0, 127], np.int8), "i16": np.array([-32768, 1, 32767], np.int16),
    "i32": np.array([-2**31, 1, 2**31 - 1], np.int32), "u8": np.array([0, 1, 255], np.uint8),
    "u16": np.array([0, 1, 65535], np.uint16), "u32": np.array([0, 1, 2**32 - 1], np.uint32),
    "u64": np.array([0, 1, 2**63 - 1], np.uint64), "bf16": np.array([1.5, -3, 1e30], tf.bfloat16.as_numpy_dtype)}
response = predict(signature="types", **limits)
for name, wanted in limits.items():
    got = tf.make_ndarray(response.outputs[name])
    assert got.dtype == wanted.dtype and got.tobytes() == wanted.tobytes(), (name, got, wanted)
    assert not response.outputs[name].tensor_content, "values are in the field of their type, as TensorFlow Serving answers"
fields = tensor(types_pb2.DT_FLOAT, [3], float_val=[1, 2.5, -3])
same(arrays(predict(x=fields))["y"], f32(*answers["scale"]["predictions"]))
same(arrays(predict(x=tensor(types_pb2.DT_FLOAT, [4], float_val=[1, 2])))["y"], f32(3, 6, 6, 6))
same(arrays(predict(x=tensor(types_pb2.DT_FLOAT, [3])))["y"], f32(0, 0, 0))
same(arrays(predict(x=tensor(types_pb2.DT_FLOAT, [0])))["y"], f32())
same(arrays(predict(name="söme dir/модель 1%", x=f32(1)))["y"], f32(3))
for version, factor in [(None, 5), (10, 5), (2, 3), (1, 2)]:
    response = predict(name="versions", version=version, x=f32(1))
    same(arrays(response)["y"], f32(factor))
    assert response.model_spec.version.value == (version or 10), response
for label, version, factor in [("stable", 1, 2), ("canary", 10, 5)]:
    response = predict(name="labelled", label=label, x=f32(1))
    same(arrays(response)["y"], f32(factor))
    assert response.model_spec.version.value == version, response
for size in (1_500_000, 5_000_000):
    same(arrays(predict(signature="large", x=np.ones((1, size), np.float32)))["total"], f32(size))

# Predict: what is refused.
P, bad = predictions.Predict, Code.INVALID_ARGUMENT
refused(bad, "Missing ModelSpec", P, predict_pb2.PredictRequest())
refused(bad, "ModelSpec has no name specified.", P, prediction(name="", x=f32(1)))
refused(Code.NOT_FOUND, "Servable not found for request: Latest(half)", P, prediction(name="half", x=f32(1)))
refused(Code.NOT_FOUND, "Servable not found for request: Specific(versions, 3)", P, prediction(name="versions", version=3, x=f32(1)))
refused(Code.NOT_FOUND, "Specific(versions, -1)", P, prediction(name="versions", version=-1, x=f32(1)))
refused(bad, "Unrecognized servable version label: stable", P, prediction(label="stable", x=f32(1)))
refused(bad, "Unrecognized servable version label: beta", P, prediction(name="labelled", label="beta", x=f32(1)))
refused(bad, 'Serving signature key "other" not found.', P, prediction(signature="other", x=f32(1)))
refused(bad, "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.", P, prediction())
refused(bad, "Sent extra: {z}. Missing but required: {}.", P, prediction(x=f32(1), z=f32(1)))
refused(bad, "output tensor alias not found in signature: q", P, prediction(filter=["q"], x=f32(1)))
refused(bad, "duplicate output tensor alias: y", P, prediction(filter=["y", "y"], x=f32(1)))
refused(bad, "tensor parsing error: x", P, prediction(x=np.array([1.0])))
refused(bad, "DT_COMPLEX64", P, prediction(x=np.array([1j], np.complex64)))
refused(bad, "DT_INVALID", P, prediction(x=tensor_pb2.TensorProto()))
refused(bad, "float32[N]", P, prediction(x=np.ones((2, 2), np.float32)))
refused(bad, "bytes", P, prediction(x=tensor(types_pb2.DT_FLOAT, [3], tensor_content=b"\0" * 11)))
refused(bad, "larger than the largest request", P, prediction(x=tensor(types_pb2.DT_FLOAT, [1 << 40], float_val=[1])))
refused(bad, "negative extent", P, prediction(x=tensor_pb2.TensorProto(dtype=1, tensor_shape={"dim": [{"size": -1}]})))
refused(Code.FAILED_PRECONDITION, "archive", P, prediction(name="broken", x=f32(1)))
refused(bad, "", P, prediction(name="../secret", x=f32(1)))
refused(Code.OUT_OF_RANGE, "", P, prediction(signature="large", x=np.ones((1, 7_000_000), np.float32)))


def example(**features):
    made = tf.train.Example()
    for name, value in features.items():
        feature = made.features.feature[name]
        kind = {bytes: feature.bytes_list, float: feature.float_list, int: feature.int64_list}[type(value[0])]
        kind.value.extend(value)
    return made


EXAMPLES = [example(x=[0.5, 0.25], label=[b"cat"]), example(x=[1.0, 2.0], bias=[0.5], count=[3])]
SHARED = ([example(x=[0.5, 0.25]), example(x=[1.0, 2.0], bias=[0.5])], example(label=[b"all"], bias=[2.0]))


def fill(request, examples, context=None):
    if context is None:
        request.input.example_list.examples.extend(examples)
    else:
        request.input.example_list_with_context.examples.extend(examples)
        request.input.example_list_with_context.context.CopyFrom(context)
    return request


def of_examples(kind, examples, context=None, signature="", name="full", version=None):
    request = kind()
    spec(request.model_spec, name, signature, version)
    return fill(request, examples, context)


def pairs(result):
    return [[[c.label, c.score] for c in row.classes] for row in result.classifications]


# Classify and Regress.
C, R = classification_pb2.ClassificationRequest, regression_pb2.RegressionRequest
response = ask(predictions.Classify, of_examples(C, EXAMPLES, signature="classify"))
assert pairs(response.result) == answers["classify"]["results"], response
assert (response.model_spec.version.value, response.model_spec.signature_name) == (2, "classify")
response = ask(predictions.Classify, of_examples(C, *SHARED, signature="classify"))
assert pairs(response.result) == answers["classify context"]["results"], response
response = ask(predictions.Classify, of_examples(C, EXAMPLES, signature="scores"))
assert pairs(response.result) == answers["scores"]["results"], response
response = ask(predictions.Regress, of_examples(R, EXAMPLES, signature="regress", version=2))
assert [r.value for r in response.result.regressions] == answers["regress"]["results"], response
response = ask(predictions.Regress, of_examples(R, *SHARED, signature="regress"))
assert [r.value for r in response.result.regressions] == answers["regress context"]["results"], response
found = arrays(predict(signature="regress", inputs=[e.SerializeToString() for e in EXAMPLES]))
same(found["outputs"], f32(*answers["regress"]["results"]))
refused(bad, "Input is empty.", predictions.Classify, of_examples(C, [], signature="classify"))
refused(bad, "Input is empty.", predictions.Regress, of_examples(R, [], example(), signature="regress"))
refused(bad, "Missing ModelSpec", predictions.Classify, fill(C(), EXAMPLES))
refused(bad, "Expected one input Tensor.", predictions.Classify, of_examples(C, EXAMPLES, signature="two"))
refused(bad, 'at least one of "classes" or "scores"', predictions.Classify, of_examples(C, EXAMPLES, signature="regress"))
refused(bad, "Expected one output Tensor.", predictions.Regress, of_examples(R, EXAMPLES, signature="classify"))
refused(bad, "No signature was found with the name: other", predictions.Regress, of_examples(R, EXAMPLES, signature="other"))
refused(Code.NOT_FOUND, "Latest(half)", predictions.Regress, of_examples(R, EXAMPLES, name="half"))


# MultiInference.
def tasks(*wanted):
    request = fill(inference_pb2.MultiInferenceRequest(), EXAMPLES)
    for name, signature, method in wanted:
        task = request.tasks.add(method_name=method)
        spec(task.model_spec, name, signature)
    return request


M, CLASSIFY, REGRESS = predictions.MultiInference, "tensorflow/serving/classify", "tensorflow/serving/regress"
both = ask(M, tasks(("full", "classify", CLASSIFY), ("full", "regress", REGRESS))).results
assert pairs(both[0].classification_result) == answers["classify"]["results"], both
assert [r.value for r in both[1].regression_result.regressions] == answers["regress"]["results"], both
assert [r.model_spec.signature_name for r in both] == ["classify", "regress"] and both[1].model_spec.version.value == 2
refused(bad, "at least one task", M, inference_pb2.MultiInferenceRequest())
refused(bad, "must access the same model name", M, tasks(("full", "classify", CLASSIFY), ("versions", "regress", REGRESS)))
refused(bad, "Duplicate evaluation of signature: regress", M, tasks(("full", "regress", REGRESS), ("full", "regress", REGRESS)))
refused(bad, "Unsupported signature method_name: tensorflow/serving/predict", M, tasks(("full", "two", "tensorflow/serving/predict")))
refused(bad, "Expected one output Tensor.", M, tasks(("full", "regress", REGRESS), ("full", "classify", REGRESS)))


# GetModelMetadata.
def metadata(name, fields=("signature_def",), version=None):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    spec(request.model_spec, name, version=version)
    return request


G = predictions.GetModelMetadata
response = ask(G, metadata("full"))
signatures = get_model_metadata_pb2.SignatureDefMap()
assert response.metadata["signature_def"].Unpack(signatures) and response.model_spec.version.value == 2
two = signatures.signature_def["two"]
assert sorted(signatures.signature_def)[0] == "__saved_model_init_op" and len(signatures.signature_def) == 14, sorted(signatures.signature_def)
assert two.inputs["a"].dtype == types_pb2.DT_INT64 and two.inputs["a"].name == "two_a:0", two
assert [d.size for d in two.inputs["b"].tensor_shape.dim] == [-1, 2] and two.method_name == "tensorflow/serving/predict"
assert ask(G, metadata("versions", version=1)).model_spec.version.value == 1
response = ask(G, metadata("linear"))
assert response.metadata["signature_def"].Unpack(signatures) and len(signatures.signature_def) > 0, response
refused(bad, "must specify at least one metadata_field", G, metadata("full", fields=()))
refused(bad, "Metadata field other is not supported", G, metadata("full", fields=["other"]))
refused(Code.NOT_FOUND, "Latest(half)", G, metadata("half"))
refused(bad, "Missing ModelSpec", G, get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]))


# GetModelStatus, and what is refused of ModelService.
def status(name, version=None):
    request = get_model_status_pb2.GetModelStatusRequest()
    spec(request.model_spec, name, version=version)
    return request


S, States = models.GetModelStatus, get_model_status_pb2.ModelVersionStatus
versions = ask(S, status("versions")).model_version_status
assert [(v.version, v.state, v.status.error_code) for v in versions] == [(n, States.AVAILABLE, 0) for n in (10, 2, 1)], versions
assert [v.version for v in ask(S, status("versions", 2)).model_version_status] == [2]
failed = ask(S, status("broken")).model_version_status[0]
assert failed.state == States.END and failed.status.error_code == 9 and failed.status.error_message, failed
refused(Code.NOT_FOUND, "Could not find version 3 of model versions", S, status("versions", 3))
refused(Code.NOT_FOUND, "Could not find any versions of model half", S, status("half"))
refused(bad, "Missing ModelSpec", S, get_model_status_pb2.GetModelStatusRequest())
refused(Code.UNIMPLEMENTED, "no list of models", models.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest())
print(f"tensorflow-serving-api: {calls} calls, all as recorded")
