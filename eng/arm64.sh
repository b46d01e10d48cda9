#!/usr/bin/env bash
# Tests the Arm build on a machine that is not Arm, by emulation (qemu): see --help.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly HOME_OF_IT=artifacts/arm64
readonly ROOT=$PWD/$HOME_OF_IT/root
readonly PUBLISHED=$PWD/$HOME_OF_IT/publish

usage() {
  cat <<END
Usage: eng/arm64.sh fetch | prepare | tests [ARGUMENTS] | logits [MODEL…] | run PROGRAM [ARGUMENTS]

  fetch     Installs the emulator with apt if it is missing, and fetches Arm's system libraries into $HOME_OF_IT.
  prepare   That, and builds the command and the unit tests for linux-arm64. The others want this once. Exits with 3
            where apt does not have what is fetched.
  tests     The unit tests, or those that arguments of the test runner choose.
  logits    Compares the logits of GGUF models with those of the command built for this machine: they must be equal
            bit for bit, with Arm's dot product and without. Default: all in ../shared/golden/models.
  run       A program of linux-arm64.

Emulation says what is right, not what is fast. Needs Debian's apt, or Ubuntu's with arm64 among its sources.
END
}

# Packages of another architecture, unpacked into a folder without telling the system of them.
fetch_libraries() {
  local state=$PWD/$HOME_OF_IT/apt
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$ROOT"
  local apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$state" -o Dir::State::status=/dev/null -o Dir::Cache="$state/cache" -o APT::Sandbox::User=root)
  "${apt[@]}" update
  local tls=libssl3
  apt-cache "${apt[@]:2}" show libssl3t64 >/dev/null 2>&1 && tls=libssl3t64
  (cd "$state" && "${apt[@]}" download libc6 libgcc-s1 libstdc++6 zlib1g "$tls")
  for package in "$state"/*.deb; do dpkg-deb -x "$package" "$ROOT"; done
}

fetch() {
  if ! command -v qemu-aarch64-static >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user-static
  fi
  compgen -G "$ROOT/usr/lib/aarch64-linux-gnu/libssl.so*" >/dev/null || fetch_libraries
}

prepare() {
  # A shell of its own, which stops at the first failure even here.
  eng/arm64.sh fetch || { echo "apt does not have qemu-user-static and arm64's libraries here" >&2; exit 3; }
  for project in src/OpenAutoGlm.Cli tests/OpenAutoGlm.Tests; do
    dotnet publish "$project" -c Release -r linux-arm64 --self-contained -v q -p:RunAnalyzers=false -p:ArtifactsPath="$PWD/$HOME_OF_IT/build/" -o "$PUBLISHED/${project##*/}"
  done
}

# Pages that are never writable and executable at once are mapped twice, which the emulator does not follow.
emulate() { DOTNET_EnableWriteXorExecute=0 qemu-aarch64-static -L "$ROOT" "$@"; }

compare() { # model
  local name dot there
  name=$(basename "$1" .gguf)
  there=$(mktemp -d)
  local arguments=(logits -m "$1" --prompt-ids 1,5,9,14,3,7,2,11,6,4,8,10 --plan-file off --tune-seconds 0)
  # The matrix unit alone adds up BF16 products in another order.
  AUTOGLM_WITHOUT=amx dotnet artifacts/bin/OpenAutoGlm.Cli/release/autoglm.dll "${arguments[@]}" -o "$there/here" >/dev/null 2>"$there/log" || { cat "$there/log"; return 1; }
  for dot in 1 0; do
    DOTNET_EnableArm64Dp=$dot emulate "$PUBLISHED/OpenAutoGlm.Cli/autoglm" "${arguments[@]}" -o "$there/arm" >/dev/null 2>"$there/log" || { cat "$there/log"; return 1; }
    cmp "$there/here" "$there/arm" || { echo "$name differs on Arm (dot product: $dot)"; return 1; }
  done
  rm -r "$there"
  echo "$name: the same bits"
}

case "${1:-}" in
  fetch) fetch ;;
  prepare) prepare ;;
  tests) shift; emulate "$PUBLISHED/OpenAutoGlm.Tests/OpenAutoGlm.Tests" "$@" ;;
  logits)
    shift
    export -f compare emulate
    export PUBLISHED ROOT
    [ $# -gt 0 ] || set -- ../shared/golden/models/*.gguf
    printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" bash -euo pipefail -c 'compare "$1"' _ ;;
  run) shift; emulate "$@" ;;
  -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
