#!/usr/bin/env bash
# tools/build.sh PRESET JOBS TARGET...: configures once, then builds.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1 jobs=$2
folder=build
[ "$preset" = release ] || folder=build-$preset
if [ ! -f "$folder/build.ninja" ]; then
  log=$(mktemp)
  cmake --preset "$preset" ${QREASON_WERROR:+-DQREASON_WERROR=$QREASON_WERROR} >"$log" 2>&1 ||
    { cat "$log" >&2; echo "error: cmake: configuring failed" >&2; exit 1; }
  rm -f "$log"
fi
cmake --build "$folder" --parallel "$jobs" --target "${@:3}"
