#!/usr/bin/env bash
# Installs what the build needs and is missing: system packages by apt, libtorch and Arrow by pip into ./.venv. Doing it twice does
# nothing the second time. Debian 12 and 13 (README.md says what was tried); Ubuntu 24.04 has the same package names.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(g++ cmake ninja-build pkg-config ccache mold python3-venv clang-format-14 ca-certificates
  libfmt-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev libpcre2-dev libutf8proc-dev
  libzstd-dev zlib1g-dev libssl-dev libcurl4-openssl-dev libboost-dev libgtest-dev libgmock-dev
  libseccomp-dev bubblewrap
  libcpp-httplib-dev openssl gnuplot-nox)
optional=(ccache mold clang-format-14 gnuplot-nox)
torch_version=2.13.0
arrow_version='pyarrow>=21,<30'  # Arrow and Parquet for C++, headers included
cpu_index=https://download.pytorch.org/whl/cpu

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'error: setup: %s\n' "$*" >&2; exit 1; }

# An optional package that this system does not have (clang-format-14 on Debian 13) is not missing.
missing_packages() {
  local package
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' && continue
    only_optional "$package" && ! apt-cache show "$package" >/dev/null 2>&1 && continue
    echo "$package"
  done
}

only_optional() {
  local package
  for package in "$@"; do
    [[ " ${optional[*]} " == *" $package "* ]] || return 1
  done
}

install_packages() {
  command -v dpkg-query >/dev/null || { say "no dpkg here: install the packages named in tools/setup.sh by hand"; return; }
  local missing run=()
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      only_optional "${missing[@]}" && return
      fail "these packages are missing: ${missing[*]}; run as root: apt-get install ${missing[*]}"
    fi
    run=(sudo --preserve-env=http_proxy,https_proxy,no_proxy,DEBIAN_FRONTEND)
  fi
  export DEBIAN_FRONTEND=noninteractive
  "${run[@]}" apt-get update -qq || fail "apt-get update failed"
  mapfile -t missing < <(missing_packages)  # what is optional is known only now
  "${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install: ${missing[*]}"
}

have_torch() {  # is there a libtorch that CMake will find (cmake/dependencies.cmake looks in the same places)?
  [ -n "${Torch_DIR:-}" ] && [ -e "$Torch_DIR/TorchConfig.cmake" ] && return
  local python
  for python in .venv/bin/python python3; do
    "$python" -c 'import torch' 2>/dev/null && return
  done
  return 1
}

# The wheel that the configured index offers is taken only if it is a CPU one (it asks for no nvidia packages); a machine
# with an NVIDIA GPU takes what the index offers.
index_offers_right_wheel() {
  if command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; then return 0; fi
  .venv/bin/pip install --quiet --dry-run --ignore-installed --no-deps --report - "torch==$torch_version" 2>/dev/null |
    python3 -c '
import json, sys
requires = json.load(sys.stdin)["install"][0]["metadata"].get("requires_dist", [])
sys.exit(any(r.lower().startswith(("nvidia", "triton", "cuda")) for r in requires))' 2>/dev/null
}

make_venv() {
  [ -x .venv/bin/python ] || python3 -m venv .venv || fail "python3 -m venv failed"
  .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "python3 is older than 3.10"
}

have_arrow() {  # as cmake/dependencies.cmake looks for it
  local python
  for python in .venv/bin/python python3; do
    "$python" -c 'import os, pyarrow; assert int(pyarrow.__version__.split(".")[0]) >= 21 and os.path.exists(pyarrow.get_include() + "/parquet/arrow/reader.h")' 2>/dev/null && return
  done
  return 1
}

install_arrow() {
  have_arrow && return
  make_venv
  say "installing pyarrow into .venv (about 45 MB)"
  .venv/bin/pip install --quiet "$arrow_version" || fail "pip could not install $arrow_version"
}

install_torch() {
  have_torch && return
  make_venv
  local index=()
  if [ -n "${QREASON_TORCH_INDEX:-}" ]; then
    index=(--index-url "$QREASON_TORCH_INDEX")
  elif ! index_offers_right_wheel; then
    say "the configured pip index offers no CPU build of torch: taking it from $cpu_index"
    index=(--index-url "$cpu_index")
  fi
  say "installing torch $torch_version into .venv (about 200 MB)"
  .venv/bin/pip install --quiet "${index[@]}" "torch==$torch_version" ||
    fail "pip could not install torch==$torch_version (QREASON_TORCH_INDEX chooses another index)"
}

install_packages
install_torch
install_arrow
