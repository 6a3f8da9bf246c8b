#!/usr/bin/env python3
"""judge_sharded_state.py ENGINE OURS: is a folder of `ingot shard --form vllm-sharded-state@0.32` what vLLM 0.32.0 holds?

ENGINE is a folder of `model-rank-*-part-*.safetensors` that vLLM's workers saved before weights were repacked. Names, types,
shapes and bytes of every rank are compared. Needs torch and safetensors. Exit status 1 when anything differs.
"""
import glob
import os
import re
import sys

import torch
from safetensors.torch import load_file


def ranks(folder):
    found = {}
    for path in sorted(glob.glob(os.path.join(folder, "model-*.safetensors"))):
        rank = re.sub(r"-part-\d+\.safetensors$", "", os.path.basename(path))
        found.setdefault(rank, {}).update(load_file(path))
    return found


def raw(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def main():
    engine, ours = ranks(sys.argv[1]), ranks(sys.argv[2])
    faults, compared = [], 0
    if not engine or set(engine) != set(ours):
        faults.append(f"ranks {sorted(engine)} and {sorted(ours)}")
    for rank in sorted(set(engine) & set(ours)):
        a, b = engine[rank], ours[rank]
        faults += [f"{rank}: {name} stands on one side only" for name in sorted(set(a) ^ set(b))]
        for name in sorted(set(a) & set(b)):
            compared += 1
            if (a[name].dtype, a[name].shape) != (b[name].dtype, b[name].shape):
                faults.append(f"{rank}: {name} is {b[name].dtype} {list(b[name].shape)}, "
                              f"not {a[name].dtype} {list(a[name].shape)}")
            elif not torch.equal(raw(a[name]), raw(b[name])):
                faults.append(f"{rank}: {name} has other bytes")
    print("\n".join(faults[:20]))
    print(f"{compared} tensors compared, {len(faults)} faults")
    sys.exit(1 if faults or not compared else 0)


if __name__ == "__main__":
    main()
