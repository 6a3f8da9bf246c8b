#!/usr/bin/env python3
"""Random EAGLE3 heads for the micro checkpoint, and what they draft after some contexts, by torch in F32.

    python Fixtures/generators/eagle3_vectors.py Fixtures/checkpoints/micro Fixtures/vectors/eagle3
    python Fixtures/generators/eagle3_vectors.py --judge Fixtures/checkpoints/micro HEAD DRAFTS.json

Writes three heads: plain (SpecForge's form), joined (vLLM's, one norm before fc) and flagged (speculators', a norm for
each state, norm_before_residual, norm_output), and drafts.safetensors: for head HEAD and case N the I64 tensors
HEAD.N.context (its last token is the newest known one) and HEAD.N.drafted [4], and F32 HEAD.N.logits [4, draft
vocabulary], each step recomputed from the beginning without caches. A note is written beside.

--judge reads the drafts that vLLM made (Tests/Judges/draft_vllm.py) and compares them with this statement's; the head must
be of vLLM's form.
"""
import json
import platform
import sys
from pathlib import Path

import safetensors
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests" / "Judges"))
from checkpoint import exact_model  # noqa: E402

SEED = 20261121
STEPS = 4
LENGTHS = (2, 3, 9, 24, 57)
HEADS, KV_HEADS, SIZE, WIDTH, DRAFT = 2, 1, 32, 32, 64
ENTERING = [1, 2, 3]  # the states entering these layers


