"""Models of tables by AWS's Python client: each content type in and out, with the numbers that the frameworks' own libraries gave.

    check_tables.py ENDPOINT REPOSITORY
"""

import ast
import json
import math
import struct
import sys
from pathlib import Path

import boto3
from botocore.config import Config

# Fixture, and what its container answers in by default.
MODELS = {
    "sklearn/forest-regression": "array",
    "sklearn/linear": "array",
    "sklearn/svr-rbf": "array",
    "mxnet/net-mlp": "array",
    "boosters/xgb-logistic": "line",
    "boosters/lgb-regression": "line",
    "builtins/knn-classifier": "predictions",
    "builtins/knn-regressor": "predictions",
    "builtins/rcf-plain": "scores",
    "mxnet/linear-binary": "predictions",
    "mxnet/linear-regressor": "predictions",
}
BUILT_IN = {"predictions", "scores"}


class Case:
    """A fixture: its rows, and the numbers of each of its outputs."""

    def __init__(self, root, name):
        cases = json.loads((root / "server/engine/tests" / name / "cases.json").read_text())
        table = cases["rows"] if "rows" in cases else next(iter(cases["inputs"].values()))
        width = table["shape"][1]
        values = [math.nan if v is None else v for v in table["values"]]
        self.rows = [values[n : n + width] for n in range(0, len(values), width)]
        outputs = cases["signatures"]["serving_default"] if "signatures" in cases else cases["outputs"]
        outputs = outputs.get("serving_default", outputs.get("predict", outputs))
        self.answers = sorted(numbers(outputs))


def numbers(value):
    """The numbers of tensors, whatever they are in."""
    if isinstance(value, dict) and "values" in value:
        return [float(v) for v in value["values"]]
    inner = value.values() if isinstance(value, dict) else value
    return [n for item in inner for n in numbers(item)]


def flat(value):
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return [n for item in inner for n in flat(item)]
    return [float(value)]


# Requests.


def as_csv(rows):
    return "\n".join(",".join("" if math.isnan(v) else repr(v) for v in row) for row in rows).encode()


def as_libsvm(rows):
    lines = ("0 " + " ".join(f"{n + 1}:{v!r}" for n, v in enumerate(row) if not math.isnan(v)) for row in rows)
    return "\n".join(lines).encode()


def as_npy(rows):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}"
    header = header.ljust(117) + "\n"
    data = struct.pack(f"<{len(rows) * len(rows[0])}d", *(v for row in rows for v in row))
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def field(number, content):
    """A field of a protobuf message that has a length."""
    length, head = len(content), b""
    while length > 127:
        head += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + head + bytes([length]) + content


def as_recordio(rows):
    out = b""
    for row in rows:
        tensor = field(2, field(1, struct.pack(f"<{len(row)}f", *row)))
        message = field(1, field(1, b"values") + field(2, tensor))
        out += struct.pack("<II", 0xCED7230A, len(message)) + message + bytes(-len(message) % 4)
    return out


REQUESTS = {
    "instances": ("application/json", lambda rows: json.dumps({"instances": rows}).encode()),
    "array": ("application/json", lambda rows: json.dumps(rows).encode()),
    "lines": ("application/jsonlines", lambda rows: "\n".join(map(json.dumps, rows)).encode()),
    "csv": ("text/csv", as_csv),
    "npy": ("application/x-npy", as_npy),
    "libsvm": ("text/libsvm", as_libsvm),
    "recordio": ("application/x-recordio-protobuf", as_recordio),
}

# Answers.


def of_npy(body):
    length = struct.unpack("<H", body[8:10])[0]
    header = ast.literal_eval(body[10 : 10 + length].decode().strip())
    kind = {"<f4": "f", "<f8": "d", "<i8": "q"}[header["descr"]]
    data = body[10 + length :]
    return [float(v) for v in struct.unpack(f"<{len(data) // struct.calcsize(kind)}{kind}", data)]


def of_csv(body):
    words = body.decode().replace("[", " ").replace("]", " ").replace(",", " ").split()
    return [float(word) for word in words]


def of_lines(body):
    return [n for line in body.splitlines() for n in flat(json.loads(line))]


ANSWERS = {
    "application/json": lambda body: flat(json.loads(body)),
    "application/jsonlines": of_lines,
    "application/x-npy": of_npy,
    "text/csv": of_csv,
}


def default(kind, request):
    """The type of an answer for which nothing was asked."""
    return "text/csv" if kind == "line" and request in ("csv", "libsvm", "recordio") else "application/json"


def table():
    """Model, request, what is accepted."""
    for name, kind in MODELS.items():
        requests = ["instances", "array", "lines", "csv", "npy"]
        requests += ["recordio"] if kind == "line" or kind in BUILT_IN else []
        requests += ["libsvm"] if kind == "line" else []
        for request in requests:
            yield name, request, None
    for name in ("sklearn/linear", "mxnet/net-mlp", "boosters/xgb-logistic", "builtins/knn-classifier"):
        for accept in ("application/json", "text/csv", "application/jsonlines"):
            yield name, "csv", accept
    yield "sklearn/linear", "csv", "application/x-npy"
    yield "boosters/xgb-logistic", "csv", "application/x-npy"


def check(runtime, cases, name, request, accept):
    content_type, write = REQUESTS[request]
    case, kind = cases[name], MODELS[name]
    said = {} if accept is None else {"Accept": accept}
    target = name.replace("/", "-") + ".tar.gz"
    answer = runtime.invoke_endpoint(
        EndpointName="berth", TargetModel=target, ContentType=content_type, Body=write(case.rows), **said
    )
    body, given = answer["Body"].read(), answer["ContentType"].split(";")[0]
    wanted = accept or default(kind, request)
    assert given == wanted, f"{given}, not {wanted}"
    if wanted == "application/json" and kind in BUILT_IN:
        assert list(json.loads(body)) == [kind], body[:80]
    if wanted == "application/json" and kind == "array" and request in ("array", "csv", "npy"):
        assert body.lstrip().startswith(b"["), body[:80]
    found = sorted(ANSWERS[wanted](body))
    assert len(found) == len(case.answers), f"{len(found)} numbers, not {len(case.answers)}: {body[:200]}"
    for got, right in zip(found, case.answers):
        assert math.isclose(got, right, rel_tol=1e-4, abs_tol=1e-5), f"{got}, not {right}"


def main():
    endpoint, root = sys.argv[1], Path(sys.argv[2])
    runtime = boto3.client(
        "sagemaker-runtime", endpoint_url=endpoint, region_name="eu-west-1", aws_access_key_id="a",
        aws_secret_access_key="b", config=Config(retries={"max_attempts": 1}),
    )
    cases = {name: Case(root, name) for name in MODELS}
    wrong, count = [], 0
    for name, request, accept in table():
        count += 1
        try:
            check(runtime, cases, name, request, accept)
        except Exception as error:
            wrong.append(f"{name} {request} {accept}: {error}")
    print(count, "rows")
    if wrong:
        sys.exit(f"{len(wrong)} of {count} rows:\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
