"""Calls running servers through the clients of SageMaker's users: boto3 in each retry mode, its streams, the AWS CLI, the SDK's predictor.

    python check_sagemaker.py URL URL_OF_A_BUSY_SERVER URL_OF_A_HASTY_SERVER NAMES

NAMES are those of the iris model, one a line. Prints how many calls it made.
"""

import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path

import boto3
import numpy as np
from botocore.config import Config
from iris import BODY, KEYS, REQUESTS, ROWS, many, npy, refused, right

url, busy, hasty = sys.argv[1:4]
names = sys.argv[4].split("\n")
calls = 0


def client(mode, at=url, attempts=1):
    retries = {"mode": mode, ("max_attempts" if mode == "legacy" else "total_max_attempts"): attempts}
    return boto3.client("sagemaker-runtime", endpoint_url=at, config=Config(retries=retries), **KEYS)


def invoke(runtime, model, body, content="application/json", accept="application/json", **more):
    global calls
    calls += 1
    answer = runtime.invoke_endpoint(
        EndpointName="berth", TargetModel=model, Body=body, ContentType=content, Accept=accept, **more)
    return answer["Body"].read()


def check_boto3(mode):
    runtime = client(mode)
    for name in names:
        right(json.loads(invoke(runtime, name, BODY))["predictions"])
        right(np.load(io.BytesIO(invoke(runtime, name, npy(ROWS), "application/x-npy", "application/x-npy"))))
    csv = "\n".join(",".join(map(str, row)) for row in ROWS.tolist())
    right(json.loads(invoke(runtime, "iris.tar.gz", csv, "text/csv"))["predictions"])
    right(json.loads(invoke(runtime, "iris.tar.gz", BODY, CustomAttributes="trace=1", InferenceId="7"))["predictions"])
    # 6 MB and 20 MB.
    for megabytes in (6, 20):
        body = npy(many(megabytes))
        got = np.load(io.BytesIO(invoke(runtime, "iris.tar.gz", body, "application/x-npy", "application/x-npy")))
        right(got[:3])
        right(got[-3:])
    refused("ValidationError", 400, lambda: invoke(runtime, "iris.tar.gz", b""))
    refused("ValidationError", 400, lambda: invoke(runtime, "iris.tar.gz", b"{\"instances\": [[1"))
    refused("ValidationError", 400, lambda: invoke(runtime, "none.tar.gz", BODY))
    refused("ValidationError", 400, lambda: invoke(runtime, "../iris.tar.gz", BODY))
    refused("ValidationError", 400, lambda: invoke(runtime, "iris.tar.gz", BODY, "image/png"))
    refused("ValidationError", 413, lambda: invoke(runtime, "iris.tar.gz", bytes(30_000_000)))
    error = refused("ModelError", 424, lambda: invoke(runtime, "broken.tar.gz", BODY))
    assert error["OriginalStatusCode"] == 500 and error["OriginalMessage"], error


