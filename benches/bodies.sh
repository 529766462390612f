#!/usr/bin/env bash
# Reading a picture's JSON into a tensor beside `orjson.loads` and numpy: the same bytes, alternately, medians of several rounds.
#
#   benches/bodies.sh [ROUNDS]
#
# Installs the peer from PyPI into target/ the first time.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
cargo build --release --quiet -p berth-benches --bin bodies
venv=target/bench-bodies-venv
if [ ! -e $venv/complete ]; then
    python3 -m venv $venv
    $venv/bin/pip install --quiet orjson==3.13.0 numpy==2.4.6 onnx==1.23.2
    touch $venv/complete
fi
exec $venv/bin/python -B benches/bodies.py "$target/release/bodies" "${1:-5}"
