# To be sourced: a server for a benchmark, which ends with it, and the load generator.
#
# `serve FLAG…` starts a server over "$work/models" and sets `address`, `admin` and `server` (its process); `halt` ends it. SERVER and LOAD
# are put before the programs, like "taskset -c 0".
cargo build --release --quiet -p berth-server -p berth-benches
bin=${CARGO_TARGET_DIR:-$PWD/target}/release
work=$(mktemp -d)
server=
halt() { [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }; server=; }
trap 'halt; rm -rf "$work"' EXIT

serve() {
    halt
    : > "$work/log"
    ${SERVER:-} "$bin/berth-server" serve --models "$work/models" --cache-dir "$work/cache" --listen 127.0.0.1:0 \
        --admin-listen 127.0.0.1:0 --log-format json "$@" 2> "$work/log" &
    server=$!
    until grep -q '"serving"' "$work/log"; do
        kill -0 "$server" 2>/dev/null || { cat "$work/log"; exit 1; }
        read -rt 0.02 <> <(:) || true
    done
    address=$(grep -o '"address":"[^"]*' "$work/log" | cut -d'"' -f4)
    admin=$(grep -o '"admin":"[^"]*' "$work/log" | cut -d'"' -f4)
}

# load MODEL FILE CONTENT-TYPE FLAG…
load() {
    local model=$1 file=$2 type=$3
    shift 3
    ${LOAD:-} "$bin/load" "$address" /endpoints/bench/invocations --data "$file" --header "Content-Type: $type" \
        --header "X-Amzn-SageMaker-Target-Model: $model" "$@"
}

metric() { curl -sSf "http://$admin/metrics" | awk -v name="$1" '$1 == name {print $2}'; }
resident() { awk '/^VmRSS/ {printf "%.0f MiB", $2 / 1024}' "/proc/$server/status"; }
