#!/usr/bin/env bash
# scikit-learn's estimators beside scikit-learn: the same models and requests of one row, alternately, medians of several rounds.
#
#   benches/estimators.sh [--rounds 5]
#
# Installs the peer from PyPI into target/ the first time.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
cargo build --release --quiet -p berth-engine --example bench
venv=target/bench-estimators-venv
if [ -z "${BERTH_BENCH_PYTHON:-}" ] && [ ! -e $venv/complete ]; then
    python3 -m venv $venv
    $venv/bin/pip install --quiet scikit-learn==1.9.1 joblib==1.6.0 numpy==2.4.6
    touch $venv/complete
fi
exec "${BERTH_BENCH_PYTHON:-$venv/bin/python}" -B benches/estimators.py --berth "$target/release/examples/bench" "$@"
