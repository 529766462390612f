"""The Open Inference Protocol by Triton's client, unmodified: over HTTP and gRPC, each blocking and asynchronous.

    check_v2.py ENDPOINT ADMIN

Prints how many calls were made; every one had the right answer.
"""

import asyncio
import queue
import sys
from urllib.parse import urlparse

import numpy as np
import tritonclient.grpc as tg
import tritonclient.grpc.aio as tga
import tritonclient.http as th
import tritonclient.http.aio as tha
from tritonclient.utils import InferenceServerException

from v2_cases import ROW, WEIGHTS, cases, equal

calls = 0


def counted():
    global calls
    calls += 1


def prepared(client, inputs, outputs, binary=None):
    """Inputs and outputs as one of Triton's clients has them."""
    more = {} if binary is None else {"binary_data": binary}
    ins = []
    for name, (datatype, values) in inputs.items():
        tensor = client.InferInput(name, list(values.shape), datatype)
        ins.append(tensor.set_data_from_numpy(values, **more))
    outs = [client.InferRequestedOutput(name, **more) for name in outputs] or None
    return ins, outs


def check(result, wanted, what):
    for name, values in wanted.items():
        got = result.as_numpy(name)
        got = got.reshape(values.shape) if np.ndim(values) == 0 and got.size == 1 else got
        equal(got, values, f"{what}: {name}")
    counted()


def blocking(address):
    over_http, over_grpc = th.InferenceServerClient(address), tg.InferenceServerClient(address)
    for what, model, inputs, outputs, wanted, in_json in cases():
        ins, outs = prepared(tg, inputs, outputs)
        check(over_grpc.infer(model, ins, outputs=outs), wanted, f"grpc, {what}")
        for binary in [True, False] if in_json else [True]:
            ins, outs = prepared(th, inputs, outputs, binary)
            check(over_http.infer(model, ins, outputs=outs), wanted, f"http, binary={binary}, {what}")
    large(over_http, over_grpc)
    classes(over_http, over_grpc)
    compressed(over_http, over_grpc)
    ask(over_http, over_grpc)
    stream(over_grpc)
    mistakes(over_http, over_grpc)


async def asynchronous(address):
    async with tha.InferenceServerClient(address) as over_http, tga.InferenceServerClient(address) as over_grpc:
        for what, model, inputs, outputs, wanted, in_json in cases():
            ins, outs = prepared(tha, inputs, outputs, True)
            check(await over_http.infer(model, ins, outputs=outs), wanted, f"http.aio, {what}")
            ins, outs = prepared(tga, inputs, outputs)
            check(await over_grpc.infer(model, ins, outputs=outs), wanted, f"grpc.aio, {what}")
        ins, _ = prepared(tga, {"x": ("FP32", ROW)}, [])

        async def requests():
            for n in range(5):
                yield {"model_name": "dense" if n != 2 else "none", "inputs": ins, "request_id": str(n)}

        n = 0
        async for result, error in over_grpc.stream_infer(requests()):
            assert (error is not None) == (n == 2), (n, error)
            if error is None:
                assert result.get_response().id == str(n)
                check(result, {"y": ROW @ WEIGHTS}, "grpc.aio, a stream")
            n += 1
        assert n == 5


