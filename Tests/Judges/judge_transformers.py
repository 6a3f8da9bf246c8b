#!/usr/bin/env python3
"""Real transformers loads an artefact and answers its token cases; compared with a golden file.

    judge_transformers.py --model DIR --golden FILE [--max-kl 1e-7] [--w8a8]

Goes through from_pretrained: config, auto_map, index, dtype rules and the library's own FP8 dequantisation
(FineGrainedFP8Config on a CPU; for compressed-tensors its quantiser with dequantize). The artefact is seen
through a temporary view that holds our model files. Exit status 1 on any missing, unexpected or mismatched tensor,
beyond the limit, or on another greedy token.

compressed-tensors describes dynamic FP8 activations too; on a CPU the library would simulate them. The view's
config leaves input_activations out, so that weights alone are judged; --w8a8 keeps them (then expect KL 0.1 on
random models: not a fault of the artefact).
"""
import argparse
import json
import os
import sys
import tempfile
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
warnings.filterwarnings("ignore")
SKIPPED = 77


def weights_only(folder):
    """In the view: config.json without input_activations."""
    path = os.path.join(folder, "config.json")
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    for group in config["quantization_config"]["config_groups"].values():
        group["input_activations"] = None
    os.remove(path)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)


def load(folder, method, w8a8):
    import torch
    from transformers import AutoModelForCausalLM
    options = {}
    if method == "fp8":
        from transformers import FineGrainedFP8Config
        options["quantization_config"] = FineGrainedFP8Config(dequantize=True)
    elif method == "compressed-tensors":
        from transformers import CompressedTensorsConfig
        options["quantization_config"] = CompressedTensorsConfig(dequantize=True)
        if not w8a8:
            weights_only(folder)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, trust_remote_code=True,
                                                output_loading_info=True, **options)


def misread(folder):
    """The first block scale [n, 1], n < rows: the library guesses the strategy from a scale's shape and fails."""
    from checkpoint import Checkpoint
    tensors = Checkpoint(folder).tensors
    for name, (_, shape, _) in tensors.items():
        if name.endswith("weight_scale") and len(shape) == 2 and shape[1] == 1 and shape[0] != tensors[name[: -len("_scale")]][1][0]:
            return name
    return None


def unread_scales(model, folder):
    """Scales on disk whose weight was not multiplied by them: what the library loads without a word."""
    import torch
    from checkpoint import Checkpoint
    checkpoint, state, faults = Checkpoint(folder), model.state_dict(), []
    for name, (dtype, _, _) in checkpoint.tensors.items():
        if dtype == "F8_E4M3" and name in state and not torch.equal(state[name].float(), checkpoint.meaning(name)):
            worst = (state[name].float() - checkpoint.meaning(name)).abs().max().item()
            faults.append(f"{name}: expected code x scale exactly, found values off by up to {worst:.3g}")
    return faults


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--model", required=True)
    ask.add_argument("--golden", required=True)
    ask.add_argument("--max-kl", type=float, default=1e-7)
    ask.add_argument("--w8a8", action="store_true")
    a = ask.parse_args()
    with tempfile.TemporaryDirectory() as modules:
        os.environ["HF_MODULES_CACHE"] = modules  # read when the library is imported
        sys.exit(judge(a))


def judge(a):
    import torch
    import transformers
    from agreement import Golden, Verdict
    from checkpoint import read_json
    from golden import golden_path, greedy
    from view import view_with_code

    torch.set_num_threads(1)
    golden, verdict = Golden(golden_path(a.golden)), Verdict(a.max_kl)
    method = read_json(a.model, "config.json").get("quantization_config", {}).get("quant_method", "plain")
    if method == "compressed-tensors" and misread(a.model):
        print(f"skipped: compressed-tensors takes the one-column block scale of {misread(a.model)} for a channel scale")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        view_with_code(a.model, folder, model_too=True)
        model, loading = load(folder, method, a.w8a8)
        faults = [f"{kind}: expected none, found {sorted(map(str, what))[:3]}" for kind, what in loading.items() if what]
        faults += unread_scales(model, folder)
        with torch.no_grad():
            for case in golden.cases:
                made = greedy(model, golden.prompt(case), len(golden.greedy(case)))[0].tolist() if golden.greedy(case) else None
                verdict.case(golden, case, model(golden.tokens(case)[None]).logits[0], made)
    return verdict.close(f"transformers {transformers.__version__} {method}", faults[:6])


if __name__ == "__main__":
    main()
