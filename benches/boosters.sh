#!/usr/bin/env bash
# Tree ensembles beside the libraries that made them: the same models and rows, alternately, medians of several rounds.
#
#   benches/boosters.sh [--threads 1,2] [--rounds 5]
#
# Installs the peers from PyPI into target/ the first time.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
cargo build --release --quiet -p berth-engine --example bench
venv=target/bench-boosters-venv
if [ -z "${BERTH_BENCH_PYTHON:-}" ] && [ ! -e $venv/complete ]; then
    python3 -m venv $venv
    $venv/bin/pip install --quiet xgboost-cpu==3.2.0 lightgbm==4.7.0 numpy==2.4.6
    touch $venv/complete
fi
exec "${BERTH_BENCH_PYTHON:-$venv/bin/python}" -B benches/boosters.py --berth "$target/release/examples/bench" "$@"
