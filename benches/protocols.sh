#!/usr/bin/env bash
# Requests per second and latencies of one model behind Berth, Triton and MLServer, each by the same protocol, the server on one core
# and the load generator on another, in turns.
#
#   benches/protocols.sh [--models dense,mobilenetv2] [--peers triton,mlserver] [--seconds 5] [--rounds 3]
#
# Installs the peers from PyPI into target/ the first time: the nvidia-pytriton package carries a Triton with its Python backend, in
# which the dense model is numpy's product and MobileNetV2 an ONNX Runtime session. MobileNetV2 is made by benches/engine.py.
set -euo pipefail
cd "$(dirname "$0")/.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
target=${CARGO_TARGET_DIR:-target}
cargo build --release --quiet -p berth-server -p berth-benches
venv=target/bench-protocols-venv
if [ ! -e $venv/complete ]; then
    python3 -m venv $venv
    $venv/bin/pip install --quiet nvidia-pytriton==0.7.0 mlserver==1.7.1 onnx==1.23.2 onnxruntime==1.32.0 tritonclient==2.73.0
    touch $venv/complete
fi
exec $venv/bin/python -B benches/protocols.py --programs "$target/release" "$@"
