#!/usr/bin/env python3
"""Golden vectors for the FP8 kernels, computed by torch on CPU.

    python Fixtures/generators/fp8_vectors.py Fixtures/vectors/fp8

Writes blocks.safetensors (small matrices through all four scale rules), log2-scales.safetensors (how torch rounds a
scale up to a power of two by log2 and exp2), and a note beside each. The arithmetic is written out here with torch's
own operators in the dtype that each rule asks for, so the files say what torch does, not what the kernels do.
"""
import json
import platform
import sys
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file

E4M3 = torch.float8_e4m3fn
LIMIT = 448.0
DATE = "2026-11-21"


def per_element(values, rows, columns, block_rows, block_columns):
    """Repeats one value per block over the elements of that block."""
    row = torch.arange(rows) // block_rows
    column = torch.arange(columns) // block_columns
    return values[row][:, column]


def block_maxima(x, block_rows, block_columns):
    """Largest magnitude of each block, in the dtype of x; blocks at the edges are smaller."""
    bands = [torch.stack([tile.abs().amax() for tile in band.split(block_columns, 1)]) for band in x.split(block_rows, 0)]
    return torch.stack(bands)


def encode(x, rule, floor, zero_scale, block_rows, block_columns):
    maxima = block_maxima(x, block_rows, block_columns)
    if rule == "bf16":
        scale = maxima / torch.tensor(LIMIT, dtype=torch.bfloat16)
        scale = torch.where(scale == 0, torch.tensor(torch.finfo(torch.bfloat16).eps, dtype=torch.bfloat16), scale)
        quotient = x / per_element(scale, *x.shape, block_rows, block_columns)
    else:
        scale = maxima.float().clamp(min=floor) / LIMIT
        if rule == "ue8m0":
            mantissa, exponent = torch.frexp(scale)  # scale = mantissa 2^exponent, mantissa in [0.5, 1)
            scale = torch.ldexp(torch.ones_like(scale), exponent - (mantissa == 0.5).int()) * (scale > 0)
        elif rule == "ue8m0-log2":
            scale = scale.log2().ceil().exp2()
        scale = torch.where(scale == 0, torch.tensor(zero_scale), scale)
        quotient = x.float() / per_element(scale, *x.shape, block_rows, block_columns)
    codes = quotient.clamp(-LIMIT, LIMIT).to(E4M3)
    return codes.view(torch.uint8), scale.float()


def matrix(rows, columns, generator):
    """Gaussian, with outliers, a zero block with both signs, a tiny block, and scales just above powers of two."""
    x = torch.randn(rows, columns, generator=generator) * 0.02
    outliers = torch.randint(0, rows * columns, (1 + rows * columns // 500,), generator=generator)
    x.view(-1)[outliers] *= 30
    x[:16, :16] = torch.where(x[:16, :16] > 0, 0.0, -0.0)
    x[:16, 16:32] *= 1e-5
    if columns > 48:
        x[:16, 32:48] = torch.sign(x[:16, 32:48]) * 448 * 2.0**6  # scale exactly 2^6
    return x


def blocks(out):
    generator = torch.Generator().manual_seed(20261121)
    tensors, cases = {}, {}
    shapes = [(17, 40, 16, 16), (33, 50, 16, 16), (5, 300, 1, 300), (40, 72, 128, 128)]
    dtypes = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
    for rows, columns, block_rows, block_columns in shapes:
        for name, dtype in dtypes.items():
            x = matrix(rows, columns, generator).to(dtype)
            key = f"{name}.{rows}x{columns}"
            tensors[f"{key}.source"] = x
            for rule in ("f32", "ue8m0", "ue8m0-log2", "bf16"):
                if rule == "bf16" and name != "bf16":
                    continue
                for floor in (0.0, 1e-4) if rule != "bf16" else (0.0,):
                    case = f"{key}.{rule}.{'floor' if floor else 'plain'}"
                    codes, scales = encode(x, rule, floor, 1.0, block_rows, block_columns)
                    tensors[f"{case}.codes"] = codes.contiguous()
                    tensors[f"{case}.scales"] = scales.contiguous()
                    cases[case] = {"source": f"{key}.source", "type": name, "rule": rule, "floor": floor, "zeroScale": 1.0,
                                   "blockRows": block_rows, "blockColumns": block_columns}
    save_file(tensors, out / "blocks.safetensors", metadata={"cases": json.dumps(cases, sort_keys=True)})
    return len(cases)


def log2_scales(out):
    exponents = torch.arange(-126, 128)
    ulps = torch.arange(0, 65)
    bits = ((exponents[:, None] + 127) << 23) + ulps[None, :]
    scales = bits.int().view(torch.float32)
    rounded = scales.log2().ceil().exp2()
    lost = (rounded == scales[:, :1]).int()  # [exponent, ulp]: came out as the power of two below
    assert bool((lost.diff(dim=1) <= 0).all()), "not a threshold"
    generator = torch.Generator().manual_seed(448)
    random = (torch.randint(1 << 23, 0x7F000000, (4096,), generator=generator, dtype=torch.int64)).int().view(torch.float32)
    save_file({"largest_lost": (lost.sum(dim=1) - 1).int(), "random.scales": random,
               "random.rounded": random.log2().ceil().exp2()}, out / "log2-scales.safetensors")
    return int((lost[:, 1] == 1).sum())


def note(path, what):
    text = {"what": what, "generator": "Fixtures/generators/fp8_vectors.py", "date": DATE,
            "versions": {"torch": torch.__version__, "safetensors": safetensors.__version__,
                         "python": platform.python_version()}}
    path.write_text(json.dumps(text, indent=2) + "\n")


def main():
    out = Path(sys.argv[1])
    count = blocks(out)
    note(out / "blocks.json", f"{count} cases of small matrices encoded by torch operators under each scale rule")
    lost = log2_scales(out)
    note(out / "log2-scales.json",
         "exp2(ceil(log2 s)) in F32 by torch: for each exponent -126 ... 127 the most ulp above the power of two that "
         f"still come out as that power ({lost} of 254 lose the first ulp), and 4,096 random scales")


main()
