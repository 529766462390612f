"""Writes bodies of every kind that the fuzzer begins with, into its corpus:

    python3 seeds.py

They are written by hand, so that nothing but Python is needed; names that begin with `seed-` are written anew.
"""

import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, data):
    """A field of protobuf: of bytes, or of an integer."""
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    return varint(number << 3 | 2) + varint(len(data)) + data


def floats(*numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


def npy(header, data, version=1):
    text = header.encode().ljust(117) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def array(kind, shape, data, order=False):
    return npy(f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}", data)


def record(message):
    length = len(message)
    return struct.pack("<II", 0xCED7230A, length) + message + b"\0" * (-length % 4)


def entry(value):
    """The feature `values` of a record."""
    return field(1, field(1, b"values") + field(2, value))


def checksum(data):
    """CRC-32C, masked as TFRecord has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def framed(data):
    length = struct.pack("<Q", len(data))
    return length + checksum(length) + data + checksum(data)


def json_bodies():
    yield b'{"instances": [[1, 2.5, -3e2, 4], [0, 0, 0, 0]]}'
    yield b'{"signature_name": "scaled", "inputs": {"x": [[1, 2, 3, 4]], "flip": [true]}}'
    yield b'{"instances": [{"x": [1, 2, 3, 4]}, {"x": [5, 6, 7, 8]}]}'
    yield b'[[1, 2, 3, 4], [NaN, null, 7, 8]]'
    yield b'{"instances": ["one", {"b64": "aGVsbG8="}, "\\u00e9\\ud83d\\ude00\\n"]}'
    yield b'{"instances": [{"features": [1.5, 2, 3, 4]}, {"data": {"features": {"values": [1, 2, 3, 4]}}}]}'
    yield b'{"inputs": 3, "parameters": {"a": [1, {"b": null}]}}'


def tensor_protos():
    shape = field(2, field(2, field(1, 2)) + field(2, field(1, 2)))
    yield field(1, 1) + shape + field(4, floats(1, 2, 3, 4))
    yield field(1, 1) + shape + field(5, floats(1, 2))
    yield field(1, 9) + shape + field(10, b"\x01\x02\x03\x04")
    yield field(1, 7) + shape + field(8, b"one") + field(8, b"two")
    yield field(1, 10) + shape + field(11, b"\x01\x00\x01\x01")
    yield field(1, 19) + shape + field(13, b"\x80\x78")
    yield field(1, 1) + field(2, field(3, 1)) + field(5, floats(1))


def v2_bodies():
    inputs = b'{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}'
    yield b"\xff\xff" + b'{"id": "7", "inputs": [' + inputs + b"]}"
    outputs = b', "outputs": [{"name": "y", "parameters": {"classification": 2}}]'
    yield b"\xff\xff" + b'{"inputs": [' + inputs + b"]" + outputs + b"}"
    text = b'{"name": "t", "shape": [2], "datatype": "BYTES", "data": ["one", "two"]}'
    yield b"\xff\xff" + b'{"inputs": [' + text + b'], "parameters": {"binary_data_output": true}}'
    raw = b'{"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "parameters": {"binary_data_size": 16}}]}'
    yield struct.pack("<H", len(raw)) + raw + floats(1, 2, 3, 4)
    yield struct.pack("<H", 0) + floats(1, 2, 3, 4)


def v2_messages():
    shape = field(3, varint(1) + varint(4))
    tensor = field(1, b"x") + field(2, b"FP32") + shape
    yield field(1, b"model") + field(5, tensor) + field(7, floats(1, 2, 3, 4))
    typed = field(5, tensor + field(5, field(6, floats(1, 2, 3, 4))))
    yield field(1, b"model") + field(3, b"id") + typed + field(6, field(1, b"y"))
    text = field(1, b"t") + field(2, b"BYTES") + field(3, varint(1))
    yield field(1, b"model") + field(5, text) + field(7, struct.pack("<I", 3) + b"one")
    yield field(1, b"model") + field(5, text + field(5, field(8, b"one")))


def seeds():
    yield "json", json_bodies()
    yield "any", [*json_bodies(), array("<f4", "(1, 4)", floats(1, 2, 3, 4)), b"\x80\x04"]
    yield "serving", json_bodies()
    yield "json-lines", [b"[1, 2, 3, 4]\n[5, 6, 7, 8]\n", b'{"x": [1, 2, 3, 4]}\n\n{"x": [1, 2, 3, 4]}', b"1\n2\n"]
    yield "csv", [b"1,2,3,4\n5,6.5,-7e3,8\n", b'"one, two",3\r\n"say ""no""",4\r\n', b"1,,NaN,4", b"a\n\nb"]
    yield "libsvm", [b"1 1:5 3:7 # one\n\n0 qid:4 2:1e1\n", b"0:5 2:7\n1:3", b"1 4:nan"]
    example = b'{"a": 1, "b": [1.5, 2], "c": "x", "d": [{"b64": "aGk="}], "e": []}'
    yield "examples", [
        b'{"signature_name": "s", "context": {"n": "all"}, "examples": [' + example + b", {}]}",
        b'{"examples": [' + example + b"]}",
    ]
    four = floats(1, 2, 3, 4)
    yield "npy", [
        array("<f4", "(1, 4)", four),
        array("<f8", "(2, 4)", struct.pack("<8d", *range(8)), True),
        array("|b1", "(4,)", b"\1\0\1\0"),
        array(">i4", "(1, 4)", struct.pack(">4i", 1, 2, 3, 4)),
        array("<U3", "(2,)", "onetwo".encode("utf-32-le")),
        array("|S3", "(2,)", b"onetwo"),
        npy("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", struct.pack("<q", 5), 2),
    ]
    dense, sparse = field(2, field(1, four)), field(2, field(1, floats(2)) + field(2, varint(1)) + field(3, varint(4)))
    wide = field(3, field(1, struct.pack("<4d", 1, 2, 3, 4)))
    integers = field(7, field(1, varint(1) + varint(2)))
    yield "recordio", [
        record(entry(dense)) + record(entry(dense)),
        record(entry(sparse)),
        record(entry(wide)) + record(entry(integers)),
    ]
    yield "tensor-proto", tensor_protos()
    yield "tf-record", [framed(b"one") + framed(b""), framed(b"\0" * 40)]
    yield "v2", v2_bodies()
    yield "v2-grpc", v2_messages()


def main():
    for target, bodies in seeds():
        directory = CORPUS / target
        directory.mkdir(parents=True, exist_ok=True)
        for number, body in enumerate(bodies):
            (directory / f"seed-{number}").write_bytes(body)


if __name__ == "__main__":
    main()
