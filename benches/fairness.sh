#!/usr/bin/env bash
# A thousand small models at one request a second each, alone and beside a heavy model under full load, in turn, three repetitions.
#
#   benches/fairness.sh heavy.tar.gz request.npy      (a VGG16: examples/training/sign_language.py makes one)
set -euo pipefail
heavy=$(realpath "$1") request=$(realpath "$2")
cd "$(dirname "$0")/.."
. benches/server.sh
mkdir "$work/models"
cp "$heavy" "$work/models/heavy.tar.gz"
for n in $(seq 0 999); do ln examples/models/iris.tar.gz "$work/models/small-$n.tar.gz" 2>/dev/null || cp examples/models/iris.tar.gz "$work/models/small-$n.tar.gz"; done
serve
small() { load 'small-{n}.tar.gz' examples/requests/iris/request.json application/json --vary 1000 --rate 1000 --connections 256 "$@"; }
heavy() { load heavy.tar.gz "$request" application/x-npy --connections 4 "$@"; }
small --seconds 4 > /dev/null
heavy --seconds 4 > /dev/null
for repetition in 1 2 3; do
    echo "small alone:        $(small --seconds 10)"
    heavy --seconds 12 > "$work/heavy" &
    other=$!
    echo "small beside heavy: $(small --seconds 10)"
    wait "$other"
    echo "heavy:              $(cat "$work/heavy")"
done
