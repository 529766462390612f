#!/usr/bin/env bash
# The engine alone beside TensorFlow and ONNX Runtime: the same models and inputs, alternately, medians of several rounds.
#
#   benches/engine.sh --activations …     how much memory runs take at most, instead of how long
#   benches/engine.sh [--models vgg16,resnet50] [--batch 1,8] [--threads 1,2] [--rounds 5]
#
# Installs the peers from PyPI into target/ the first time; models are kept in target/bench-models.
set -euo pipefail
cd "$(dirname "$0")/.."
# Settings meant for other programs must not choose a peer's kernels.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
target=${CARGO_TARGET_DIR:-target}
cargo build --release --quiet -p berth-engine --example bench
venv=target/bench-engine-venv
if [ -z "${BERTH_BENCH_PYTHON:-}" ] && [ ! -e $venv/complete ]; then
    python3 -m venv $venv
    $venv/bin/pip install --quiet tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 tf2onnx==1.17.0
    touch $venv/complete
fi
exec "${BERTH_BENCH_PYTHON:-$venv/bin/python}" -B benches/engine.py --berth "$target/release/examples/bench" "$@"
