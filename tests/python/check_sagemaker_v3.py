"""Calls a running server through version 3 of the SageMaker SDK: endpoints as resources, its serializers, its streams.

    python check_sagemaker_v3.py URL NAMES

NAMES are those of the iris model, one a line. Prints how many calls it made. The SDK finds the server as AWS's tools do: by the
environment, and once by a configuration file.
"""

import io
import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import boto3
import numpy as np
from iris import BODY, KEYS, ROWS, many, npy, refused, right
from sagemaker.core.deserializers import CSVDeserializer, JSONDeserializer, JSONLinesDeserializer, NumpyDeserializer
from sagemaker.core.iterators import ByteIterator, LineIterator
from sagemaker.core.resources import Endpoint
from sagemaker.core.serializers import CSVSerializer, JSONLinesSerializer, JSONSerializer, NumpySerializer
from sagemaker.core.utils.utils import SageMakerClient

VARIABLE = "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"
JSON, CSV, LINES, NPY = "application/json", "text/csv", "application/jsonlines", "application/x-npy"
url, names = sys.argv[1], sys.argv[2].split("\n")
os.environ[VARIABLE] = url
session = boto3.Session(**KEYS)
calls = 0


def invoke(endpoint, body, model="iris.tar.gz", at=session, **more):
    global calls
    calls += 1
    return endpoint.invoke(body=body, target_model=model, session=at, region="us-east-1", **more)


def endpoint(serializer=None, deserializer=None):
    return Endpoint(endpoint_name="berth", serializer=serializer, deserializer=deserializer)


plain = endpoint()
typed = endpoint(JSONSerializer(), JSONDeserializer())
arrays = endpoint(NumpySerializer(), NumpyDeserializer())
instances = {"instances": ROWS.tolist()}


def check_names():
    for name in names:
        answer = invoke(typed, instances, name, content_type=JSON, accept=JSON)
        assert (answer.content_type, answer.invoked_production_variant) == (JSON, "AllTraffic"), answer
        right(answer.body["predictions"])
        right(invoke(arrays, ROWS, name, content_type=NPY, accept=NPY).body)


def check_types():
    answer = invoke(plain, BODY, content_type=JSON)
    right(json.loads(answer.body.read())["predictions"])
    # The SDK does not say of itself what its serializers write.
    right(invoke(typed, instances).body["predictions"])
    right(invoke(arrays, ROWS, accept=NPY).body)
    table = endpoint(CSVSerializer(), CSVDeserializer())
    answer = invoke(table, ROWS.tolist(), content_type=CSV, accept=CSV)
    right(np.array(answer.body, dtype=np.float64))
    lines = endpoint(JSONLinesSerializer(), JSONLinesDeserializer())
    right(invoke(lines, ROWS.tolist(), content_type=LINES, accept=LINES).body)
    answer = invoke(plain, npy(ROWS), content_type=NPY, accept=JSON, custom_attributes="trace=1", inference_id="7")
    right(json.loads(answer.body.read())["predictions"])


def check_large():
    for megabytes in (6, 20):
        rows = many(megabytes)
        got = invoke(arrays, rows, content_type=NPY, accept=NPY).body
        assert len(got) == len(rows)
        right(got[:3])
        right(got[-3:])


def check_refusals():
    def refuses(code, status, body, model="iris.tar.gz", content=JSON):
        return refused(code, status, lambda: invoke(plain, body, model, content_type=content))

    error = refuses("ValidationError", 400, BODY, "none.tar.gz")
    assert "none.tar.gz" in error["Error"]["Message"], error
    refuses("ValidationError", 400, BODY, "../iris.tar.gz")
    refuses("ValidationError", 400, BODY, "nichts-für-ungut.tar.gz")
    refuses("ValidationError", 400, b"{\"instances\": [[1")
    refuses("ValidationError", 400, b"")
    refuses("ValidationError", 400, npy(ROWS)[:-3], content=NPY)
    refuses("ValidationError", 400, BODY, content="image/png")
    refuses("ValidationError", 413, bytes(30_000_000))
    error = refuses("ModelError", 424, BODY, "broken.tar.gz")
    assert error["OriginalStatusCode"] == 500 and error["OriginalMessage"], error
    refused("ModelError", 424, lambda: invoke(arrays, ROWS, "broken.tar.gz", content_type=NPY))


def check_streams():
    """`Endpoint.invoke_with_response_stream` takes every stream for a dictionary and fails on AWS's too (in 2.27.0), so what is read is
    the stream of the SDK's own client, by the SDK's iterators. How a call of it is refused is as it should be."""
    global calls
    to_iris = boto3.Session(**KEYS)
    to_iris.events.register(
        "before-call.sagemaker-runtime.InvokeEndpointWithResponseStream",
        lambda params, **_: params["headers"].update({"X-Amzn-SageMaker-Target-Model": "iris.tar.gz"}))
    runtime = SageMakerClient(session=to_iris, region_name="us-east-1").get_client("sagemaker-runtime")

    def stream(rows, accept):
        global calls
        calls += 1
        answer = runtime.invoke_endpoint_with_response_stream(
            EndpointName="berth", Body=npy(rows), ContentType=NPY, Accept=accept)
        assert answer["ContentType"] == accept, answer
        return answer["Body"]

    lines = list(LineIterator(stream(ROWS, LINES)))
    right([json.loads(line) for line in lines])
    parts = list(ByteIterator(stream(many(1), NPY)))
    assert len(parts) > 1
    right(np.load(io.BytesIO(b"".join(parts)))[-3:])
    for body, at in ((b"", to_iris), (BODY, session)):
        calls += 1
        refused("ValidationError", 400, lambda: plain.invoke_with_response_stream(
            body=body, content_type=JSON, session=at, region="us-east-1"))


def check_configuration():
    """The server's address in the user's configuration, and nothing in the environment."""
    del os.environ[VARIABLE]
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "config"
        file.write_text(f"[profile berth]\nservices = berth\n[services berth]\nsagemaker_runtime =\n  endpoint_url = {url}\n")
        os.environ["AWS_CONFIG_FILE"] = str(file)
        configured = boto3.Session(profile_name="berth", **KEYS)
        right(invoke(typed, instances, at=configured, content_type=JSON).body["predictions"])
    os.environ["AWS_ENDPOINT_URL"] = url
    right(invoke(typed, instances, at=boto3.Session(**KEYS), content_type=JSON).body["predictions"])


check_names()
check_types()
check_large()
check_refusals()
check_streams()
check_configuration()
print("sagemaker-core", version("sagemaker-core"))
print(calls, "calls")
