"""Calls a running server through boto3, unmodified: answers, and every error as its own exception.

    python check_boto3.py http://127.0.0.1:8080 REPOSITORY
"""

import json
import sys
from pathlib import Path

import boto3
from botocore.config import Config

url, root = sys.argv[1], Path(sys.argv[2])
client = boto3.client(
    "sagemaker-runtime", endpoint_url=url, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any",
    config=Config(retries={"max_attempts": 1}))


def invoke(model, body, content="application/json", accept="application/json"):
    return client.invoke_endpoint(EndpointName="bench", TargetModel=model, Body=body, ContentType=content, Accept=accept)


def close(got, wanted):
    assert len(got) == len(wanted)
    for g, w in zip(got, wanted):
        assert abs(g - w) <= 1e-5 * abs(w) + 1e-8, (g, w)


def refused(name, model, body, **more):
    try:
        invoke(model, body, **more)
    except getattr(client.exceptions, name) as error:
        return error.response
    raise SystemExit(f"{model} was not refused with {name}")


requests = root / "examples/requests"
iris = (requests / "iris/request.json").read_bytes()
expected = json.loads((requests / "iris/expected.json").read_text())["predictions"]
answer = invoke("iris.tar.gz", iris)
assert answer["InvokedProductionVariant"] == "AllTraffic" and answer["ContentType"] == "application/json"
for got, wanted in zip(json.loads(answer["Body"].read())["predictions"], expected, strict=True):
    close(got, wanted)

cifar = json.loads((requests / "cifar/expected.json").read_text())
for picture in cifar["pictures"]:
    body = (requests / "cifar" / picture["request"]).read_bytes()
    close(json.loads(invoke("cifar.tar.gz", body)["Body"].read())["predictions"][0], picture["probabilities"])

npy = invoke("cifar.tar.gz", (requests / "cifar/pictures.npy").read_bytes(), "application/x-npy", "application/x-npy")
assert npy["ContentType"] == "application/x-npy" and npy["Body"].read().startswith(b"\x93NUMPY")

response = refused("ValidationError" if hasattr(client.exceptions, "ValidationError") else "ClientError", "iris.tar.gz", b"{}")
assert response["Error"]["Code"] == "ValidationError" and "instances" in response["Error"]["Message"]
assert refused("ClientError", "missing.tar.gz", iris)["Error"]["Code"] == "ValidationError"
response = refused("ModelError", "broken.tar.gz", iris)
assert response["OriginalStatusCode"] == 500 and response["OriginalMessage"] and response["LogStreamArn"], response
print("boto3", boto3.__version__, "is content")
