#!/usr/bin/env bash
# A real vLLM on this CPU serves ling-tiny-icd over HTTP, and the endpoint client asks it: log-probabilities within
# 1e-4 of the authors' values, greedy tokens equal, by prompt_logprobs and by echo.
#   judge_endpoint.sh [SCRATCH_PATH]
# Exit 0 with one line "skipped: …" where vLLM is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
scratch=${1:-$root/.build}
"$here/setup.sh" || { status=$?; [ $status = 77 ] && exit 0; exit $status; }
python=$("$here/setup.sh" --path)/vllm/bin/python
work=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
    rm -rf "$work"
}
trap finish EXIT

mkdir "$work/model"
(cd "$here" && "$python" -c 'import sys; from view import view_with_code; view_with_code(*sys.argv[1:], model_too=False)' \
    "$root/Fixtures/checkpoints/ling-tiny-icd" "$work/model")
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 \
    OMP_NUM_THREADS=1 HF_MODULES_CACHE=$work/modules \
    "$python" -m vllm.entrypoints.openai.api_server --model "$work/model" --served-model-name ling-tiny \
    --trust-remote-code --dtype float32 --max-logprobs 20 --enforce-eager --max-num-seqs 2 --host 127.0.0.1 \
    --port "$port" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 300); do
    kill -0 "$server" 2>/dev/null || { tail -n 5 "$work/log"; echo "FAIL endpoint: vLLM did not start"; exit 1; }
    ! "$python" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' \
        "http://127.0.0.1:$port/health" 2>/dev/null || break
    sleep 1
done
cd "$root"
if INGOT_ENDPOINT=http://127.0.0.1:$port swift test -c release --scratch-path "$scratch" --disable-testable-imports \
    --disable-xctest --filter LiveEndpointTests >"$work/said" 2>&1; then
    grep -E "serves|worst difference" "$work/said"
    echo "PASS endpoint: $(grep -o 'worst difference .*' "$work/said" | sort -g -k 3 | tail -n 1)"
else
    tail -n 30 "$work/said"
    echo "FAIL endpoint"
    exit 1
fi

# The same server as a side of ingot verify: F32 limits hold, and an artefact it does not serve breaks them.
verify() { "$scratch/release/ingot" verify "$@" --data Fixtures/checkpoints/ling-tiny-icd/evaluation.jsonl --quiet; }
if verify Fixtures/checkpoints/ling-tiny-icd --endpoint "http://127.0.0.1:$port" --tolerance f32 --tokens 1500 >"$work/said" 2>&1
then
    grep -E "^outputs|^decisions" "$work/said"
    echo "PASS endpoint verify: $(tail -n 1 "$work/said")"
else
    cat "$work/said"
    echo "FAIL endpoint verify"
    exit 1
fi
"$scratch/release/ingot" quantise Fixtures/checkpoints/ling-tiny-icd --scheme fp8-block --output "$work/fp8" --quiet >/dev/null
status=0
verify "$work/fp8" --endpoint "http://127.0.0.1:$port" --tolerance f32 --tokens 1500 >"$work/said" 2>&1 || status=$?
if [ $status = 1 ]; then
    echo "PASS endpoint verify tells FP8 weights from BF16: $(tail -n 1 "$work/said")"
else
    cat "$work/said"
    echo "FAIL endpoint verify tells FP8 weights from BF16: exit $status"
    exit 1
fi
