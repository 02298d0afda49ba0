#!/usr/bin/env bash
# Installs the Python package into a fresh environment and runs its tests; with the program of ./build, where there is one,
# those of models as well. tools/check_python.sh [FOLDER]: the environment, deleted afterwards when none is named.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-}
if [ -z "$folder" ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet ./python mypy
export PATH="$folder/bin:$PATH"
[ -n "${QREASON:-}" ] || [ ! -x build/qreason ] || export QREASON=$PWD/build/qreason
cd python/tests  # not where the sources of the package would be imported
mypy --strict -p qreason
python -m unittest discover --verbose
