#!/usr/bin/env python3
"""Is a dequantised checkpoint what its FP8 artefact stands for?

    judge_dequantised.py --artefact FP8_DIR --result DIR [--source BF16_DIR]

Every quantised matrix must be code x scale in F32, or that rounded to BF16; everything else byte for byte, or, when
the config says float32, widened; the config without quantization_config. With --source, says also how far the weights went: relative RMS error.
"""
import argparse
import sys

import torch

from checkpoint import SCALES, Checkpoint, read_json
from judge_bits import first_difference, index_faults


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--artefact", required=True)
    ask.add_argument("--result", required=True)
    ask.add_argument("--source")
    a = ask.parse_args()
    torch.set_num_threads(1)
    artefact, result = Checkpoint(a.artefact), Checkpoint(a.result)
    source = Checkpoint(a.source) if a.source else None
    names = sorted(n for n in artefact.tensors if not n.endswith(SCALES))
    faults = [f"{n}: expected a tensor, found none" for n in names if n not in result.tensors]
    faults += [f"{n}: expected no such tensor, found one" for n in sorted(set(result.tensors) - set(names))]
    faults += index_faults(result)
    config, old = read_json(a.result, "config.json"), read_json(a.artefact, "config.json")
    if "quantization_config" in config:
        faults.append("config.json: expected no quantization_config, found one")
    old.pop("quantization_config", None)
    wide = config.get("torch_dtype") == "float32"
    if wide:
        old["torch_dtype"] = "float32"
    faults += [f"config.json: {k} expected {old.get(k)!r}, found {config.get(k)!r}"
               for k in sorted(set(old) | set(config) - {"quantization_config"}) if old.get(k) != config.get(k)]
    error = energy = 0.0
    for name in names:
        if name not in result.tensors:
            continue
        found, fp8 = result.read(name), artefact.tensors[name][0] == "F8_E4M3"
        want = artefact.meaning(name) if fp8 else artefact.read(name)
        if fp8 and found.dtype in (torch.bfloat16, torch.float32):
            want = want.to(found.dtype)
        if wide and not fp8 and want.dtype == torch.bfloat16:
            want = want.float()
        if found.dtype != want.dtype or found.shape != want.shape:
            faults.append(f"{name}: expected {want.dtype} {list(want.shape)}, found {found.dtype} {list(found.shape)}")
            continue
        fault = first_difference(name, want, found)
        faults += [fault] if fault else []
        if source and fp8:
            first = source.read(name).double()
            error, energy = error + (found.double() - first).square().sum().item(), energy + first.square().sum().item()
    for fault in faults[:8]:
        print("  " + fault)
    off = f", relative RMS error {(error / energy) ** 0.5:.4e}" if energy else ""
    print(f"{'FAIL' if faults else 'PASS'} dequantised: {len(names)} tensors, {len(faults)} differences{off}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
