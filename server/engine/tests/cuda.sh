#!/usr/bin/env bash
# The engine and the server with the feature `cuda`: types, lints, a build that starts without a GPU and says what is missing, and the
# kernels that it needs among those that were built. Where there is a GPU, the tests of devices run on it. CUDA is taken from CUDA_HOME;
# where that is not set, NVIDIA's packages for Python make one below target/.
#
#     server/engine/tests/cuda.sh
set -euo pipefail
cd "$(dirname "$0")/../../.."
version=13.0.48
if [ -z "${CUDA_HOME:-}" ]; then
    CUDA_HOME=$PWD/target/cuda-$version/nvidia/cu13
    if [ ! -e "$CUDA_HOME/complete" ]; then
        rm -rf "target/cuda-$version"
        # The compiler with its parts, CUDA's own headers, and the runtime's.
        python3 -m pip install --quiet --no-deps --target "target/cuda-$version" nvidia-cuda-nvcc==$version nvidia-nvvm==$version \
            nvidia-cuda-crt==$version nvidia-cuda-runtime==$version nvidia-cuda-cccl==13.0.50
        # The packages have no room for a second folder of programs, where nvcc looks for its own.
        mkdir -p "$CUDA_HOME/nvvm/bin"
        ln -s ../../bin/cicc "$CUDA_HOME/nvvm/bin/cicc"
        ln -s lib "$CUDA_HOME/lib64"
        touch "$CUDA_HOME/complete"
    fi
fi
export CUDA_HOME PATH=$CUDA_HOME/bin:$PATH
gpu=$([ -e /dev/nvidia0 ] || nvidia-smi -L >/dev/null 2>&1 && echo yes || echo no)
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-80}
# The same packages in each command, and build scripts that are alike in checks and builds: what differs does not share the kernels, which
# take many minutes.
quick=(--locked --config 'profile.dev.package.berth-engine.opt-level=0' --config 'profile.dev.build-override.debug=false')
all=(-p berth-cuda -p berth-engine -p berth-server --features berth-server/cuda)
cargo clippy "${quick[@]}" "${all[@]}" --all-targets -- -D warnings
cargo build "${quick[@]}" "${all[@]}"
cargo test "${quick[@]}" "${all[@]}" --lib -- device absent

server=${CARGO_TARGET_DIR:-target}/debug/berth-server
if readelf -d "$server" | grep -E 'NEEDED.*lib(cu|nv)'; then
    echo 'berth-server needs CUDA to start'
    exit 1
fi
model=server/engine/tests/mxnet/net-resnet-v1/model
if [ "$gpu" = yes ]; then
    BERTH_DEVICE=cuda cargo test "${quick[@]}" "${all[@]}" --test device
    "$server" inspect "$model" --device cuda
    exit
fi
refuse() {
    local said status=0
    said=$(timeout 20 "$server" "$@" --device cuda 2>&1) || status=$?
    echo "$1: $said"
    if [ $status = 0 ] || [ $status -gt 100 ] || ! grep -q "NVIDIA's driver (libcuda.so.1) was not found" <<<"$said"; then
        echo "berth-server $1 does not say that there is no GPU, but ends with $status"
        exit 1
    fi
}
refuse inspect "$model"
refuse predict "$model" --input /dev/null
refuse serve --models "$(dirname "$model")" --listen 127.0.0.1:0
echo 'No GPU was found (/dev/nvidia0, nvidia-smi): the tests of devices did not run on one.'
