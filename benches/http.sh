#!/usr/bin/env bash
# Requests per second of a tiny dense model, against multi-model-server (the server inside SageMaker's containers) with a Python
# handler that does nothing. Same load generator, same machine, one after the other, three repetitions.
#
#   benches/http.sh        needs Java and python3 for the peer, which is installed from PyPI into a directory of its own
set -euo pipefail
cd "$(dirname "$0")/.."
command -v java > /dev/null || { echo "multi-model-server needs Java, which is not installed"; exit 1; }
cargo build --release --quiet -p berth-server -p berth-benches
bin=$PWD/target/release root=$PWD
work=$(mktemp -d)
pids=()
cleanup() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; rm -rf "$work"; }
trap cleanup EXIT

venv=target/bench-venv
[ -x $venv/bin/multi-model-server ] || { python3 -m venv $venv && $venv/bin/pip install --quiet multi-model-server setuptools'<81'; }
python=$root/$venv/bin/python
mkdir -p "$work/models/empty/MAR-INF"
cat > "$work/models/empty/service.py" <<'PY'
def handle(data, context):
    return ["{}"] * len(data) if data else None
PY
cat > "$work/models/empty/MAR-INF/MANIFEST.json" <<'JSON'
{"specificationVersion": "1.0", "implementationVersion": "1.0", "description": "", "modelServerVersion": "1.0", "license": "", "runtime": "python", "model": {"modelName": "empty", "description": "", "modelVersion": "1.0", "extensions": {}, "handler": "service:handle"}, "engine": {"engineName": "", "engineVersion": ""}}
JSON
# The peer takes no port above 32767, where the system's own choice lies: so ask for free ones below it.
read -r port management < <("$python" - <<'PY'
import random, socket
free = []
for port in random.sample(range(20000, 32000), 200):
    with socket.socket() as probe:
        if len(free) < 2 and probe.connect_ex(("127.0.0.1", port)) != 0:
            free.append(port)
print(*free)
PY
)
cat > "$work/config.properties" <<CONF
inference_address=http://127.0.0.1:$port
management_address=http://127.0.0.1:$management
model_store=$work/models
load_models=empty
default_workers_per_model=2
CONF
frontend=$root/$(dirname "$(find $venv -name model-server.jar | head -1)")
cd "$work"
# Its own start script, without the fork: the process is ours to end.
PATH=$root/$venv/bin:$PATH java -Dmodel_server_home="$(dirname "$(dirname "$frontend")")" -cp ".:$frontend/*" \
    com.amazonaws.ml.mms.ModelServer --python "$python" -f "$work/config.properties" > "$work/mms.log" 2>&1 &
cd "$root"
pids+=($!)
for _ in $(seq 600); do curl -sf -X POST "http://127.0.0.1:$port/predictions/empty" -d '{}' > /dev/null && break; read -rt 0.1 <> <(:) || true; done
curl -sf -o /dev/null -X POST "http://127.0.0.1:$port/predictions/empty" -d '{}' || { echo "the peer did not start:"; tail -20 "$work/mms.log"; exit 1; }

"$bin/berth-server" serve --models examples/models --cache-dir "$work/cache" --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 \
    --log-format json 2> "$work/log" &
pids+=($!)
until grep -q '"serving"' "$work/log"; do read -rt 0.02 <> <(:) || true; done
address=$(grep -o '"address":"[^"]*' "$work/log" | cut -d'"' -f4)

"$bin/load" "127.0.0.1:$port" /predictions/empty --data examples/requests/iris/request.json --header "Content-Type: application/json" --seconds 20 > /dev/null
for repetition in 1 2 3; do
    echo "multi-model-server: $("$bin/load" "127.0.0.1:$port" /predictions/empty --data examples/requests/iris/request.json \
        --header 'Content-Type: application/json')"
    echo "berth:              $("$bin/load" "$address" /endpoints/bench/invocations --data examples/requests/iris/request.json \
        --header 'Content-Type: application/json' --header 'X-Amzn-SageMaker-Target-Model: iris.tar.gz')"
done
