#!/usr/bin/env python3
"""Writes BailingMoeV2 checkpoints of any size for the judges: random, faithful in names, shapes and config.

    make_checkpoint.py --out DIR [--preset micro|base|tp2|ragged|wide] [--shards N | --shard-mb N]
                       [--edge] [--mtp] [--yarn-factor F] [--seed N] [--experts N --layers N --vocab N …]

Each tensor has its own stream made from seed and name, so another shard count or a further layer changes no other
tensor. Norms are not 1 and biases not 0: a reader that drops one gives other logits. One shard in memory at a
time. --edge puts, in turn, a zero block, tiny ones, lone huge values, negative zeros and exact powers of
two into the quantised matrices; such a checkpoint is for judge_bits.py, not for answers.
"""
import argparse
import hashlib
import json
import math
import os

import numpy as np
import torch
from safetensors.torch import save_file

from checkpoint import INDEX, is_quantised

PRESETS = {
    # small enough to commit
    "micro": dict(hidden=128, layers=3, experts=8, chosen=2, groups=4, groups_kept=2, expert_width=128, dense_width=256,
                  heads=2, kv_heads=1, head_size=64, vocab=512),
    # each of query, key and value ends on a block edge: vLLM can split the fused scale
    "base": dict(hidden=256, layers=4, experts=16, chosen=4, groups=4, groups_kept=2, expert_width=128, dense_width=512,
                 heads=8, kv_heads=2, head_size=64, vocab=1024),
    # still so on two ranks, and no scale has a single column
    "tp2": dict(hidden=256, layers=3, experts=8, chosen=2, groups=4, groups_kept=2, expert_width=256, dense_width=512,
                heads=4, kv_heads=2, head_size=128, vocab=1024),
    # nothing ends on a block edge
    "ragged": dict(hidden=320, layers=3, experts=8, chosen=2, groups=4, groups_kept=2, expert_width=96, dense_width=416,
                   heads=5, kv_heads=1, head_size=64, vocab=1000),
    # matrices of Ling-flash-2.0 itself, fewer of them: about 1.7 GB
    "wide": dict(hidden=4096, layers=2, experts=48, chosen=8, groups=8, groups_kept=4, expert_width=1024, dense_width=9216,
                 heads=32, kv_heads=4, head_size=128, vocab=8192),
}


def plan(p, dense, shared, mtp):
    """Yields (name, shape) layer by layer."""
    h, d = p["hidden"], p["head_size"]
    yield "model.word_embeddings.weight", (p["vocab"], h)
    for i in range(p["layers"] + mtp):
        at = f"model.layers.{i}."
        if i >= p["layers"]:
            yield from ((at + n + ".weight", (h,)) for n in ("enorm", "hnorm", "final_layernorm"))
            yield at + "eh_proj.weight", (h, 2 * h)
        yield at + "input_layernorm.weight", (h,)
        yield at + "attention.query_key_value.weight", ((p["heads"] + 2 * p["kv_heads"]) * d, h)
        yield at + "attention.query_layernorm.weight", (d,)
        yield at + "attention.key_layernorm.weight", (d,)
        yield at + "attention.dense.weight", (h, p["heads"] * d)
        yield at + "post_attention_layernorm.weight", (h,)
        if i < dense:
            parts = [("", p["dense_width"])]
        else:
            yield at + "mlp.gate.weight", (p["experts"], h)
            yield at + "mlp.gate.expert_bias", (p["experts"],)
            parts = [(f"experts.{e}.", p["expert_width"]) for e in range(p["experts"])]
            parts += [("shared_experts.", p["expert_width"] * shared)] if shared else []
        for part, width in parts:
            yield at + f"mlp.{part}gate_proj.weight", (width, h)
            yield at + f"mlp.{part}up_proj.weight", (width, h)
            yield at + f"mlp.{part}down_proj.weight", (h, width)
    yield "model.norm.weight", (h,)
    yield "lm_head.weight", (p["vocab"], h)


def draw(seed, name, shape):
    key = int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:16], "little")
    x = np.random.Generator(np.random.Philox(key=key)).standard_normal(shape, dtype=np.float32)
    if name.endswith("expert_bias"):
        return torch.from_numpy(0.1 * x)
    if len(shape) == 1:
        return torch.from_numpy(1 + 0.2 * x).bfloat16()
    gain = 0.7 if "embeddings" in name else {"lm_head": 2.0, "gate": 1.5}.get(name.split(".")[-2], 1.0) / math.sqrt(shape[1])
    return torch.from_numpy(x).mul_(gain).bfloat16()


def put_edge(t, kind):
    """One special 128 x 128 block (or what fits of it) at the start of the matrix."""
    block = t[:128, :128]
    if kind == 0:
        t[:128] = 0  # whole rows, so that a channel is zero too
    elif kind == 1:
        block *= 1e-6  # below the floor of 1e-4
    elif kind == 2:
        block *= 1e-36
    elif kind == 3:
        block[5 % len(block), 7] = 3e38
    elif kind == 4:
        block.copy_(torch.where(block < 0, torch.tensor(-0.0), block))
    elif kind == 5:  # amax / 448 is exactly a power of two, and one BF16 step more
        block.clamp_(-0.01, 0.01)[0, 0] = 448 * 2.0**-12
    elif kind == 6:
        block.clamp_(-0.01, 0.01)[0, 0] = -(448 + 2) * 2.0**-12


