#!/usr/bin/env bash
# Cold invocation of a model from local S3, and its reload from the disk cache, against `curl | tar xz` of the same object.
#
#   benches/cold_start.sh sign-language.tar.gz request.npy      (made by examples/training/sign_language.py)
#
# Three repetitions; in each, one after the other: the peer, a cold invocation, a warm one, and one after an unload. The files are
# in the page cache for both sides. Prints seconds and the ratios to the peer.
set -euo pipefail
archive=$(realpath "$1") request=$(realpath "$2")
cd "$(dirname "$0")/.."
cargo build --release --quiet -p berth-server -p berth-benches
bin=$PWD/target/release
work=$(mktemp -d)
pids=()
cleanup() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; rm -rf "$work"; }
trap cleanup EXIT

export AWS_ACCESS_KEY_ID=bench AWS_SECRET_ACCESS_KEY=benchbench AWS_REGION=us-east-1
mkdir -p "$work/s3/models"
"$bin/local-s3" "$work/s3" > "$work/port" &
pids+=($!)
until [ -s "$work/port" ]; do read -rt 0.02 <> <(:) || true; done
s3=http://127.0.0.1:$(cat "$work/port")
sign=(--aws-sigv4 aws:amz:us-east-1:s3 --user bench:benchbench -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD')
curl -sSf "${sign[@]}" -T "$archive" "$s3/models/model.tar.gz" > /dev/null

export AWS_ENDPOINT_URL_S3=$s3
now() { date +%s.%N; }
took() { echo "$(now) - $1" | bc -l; }
ratio() { echo "scale=3; $1 / $2" | bc -l; }
for repetition in 1 2 3; do
    mkdir "$work/peer"
    started=$(now)
    curl -sSf "${sign[@]}" "$s3/models/model.tar.gz" | tar xz -C "$work/peer"
    peer=$(took "$started")
    rm -rf "$work/peer"

    "$bin/berth-server" serve --models s3://models/ --cache-dir "$work/cache" --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 \
        --log-format json 2> "$work/log" &
    server=$!
    pids+=($server)
    until grep -q '"serving"' "$work/log"; do read -rt 0.02 <> <(:) || true; done
    address=$(grep -o '"address":"[^"]*' "$work/log" | cut -d'"' -f4)
    admin=$(grep -o '"admin":"[^"]*' "$work/log" | cut -d'"' -f4)
    invoke() {
        curl -sSf -o "$work/answer" -w '%{time_total}' "http://$address/endpoints/bench/invocations" \
            -H 'X-Amzn-SageMaker-Target-Model: model.tar.gz' -H 'Content-Type: application/x-npy' --data-binary @"$request"
    }
    cold=$(invoke)
    warm=$(invoke)
    warm=$(invoke)
    # Packed weights are written behind the first load; a reload before that packs again.
    until compgen -G "$work/cache/entries/*/packed" > /dev/null; do read -rt 0.02 <> <(:) || true; done
    curl -sSf -X POST "http://$admin/unload?model=model.tar.gz" > /dev/null
    reload=$(invoke)
    loads=$(curl -sSf "http://$admin/metrics" | awk '/^berth_model_load_seconds_sum/ {s=$2} /^berth_model_load_seconds_count/ {c=$2} END {print s/c}')
    kill "$server"; wait "$server" || true
    rm -rf "$work/cache"
    beyond=$(echo "$reload - $warm" | bc -l)
    echo "curl|tar $peer s   cold $cold s ($(ratio "$cold" "$peer"))   warm $warm s   after unload $reload s ($(ratio "$reload" "$peer")," \
        "of it reload $beyond s, $(ratio "$beyond" "$peer"))   load alone $loads s"
done
