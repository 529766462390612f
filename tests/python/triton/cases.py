"""The requests of the Open Inference Protocol that are sent to Triton and to Berth: REST ones as they are, gRPC ones as messages."""

import gzip
import json
import struct
import zlib

import numpy as np

from models import TYPES

X = [1.0, 2.0, 3.0, 4.0]


def tensor(data=X, shape=(1, 4), datatype="FP32", name="x", **more):
    return {"name": name, "shape": list(shape), "datatype": datatype, "data": data, **more}


def rest():
    """Name, method, path, headers, body."""
    infer = "/v2/models/dense/infer"

    def post(name, body, path=infer, headers=None):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return (name, "POST", path, headers or {}, body)

    def get(path):
        return (f"GET {path}", "GET", path, {}, b"")

    yield from documents(get)
    yield from values(post)
    yield from mistakes(post)
    yield from binary(post)
    yield from encodings(post)
    yield from types(post)


def documents(get):
    yield from map(get, [
        "/v2/health/live", "/v2/health/ready", "/v2/models/dense", "/v2/models/dense/ready", "/v2/models/dense/versions/1",
        "/v2/models/dense/versions/1/ready", "/v2/models/none", "/v2/models/none/ready", "/v2/models/dense/versions/9",
        "/v2/models/dense/versions/9/ready", "/v2/models/same_BYTES", "/v2/models/none/config", "/v2/models/none/stats",
        "/v2/models/dense/infer", "/v2/nothing", "/v3",
    ])


def values(post):
    yield post("one row", {"inputs": [tensor()]})
    yield post("one row, nested", {"inputs": [tensor([X])]})
    yield post("three rows", {"inputs": [tensor([X, [0, 0, 0, 0], [-1, 0.5, 2, 8]], (3, 4))]})
    yield post("three rows, flat", {"inputs": [tensor(X * 3, (3, 4))]})
    yield post("an id", {"id": "a-1", "inputs": [tensor()]})
    yield post("a version", {"inputs": [tensor()]}, "/v2/models/dense/versions/1/infer")
    yield post("an output is named", {"inputs": [tensor()], "outputs": [{"name": "y"}]})
    yield post("whole numbers", {"inputs": [tensor([1, 2, 3, 4])]})
    yield post("exponents", b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1e0,2E+0,0.3e1,40e-1]}]}')
    yield post("fields in another order", b'{"inputs":[{"data":[1,2,3,4],"datatype":"FP32","shape":[1,4],"name":"x"}]}')
    yield post("unknown fields", {"inputs": [tensor(extra=1)], "more": {"a": [1]}})
    yield post("unknown parameters", {"inputs": [tensor(parameters={"p": 1})], "parameters": {"q": "s"}})
    yield post("spaces", b' {"inputs" : [ {"name": "x", "shape": [1, 4],\n"datatype": "FP32", "data": [1, 2, 3, 4] } ] } ')
    yield post("classes", {"inputs": [tensor()], "outputs": [{"name": "y", "parameters": {"classification": 2}}]})
    yield post("classes of two rows", {
        "inputs": [tensor(X + X[::-1], (2, 4))], "outputs": [{"name": "y", "parameters": {"classification": 3}}],
    })
    yield post("a content type of JSON", {"inputs": [tensor()]}, headers={"content-type": "application/json"})
    yield post("another content type", {"inputs": [tensor()]}, headers={"content-type": "text/plain"})


