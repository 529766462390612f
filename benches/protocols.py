"""Sends the same requests of the Open Inference Protocol to Berth, Triton and MLServer: requests per second at most, and latencies at
a rate that each of them can take. Servers run on core 0, the load generator on core 1, one server at a time."""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/python/triton"))

SERVER, GENERATOR = ["taskset", "-c", "0"], ["taskset", "-c", "1"]
# Of the smaller capacity of two servers: what latencies are compared at.
SHARE = 0.7

MOBILENET = """
import onnxruntime
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession({path!r}, options)

    def execute(self, requests):
        inputs = [pb.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb.InferenceResponse([pb.Tensor("y", self.session.run(None, {{{name!r}: x}})[0])]) for x in inputs]
"""

MLSERVER = """
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

WEIGHTS = np.array({weights}, np.float32)


class Model(MLModel):
    async def load(self):
        self.session = None
        if {path!r}:
            import onnxruntime
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self.session = onnxruntime.InferenceSession({path!r}, options)
        return True

    async def predict(self, payload):
        x = NumpyCodec.decode_input(payload.inputs[0])
        y = self.session.run(None, {{{name!r}: x}})[0] if self.session else x @ WEIGHTS
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("y", y)])
"""


class Model:
    """A model for all servers, and a request for it."""

    def __init__(self, name, shape, path=None, inner="x", outputs=3):
        self.name, self.shape, self.path, self.inner, self.outputs = name, shape, path, inner, outputs

    def values(self):
        return np.random.default_rng(1).random(self.shape, dtype=np.float32).round(4)


def models(names):
    for name in names:
        if name == "dense":
            yield Model("dense", (1, 4))
            continue
        made = ROOT / "target/bench-models" / name / "model.onnx"
        if not made.is_file():
            raise SystemExit(f"{made} is missing: benches/engine.sh --models {name} makes it")
        import onnx

        graph = onnx.load(str(made), load_external_data=False).graph
        yield Model(name, (1, 224, 224, 3), str(made), graph.input[0].name, 1000)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Server:
    """A process of its own, which is ended with the block."""

    def __init__(self, command, environment, http, grpc, log):
        self.http, self.grpc = http, grpc
        self.log = open(log, "w")
        self.process = subprocess.Popen(
            SERVER + command, env={**os.environ, **environment}, stdout=self.log, stderr=self.log, start_new_session=True)

    def __enter__(self):
        until = time.time() + 120
        while time.time() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/v2/health/ready", timeout=1):
                    return self
            except OSError:
                time.sleep(0.1)
        self.__exit__()
        raise SystemExit(f"the server did not start: {self.log.name}")

    def __exit__(self, *_):
        # Its whole group: Triton's models are processes of their own.
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()


def berth(options, model, work):
    http, admin = free_ports(2)
    archive = work / "berth" / f"{model.name}.tar.gz"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(model.path or ROOT / f"tests/recorded/models/{model.name}/model.onnx", "model.onnx")
    command = [
        f"{options.programs}/berth-server", "serve", "--models", str(work / "berth"), "--listen", f"127.0.0.1:{http}",
        "--admin-listen", f"127.0.0.1:{admin}", "--cache-dir", str(work / "cache"), "--log-format", "json",
    ]
    return Server(command, {}, http, http, work / "berth.log")


