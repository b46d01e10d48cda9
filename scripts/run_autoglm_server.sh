#!/usr/bin/env bash
# Starts a server for phone agents and other clients of the OpenAI API, after a look at the machine: see --help.
set -euo pipefail

readonly DEFAULT_MODEL="zai-org/AutoGLM-Phone-9B"
readonly DEFAULT_BYTES=$((19 * 1024 * 1024 * 1024)) # of that model as published, in BF16
readonly LEAST_CORES=4

usage() {
  cat <<END
Usage: scripts/run_autoglm_server.sh [options] [-- options of 'autoglm serve']

Serves a model at http://HOST:PORT/v1 under the name that phone agents ask for.

  --model MODEL     A GGUF file, a model folder, organisation/model on the hub, or synth:llama-tiny
                    to try without a model. Default: \$AUTOGLM_MODEL, or $DEFAULT_MODEL.
  --name NAME       What clients call it. Default: autoglm-phone-9b.
  --host HOST       Address to listen on; 0.0.0.0 lets other machines in. Default: 127.0.0.1.
  --port PORT       Default: 8000.
  --context TOKENS  Longest conversation. Default: 25480.
  --check           Look at the machine only.
  --force           Start in spite of what the look finds.
  --help            This text.

Examples:
  scripts/run_autoglm_server.sh --model ~/models/autoglm-phone-9b-Q4_K_M.gguf
  scripts/run_autoglm_server.sh --model synth:llama-tiny --context 2048
  scripts/run_autoglm_server.sh --host 0.0.0.0 -- --api-key SECRET
END
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }
gib() { awk -v bytes="$1" 'BEGIN { printf "%.1f GiB", bytes / 1073741824 }'; }

model=${AUTOGLM_MODEL:-$DEFAULT_MODEL}
name=autoglm-phone-9b
host=127.0.0.1
port=8000
context=25480
check_only=false
force=false
more=()

while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --check) check_only=true; shift ;;
    --force) force=true; shift ;;
    --model | --name | --host | --port | --context)
      [ $# -ge 2 ] || fail "$1 has no value; --help tells more."
      case $1 in
        --model) model=$2 ;;
        --name) name=$2 ;;
        --host) host=$2 ;;
        --port) port=$2 ;;
        --context) context=$2 ;;
      esac
      shift 2 ;;
    --) shift; more=("$@"); break ;;
    *) fail "$1 is not known; --help lists all options, and those of 'autoglm serve' stand behind --." ;;
  esac
done

[[ $port =~ ^[0-9]{1,5}$ && $port -le 65535 ]] || fail "--port is '$port'; it must be a number from 0 to 65535."
[[ $context =~ ^[1-9][0-9]{0,8}$ ]] || fail "--context is '$context'; it must be a number of tokens."

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
faults=0
problem() { say "  NOT GOOD  $*"; faults=$((faults + 1)); }
good() { say "  good      $*"; }

say "Looking at this machine:"

if ! command -v dotnet >/dev/null; then
  problem "There is no dotnet. Install the .NET 10 SDK: https://dotnet.microsoft.com/download"
elif ! dotnet --list-sdks | grep -q '^10\.'; then
  problem "dotnet has no SDK of version 10, only: $(dotnet --list-sdks | cut -d' ' -f1 | tr '\n' ' ')"
else
  good ".NET SDK $(dotnet --list-sdks | grep '^10\.' | tail -n 1 | cut -d' ' -f1)"
fi

cores=$(getconf _NPROCESSORS_ONLN)
if [ "$cores" -lt $LEAST_CORES ] && [[ $model != synth:* ]]; then
  say "  slow      $cores cores: answers of a model of this size will be slow"
else
  good "$cores cores"
fi

# Bytes of the weights; empty where nobody knows before the model is here.
bytes=""
if [ -f "$model" ]; then
  bytes=$(stat -Lc %s "$model" 2>/dev/null || stat -Lf %z "$model")
elif [ -d "$model" ]; then
  bytes=$(find -L "$model" -maxdepth 1 \( -name '*.safetensors' -o -name '*.gguf' \) -exec wc -c {} + | awk '$2 != "total" { sum += $1 } END { print sum + 0 }')
  [ "$bytes" -gt 0 ] || problem "The folder $model has no .gguf and no .safetensors file."
elif [ "$model" = "$DEFAULT_MODEL" ]; then
  bytes=$DEFAULT_BYTES
elif [[ $model == *.gguf || $model == /* || $model == .* ]]; then
  problem "There is no $model."
fi

if [ -r /proc/meminfo ]; then
  free=$(($(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo) * 1024))
  if [ -n "$bytes" ] && [ $((bytes + bytes / 8)) -gt "$free" ]; then
    problem "The weights take $(gib "$bytes"), and $(gib "$free") of memory are free. Take a smaller format, such as Q4_K_M."
  else
    good "$(gib "$free") of memory free${bytes:+, the weights take $(gib "$bytes")}"
  fi
fi

if [ "$port" -ne 0 ] && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  problem "Port $port is taken. Stop what listens there, or choose another with --port."
else
  good "port $port is free"
fi

if [ $faults -gt 0 ] && [ $force = false ]; then
  fail "Not started: see above. --force starts all the same."
fi
[ $check_only = false ] || exit 0

program=$root/artifacts/bin/OpenAutoGlm.Cli/release/autoglm.dll
if [ ! -f "$program" ]; then
  say "Building, once:"
  dotnet build "$root/src/OpenAutoGlm.Cli" -c Release -v q >&2
fi

say "Starting $model as $name; Ctrl-C ends it."
exec dotnet "$program" serve --model "$model" --served-model-name "$name" --host "$host" --port "$port" --max-model-len "$context" "${more[@]}"
