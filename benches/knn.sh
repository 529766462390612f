#!/usr/bin/env bash
# Nearest neighbours beside FAISS: the same index and queries, alternately, medians of several rounds.
#
#   benches/knn.sh [--threads 1,2] [--rounds 5]
#
# Installs the peer from PyPI into target/ the first time.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
cargo build --release --quiet -p berth-engine --example bench
venv=target/bench-knn-venv
if [ -z "${BERTH_BENCH_PYTHON:-}" ] && [ ! -e $venv/complete ]; then
    python3 -m venv $venv
    $venv/bin/pip install --quiet faiss-cpu==1.15.1 numpy==2.4.6
    touch $venv/complete
fi
exec "${BERTH_BENCH_PYTHON:-$venv/bin/python}" -B benches/knn.py --berth "$target/release/examples/bench" "$@"