def mistakes(post):
    yield post("too wide", {"inputs": [tensor(X + [5], (1, 5))]})
    yield post("rank one", {"inputs": [tensor(X, (4,))]})
    yield post("rank three", {"inputs": [tensor(X, (1, 1, 4))]})
    yield post("too few values", {"inputs": [tensor(X[:3])]})
    yield post("too many values", {"inputs": [tensor(X + [5])]})
    yield post("another type", {"inputs": [tensor([1, 2, 3, 4], datatype="INT32")]})
    yield post("no such type", {"inputs": [tensor(datatype="FP31")]})
    yield post("no such input", {"inputs": [tensor(name="z")]})
    yield post("an input twice", {"inputs": [tensor(), tensor()]})
    yield post("an input too many", {"inputs": [tensor(), tensor(name="z")]})
    yield post("no inputs", {"inputs": []})
    yield post("inputs are missing", {})
    yield post("inputs are an object", {"inputs": {}})
    yield post("no name", {"inputs": [{k: v for k, v in tensor().items() if k != "name"}]})
    yield post("no shape", {"inputs": [{k: v for k, v in tensor().items() if k != "shape"}]})
    yield post("no type", {"inputs": [{k: v for k, v in tensor().items() if k != "datatype"}]})
    yield post("no data", {"inputs": [{k: v for k, v in tensor().items() if k != "data"}]})
    yield post("a shape below zero", {"inputs": [tensor(shape=(-1, 4))]})
    yield post("a shape of text", {"inputs": [tensor(shape=("1", 4))]})
    yield post("a huge shape", {"inputs": [tensor(shape=(1 << 40, 1 << 40))]})
    yield post("text in the data", {"inputs": [tensor([1, 2, 3, "a"])]})
    yield post("null in the data", {"inputs": [tensor([1, 2, 3, None])]})
    yield post("a truth value in the data", {"inputs": [tensor([1, 2, 3, True])]})
    yield post("ragged data", {"inputs": [tensor([[1, 2], [3], [4]])]})
    yield post("no such output", {"inputs": [tensor()], "outputs": [{"name": "q"}]})
    yield post("no such model", {"inputs": [tensor()]}, "/v2/models/none/infer")
    yield post("no such version", {"inputs": [tensor()]}, "/v2/models/dense/versions/9/infer")
    yield post("a version of letters", {"inputs": [tensor()]}, "/v2/models/dense/versions/x/infer")
    yield post("no JSON", b"junk")
    yield post("half of JSON", b'{"inputs": [')
    yield post("a list", b"[1, 2]")
    yield post("a number", b"7")
    yield post("an id that is a number", {"id": 7, "inputs": [tensor()]})
    yield post("bytes for floats", {"inputs": [tensor(["a", "b", "c", "d"], datatype="BYTES")]})
    yield post("shared memory", {"inputs": [{k: v for k, v in tensor().items() if k != "data"} | {
        "parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 16}}]})


def with_header(document, *blobs):
    text = json.dumps(document).encode()
    return text + b"".join(blobs), {"inference-header-content-length": str(len(text))}


def sized(size, shape=(1, 4), datatype="FP32", **more):
    return {"name": "x", "shape": list(shape), "datatype": datatype, "parameters": {"binary_data_size": size}, **more}


def binary(post):
    raw = struct.pack("<4f", *X)
    infer = "/v2/models/dense/infer"

    def case(name, document, *blobs, path=infer, length=None):
        body, headers = with_header(document, *blobs)
        return post(name, body, path, {"inference-header-content-length": length} if length is not None else headers)

    yield case("binary in", {"inputs": [sized(16)]}, raw)
    yield case("binary in, three rows", {"inputs": [sized(48, (3, 4))]}, raw * 3)
    yield case("binary out", {"inputs": [tensor()], "outputs": [{"name": "y", "parameters": {"binary_data": True}}]})
    yield case("all binary", {"inputs": [sized(16)], "parameters": {"binary_data_output": True}}, raw)
    yield case("binary out is refused for one", {
        "inputs": [sized(16)], "parameters": {"binary_data_output": True},
        "outputs": [{"name": "y", "parameters": {"binary_data": False}}],
    }, raw)
    yield post("nothing but binary", raw, headers={"inference-header-content-length": "0"})
    yield case("binary is too short", {"inputs": [sized(16)]}, raw[:12])
    yield case("binary is too long", {"inputs": [sized(16)]}, raw + b"more")
    yield case("binary of a wrong size", {"inputs": [sized(12)]}, raw[:12])
    yield case("a size below zero", {"inputs": [sized(-1)]}, raw)
    yield case("a size of text", {"inputs": [sized("16")]}, raw)
    yield case("a header beyond the body", {"inputs": [sized(16)]}, raw, length="100000")
    yield case("a header of letters", {"inputs": [sized(16)]}, raw, length="x")
    yield case("a header below zero", {"inputs": [sized(16)]}, raw, length="-1")
    yield case("a header that ends early", {"inputs": [sized(16)]}, raw, length="10")
    text = b"".join(struct.pack("<I", len(s)) + s for s in (b"a", b"", "ü".encode()))
    path = "/v2/models/same_BYTES/infer"
    both = {"parameters": {"binary_data_output": True}}
    yield case("strings in binary", {"inputs": [sized(len(text), (1, 3), "BYTES")], **both}, text, path=path)
    yield case("strings cut short", {"inputs": [sized(len(text) - 1, (1, 3), "BYTES")]}, text[:-1], path=path)
    yield case("strings with a huge length", {"inputs": [sized(8, (1, 3), "BYTES")]}, struct.pack("<II", 1 << 31, 0), path=path)


def encodings(post):
    body = json.dumps({"inputs": [tensor()]}).encode()
    yield post("gzip", gzip.compress(body, mtime=0), headers={"content-encoding": "gzip"})
    yield post("deflate", zlib.compress(body), headers={"content-encoding": "deflate"})
    yield post("gzip that is none", body, headers={"content-encoding": "gzip"})


def types(post):
    for name, kind in TYPES.items():
        data = ["a", "", "ü"] if name == "BYTES" else np.array([0, 1, 100], kind).tolist()
        yield post(f"the same {name}", {"inputs": [tensor(data, (1, 3), name)]}, f"/v2/models/same_{name}/infer")
    for name, low, high in [("INT8", -128, 127), ("UINT8", 0, 255), ("INT16", -32768, 32767), ("INT64", -(2**63), 2**63 - 1)]:
        path = f"/v2/models/same_{name}/infer"
        yield post(f"the ends of {name}", {"inputs": [tensor([low, 0, high], (1, 3), name)]}, path)
    yield post("a fraction for an integer", {"inputs": [tensor([0, 1, 1.5], (1, 3), "INT32")]}, "/v2/models/same_INT32/infer")
    yield post("a number for a truth value", {"inputs": [tensor([0, 1, 2], (1, 3), "BOOL")]}, "/v2/models/same_BOOL/infer")
