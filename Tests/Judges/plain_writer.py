#!/usr/bin/env python3
"""A slow second writer of every scheme, for the judges' own test: numpy and integers, no torch arithmetic.

    plain_writer.py quantise CHECKPOINT --scheme SCHEME --output DIR [--keep-qkv]
    plain_writer.py dequantise ARTEFACT --output DIR

Takes the arguments of the product, so that run.sh can be tried without it. The E4M3 cast is a search in the
table of all codes, the BF16 rounding is done on bits, power-of-two scales come from frexp.
"""
import argparse
import json
import os
import shutil

import numpy as np
import torch
from safetensors.torch import save_file

from checkpoint import INDEX, Checkpoint, files_of, is_quantised, read_json

CODES = np.array([(m / 8 * 2.0**-6) if e == 0 else (1 + m / 8) * 2.0 ** (e - 7)
                  for e in range(16) for m in range(8)][:127])  # positive values of codes 0…126
MIDDLES = (CODES[1:] + CODES[:-1]) / 2


def e4m3(x):
    """F32 array -> code bytes: nearest, ties to the even code, the sign kept on zero."""
    size = np.minimum(np.abs(x.astype(np.float64)), 448.0)
    low, high = np.searchsorted(MIDDLES, size, "left"), np.searchsorted(MIDDLES, size, "right")
    code = np.where(low == high, low, low + low % 2)  # on a middle: low and low + 1 are as near
    return (code + 128 * np.signbit(x)).astype(np.uint8)


def bf16(x):
    """F32 array rounded to the nearest BF16, ties to even, still as F32."""
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def up_to_power_of_two(s):
    fraction, exponent = np.frexp(s)
    return np.ldexp(np.float32(1), exponent - (fraction == 0.5)).astype(np.float32)


def rule(name, scheme):
    if scheme in ("fp8-block-ct", "fp8-channel"):
        return "bf16"
    parts = name.split(".")
    routed = "experts" in parts and parts[-2] in ("gate_proj", "up_proj")
    if scheme == "fp8-block-ue8m0" or scheme == "fp8-block-ling" and (routed or parts[-2] == "dense"):
        return "power"
    return "plain"


def quantise(x, name, scheme):
    height, width = (1, x.shape[1]) if scheme == "fp8-channel" else (128, 128)
    how = rule(name, scheme)
    codes = np.zeros(x.shape, np.uint8)
    scales = np.zeros((-(-x.shape[0] // height), -(-x.shape[1] // width)), np.float32)
    for i in range(scales.shape[0]):
        for j in range(scales.shape[1]):
            tile = np.s_[i * height:(i + 1) * height, j * width:(j + 1) * width]
            largest = np.float32(np.abs(x[tile]).max())
            if how == "bf16":
                s = bf16(np.array([largest / np.float32(448)]))[0] or np.float32(0.0078125)
                codes[tile] = e4m3(bf16(x[tile] / s))
            else:
                s = max(largest, np.float32(1e-4)) / np.float32(448)
                s = up_to_power_of_two(s) if how == "power" else s
                codes[tile] = e4m3(x[tile] / s)
            scales[i, j] = s
    return torch.from_numpy(codes).view(torch.float8_e4m3fn), torch.from_numpy(scales)


def quantisation_config(scheme, kept):
    if not scheme.startswith(("fp8-block-ct", "fp8-channel")):
        out = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128]}
        if scheme == "fp8-block-ue8m0":
            out["scale_fmt"] = "ue8m0"
        listed = [k for k in kept if k.endswith(("query_key_value", "eh_proj"))]
        return dict(out, modules_to_not_convert=listed + ["lm_head"]) if listed else out
    block = scheme == "fp8-block-ct"
    eight = {"num_bits": 8, "type": "float", "symmetric": True, "group_size": None, "block_structure": None, "actorder": None}
    weights = dict(eight, dynamic=False, strategy="block" if block else "channel", observer="minmax")
    inputs = dict(eight, dynamic=True, strategy="group" if block else "token", observer=None)
    if block:
        weights["block_structure"], inputs["group_size"] = [128, 128], 128
    group = {"format": "float-quantized", "targets": ["Linear"], "weights": weights, "input_activations": inputs,
             "output_activations": None}
    return {"quant_method": "compressed-tensors", "format": "float-quantized", "quantization_status": "compressed",
            "config_groups": {"group_0": group}, "ignore": kept, "kv_cache_scheme": None}


def write(source, out, change, quantisation):
    """Writes file by file what change(name, tensor) yields, then config and index."""
    os.makedirs(out, exist_ok=True)
    where, total, files = {}, 0, files_of(source.folder)
    for file in files:
        made = {}
        for name in [n for n, f in source.where.items() if f == file]:
            made.update(change(name))
        save_file(made, os.path.join(out, file), metadata={"format": "pt"})
        where.update({n: file for n in made})
        total += sum(t.nbytes for t in made.values())
    config = read_json(source.folder, "config.json")
    config.pop("quantization_config", None)
    if quantisation:
        config["quantization_config"] = quantisation
    documents = {"config.json": config}
    if len(files) > 1:
        documents[INDEX] = {"metadata": {"total_size": total}, "weight_map": where}
    for name, document in documents.items():
        with open(os.path.join(out, name), "w", encoding="utf-8") as f:
            json.dump(document, f, indent=2, sort_keys=True)
    for name in os.listdir(source.folder):
        path = os.path.join(source.folder, name)
        if os.path.isfile(path) and name not in documents and not name.endswith((".safetensors", ".jsonl")):
            shutil.copyfile(path, os.path.join(out, name))


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("verb", choices=["quantise", "dequantise"])
    ask.add_argument("checkpoint")
    ask.add_argument("--scheme")
    ask.add_argument("--output", required=True)
    ask.add_argument("--keep-qkv", action="store_true")
    a = ask.parse_args()
    source = Checkpoint(a.checkpoint)

    def quantised(name):
        t = source.read(name)
        if not is_quantised(name, a.keep_qkv):
            return {name: t}
        codes, scales = quantise(t.float().numpy(), name, a.scheme)
        ct = a.scheme in ("fp8-block-ct", "fp8-channel")
        return {name: codes, name + ("_scale" if ct else "_scale_inv"): scales.bfloat16() if ct else scales}

    def plain(name):
        if name.endswith(("_scale", "_scale_inv")):
            return {}
        t = source.read(name)
        return {name: source.meaning(name).bfloat16() if t.dtype == torch.float8_e4m3fn else t}

    plain_linears = ("lm_head.weight", "mlp.gate.weight", "eh_proj.weight")
    kept = sorted(n[: -len(".weight")] for n in source.tensors
                  if n.endswith(plain_linears) or is_quantised(n) and not is_quantised(n, a.keep_qkv))
    if a.verb == "quantise":
        write(source, a.output, quantised, quantisation_config(a.scheme, kept))
    else:
        write(source, a.output, plain, None)


if __name__ == "__main__":
    main()
