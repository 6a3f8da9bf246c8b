#!/usr/bin/env python3
"""One step of training an EAGLE3 head, computed by torch in F64: losses, gradients, and weights after AdamW.

    python Fixtures/generators/draft_training_vectors.py Fixtures/vectors/eagle3

Writes step.safetensors and a note. The head is written from the definition with torch's own operations and
differentiated by autograd. Of each variant (plain; options: a norm for each state, norm before residual, normed
feedback): VARIANT.weight.NAME and .gradient.NAME and .after.NAME, F32, and VARIANT.losses F64 [steps] (means over all
positions), VARIANT.norm F64 [1]. Shared: ids I64 [N], and of each text T: T.features [T, 3H], T.embeddings [T, H],
T.logits [T, V], T.mask BOOL [T]. Weights are BF16 numbers.
"""
import json
import platform
import sys
from pathlib import Path

import safetensors
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

SEED = 20261121
H, M, A, G, D, N, V, STEPS = 16, 24, 2, 1, 8, 20, 32, 7
LENGTHS = (21, 34, 9)
THETA, EPS, DECAY = 10000.0, 1e-5, 0.8
RATE, BETAS, CLIP = 1e-3, (0.9, 0.95), 0.5


def norm(x, w):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * w


def rotate(x, positions):
    """[T, heads, D]; angles are F32 products."""
    inverse = (THETA ** (-torch.arange(0, D, 2).double() / D)).float()
    angles = (positions.float()[:, None] * inverse).double()
    cos, sin = torch.cat([angles.cos()] * 2, -1)[:, None], torch.cat([angles.sin()] * 2, -1)[:, None]
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


def shapes(options):
    s = {f"fc_norm.{i}": (H,) for i in range(3)} if options else {}
    return s | {
        "fc": (H, 3 * H), "input_layernorm": (H,), "hidden_norm": (H,), "q": (A * D, 2 * H), "k": (G * D, 2 * H),
        "v": (G * D, 2 * H), "o": (H, A * D), "post_attention_layernorm": (H,), "gate": (M, H), "up": (M, H),
        "down": (H, M), "norm": (H,), "lm_head": (N, H)}


def unroll(w, options, text):
    """Logits [T - 1, N] of each step; step i at position t reads token t + 1 + i."""
    features, embeddings = text["features"].double(), text["embeddings"].double()
    count = len(features) - 1
    x = features[:count]
    if options:
        x = torch.cat([norm(p, w[f"fc_norm.{i}"]) for i, p in enumerate(x.chunk(3, -1))], -1)
    g = x @ w["fc"].T
    causal = torch.full((count, count), float("-inf"), dtype=torch.float64).triu(1)
    keys, values = [], []
    for step in range(STEPS):
        tokens = F.pad(embeddings[1 + step:], (0, 0, 0, step))[:count]
        b = norm(g, w["hidden_norm"])
        u = torch.cat([norm(tokens, w["input_layernorm"]), b], -1)
        at = torch.arange(count) + step
        q = rotate((u @ w["q"].T).view(count, A, D), at)
        k = rotate((u @ w["k"].T).view(count, G, D), at).repeat_interleave(A // G, 1)
        v = (u @ w["v"].T).view(count, G, D).repeat_interleave(A // G, 1)
        keys.append(k)
        values.append(v)
        scores = [torch.einsum("tad,sad->ats", q, keys[0]) / D**0.5 + causal]
        scores += [(torch.einsum("tad,tad->at", q, k) / D**0.5)[..., None] for k in keys[1:]]
        p = torch.cat(scores, -1).softmax(-1)
        out = torch.einsum("ats,sad->tad", p[..., :count], values[0])
        for index, v in enumerate(values[1:]):
            out = out + p[..., count + index].T[..., None] * v
        r = (b if options else g) + out.reshape(count, -1) @ w["o"].T
        y = norm(r, w["post_attention_layernorm"])
        r = r + (F.silu(y @ w["gate"].T) * (y @ w["up"].T)) @ w["down"].T
        normed = norm(r, w["norm"])
        yield normed @ w["lm_head"].T
        g = normed if options else r


def losses(w, options, texts, ids):
    draft = torch.full((V,), -1)
    draft[ids] = torch.arange(N)
    positions = sum(len(t["features"]) - 1 for t in texts)
    sums = [0.0] * STEPS
    for text in texts:
        logits, mask, count = text["logits"].double(), text["mask"], len(text["features"])
        for step, guess in enumerate(unroll(w, options, text)):
            for t in range(count - 1 - step):
                at = t + 1 + step
                if mask[at] and draft[logits[at].argmax()] >= 0:
                    p = logits[at][ids].softmax(-1)
                    sums[step] = sums[step] - (p * guess[t].log_softmax(-1)).sum()
    return [s / positions for s in sums]


def main():
    out = Path(sys.argv[1])
    make = torch.Generator().manual_seed(SEED)
    draw = lambda *shape: torch.randn(*shape, generator=make)  # noqa: E731
    ids = torch.randperm(V, generator=make)[:N].sort().values
    texts = [{"features": draw(n, 3 * H), "embeddings": draw(n, H), "logits": 2 * draw(n, V),
              "mask": torch.rand(n, generator=make) < 0.75} for n in LENGTHS]
    tensors = {"ids": ids}
    for index, text in enumerate(texts):
        text["mask"][0] = False
        tensors |= {f"{index}.{name}": value for name, value in text.items()}
    for variant in ("plain", "options"):
        w = {}
        for name, shape in shapes(variant == "options").items():
            value = 1 + 0.2 * draw(*shape) if len(shape) == 1 else draw(*shape) * shape[1] ** -0.5
            w[name] = value.bfloat16().double().requires_grad_()
        tensors |= {f"{variant}.weight.{name}": value.detach().float() for name, value in w.items()}
        optimiser = torch.optim.AdamW(w.values(), lr=RATE, betas=BETAS, weight_decay=0.0)
        parts = losses(w, variant == "options", texts, ids)
        sum(DECAY**i * part for i, part in enumerate(parts)).backward()
        tensors |= {f"{variant}.gradient.{name}": value.grad.float() for name, value in w.items()}
        tensors[f"{variant}.losses"] = torch.stack(parts).detach()
        tensors[f"{variant}.norm"] = torch.nn.utils.clip_grad_norm_(w.values(), CLIP).reshape(1).double()
        optimiser.step()
        tensors |= {f"{variant}.after.{name}": value.detach().float() for name, value in w.items()}
    out.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, out / "step.safetensors")
    note = {
        "pins": "losses, gradients and one AdamW step of an EAGLE3 head's training-time test", "seed": SEED,
        "generator": "Fixtures/generators/draft_training_vectors.py", "python": platform.python_version(),
        "torch": torch.__version__, "safetensors": safetensors.__version__,
        "rate": RATE, "betas": list(BETAS), "clip": CLIP, "decay": DECAY, "date": "2026-11-21"}
    (out / "step.json").write_text(json.dumps(note, indent=2) + "\n")


main()
