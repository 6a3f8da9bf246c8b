#!/usr/bin/env python3
"""Golden vectors for the numerics of devices, computed by torch on CPU.

    python Fixtures/generators/numerics_vectors.py Fixtures/vectors/numerics

Writes products.safetensors (activations by FP8 weights as H20 and A100 do them) and float16.safetensors (operations in
torch.float16 near and beyond its largest number), and a note beside each. The arithmetic is written out with torch's own
operators in the dtype that each step has on the device; sums are F64, so that a reader may add in any order.

products: CASE.x [T, K] F32 (BF16 numbers), CASE.codes [N, K] U8, CASE.scales F32, CASE.block [2] I64; then
  CASE.h20.codes [T, K] U8, CASE.h20.scales [T, runs], CASE.h20.sum [T, N]: before the rounding to BF16;
  CASE.a100.sum [T, N]: likewise, and for blocks CASE.a100.weights [N, K], the BF16 weights.
"""
import json
import platform
import sys
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file

E4M3 = torch.float8_e4m3fn
BF16 = torch.bfloat16
F16 = torch.float16
LIMIT = 448.0
DATE = "2026-11-21"

# T, N, K, block: whole blocks; ragged N and K; K below a block; one scale a row, K ragged too.
CASES = {
    "block": (4, 40, 256, (128, 128)),
    "ragged": (5, 150, 300, (128, 128)),
    "narrow": (3, 20, 72, (128, 128)),
    "small-block": (3, 40, 90, (16, 32)),
    "channel": (5, 33, 300, (1, 300)),
    "channel-one-token": (1, 70, 128, (1, 128)),
}


def per_element(values, rows, columns, block):
    return values[torch.arange(rows) // block[0]][:, torch.arange(columns) // block[1]]


def activations(tokens, channels, generator):
    """Gaussian with outliers; one token of zeros, one too small for the floor in its first run."""
    x = torch.randn(tokens, channels, generator=generator)
    x.view(-1)[torch.randint(0, x.numel(), (1 + x.numel() // 60,), generator=generator)] *= 50
    if tokens > 2:
        x[1] = 0
        x[2, :128] *= 1e-13
    return x.to(BF16)


def codes_of(x, width, whole_row):
    """Codes and scales as vLLM's kernels choose them, in F32 from BF16."""
    codes, scales = [], []
    for run in x.float().split(width, dim=1):
        amax = run.abs().amax(dim=1, keepdim=True)
        if whole_row:
            scale = torch.maximum(amax / LIMIT, torch.tensor(1.0) / (LIMIT * 512.0))
        else:
            scale = torch.maximum(amax, torch.tensor(1e-10)) / LIMIT
        codes.append((run / scale).clamp(-LIMIT, LIMIT).to(E4M3))
        scales.append(scale)
    return torch.cat([c.view(torch.uint8) for c in codes], 1).view(E4M3), torch.cat(scales, 1)


def h20(x, codes, scales, block, whole_row):
    """Each run of channels summed alone, times (scale x scale) in F32, added in F32."""
    rows, columns = codes.shape
    width = columns if whole_row else block[1]
    quantised, of_x = codes_of(x, width, whole_row)
    total = torch.zeros(x.shape[0], rows)
    for run, first in enumerate(range(0, columns, width)):
        part = quantised[:, first:first + width].double() @ codes[:, first:first + width].double().T
        of_w = scales[torch.arange(rows) // block[0], run]
        total = total + part.float() * (of_x[:, run:run + 1] * of_w[None, :])
    return quantised, of_x, total


def a100(x, codes, scales, block, whole_row):
    """Marlin: scales in BF16; of a block times the code in BF16, of a row times the F32 sum."""
    rounded = scales.to(BF16)
    if whole_row:
        return None, (x.double() @ codes.double().T).float() * rounded.float().T
    weights = codes.to(BF16) * per_element(rounded, *codes.shape, block)
    assert weights.dtype == BF16
    return weights.float(), (x.double() @ weights.double().T).float()


def products(out):
    generator = torch.Generator().manual_seed(20261121)
    tensors = {}
    for name, (tokens, rows, columns, block) in CASES.items():
        whole_row = block == (1, columns)
        x = activations(tokens, columns, generator)
        codes = (torch.randn(rows, columns, generator=generator) * 100).clamp(-LIMIT, LIMIT).to(E4M3)
        shape = (-(-rows // block[0]), -(-columns // block[1]))
        scales = torch.rand(*shape, generator=generator) * 1e-3 + 1e-5
        quantised, of_x, sum_h20 = h20(x, codes, scales, block, whole_row)
        weights, sum_a100 = a100(x, codes, scales, block, whole_row)
        tensors |= {
            f"{name}.x": x.float(), f"{name}.codes": codes.view(torch.uint8), f"{name}.scales": scales,
            f"{name}.block": torch.tensor(block), f"{name}.h20.codes": quantised.view(torch.uint8),
            f"{name}.h20.scales": of_x, f"{name}.h20.sum": sum_h20, f"{name}.a100.sum": sum_a100,
        }
        if weights is not None and rows * columns < 11_000:
            tensors[f"{name}.a100.weights"] = weights
    save_file({key: value.contiguous() for key, value in tensors.items()}, out / "products.safetensors")


def float16(out):
    generator = torch.Generator().manual_seed(65504)
    a = (torch.randn(6, 96, generator=generator) * 40_000).to(F16)
    b = (torch.randn(6, 96, generator=generator) * 40_000).to(F16)
    a[0, :6] = torch.tensor([65504.0, 65504, -65504, 65504, 6e-8, 1.0])
    b[0, :6] = torch.tensor([15.9, 16, -16, -65504, 6e-8, 5e-4])
    x = (torch.randn(6, 96, generator=generator) * 300).to(F16)
    w = (torch.randn(24, 96, generator=generator) * 20).to(F16)
    gate, up = (x * 2).to(F16), (b / 100).to(F16)
    tensors = {
        "a": a, "b": b, "sum": a + b, "x": x, "w": w, "product": (x.double() @ w.double().T).float().to(F16),
        "gate": gate, "up": up, "gated": torch.nn.functional.silu(gate.float()).to(F16) * up,
    }
    counts = {key: int(value.isinf().sum()) for key, value in tensors.items()}
    save_file({key: value.float().contiguous() for key, value in tensors.items()}, out / "float16.safetensors")
    return counts


def note(path, what):
    text = {"what": what, "generator": "Fixtures/generators/numerics_vectors.py", "date": DATE,
            "versions": {"torch": torch.__version__, "safetensors": safetensors.__version__,
                         "python": platform.python_version()}}
    path.write_text(json.dumps(text, indent=2) + "\n")


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    products(out)
    note(out / "products.json", f"{len(CASES)} products of activations and FP8 weights by the rules of H20 and A100")
    counts = float16(out)
    note(out / "float16.json", "sums, products and gated units in float16; infinite results: "
         + ", ".join(f"{key} {count}" for key, count in counts.items() if count))


main()
