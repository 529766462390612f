#!/usr/bin/env bash
# Twice of what the server can do: answers a second against its best, how fast it refuses, its memory. Server and generator have a core
# each. Three repetitions.
#
#   benches/overload.sh [model.tar.gz request content-type]      default: the CIFAR example
set -euo pipefail
cd "$(dirname "$0")/.."
archive=$(realpath "${1:-examples/models/cifar.tar.gz}") request=$(realpath "${2:-examples/requests/cifar/request.json}")
type=${3:-application/json}
. benches/server.sh
ulimit -n 8192
mkdir "$work/models"
cp "$archive" "$work/models/model.tar.gz"
SERVER="taskset -c 0" LOAD="taskset -c 1"
serve --compute-queue 256 --model-queue 256
load model.tar.gz "$request" "$type" --connections 64 --seconds 2 > /dev/null
for repetition in 1 2 3; do
    best=$(load model.tar.gz "$request" "$type" --connections 64)
    before=$(resident)
    rate=$(echo "${best%% *} * 2" | bc)
    twice=$(load model.tar.gz "$request" "$type" --connections 2000 --rate "$rate" --seconds 10)
    echo "best $best; at $rate/s: $twice; $(echo "scale=3; ${twice%% *} / ${best%% *}" | bc) of the best, memory $before, then $(resident)"
done
