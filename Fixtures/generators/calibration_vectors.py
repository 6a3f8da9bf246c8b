#!/usr/bin/env python3
"""What a calibration must record, computed by torch and numpy from activations of our modelling code.

    python Fixtures/generators/calibration_vectors.py Fixtures/checkpoints/micro Fixtures/vectors/calibration

Writes statistics.safetensors and a note. Texts are drawn from a seed: text.N, I64. Then, of every matrix MODULE that is
multiplied with activations (gate stands for gate and up):
  MODULE.tokens I64 [1], .absmax F32 [K], .squares F64 [K], .group F64 [3, runs of 128]: largest, smallest and mean over
  tokens of a token's largest magnitude; .bins I32 [330], by numpy.histogram over the edges that docs/04 names;
  for routed experts' down also .all.absmax F32 [K], .all.squares F64 [K]: every token through every expert.
Of every layer N: N.keys, N.values F32 [heads]; with experts N.load I64 [E], N.weights F64 [E], N.margins I32 [330].
"""
import json
import platform
import sys
from pathlib import Path

import numpy as np
import safetensors
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests" / "Judges"))
from checkpoint import exact_model, model_code  # noqa: E402

SEED = 20261121
LENGTHS = (24, 1, 40, 17)
EDGES = np.array([0.0] + [2.0**e * (1 + m / 8) for e in range(-24, 17) for m in range(8)] + [2.0**17, np.inf])


def bins(values):
    return torch.from_numpy(np.histogram(np.abs(values.double().numpy()).ravel(), EDGES)[0].astype(np.int32))


def statistics(rows):
    size = rows.abs()
    wide = F.pad(size, (0, -size.shape[1] % 128)).view(len(rows), -1, 128).amax(-1).double()
    return {
        "tokens": torch.tensor([len(rows)]), "absmax": size.amax(0), "squares": (rows.double() ** 2).sum(0),
        "group": torch.stack([wide.amax(0), wide.amin(0), wide.mean(0)]), "bins": bins(rows),
    }


def main():
    folder, out = sys.argv[1:]
    torch.set_num_threads(1)
    model = exact_model(folder)
    rotate = model_code()[1].rotate
    make = torch.Generator().manual_seed(SEED)
    texts = [torch.randint(0, model.config.vocab_size, (n,), generator=make) for n in LENGTHS]
    inputs, heads, routes, mlps = {}, {}, {}, {}

    def attention(name, module):
        def see(_, given):
            x, cos, sin = given
            qkv = module.query_key_value(x).view(*x.shape[:2], -1, module.size).transpose(1, 2)
            k, v = qkv[:, module.heads:].split([module.kv_heads, module.kv_heads], 1)
            layer = name.split(".")[2]
            heads.setdefault(f"{layer}.keys", []).append(rotate(module.key_layernorm(k), cos, sin)[0])
            heads.setdefault(f"{layer}.values", []).append(v[0])
        return see

    for name, module in model.named_modules():
        kind = type(module).__name__
        if kind == "Linear" and name != "lm_head" and not name.endswith("up_proj"):
            module.register_forward_pre_hook(
                lambda m, x, name=name: inputs.setdefault(name, []).append(x[0].flatten(0, -2)))
        if kind == "BailingMoeV2Attention":
            module.register_forward_pre_hook(attention(name, module))
        if kind == "BailingMoeV2Gate":
            module.register_forward_hook(
                lambda m, x, made, name=name: routes.setdefault(name.split(".")[2], []).append((x[0], *made)))
        if kind == "BailingMoeV2MoE":
            mlps[name] = module
    with torch.no_grad():
        for text in texts:
            # The hook on attention multiplies once more: keep what the model itself shows.
            model(text[None])
        for name in inputs:
            if name.endswith("query_key_value"):
                inputs[name] = inputs[name][::2]
        result = {f"text.{i}": text for i, text in enumerate(texts)}
        for name, rows in inputs.items():
            for key, value in statistics(torch.cat(rows)).items():
                result[f"{name}.{key}"] = value
        for name, module in mlps.items():
            y = torch.cat([seen[0] for seen in routes[name.split(".")[2]]])
            for e, expert in enumerate(module.experts):
                unit = F.silu(F.linear(y, expert.gate_proj.weight)) * F.linear(y, expert.up_proj.weight)
                down = f"{name}.experts.{e}.down_proj.all"
                result[down + ".absmax"] = unit.abs().amax(0)
                result[down + ".squares"] = (unit.double() ** 2).sum(0)
    for name, parts in heads.items():
        result[name] = torch.cat(parts, 1).abs().amax((1, 2))
    for layer, seen in routes.items():
        experts, weights = torch.cat([s[1] for s in seen]), torch.cat([s[2] for s in seen])
        count = model.config.num_experts
        result[layer + ".load"] = torch.bincount(experts.flatten(), minlength=count)
        result[layer + ".weights"] = torch.zeros(count, dtype=torch.float64).index_add_(
            0, experts.flatten(), weights.double().flatten())
        result[layer + ".margins"] = bins(torch.cat([s[3] for s in seen]))
    path = Path(out)
    path.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in result.items()}, path / "statistics.safetensors")
    note = {
        "script": "Fixtures/generators/calibration_vectors.py", "checkpoint": Path(folder).name, "seed": SEED,
        "torch": torch.__version__, "numpy": np.__version__, "safetensors": safetensors.__version__,
        "python": platform.python_version(), "date": "2026-11-21",
    }
    (path / "statistics.json").write_text(json.dumps(note, indent=2) + "\n")
    print(len(result), "tensors,", (path / "statistics.safetensors").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