def triton(options, model, work):
    import pytriton
    from models import WEIGHTS, PYTHON_MODEL

    home = Path(pytriton.__file__).parent / "tritonserver"
    backends, place = work / "backends", work / "triton" / model.name
    if not backends.exists():
        # Its Python backend looks for the program that is made for this Python beside itself.
        shutil.copytree(home / "backends", backends)
        stub = home / "python_backend_stubs" / f"{sys.version_info.major}.{sys.version_info.minor}" / "triton_python_backend_stub"
        shutil.copy(stub, backends / "python")
    if not place.exists():
        (place / "1").mkdir(parents=True)
        width = ", ".join(map(str, model.shape[1:]))
        (place / "config.pbtxt").write_text(
            'backend: "python"\nmax_batch_size: 64\ndynamic_batching {}\ninstance_group [{count: 1 kind: KIND_CPU}]\n'
            f'input [{{name: "x" data_type: TYPE_FP32 dims: [{width}]}}]\n'
            f'output [{{name: "y" data_type: TYPE_FP32 dims: [{model.outputs}]}}]\n')
        python = MOBILENET.format(path=model.path, name=model.inner) if model.path else PYTHON_MODEL.format(
            weights=WEIGHTS.tolist(), expression="x @ WEIGHTS")
        (place / "1" / "model.py").write_text(python)
    http, grpc, metrics = free_ports(3)
    site = sysconfig.get_path("purelib")
    environment = {
        "LD_LIBRARY_PATH": f"{sysconfig.get_config_var('LIBDIR')}:{site}/nvidia_pytriton.libs", "PYTHONPATH": site,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    command = [
        str(home / "bin/tritonserver"), "--model-repository", str(work / "triton"), "--backend-directory", str(backends),
        "--http-port", str(http), "--grpc-port", str(grpc), "--metrics-port", str(metrics),
    ]
    return Server(command, environment, http, grpc, work / "triton.log")


def mlserver(options, model, work):
    from models import WEIGHTS

    place = work / "mlserver" / model.name
    http, grpc, metrics = free_ports(3)
    place.mkdir(parents=True, exist_ok=True)
    (place / "runtime.py").write_text(MLSERVER.format(weights=WEIGHTS.tolist(), path=model.path, name=model.inner))
    (place / "model-settings.json").write_text(json.dumps({"name": model.name, "implementation": "runtime.Model"}))
    (place / "settings.json").write_text(json.dumps({
        "http_port": http, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": 0, "debug": False,
        "grpc_max_message_length": 64 << 20}))
    program = Path(sys.executable).parent / "mlserver"
    return Server([str(program), "start", str(place)], {"PYTHONPATH": str(place)}, http, grpc, work / "mlserver.log")


def requests(model, work):
    """A file for each protocol: a message of gRPC, and JSON."""
    from tritonclient.grpc import service_pb2

    x = model.values()
    message = service_pb2.ModelInferRequest(model_name=model.name)
    tensor = message.inputs.add(name="x", datatype="FP32", shape=model.shape)
    if model.path:
        tensor.name = "x"
    message.raw_input_contents.append(x.tobytes())
    yield "gRPC", message
    body = {"inputs": [{"name": "x", "shape": list(model.shape), "datatype": "FP32", "data": x.ravel().tolist()}]}
    yield "JSON", body


def request_file(kind, request, server, model, work):
    """Berth serves a model's file as it is, so its input has the name that it has there."""
    name = model.inner if server == "berth" else "x"
    path = work / f"{server}.{kind}"
    if kind == "gRPC":
        request.inputs[0].name = name
        path.write_bytes(request.SerializeToString())
    else:
        request["inputs"][0]["name"] = name
        path.write_text(json.dumps(request))
    return path


def load(options, kind, server, model, path, rate=None):
    address = f"127.0.0.1:{server.grpc if kind == 'gRPC' else server.http}"
    route = "/inference.GRPCInferenceService/ModelInfer" if kind == "gRPC" else f"/v2/models/{model.name}/infer"
    command = [f"{options.programs}/load", address, route, "--data", str(path), "--seconds", str(options.seconds),
               "--connections", str(options.connections)]
    command += ["--grpc"] if kind == "gRPC" else ["--header", "Content-Type: application/json"]
    command += ["--rate", f"{rate:.1f}"] if rate else []
    out = subprocess.run(GENERATOR + command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"([\d.]+) requests/s, (\d+) errors?.*p50 ([\d.]+)(\S+), p99 ([\d.]+)(\S+)", out)
    if not found or int(found[2]):
        raise SystemExit(f"{command}: {out}")
    unit = {"ns": 1e-6, "µs": 1e-3, "ms": 1.0, "s": 1e3}
    return float(found[1]), float(found[3]) * unit[found[4].rstrip(",")], float(found[5]) * unit[found[6].rstrip(",")]


def measure(options, model, kind, request, start, work, rate=None):
    name = start.__name__
    with start(options, model, work) as server:
        path = request_file(kind, request, name, model, work)
        load(options, kind, server, model, path)  # to warm up
        return load(options, kind, server, model, path, rate)


def row(options, model, kind, request, peer, work):
    most = {start: [] for start in (berth, peer)}
    for _ in range(options.rounds):
        for start in most:
            most[start].append(measure(options, model, kind, request, start, work)[0])
    ours, theirs = np.median(most[berth]), np.median(most[peer])
    ratios = np.array(most[berth]) / np.array(most[peer])
    rate = SHARE * min(ours, theirs)
    late = {start: [] for start in most}
    for _ in range(options.rounds):
        for start in late:
            late[start].append(measure(options, model, kind, request, start, work, rate))
    late = {start: np.median(measured, axis=0) for start, measured in late.items()}
    print(f"| {model.name} | {kind} | {peer.__name__} | {ours:.0f} | {theirs:.0f} | {np.median(ratios):.2f} ({ratios.min():.2f} to "
          f"{ratios.max():.2f}) | {rate:.0f} | {late[berth][1]:.2f} / {late[berth][2]:.2f} | {late[peer][1]:.2f} / {late[peer][2]:.2f} |",
          flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True)
    parser.add_argument("--models", default="dense")
    parser.add_argument("--peers", default="triton,mlserver")
    parser.add_argument("--protocols", default="gRPC,JSON")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    print("| model | protocol | peer | Berth, requests/s | peer | ratio | at requests/s | Berth p50 / p99, ms | peer |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as work:
        for model in models(options.models.split(",")):
            for kind, request in requests(model, Path(work)):
                for peer in options.peers.split(","):
                    if kind in options.protocols.split(","):
                        row(options, model, kind, request, {"triton": triton, "mlserver": mlserver}[peer], Path(work))


main()
