#!/usr/bin/env bash
# The whole judgement of a built `ingot` by outside tools.
#   run.sh INGOT_BINARY [WORK_DIR]
# For each checkpoint and scheme: quantise, every byte recomputed (judge_bits), dequantise and compared; then the
# artefact is loaded and run by real transformers and real vLLM on this CPU. Then a static scheme by its calibration, heads
# converted for vLLM by what it drafts with them, and a signed release. A table at the end. Exit 1 on any
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

step() { # checkpoint, scheme, name, words of ingot…: a row when it fails
    "$ingot" "${@:4}" >"$work/stdout" 2>"$work/stderr" && return
    local status=$?
    tail -n 5 "$work/stderr"
    row "$1" "$2" "$3" FAIL "exit status $status"
    return 1
}

static() { # checkpoint, texts: scales of inputs, keys and values, from what was calibrated
    local source=$1 data=$2 name calibration=$work/calibration out=$work/static
    name=$(basename "$source")
    rm -rf "$calibration" "$out"
    step "$name" static calibrate calibrate "$source" --data "$data" --output "$calibration" &&
        step "$name" static quantise quantise "$source" --scheme fp8-tensor-static --calibration "$calibration" \
            --kv-scales --output "$out" &&
        judge "$name" static+kv bits judge_bits.py --source "$source" --artefact "$out" --scheme fp8-tensor-static \
            --calibration "$calibration" --kv-scales
    rm -rf "$calibration" "$out"
}

drafts() { # target, folder of heads with drafts that vLLM made with them before
    local target=$1 vectors=$2 name head out
    name=$(basename "$target")
    for log in "$vectors"/vllm-*.json; do
        head=$(basename "$log" .json) head=${head#vllm-} out=$work/head
        rm -rf "$out"
        step "$name" "head $head" convert draft convert "$vectors/$head" --to vllm --model "$target" --layers entering \
            --output "$out" &&
            judge "$name" "head $head" "vllm drafts" draft_vllm.py --model "$target" --head "$out" \
                --data "$vectors/prompts.jsonl" --tokens 8 --dtype float32 --log "$work/drafts.json" --against "$log"
        rm -rf "$out"
    done
}

release() { # checkpoint with a tokenizer: a signed release of its FP8 form
    local source=$work/release-source out=$work/release name
    name=$(basename "$1")
    rm -rf "$source" "$out" "$work/release-fp8"
    cp -r "$1" "$source" && cp "$here/modeling_bailing_moe_v2.py" "$here/configuration_bailing_moe_v2.py" "$root/LICENSE" "$source"
    openssl ecparam -name prime256v1 -genkey -noout -out "$work/key.pem" &&
        openssl ec -in "$work/key.pem" -pubout -out "$work/key.pub" 2>/dev/null ||
        { row "$name" fp8-block release skipped "no openssl to make a key"; return; }
    step "$name" fp8-block quantise quantise "$source" --scheme fp8-block --output "$work/release-fp8" &&
        step "$name" fp8-block verify verify "$source" "$work/release-fp8" --data "$source/evaluation.jsonl" --json --quiet &&
        cp "$work/stdout" "$work/parity.json" &&
        step "$name" fp8-block prepare publish prepare "$work/release-fp8" --base-model acme/base --license apache-2.0 \
            --medical --language both --shard-size 3MB --parity "$work/parity.json" --sign "$work/key.pem" --bom --output "$out" &&
        judge "$name" fp8-block release judge_release.py "$out" --key "$work/key.pub"
    rm -rf "$source" "$out" "$work/release-fp8"
}

if [ -z "${SCHEMES:-}" ]; then
    fixtures=${FIXTURES:-$root/Fixtures/checkpoints}
    static "$fixtures/ling-tiny-icd" "$fixtures/ling-tiny-icd/calibration.jsonl"
    # Of this one the largest inputs of experts are among the packed arrays.
    "$python" "$here/make_checkpoint.py" --out "$work/base" --preset base --shards 2 || exit 1
    "$python" -c 'for n in (64, 130, 9, 200): print({"tokens": [n * k * k % 1021 for k in range(n)]})' |
        tr "'" '"' >"$work/rows.jsonl"
    static "$work/base" "$work/rows.jsonl"
    drafts "$fixtures/micro" "$root/Fixtures/vectors/eagle3"
    release "$fixtures/ling-tiny-icd"
fi
printf '\n%-14s %-19s %-14s %-7s %s\n' checkpoint scheme judge verdict measured
printf '%s\n' "${table[@]}"
exit $failed
