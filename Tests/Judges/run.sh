#!/usr/bin/env bash
# The whole judgement of a built `ingot` by outside tools.
#   run.sh INGOT_BINARY [WORK_DIR]
# For each checkpoint and scheme: quantise, every byte recomputed (judge_bits), dequantise and compared; then the
# artefact is loaded and run by real transformers and real vLLM on this CPU. A table at the end. Exit 1 on any
# FAIL; 0 with one line "skipped: …" where the environments are not to be had.
#
# FIXTURES         folder that holds micro and ling-tiny-icd (default: Fixtures/checkpoints of this repository)
# CHECKPOINTS      folders to judge instead of those two and the two made here
# SCHEMES          default: all five
# KEEP_QKV_OPTION  option of `ingot quantise` that leaves query_key_value as it is: adds rows for it
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
ingot=${1:?usage: run.sh INGOT_BINARY [WORK_DIR]}
work=${2:-$(mktemp -d)}
mkdir -p "$work"
[ $# -ge 2 ] || trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

"$here/setup.sh" || { status=$?; [ $status = 77 ] && exit 0; exit $status; }
environments=$("$here/setup.sh" --path)
python=$environments/vllm/bin/python
schemes=${SCHEMES:-fp8-block fp8-block-ue8m0 fp8-block-ling fp8-block-ct fp8-channel}
failed=0
table=()

row() { # what, judge, word, number
    table+=("$(printf '%-14s %-19s %-14s %-7s %s' "$1" "$2" "$3" "$4" "$5")")
    printf '%s\n' "${table[-1]}"
    [ "$4" != FAIL ] || failed=1
}

judge() { # checkpoint, scheme, name, script, arguments…: last line "PASS|FAIL what: numbers" or "skipped: why"
    local checkpoint=$1 scheme=$2 name=$3 said status last
    shift 3
    said=$("${runner:-$python}" "$here/$1" "${@:2}" 2>"$work/stderr")
    status=$?
    last=$(printf '%s\n' "$said" | tail -n 1)
    if [ $status = 77 ]; then
        row "$checkpoint" "$scheme" "$name" skipped "${last#skipped: }"
    elif [ $status = 0 ]; then
        row "$checkpoint" "$scheme" "$name" PASS "${last#*: }"
    else
        printf '%s\n' "$said" | grep '^  ' | head -n 8
        [ "${last#FAIL}" != "$last" ] || { tail -n 5 "$work/stderr" | cut -c 1-300; last="no verdict: $(tail -n 1 "$work/stderr" | cut -c 1-120)"; }
        row "$checkpoint" "$scheme" "$name" FAIL "${last#*: }"
    fi
}

one() { # checkpoint folder, scheme, options of quantise…
    local source=$1 scheme=$2 name out golden
    name=$(basename "$source") out=$work/$(basename "$source")-$2
    shift 2
    local keep=() label=$scheme
    [ $# = 0 ] || { keep=(--keep-qkv) label="$scheme,qkv kept" out=$out-qkv; }
    rm -rf "$out" "$out-back"
    if ! "$ingot" quantise "$source" --scheme "$scheme" --output "$out" "$@" >"$work/stdout" 2>&1; then
        tail -n 5 "$work/stdout"
        row "$name" "$label" quantise FAIL "exit status not 0"
        return
    fi
    judge "$name" "$label" bits judge_bits.py --source "$source" --artefact "$out" --scheme "$scheme" "${keep[@]}"
    if "$ingot" dequantise "$out" --output "$out-back" >"$work/stdout" 2>&1; then
        judge "$name" "$label" dequantised judge_dequantised.py --artefact "$out" --result "$out-back" --source "$source"
    else
        tail -n 5 "$work/stdout"
        row "$name" "$label" dequantised FAIL "exit status not 0"
    fi
    rm -rf "$out-back"
    case $scheme in fp8-block-ct | fp8-channel)
        [ ! -x "$environments/llmc/bin/python" ] || [ ${#keep[@]} != 0 ] ||
            runner=$environments/llmc/bin/python judge "$name" "$label" llm-compressor against_llm_compressor.py \
                --source "$source" --artefact "$out" --scheme "$scheme" ;;
    esac
    case $name in *edge*) rm -rf "$out"; return ;; esac
    golden=$work/golden.safetensors
    if ! "$python" "$here/golden.py" --model "$out" --out "$golden" $([ -d "$source/golden" ] && echo --golden "$source/golden") >/dev/null 2>"$work/stderr"; then
        row "$name" "$label" answers FAIL "the exact meaning cannot be computed: $(tail -n 1 "$work/stderr" | cut -c 1-120)"
        return
    fi
    judge "$name" "$label" transformers judge_transformers.py --model "$out" --golden "$golden"
    judge "$name" "$label" vllm judge_vllm.py --model "$out" --golden "$golden" --fp8 emulate
    rm -rf "$out"
}

if [ -z "${CHECKPOINTS:-}" ]; then
    fixtures=${FIXTURES:-$root/Fixtures/checkpoints}
    CHECKPOINTS="$fixtures/micro $fixtures/ling-tiny-icd $work/tp2 $work/edge"
    "$python" "$here/make_checkpoint.py" --out "$work/tp2" --preset tp2 --shards 3 || exit 1
    "$python" "$here/make_checkpoint.py" --out "$work/edge" --preset ragged --edge --mtp --shards 3 || exit 1
fi
for checkpoint in $CHECKPOINTS; do
    name=$(basename "$checkpoint")
    if [ ! -f "$checkpoint/config.json" ]; then
        row "$name" - - FAIL "no checkpoint at $checkpoint"
        continue
    fi
    [ ! -d "$checkpoint/golden" ] || judge "$name" source authors golden.py --model "$checkpoint" --check "$checkpoint/golden"
    for scheme in $schemes; do
        one "$checkpoint" "$scheme"
    done
    [ -z "${KEEP_QKV_OPTION:-}" ] || one "$checkpoint" fp8-block $KEEP_QKV_OPTION
done
printf '\n%-14s %-19s %-14s %-7s %s\n' checkpoint scheme judge verdict measured
printf '%s\n' "${table[@]}"
exit $failed
