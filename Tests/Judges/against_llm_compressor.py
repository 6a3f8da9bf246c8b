#!/usr/bin/env python3
"""Runs llm-compressor's own file-to-file route on the source and compares its tensors with an artefact's.

    against_llm_compressor.py --source BF16_DIR --artefact FP8_DIR --scheme fp8-block-ct|fp8-channel

Every code and scale bit for bit, on a CPU (on a recent GPU the same tool divides in F32 and writes other bits).
The router, embeddings and head are on its ignore list: left alone, it quantises them. Needs the environment
of setup.sh --with-llm-compressor.
"""
import argparse
import contextlib
import os
import sys
import tempfile

import torch

from checkpoint import BLOCK, Checkpoint, is_quantised, read_json
from judge_bits import first_difference
from view import view_with_code

THEIRS = {"fp8-block-ct": "FP8_BLOCK", "fp8-channel": "FP8_DYNAMIC"}
IGNORED = ["lm_head", "model.word_embeddings", r"re:.*mlp\.gate$", r"re:.*eh_proj$"]


def group_of(folder):
    """The parts of quantization_config that change what a reader computes."""
    found = read_json(folder, "config.json")["quantization_config"]
    (group,) = found["config_groups"].values()
    kept = {k: found.get(k) for k in ("quant_method", "format", "quantization_status")}
    for side in ("weights", "input_activations"):
        kept.update({f"{side}.{k}": (group[side] or {}).get(k)
                     for k in ("num_bits", "type", "symmetric", "dynamic", "strategy", "block_structure", "group_size")})
    return kept


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--source", required=True)
    ask.add_argument("--artefact", required=True)
    ask.add_argument("--scheme", required=True, choices=sorted(THEIRS))
    a = ask.parse_args()
    torch.set_num_threads(1)
    ragged = [n for n, (_, shape, _) in Checkpoint(a.source).tensors.items() if is_quantised(n) and shape[1] % BLOCK]
    if ragged and a.scheme == "fp8-block-ct":
        print(f"skipped: llm-compressor 0.14 cannot save {ragged[0]}, whose columns do not divide by {BLOCK}")
        sys.exit(77)
    from llmcompressor import model_free_ptq
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as view:
        # Top level only: llm-compressor takes every safetensors file below the folder, golden values too.
        view_with_code(a.source, view, model_too=False)
        with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet):
            model_free_ptq(model_stub=view, save_directory=folder, scheme=THEIRS[a.scheme],
                           ignore=IGNORED, max_workers=1, device="cpu")
        theirs, ours = Checkpoint(folder), Checkpoint(a.artefact)
        faults = []
        for name in sorted(set(theirs.tensors) | set(ours.tensors)):
            left, right = theirs.tensors.get(name), ours.tensors.get(name)
            if left != right:
                faults.append(f"{name}: llm-compressor wrote {left}, the artefact holds {right}")
            else:
                fault = first_difference(name, theirs.read(name), ours.read(name))
                faults += [fault] if fault else []
        left, right = group_of(folder), group_of(a.artefact)
        faults += [f"quantization_config {k}: llm-compressor wrote {left[k]!r}, found {right[k]!r}"
                   for k in left if left[k] != right[k]]
    for fault in faults[:8]:
        print("  " + fault)
    print(f"{'FAIL' if faults else 'PASS'} llm-compressor: {len(theirs.tensors)} tensors compared, {len(faults)} differences")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