def large(over_http, over_grpc):
    """Bodies of 6 and of 20 MB."""
    for megabytes in [6, 20]:
        x = np.arange(megabytes * 10**6 // 16 * 4, dtype=np.float32).reshape(-1, 4) % 64
        inputs, wanted = {"x": ("FP32", x)}, {"y": x @ WEIGHTS}
        ins, outs = prepared(th, inputs, ["y"], True)
        check(over_http.infer("dense", ins, outputs=outs), wanted, f"http, {megabytes} MB")
        ins, outs = prepared(tg, inputs, ["y"])
        check(over_grpc.infer("dense", ins, outputs=outs), wanted, f"grpc, {megabytes} MB")
    x = np.arange(10**6, dtype=np.float32).reshape(-1, 4) % 100
    ins, outs = prepared(th, {"x": ("FP32", x)}, ["y"], False)
    check(over_http.infer("dense", ins, outputs=outs), {"y": x @ WEIGHTS}, "http, MBs of JSON")


def classes(over_http, over_grpc):
    x = np.concatenate([ROW, ROW[:, ::-1]])
    wanted = {"y": np.array([[b"12.500000:1", b"9.000000:0"], [b"8.500000:1", b"6.000000:0"]], object)}
    scores = x @ WEIGHTS
    for row, texts in zip(scores, wanted["y"]):
        order = np.argsort(-row)[:2]
        texts[:] = [f"{row[n]:.6f}:{n}".encode() for n in order]
    ins, _ = prepared(tg, {"x": ("FP32", x)}, [])
    outs = [tg.InferRequestedOutput("y", class_count=2)]
    check(over_grpc.infer("dense", ins, outputs=outs), wanted, "grpc, classes")
    for binary in [True, False]:
        ins, _ = prepared(th, {"x": ("FP32", x)}, [], binary)
        outs = [th.InferRequestedOutput("y", binary_data=binary, class_count=2)]
        check(over_http.infer("dense", ins, outputs=outs), wanted, "http, classes")


def compressed(over_http, over_grpc):
    x = np.tile(ROW, (1000, 1))
    for algorithm in ["gzip", "deflate"]:
        for binary in [True, False]:
            ins, outs = prepared(th, {"x": ("FP32", x)}, ["y"], binary)
            both = {"request_compression_algorithm": algorithm, "response_compression_algorithm": algorithm}
            result = over_http.infer("dense", ins, outputs=outs, **both)
            check(result, {"y": x @ WEIGHTS}, f"http, {algorithm}, binary={binary}")
    ins, outs = prepared(tg, {"x": ("FP32", ROW)}, ["y"])
    for algorithm in ["gzip", "deflate"]:
        result = over_grpc.infer("dense", ins, outputs=outs, compression_algorithm=algorithm)
        check(result, {"y": ROW @ WEIGHTS}, f"grpc, {algorithm}")


def ask(over_http, over_grpc):
    """What is said of the server and its models, the same by both ways."""
    for client in [over_http, over_grpc]:
        assert client.is_server_live() and client.is_server_ready()
        assert client.is_model_ready("dense") and client.is_model_ready("dense", "1")
        assert not client.is_model_ready("none") and not client.is_model_ready("dense", "9")
        for _ in range(6):
            counted()
    more = {"as_json": True}
    server = over_http.get_server_metadata()
    assert server == over_grpc.get_server_metadata(**more) and "binary_tensor_data" in server["extensions"]
    dense = over_http.get_model_metadata("dense")
    assert dense["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}], dense
    assert dense["platform"] == "onnxruntime_onnx" and dense["versions"] == ["1"]
    same = over_grpc.get_model_metadata("dense", **more)
    assert same["outputs"][0]["shape"] == ["-1", "3"] and same["name"] == "dense", same
    config = over_http.get_model_config("pair")
    assert [i["name"] for i in config["input"]] == ["a", "b"] and config["max_batch_size"] == 0, config
    assert config["input"][0]["data_type"] == "TYPE_FP32" and config["input"][0]["dims"] == [-1, 3], config
    same = over_grpc.get_model_config("pair", **more)["config"]
    assert same["output"][0]["data_type"] == "TYPE_FP32" and same["backend"] == config["backend"] == "onnxruntime"
    stats = over_http.get_inference_statistics("pair")["model_stats"][0]
    counts = stats["inference_stats"]
    assert stats["inference_count"] >= 9 and counts["success"]["ns"] > 0 and counts["compute_infer"]["count"] >= 9, stats
    assert stats["last_inference"] > 1_600_000_000_000
    same = over_grpc.get_inference_statistics("pair", **more)["model_stats"][0]
    assert int(same["inference_count"]) == stats["inference_count"], same
    names = [s["name"] for s in over_http.get_inference_statistics()["model_stats"]]
    assert "dense.tar.gz" in names and names == sorted(names), names
    assert over_http.get_system_shared_memory_status() == [] and not over_grpc.get_cuda_shared_memory_status().regions
    for _ in range(11):
        counted()


def stream(over_grpc):
    answers = queue.Queue()
    over_grpc.start_stream(callback=lambda result, error: answers.put((result, error)))
    good, _ = prepared(tg, {"x": ("FP32", ROW)}, [])
    bad, _ = prepared(tg, {"x": ("FP32", ROW[:, :3])}, [])
    for n in range(20):
        over_grpc.async_stream_infer("dense", bad if n % 5 == 4 else good, request_id=str(n))
    for n in range(20):
        result, error = answers.get(timeout=60)
        if n % 5 == 4:
            assert "unexpected shape for input 'x'" in str(error), error
            counted()
        else:
            assert result.get_response().id == str(n)
            check(result, {"y": ROW @ WEIGHTS}, "grpc, a stream")
    over_grpc.stop_stream()


# Each mistake: model, version, input's name, datatype, values, output; HTTP's status, gRPC's, the text.
MISTAKES = [
    ("none", "", "x", "FP32", ROW, "y", 404, "NOT_FOUND", "Request for unknown model: 'none' is not found"),
    ("dense", "9", "x", "FP32", ROW, "y", 404, "NOT_FOUND", "Request for unknown model: 'dense' version 9 is not found"),
    ("../dense", "", "x", "FP32", ROW, "y", 400, "INVALID_ARGUMENT", "segments"),
    ("dense", "", "x", "FP32", ROW[:, :3], "y", 400, "INVALID_ARGUMENT",
     "unexpected shape for input 'x' for model 'dense'. Expected [-1,4], got [1,3]"),
    ("dense", "", "x", "FP32", ROW[0], "y", 400, "INVALID_ARGUMENT", "Expected [-1,4], got [4]"),
    ("dense", "", "x", "INT32", ROW.astype(np.int32), "y", 400, "INVALID_ARGUMENT",
     "inference input 'x' data-type is 'INT32', but model 'dense' expects 'FP32'"),
    ("dense", "", "z", "FP32", ROW, "y", 400, "INVALID_ARGUMENT", "unexpected inference input 'z' for model 'dense'"),
    ("dense", "", "x", "FP32", ROW, "q", 400, "INVALID_ARGUMENT", "unexpected inference output 'q' for model 'dense'"),
    ("pair", "", "a", "FP32", ROW[:, :3], "sum", 400, "INVALID_ARGUMENT",
     "expected 2 inputs but got 1 inputs for model 'pair'. Got input(s) ['a'], but missing required input(s) ['b']"),
    ("pick", "", "x", "INT64", np.array([3]), "y", 500, "FAILED_PRECONDITION", "the model failed"),
    ("broken", "", "x", "FP32", ROW, "y", 500, "FAILED_PRECONDITION", "failed to load 'broken'"),
]


def refused(call, status, text):
    try:
        call()
    except InferenceServerException as error:
        assert status in str(error.status()) and text in error.message(), f"{error} for {status} {text}"
        return counted()
    raise AssertionError(f"taken: {text}")


def mistakes(over_http, over_grpc):
    for model, version, name, datatype, values, output, status, code, text in MISTAKES:
        inputs = {name: (datatype, values)}
        for binary in [True, False]:
            if "/" in model:
                break  # Paths with dots in them do not leave the client.
            ins, outs = prepared(th, inputs, [output], binary)
            refused(lambda: over_http.infer(model, ins, version, outs), str(status), text)
        ins, outs = prepared(tg, inputs, [output])
        refused(lambda: over_grpc.infer(model, ins, version, outs), code, text)
    ins, outs = prepared(th, {"x": ("FP32", np.zeros((2_000_000, 4), np.float32))}, ["y"], True)
    refused(lambda: over_http.infer("dense", ins, outputs=outs), "413", "larger than the limit")
    ins, outs = prepared(tg, {"x": ("FP32", np.zeros((2_000_000, 4), np.float32))}, ["y"])
    refused(lambda: over_grpc.infer("dense", ins, outputs=outs), "OUT_OF_RANGE", "too large")
    for client, module in [(over_http, th), (over_grpc, tg)]:
        tensor = module.InferInput("x", [1, 4], "FP32")
        tensor.set_shared_memory("region", 16)
        refused(lambda: client.infer("dense", [tensor]), "400" if module is th else "INVALID_ARGUMENT", "shared memory")
        register = lambda: client.register_system_shared_memory("region", "/region", 16)
        refused(register, "501" if module is th else "UNIMPLEMENTED", "shared memory is not supported")
    refused(over_grpc.get_trace_settings, "UNIMPLEMENTED", "tracing")
    refused(over_http.get_log_settings, "501", "logging")


def repository(address, admin, over):
    """The repository's calls by a client, on a port that has them."""
    client = over.InferenceServerClient(admin)
    listed = client.get_model_repository_index()
    listed = listed if isinstance(listed, list) else [{"name": m.name, "state": m.state} for m in listed.models]
    states = {m["name"]: m["state"] for m in listed}
    assert states["dense.tar.gz"] == "READY" and states["broken.tar.gz"] == "UNAVAILABLE", states
    user = over.InferenceServerClient(address)
    client.unload_model("dense")
    assert user.is_model_ready("dense")
    refused(lambda: user.get_inference_statistics("dense"), "", "is not available")
    client.load_model("dense")
    ins, outs = prepared(over, {"x": ("FP32", ROW)}, ["y"])
    check(user.infer("dense", ins, outputs=outs), {"y": ROW @ WEIGHTS}, "after a load")
    refused(lambda: client.load_model("none"), "", "unknown model: 'none'")
    refused(lambda: client.load_model("dense", config="{}"), "", "'config' is not supported")
    for _ in range(4):
        counted()


def main(endpoint, admin):
    address, admin = urlparse(endpoint).netloc, urlparse(admin).netloc
    blocking(address)
    asyncio.run(asynchronous(address))
    repository(address, admin, th)
    repository(address, address, tg)
    print(f"{calls} calls")


if __name__ == "__main__":
    main(*sys.argv[1:])