def config(p, a):
    scaling = None
    if a.yarn_factor:
        scaling = {"type": "yarn", "factor": a.yarn_factor, "original_max_position_embeddings": a.positions}
    here = "modeling_bailing_moe_v2.BailingMoeV2"
    return {
        "architectures": ["BailingMoeV2ForCausalLM"], "model_type": "bailing_moe",
        "auto_map": {"AutoConfig": "configuration_bailing_moe_v2.BailingMoeV2Config", "AutoModel": here + "Model",
                     "AutoModelForCausalLM": here + "ForCausalLM"},
        "attention_dropout": 0.0, "embedding_dropout": 0.0, "output_dropout": 0.0,
        "eos_token_id": p["vocab"] - 3, "pad_token_id": p["vocab"] - 3,
        "first_k_dense_replace": a.dense_layers, "head_dim": p["head_size"], "hidden_act": "silu",
        "hidden_size": p["hidden"], "intermediate_size": p["dense_width"],
        "max_position_embeddings": int(a.positions * (a.yarn_factor or 1)), "moe_intermediate_size": p["expert_width"],
        "moe_router_enable_expert_bias": True, "moe_shared_expert_intermediate_size": p["expert_width"] * max(a.shared, 1),
        "n_group": p["groups"], "norm_topk_prob": True, "num_attention_heads": p["heads"], "num_experts": p["experts"],
        "num_experts_per_tok": p["chosen"], "num_hidden_layers": p["layers"], "num_key_value_heads": p["kv_heads"],
        "num_nextn_predict_layers": int(a.mtp), "num_shared_experts": a.shared, "partial_rotary_factor": 0.5,
        "rms_norm_eps": 1e-6, "rope_scaling": scaling, "rope_theta": 600000, "routed_scaling_factor": 2.5,
        "router_dtype": "fp32", "score_function": "sigmoid", "tie_word_embeddings": False, "topk_group": p["groups_kept"],
        "torch_dtype": "bfloat16", "use_bias": False, "use_cache": True, "use_qk_norm": True, "use_qkv_bias": False,
        "use_rmsnorm": True, "vocab_size": p["vocab"],
    }


def cut(tensors, shards, shard_mb):
    """Runs of tensors in their order: `shards` of about equal bytes, or each as near below the limit as can be."""
    sizes = [math.prod(s) * (4 if n.endswith("expert_bias") else 2) for n, s in tensors]
    limit = shard_mb * 1_000_000 if shard_mb else math.ceil(sum(sizes) / shards)
    out, used = [[]], 0
    for tensor, size in zip(tensors, sizes):
        full = used + size > limit if shard_mb else used >= limit
        if out[-1] and full and (shard_mb or len(out) < shards):
            out.append([])
            used = 0
        out[-1].append(tensor)
        used += size
    return out, sum(sizes)


def write_json(folder, name, document):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        json.dump(document, f, indent=2)
        f.write("\n")


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--out", required=True)
    ask.add_argument("--preset", choices=sorted(PRESETS), default="base")
    ask.add_argument("--seed", type=int, default=11)
    ask.add_argument("--shards", type=int, default=1)
    ask.add_argument("--shard-mb", type=int)
    ask.add_argument("--dense-layers", type=int, default=1)
    ask.add_argument("--shared", type=int, default=1)
    ask.add_argument("--positions", type=int, default=1024)
    ask.add_argument("--yarn-factor", type=float)
    ask.add_argument("--mtp", action="store_true", help="one multi-token-prediction layer after the last")
    ask.add_argument("--edge", action="store_true")
    for key in PRESETS["micro"]:
        ask.add_argument("--" + key.replace("_", "-"), type=int)
    a = ask.parse_args()
    p = {k: v if getattr(a, k) is None else getattr(a, k) for k, v in PRESETS[a.preset].items()}
    of_group = p["experts"] // p["groups"]
    if p["experts"] % p["groups"] or of_group < 2 or p["chosen"] > p["groups_kept"] * of_group:
        ask.error(f"expected experts in equal groups of 2 or more, enough to choose from; found {p}")
    if a.preset == "wide" and not a.shard_mb and a.shards == 1:
        a.shard_mb = 512
    tensors = list(plan(p, a.dense_layers, a.shared, int(a.mtp)))
    edges = {n: i % 7 for i, n in enumerate(n for n, _ in tensors if is_quantised(n))} if a.edge else {}
    shards, total = cut(tensors, a.shards, a.shard_mb)
    os.makedirs(a.out, exist_ok=True)
    where = {}
    for i, shard in enumerate(shards, 1):
        file = f"model-{i:05d}-of-{len(shards):05d}.safetensors" if len(shards) > 1 else "model.safetensors"
        made = {name: draw(a.seed, name, shape) for name, shape in shard}
        for name in made:
            if name in edges:
                put_edge(made[name], edges[name])
        save_file(made, os.path.join(a.out, file), metadata={"format": "pt"})
        where.update({name: file for name in made})
    if len(shards) > 1:
        write_json(a.out, INDEX, {"metadata": {"total_size": total}, "weight_map": where})
    write_json(a.out, "config.json", config(p, a))
    write_json(a.out, "generation_config.json", {"eos_token_id": [p["vocab"] - 3], "pad_token_id": p["vocab"] - 3})
    print(f"{a.out}: {len(where)} tensors, {total} bytes, {len(shards)} file(s)")


if __name__ == "__main__":
    main()
