"""The iris model's requests and TensorFlow's answers, and what is right and what is refused, for scripts that call by AWS's clients."""

import io
import json
from pathlib import Path

import numpy as np
from botocore.exceptions import ClientError

KEYS = {"region_name": "us-east-1", "aws_access_key_id": "any", "aws_secret_access_key": "any"}
REQUESTS = Path(__file__).parents[2] / "examples/requests"
BODY = (REQUESTS / "iris/request.json").read_bytes()
EXPECTED = np.array(json.loads((REQUESTS / "iris/expected.json").read_text())["predictions"])
ROWS = np.array(json.loads(BODY)["instances"], dtype=np.float32)


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def many(megabytes):
    """The rows again and again, up to so many megabytes."""
    return np.tile(ROWS, (megabytes * 1_000_000 // ROWS.nbytes, 1))


def right(got, wanted=EXPECTED):
    np.testing.assert_allclose(np.array(got), wanted, rtol=1e-5, atol=1e-8)


def refused(code, status, call):
    try:
        call()
    except ClientError as error:
        seen = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert seen == (code, status), (seen, error)
        return error.response
    raise SystemExit(f"not refused with {code}")
