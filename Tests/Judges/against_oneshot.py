#!/usr/bin/env python3
"""Runs llm-compressor's own calibrated route (oneshot, preset FP8) on the source and compares with an artefact.

    against_oneshot.py --source BF16_DIR --artefact FP8_DIR --data FILE.jsonl [--texts 8]

Every code and scale of weights bit for bit; scales of inputs only by name and type, and how far they are from the
artefact's, since they follow from the texts and from the model's rounding. The model runs in BF16 on our stand-in for
the authors' code, on a CPU. Needs the environment of setup.sh --with-llm-compressor.
"""
import argparse
import json
import sys
import tempfile

import torch

from checkpoint import Checkpoint, is_quantised, model_code, read_json
from judge_bits import first_difference

IGNORED = ["lm_head", r"re:.*word_embeddings$", r"re:.*mlp\.gate$", r"re:.*eh_proj$"]


def rows(path, tokenizer, count):
    with open(path, encoding="utf-8") as f:
        for line in list(f)[:count]:
            row = json.loads(line)
            if "tokens" in row or "input_ids" in row:
                yield row.get("tokens") or row["input_ids"]
            else:
                yield tokenizer.apply_chat_template(row.get("messages") or row["conversations"], tokenize=True, return_dict=False)


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--source", required=True)
    ask.add_argument("--artefact", required=True)
    ask.add_argument("--data", required=True)
    ask.add_argument("--texts", type=int, default=8)
    a = ask.parse_args()
    torch.set_num_threads(1)
    from compressed_tensors.quantization.lifecycle.forward import quantize
    from compressed_tensors.quantization.utils import is_module_quantized
    from llmcompressor.core.state import State
    from llmcompressor.modifiers.quantization import QuantizationModifier
    from transformers import AutoTokenizer
    configuration, modelling = model_code()
    keys = read_json(a.source, "config.json")
    model = modelling.BailingMoeV2ForCausalLM(configuration.BailingMoeV2Config(**keys)).to(torch.bfloat16).eval()
    source = Checkpoint(a.source)
    model.load_state_dict({n: source.read(n) for n in source.tensors}, strict=False)
    for name, module in model.named_modules():
        if hasattr(module, "expert_bias"):
            module.expert_bias.data = module.expert_bias.data.float()
    modifier = QuantizationModifier(targets=["Linear"], scheme="FP8", ignore=IGNORED)
    state = State(model=model)
    # What oneshot does, event by event: it would load the model by a class that transformers does not have.
    modifier.on_initialize(state)
    modifier.on_calibration_start(state, None)
    for tokens in rows(a.data, AutoTokenizer.from_pretrained(a.source, trust_remote_code=True), a.texts):
        with torch.no_grad():
            model(torch.tensor([tokens]))
    modifier.on_sequential_epoch_end(state, None, [m for m in model.modules() if is_module_quantized(m)])
    artefact, faults, count, ratios = Checkpoint(a.artefact), [], 0, []
    tensors, modules = model.state_dict(), dict(model.named_modules())
    for name in sorted(n for n in source.tensors if is_quantised(n)):
        stem = name[: -len("weight")]
        scale = tensors[stem + "weight_scale"]
        found = artefact.read(stem + "weight_scale")
        fault = first_difference(stem + "weight_scale", scale, found) if scale.shape == found.shape and scale.dtype == found.dtype \
            else f"{stem}weight_scale: oneshot has {scale.dtype} {list(scale.shape)}, found {found.dtype} {list(found.shape)}"
        faults += [fault] if fault else []
        args = modules[stem[:-1]].quantization_scheme.weights
        codes = quantize(source.read(name), scale, torch.zeros_like(scale), args, dtype=torch.float8_e4m3fn)
        fault = first_difference(name, codes, artefact.read(name))
        faults += [fault] if fault else []
        theirs = tensors[stem + "input_scale"]
        ratios.append((float(theirs) / float(artefact.read(stem + "input_scale")), stem, theirs.dtype, tuple(theirs.shape)))
        count += 1
    ratios.sort()
    for ratio, stem, dtype, shape in (ratios[0], ratios[len(ratios) // 2], ratios[-1]):
        print(f"  input scale of {stem[:-1]}: {dtype} {list(shape)}, {ratio:.4f} of the artefact's")
    for fault in faults[:8]:
        print("  " + fault)
    print(f"{'FAIL' if faults else 'PASS'} oneshot: {count} matrices compared, {len(faults)} differences")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
