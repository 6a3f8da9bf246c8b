#!/usr/bin/env python3
"""What a checkpoint must answer: logits and greedy tokens in F32, written as a golden file.

    golden.py --model DIR --out FILE [--golden DIR] [--lengths 1,7,120]
    golden.py --model DIR --check DIR/golden        only compare our forward pass with golden values

Plain checkpoints are widened, FP8 ones of any of our layouts are dequantised exactly (code x scale in F32).
Token cases come from the golden folder of the model (--golden, or DIR/golden), else from a seed.
"""
import argparse
import os
import sys

import torch
from safetensors.torch import save_file

from agreement import Golden, Verdict
from checkpoint import exact_model


def golden_path(folder):
    return os.path.join(folder, "float32.safetensors") if os.path.isdir(folder) else folder


def seeded_cases(lengths, vocabulary, seed):
    for length in lengths:
        make = torch.Generator().manual_seed(seed + length)
        yield f"len{length}", torch.randint(0, vocabulary, (length,), generator=make), None, 12


def greedy(model, prompt, steps):
    """Greedy tokens and, for each, the distance to the second best logit."""
    tokens, gaps = prompt.tolist(), []
    for _ in range(steps):
        best = model(torch.tensor([tokens])).logits[0, -1].topk(2)
        tokens.append(int(best.indices[0]))
        gaps.append(best.values[0] - best.values[1])
    return torch.tensor(tokens[len(prompt):]), torch.stack(gaps)


def watch_margins(model):
    """Collects how far each routing decision is from another one."""
    seen = []
    for module in model.modules():
        if hasattr(module, "expert_bias"):
            module.register_forward_hook(lambda m, i, o: seen.append(o[2].min().item()))
    return seen


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--model", required=True)
    ask.add_argument("--out")
    ask.add_argument("--golden", help="folder or file whose token cases are used")
    ask.add_argument("--check", help="golden folder or file to compare with; nothing is written")
    ask.add_argument("--lengths", default="1,7,120")
    ask.add_argument("--seed", type=int, default=7)
    ask.add_argument("--max-kl", type=float, default=1e-7)
    a = ask.parse_args()
    if bool(a.out) == bool(a.check):
        ask.error("expected one of --out and --check")
    torch.set_num_threads(1)
    model = exact_model(a.model)
    margins = watch_margins(model)
    beside = os.path.join(a.model, "golden")
    source = a.check or a.golden or (beside if os.path.isdir(beside) else None)
    if source:
        old = Golden(golden_path(source))
        cases = [(n, old.tokens(n), old.tensors.get(n + ".prompt"), len(old.greedy(n))) for n in old.cases]
    else:
        lengths = [int(x) for x in a.lengths.split(",")]
        cases = list(seeded_cases(lengths, model.config.vocab_size, a.seed))
    out, verdict = {}, Verdict(a.max_kl)
    with torch.no_grad():
        for name, tokens, prompt, steps in cases:
            logits = model(tokens[None]).logits[0]
            closest = min(margins) if margins else float("inf")
            made, gaps = greedy(model, tokens if prompt is None else prompt, steps) if steps else (None, None)
            margins.clear()
            if a.check:
                verdict.case(old, name, logits, made.tolist() if steps else None)
                continue
            out[name + ".tokens"], out[name + ".logits"] = tokens.contiguous(), logits.contiguous()
            if prompt is not None:
                out[name + ".prompt"] = prompt.contiguous()
            if steps:
                out[name + ".greedy"], out[name + ".greedy_gap"] = made, gaps
            print(f"{name}: {len(tokens)} tokens, smallest router margin {closest:.1e}")
    if a.check:
        sys.exit(verdict.close("forward pass"))
    save_file(out, a.out, metadata={"dtype": "float32"})


if __name__ == "__main__":
    main()