def rms(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def turn(x, theta):  # [T, heads, D], position t turns by t
    t, _, d = x.shape
    angle = torch.arange(t).float()[:, None] / theta ** (torch.arange(0, d, 2).float() / d)
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Head:
    """A head by its tensors, in any of the three forms; ids are taken as counted on entering a layer."""

    def __init__(self, tensors, layer, embedding, flags):
        self.w = {k.replace("midlayer.", "layers.0."): v.float() if v.is_floating_point() else v for k, v in tensors.items()}
        self.layer, self.flags = layer, flags
        self.embedding = self.w.get("embed_tokens.weight", embedding)
        self.ids = torch.arange(len(self.w["d2t"])) + self.w["d2t"]

    def fuse(self, features):
        if self.flags.get("norm_before_fc"):
            features = rms(features, self.w["input_norm.weight"], self.layer["rms_norm_eps"])
        if self.flags.get("fc_norm"):
            parts = features.chunk(3, -1)
            features = torch.cat([rms(p, self.w[f"fc_norm.{i}.weight"], self.layer["rms_norm_eps"]) for i, p in enumerate(parts)], -1)
        return features @ self.w["fc.weight"].T

    def run(self, tokens, g):
        """tokens[t] follows position t; returns the next step's states and the normed ones."""
        c, w, eps = self.layer, self.w, self.layer["rms_norm_eps"]
        p, n, k, d = "layers.0.", c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        b = rms(g, w[p + "hidden_norm.weight"], eps)
        u = torch.cat([rms(self.embedding[tokens], w[p + "input_layernorm.weight"], eps), b], -1)
        t = len(tokens)
        q, key, v = (u @ w[p + f"self_attn.{x}_proj.weight"].T for x in "qkv")
        q, key = turn(q.view(t, n, d), c["rope_theta"]), turn(key.view(t, k, d), c["rope_theta"])
        key, v = key.repeat_interleave(n // k, 1), v.view(t, k, d).repeat_interleave(n // k, 1)
        scores = torch.einsum("thd,shd->hts", q, key) / d**0.5 + torch.full((t, t), float("-inf")).triu(1)
        mixed = torch.einsum("hts,shd->thd", scores.softmax(-1), v).reshape(t, n * d)
        h = (b if self.flags.get("norm_before_residual") else g) + mixed @ w[p + "self_attn.o_proj.weight"].T
        y = rms(h, w[p + "post_attention_layernorm.weight"], eps)
        unit = F.silu(y @ w[p + "mlp.gate_proj.weight"].T) * (y @ w[p + "mlp.up_proj.weight"].T)
        r = h + unit @ w[p + "mlp.down_proj.weight"].T
        normed = rms(r, w["norm.weight"], eps)
        return (normed if self.flags.get("norm_output") else r), normed

    def draft(self, features, context, steps):
        """Features of all tokens of the context but the newest."""
        states, tokens, drafted, rows = self.fuse(features), list(context[1:]), [], []
        for _ in range(steps):
            following, normed = self.run(torch.tensor(tokens), states)
            rows.append(normed[-1] @ self.w["lm_head.weight"].T)
            drafted.append(int(self.ids[rows[-1].argmax()]))
            states, tokens = torch.cat([states, following[-1:]]), tokens + drafted[-1:]
        return drafted, torch.stack(rows)


def features_of(model, tokens, entering):
    """The residual stream entering some layers, side by side; the number of layers means what leaves the last."""
    seen, layers = {}, model.model.layers
    hooks = [layer.register_forward_hook(lambda _, given, out, i=i: seen.update({i: given[0][0], i + 1: out[0]})) for i, layer in enumerate(layers)]
    with torch.no_grad():
        model(torch.tensor([tokens]))
    for hook in hooks:
        hook.remove()
    return torch.cat([seen[i] for i in entering], -1)


def random_head(target, kind, generator):
    h, v = target.config.hidden_size, target.config.vocab_size

    def draw(*shape, norm=False):
        x = torch.randn(shape, generator=generator)
        return (1 + 0.2 * x if norm else x * shape[-1] ** -0.5).bfloat16()

    p = "midlayer." if kind == "plain" else "layers.0."
    shapes = {"self_attn.q_proj": (HEADS * SIZE, 2 * h), "self_attn.k_proj": (KV_HEADS * SIZE, 2 * h),
              "self_attn.v_proj": (KV_HEADS * SIZE, 2 * h), "self_attn.o_proj": (h, HEADS * SIZE),
              "mlp.gate_proj": (WIDTH, h), "mlp.up_proj": (WIDTH, h), "mlp.down_proj": (h, WIDTH)}
    w = {p + name + ".weight": draw(*shape) for name, shape in shapes.items()}
    for name in ("input_layernorm", "hidden_norm", "post_attention_layernorm"):
        w[p + name + ".weight"] = draw(h, norm=True)
    w |= {"fc.weight": draw(h, 3 * h), "norm.weight": draw(h, norm=True), "lm_head.weight": draw(DRAFT, h)}
    if kind == "joined":
        w["input_norm.weight"] = draw(3 * h, norm=True)
    if kind == "flagged":
        w |= {f"fc_norm.{i}.weight": draw(h, norm=True) for i in range(3)}
    ids = torch.randperm(v, generator=generator)[:DRAFT].sort().values
    w["d2t"] = ids - torch.arange(DRAFT)
    w["t2d"] = torch.zeros(v, dtype=torch.bool).scatter(0, ids, True)
    return w


def configs(target, kind):
    t = target.config
    layer = {"model_type": "llama", "hidden_act": "silu", "hidden_size": t.hidden_size, "intermediate_size": WIDTH,
             "num_hidden_layers": 1, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": SIZE,
             "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 1024, "vocab_size": t.vocab_size,
             "tie_word_embeddings": False, "torch_dtype": "bfloat16", "bos_token_id": 508, "eos_token_id": 509}
    flags = {"plain": {}, "joined": {"norm_before_fc": True},
             "flagged": {"norm_before_residual": True, "fc_norm": True, "norm_output": True}}[kind]
    if kind == "plain":
        ids = {"eagle_aux_hidden_state_layer_ids": [i - 1 for i in ENTERING], "use_aux_hidden_state": True}
        return layer, flags, {"architectures": ["LlamaForCausalLMEagle3"], **layer, "draft_vocab_size": DRAFT, "eagle_config": ids}
    top = {"draft_vocab_size": DRAFT, "eagle_aux_hidden_state_layer_ids": ENTERING, **flags}
    if kind == "joined":
        return layer, flags, {"architectures": ["Eagle3LlamaForCausalLM"], **layer, **top}
    method = {"proposal_type": "greedy", "speculative_tokens": 3}
    return layer, flags, {
        "architectures": ["Eagle3Speculator"], "speculators_model_type": "eagle3", **top, "transformer_layer_config": layer,
        "speculators_config": {"algorithm": "eagle3", "proposal_methods": [method],
                               "verifier": {"name_or_path": "micro", "architectures": ["BailingMoeV2ForCausalLM"]}}}


def judge(folder, head_folder, drafts):
    target = exact_model(folder)
    config = json.loads(Path(head_folder, "config.json").read_text())
    layer = config.get("transformer_layer_config", config)
    head = Head(load_file(f"{head_folder}/model.safetensors"), layer, target.model.word_embeddings.weight.detach(), config)
    steps = json.loads(Path(drafts).read_text())
    same = [0] * max(len(step["drafted"]) for step in steps)
    for step in steps:
        context = step["context"]
        features = features_of(target, context[:-1], config["eagle_aux_hidden_state_layer_ids"])
        mine, _ = head.draft(features, context, len(step["drafted"]))
        for i, (a, b) in enumerate(zip(mine, step["drafted"])):
            same[i] += a == b
    print(json.dumps({"steps": len(steps), "same": same}))
    raise SystemExit(any(n != len(steps) for n in same))


def main():
    torch.set_num_threads(1)
    if sys.argv[1] == "--judge":
        judge(*sys.argv[2:])
    folder, out = sys.argv[1], Path(sys.argv[2])
    target, generator = exact_model(folder), torch.Generator().manual_seed(SEED)
    tensors = {}
    for kind in ("plain", "joined", "flagged"):
        place = out / kind
        place.mkdir(parents=True, exist_ok=True)
        layer, flags, config = configs(target, kind)
        w = random_head(target, kind, generator)
        save_file(w, place / "model.safetensors", metadata={"format": "pt"})
        (place / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        head = Head(w, layer, target.model.word_embeddings.weight.detach(), flags)
        for n, length in enumerate(LENGTHS):
            context = torch.randint(0, 512, (length,), generator=generator)
            features = features_of(target, context[:-1].tolist(), ENTERING)
            drafted, logits = head.draft(features, context.tolist(), STEPS)
            tensors |= {f"{kind}.{n}.context": context, f"{kind}.{n}.drafted": torch.tensor(drafted), f"{kind}.{n}.logits": logits.detach().contiguous()}
    save_file(tensors, out / "drafts.safetensors", metadata={"format": "pt"})
    note = {"script": "Fixtures/generators/eagle3_vectors.py", "checkpoint": Path(folder).name, "seed": SEED,
            "torch": torch.__version__, "safetensors": safetensors.__version__, "python": platform.python_version(), "date": "2026-11-21"}
    (out / "note.json").write_text(json.dumps(note, indent=2) + "\n")


if __name__ == "__main__":
    main()