def check_busy(mode):
    """A request whose body does not come takes the only place; a client that retries gets its answer once it is free."""
    address = urllib.parse.urlparse(busy)
    with socket.create_connection((address.hostname, address.port)) as taken:
        taken.sendall(b"POST /endpoints/berth/invocations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                      b"x-amzn-sagemaker-target-model: iris.tar.gz\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n")
        assert taken.recv(100).startswith(b"HTTP/1.1 100"), "the body is not waited for"
        refused("ServiceUnavailable", 503, lambda: invoke(client(mode, busy), "iris.tar.gz", BODY))
    right(json.loads(invoke(client(mode, busy, 5), "iris.tar.gz", BODY))["predictions"])


def check_hasty():
    """The first request is told that the model is not ready yet. In legacy mode boto3 retries that by itself."""
    model = "cifar.tar.gz"
    picture = json.loads((REQUESTS / "cifar/expected.json").read_text())["pictures"][0]
    body = (REQUESTS / "cifar" / picture["request"]).read_bytes()
    refused("ModelNotReadyException", 429, lambda: invoke(client("standard", hasty), model, body))
    right(json.loads(invoke(client("legacy", hasty, 10), model, body))["predictions"][0], picture["probabilities"])


def check_streams():
    runtime = client("standard")
    runtime.meta.events.register(
        "before-call.sagemaker-runtime.InvokeEndpointWithResponseStream",
        lambda params, **_: params["headers"].update({"X-Amzn-SageMaker-Target-Model": "iris.tar.gz"}))

    def stream(body, accept):
        global calls
        calls += 1
        answer = runtime.invoke_endpoint_with_response_stream(
            EndpointName="berth", Body=body, ContentType="application/x-npy", Accept=accept)
        assert answer["ContentType"] == accept, answer
        return [event["PayloadPart"]["Bytes"] for event in answer["Body"]]

    lines = stream(npy(ROWS), "application/jsonlines")
    assert len(lines) == len(ROWS), lines
    right([json.loads(line) for line in lines])
    parts = stream(npy(many(1)), "application/x-npy")
    assert len(parts) > 1 and max(map(len, parts)) <= 65536
    right(np.load(io.BytesIO(b"".join(parts)))[-3:])
    refused("ValidationError", 400, lambda: stream(b"", "application/jsonlines"))


def check_cli():
    tool = Path(sys.executable).parent / "aws"
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1",
                                "AWS_MAX_ATTEMPTS": "1"}
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "out"

        def call(model, body, content, accept):
            global calls
            calls += 1
            (Path(directory) / "body").write_bytes(body)
            return subprocess.run(
                [str(tool), "sagemaker-runtime", "invoke-endpoint", "--endpoint-url", url, "--endpoint-name", "berth",
                 "--target-model", model, "--content-type", content, "--accept", accept,
                 "--body", f"fileb://{directory}/body", str(out)], env=environment, capture_output=True, text=True)

        for name in ("iris.tar.gz", "a b c.tar.gz"):
            done = call(name, BODY, "application/json", "application/json")
            assert done.returncode == 0, done.stderr
            right(json.loads(out.read_text())["predictions"])
        done = call("iris.tar.gz", npy(ROWS), "application/x-npy", "application/x-npy")
        assert done.returncode == 0, done.stderr
        right(np.load(out))
        for model, body, code in (("iris.tar.gz", b"{}", "ValidationError"), ("broken.tar.gz", BODY, "ModelError")):
            done = call(model, body, "application/json", "application/json")
            assert done.returncode != 0 and code in done.stderr, done.stderr


def check_predictor():
    import sagemaker
    from sagemaker.deserializers import CSVDeserializer, JSONDeserializer, NumpyDeserializer
    from sagemaker.predictor import Predictor
    from sagemaker.serializers import CSVSerializer, JSONSerializer, NumpySerializer

    global calls
    session = sagemaker.Session(
        boto_session=boto3.Session(**KEYS), sagemaker_runtime_client=client("standard"),
        sagemaker_client=boto3.client("sagemaker", endpoint_url=url, **KEYS))
    for name in names:
        json_predictor = Predictor("berth", session, serializer=JSONSerializer(), deserializer=JSONDeserializer())
        calls += 2
        right(json_predictor.predict({"instances": ROWS.tolist()}, target_model=name)["predictions"])
        numpy_predictor = Predictor("berth", session, serializer=NumpySerializer(), deserializer=NumpyDeserializer())
        right(numpy_predictor.predict(ROWS, target_model=name))
    csv = Predictor("berth", session, serializer=CSVSerializer(), deserializer=CSVDeserializer())
    calls += 2
    right(np.array(csv.predict(ROWS.tolist(), target_model="iris.tar.gz"), dtype=np.float64))
    refused("ModelError", 424, lambda: csv.predict(ROWS.tolist(), target_model="broken.tar.gz"))


for mode in ("legacy", "standard", "adaptive"):
    check_boto3(mode)
    check_busy(mode)
check_hasty()
check_streams()
check_cli()
check_predictor()
print("boto3", boto3.__version__)
print(calls, "calls")
