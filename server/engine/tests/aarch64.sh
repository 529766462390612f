#!/usr/bin/env bash
# The engine's own tests on 64-bit ARM, where kernels are NEON's: built here, run by QEMU, which says nothing of speed.
#
#     server/engine/tests/aarch64.sh [FILTER…]      the kernels where nothing is said; '' for all
set -euo pipefail
cd "$(dirname "$0")/../../.."
target=aarch64-unknown-linux-gnu
missing=()
linker=$(command -v aarch64-linux-gnu-gcc) || missing+=("a linker: Debian's gcc-aarch64-linux-gnu")
emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || missing+=("QEMU: Debian's qemu-user-static")
rustup target list --installed | grep -qx "$target" || missing+=("the standard library: rustup target add $target")
if [ ${#missing[@]} -gt 0 ]; then
    printf 'not tested on ARM, for this is missing:\n'
    printf '    %s\n' "${missing[@]}"
    exit 1
fi
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$linker CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=$emulator
export QEMU_LD_PREFIX=${QEMU_LD_PREFIX:-/usr/aarch64-linux-gnu}
cargo check --locked --target "$target" -p berth-server -p berth-operator
[ $# -gt 0 ] || set -- kernels::
# A crate that only a benchmark uses builds for ARM optimised or not at all.
cargo test --locked --target "$target" -p berth-engine --lib \
    --config 'profile.dev.package.gemm-f16.opt-level=3' -- "$@"
