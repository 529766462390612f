"""Writes seeds for every target of the fuzzer: the fixtures of the engine's tests, as `src/artifact.rs` takes them.

    python3 seeds.py OUT
"""

import gzip
import io
import json
import pathlib
import sys
import zipfile

TESTS = pathlib.Path(__file__).resolve().parent.parent / "tests"
# Larger ones are slow, and their mutations seldom hit what matters.
LARGEST = 96 << 10
# The first cases of each file of ONNX's.
CASES = 400
OVERRIDES = [
    {"format": "xgboost", "file": "xgboost-model.json", "content_type": "text/csv", "accept": "application/json"},
    {"signatures": {"other": "serving_default"}, "labels": ["cat", "dog", "cow"]},
    {"inputs": {"x": {"dtype": "int64", "shape": [None, 128]}}, "version_labels": {"stable": 1}},
]


def framed(files):
    return b"".join(b"%%%% " + name.encode() + b"\n" + data for name, data in files)


def members(name, data):
    """The members of an archive as files."""
    if not data.startswith(b"PK\x03\x04"):
        return [(name, data)]
    archive = zipfile.ZipFile(io.BytesIO(data))
    return [(f"{name}!/{m}", archive.read(m)) for m in archive.namelist() if not m.endswith("/")]


def files(directory):
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        yield path.relative_to(directory).as_posix(), path.read_bytes()


def models(group):
    for path in sorted((TESTS / group).glob("*/model")):
        yield path.parent.name, list(files(path))


def whole(listed):
    return framed([part for name, data in listed for part in members(name, data)])


def onnx():
    for path in sorted((TESTS / "onnx/cases").glob("*.gz")):
        rest = io.BytesIO(gzip.decompress(path.read_bytes()))
        for _ in range(CASES):
            length = rest.read(4)
            if len(length) < 4:
                break
            header = json.loads(rest.read(int.from_bytes(length, "little")))
            yield f"{path.stem}-{header['name']}", rest.read(header["bytes"])[: header["model"]]


def boosters():
    for name, listed in models("boosters"):
        for file, data in listed:
            yield ("lightgbm" if file == "model.txt" else "xgboost"), f"{name}-{file}", data


def builtins():
    for name, listed in models("builtins"):
        if name.startswith("cat"):
            yield "catboost", name, listed[0][1]
        elif name.startswith("rcf"):
            yield "random-cut", name, listed[0][1]
        else:
            yield "faiss", name, whole(listed)


def sklearn():
    for name, listed in models("sklearn"):
        for file, data in listed:
            if file.endswith(".skops"):
                yield "skops", name, whole(listed)
                yield "zip", name, data
            elif file.endswith(".joblib"):
                yield "joblib", name, data
            else:
                yield "pickle", name, data


def torch():
    for fixture in sorted((TESTS / "torch").glob("*/*/")):
        listed = list(files(fixture))
        if any(file.startswith("model.pt") for file, _ in listed):
            name = f"{fixture.parent.name}-{fixture.name}"
            yield "torch", name, whole(listed)
            yield "zip", name, next(data for file, data in listed if file.startswith("model.pt"))


def others():
    for name, listed in models("mxnet"):
        linear = listed[0][0] == "model_algo-1"
        yield ("linear-learner" if linear else "mxnet"), name, whole(listed)
        yield from (("zip", name, data) for _, data in listed if data.startswith(b"PK"))
    for name, listed in models("huggingface"):
        yield "huggingface", name, whole(listed)
        for file, data in listed:
            if file in ("tokenizer.json", "config.json"):
                yield file.removesuffix(".json"), name, data
    for fixture in sorted((TESTS / "fixtures").glob("*/")):
        yield "savedmodel", fixture.name, whole(list(files(fixture)))
    for n, text in enumerate(OVERRIDES):
        yield "overrides", str(n), json.dumps(text).encode()


def main(out):
    seeds = [("onnx", name, data) for name, data in onnx()]
    seeds += [*boosters(), *builtins(), *sklearn(), *torch(), *others()]
    for target, name, data in seeds:
        if len(data) <= LARGEST:
            directory = out / target
            directory.mkdir(parents=True, exist_ok=True)
            (directory / name.replace("/", "-")).write_bytes(data)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
