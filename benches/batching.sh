#!/usr/bin/env bash
# Requests that run together: 64 clients and one, with --batching on and off in turn, three repetitions.
#
#   benches/batching.sh [model.tar.gz request.npy]      default: the CIFAR example, with a picture as .npy
set -euo pipefail
cd "$(dirname "$0")/.."
archive=$(realpath "${1:-examples/models/cifar.tar.gz}") request=${2:-}
. benches/server.sh
mkdir "$work/models"
cp "$archive" "$work/models/model.tar.gz"
if [ -z "$request" ]; then
    # The first picture of the example's.
    request=$work/picture.npy
    python3 - "$request" <<'PY'
import sys
with open("examples/requests/cifar/pictures.npy", "rb") as file:
    data = file.read()
header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 32, 32, 3), }\n"
size = int.from_bytes(data[8:10], "little")
with open(sys.argv[1], "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data[10 + size : 10 + size + 4 * 32 * 32 * 3])
PY
fi
for repetition in 1 2 3; do
    for batching in off on; do
        serve --batching $batching
        load model.tar.gz "$request" application/x-npy --connections 1 --seconds 1 > /dev/null
        one=$(load model.tar.gz "$request" application/x-npy --connections 1)
        rows=$(metric berth_batch_rows_sum) runs=$(metric berth_batch_rows_count)
        many=$(load model.tar.gz "$request" application/x-npy --connections 64)
        rows=$(echo "$(metric berth_batch_rows_sum) - $rows" | bc) runs=$(echo "$(metric berth_batch_rows_count) - $runs" | bc)
        echo "batching $batching: 64 clients $many, $(echo "scale=1; $rows / $runs" | bc) rows a run; one client $one"
    done
done
