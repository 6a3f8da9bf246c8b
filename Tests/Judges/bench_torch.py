#!/usr/bin/env python3
"""Prefill of transformers on torch in F32 against `ingot-bench prefill`, in turn on one machine.

    bench_torch.py --bench PROGRAM --model DIR [--tokens 512] [--threads 2] [--rounds 5] [--backends openblas,fused]

Both read the same BF16 checkpoint before anything is timed and hold it in memory, torch as F32; both answer
logits for all tokens. Each round times torch, then each backend in a process of its own (which warms up first);
what is reported is the best of the rounds and the ratios of those. Torch needs 4 bytes per parameter of memory.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
warnings.filterwarnings("ignore")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backends", default="openblas,fused")
    options = parser.parse_args()

    import torch
    from transformers import AutoModelForCausalLM
    from view import view_with_code
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        view_with_code(options.model, folder, True)
        with open(os.path.join(options.model, "config.json"), encoding="utf-8") as f:
            config = json.load(f)
        # A checkpoint that was made for measuring need not name any code.
        here = "modeling_bailing_moe_v2.BailingMoeV2"
        config["auto_map"] = {
            "AutoConfig": "configuration_bailing_moe_v2.BailingMoeV2Config",
            "AutoModel": here + "Model", "AutoModelForCausalLM": here + "ForCausalLM"}
        os.remove(os.path.join(folder, "config.json"))
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
            json.dump(config, f)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, trust_remote_code=True)
    model.eval()
    vocabulary = model.config.vocab_size
    tokens = torch.tensor([[i * 7919 % vocabulary for i in range(options.tokens)]])

    def peer():
        start = time.perf_counter()
        with torch.inference_mode():
            model(tokens)
        return time.perf_counter() - start

    def ours(backend):
        result = subprocess.run(
            [options.bench, "prefill", "--model", options.model, "--backends", backend, "--turns", "2", "--json",
             "--tokens", str(options.tokens), "--threads", str(options.threads)],
            check=True, stdout=subprocess.PIPE)
        return min(json.loads(result.stdout)[0]["turns"])

    peer()
    times = {name: [] for name in ["torch"] + options.backends.split(",")}
    for _ in range(options.rounds):
        times["torch"].append(min(peer(), peer()))
        for backend in options.backends.split(","):
            times[backend].append(ours(backend))
        line = ", ".join(f"{name} {values[-1]:.3f} s" for name, values in times.items())
        print(f"{line} (load {os.getloadavg()[0]:.1f})", flush=True)
    best = {name: min(values) for name, values in times.items()}
    print(f"torch {torch.__version__}, {options.threads} threads, {options.tokens} tokens; best of {options.rounds}:")
    for name, value in best.items():
        print(f"  {name:10} {value:.3f} s  {options.tokens / value:7.1f} tokens/s  {best['torch'] / value:.2f} x torch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
