#!/usr/bin/env python3
"""Real vLLM (CPU build, offline) drafts with an EAGLE3 head: what it drafted, and how much of it was accepted.

    draft_vllm.py --model DIR --head DIR --data FILE.jsonl [--steps 3] [--tokens 64] [--dtype bfloat16] [--fp8 emulate|lift]
    draft_vllm.py --model DIR --head DIR --data FILE.jsonl --log DRAFTS.json [--dtype float32] [--against DRAFTS.json]

Rows have token ids (tokens) or a conversation, of which everything before the first answer is the prompt. One JSON line on
standard output: drafts, accepted tokens, acceptance length (1 + accepted / drafts, the token of the target counted), and
acceptance by position. --log runs prompts one by one and writes every draft with the tokens it was made after; it needs a
head that is never accepted, such as a random one, to know what came before which draft. --against holds the log to an
earlier one, draft by draft: PASS or FAIL in the last line, and the exit status.

vLLM 0.32.0 has no EAGLE3 interface for this family: it is added here in memory. Snapshot i is the residual stream that
enters layer i, and what leaves the last layer for i = their number.
"""
import argparse
import json
import os
import sys
import tempfile


def add_interface():
    import vllm.model_executor.models.bailing_moe as family
    from vllm.model_executor.models.interfaces import SupportsEagle3

    plain = family.BailingMoeModel.forward

    def forward(self, input_ids, position_ids, intermediate_tensors, inputs_embeds=None):
        wanted = getattr(self, "aux_hidden_state_layers", ())
        if not wanted:
            return plain(self, input_ids, position_ids, intermediate_tensors, inputs_embeds)
        x = inputs_embeds if inputs_embeds is not None else self.embed_input_ids(input_ids)
        residual, states = None, []
        for i, layer in enumerate(self.layers):
            if i in wanted:
                states.append(x if residual is None else x + residual)
            x, residual = layer(x, position_ids, residual)
        if len(self.layers) in wanted:
            states.append(x + residual)
        return self.norm(x, residual)[0], states

    family.BailingMoeModel.forward = forward
    family.BailingMoeModel.embed_tokens = property(lambda self: self.word_embeddings)
    for name in dir(SupportsEagle3):
        if not name.startswith("_") and not hasattr(family.BailingMoeV2ForCausalLM, name):
            setattr(family.BailingMoeV2ForCausalLM, name, getattr(SupportsEagle3, name))
    family.BailingMoeV2ForCausalLM.set_aux_hidden_state_layers = (
        lambda self, layers: setattr(self.model, "aux_hidden_state_layers", tuple(sorted(set(layers)))))


def prompts_of(path, model, limit):
    rows = [json.loads(line) for line in open(path) if line.strip()][:limit]
    tokenizer = None
    if any("tokens" not in row for row in rows):
        from transformers import PreTrainedTokenizerFast
        with open(os.path.join(model, "tokenizer_config.json")) as f:
            template = json.load(f)["chat_template"]
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=os.path.join(model, "tokenizer.json"), chat_template=template)
    prompts = []
    for row in rows:
        if "tokens" in row:
            prompts.append(row["tokens"])
            continue
        turns = row.get("conversations") or row["messages"]
        first = next(i for i, turn in enumerate(turns) if turn["role"] == "assistant")
        text = tokenizer.apply_chat_template(turns[:first], tokenize=False, add_generation_prompt=True)
        prompts.append(tokenizer(text, add_special_tokens=False)["input_ids"])
    return prompts


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("model", "head", "data"):
        ask.add_argument("--" + name, required=True)
    ask.add_argument("--steps", type=int, default=3)
    ask.add_argument("--tokens", type=int, default=64)
    ask.add_argument("--rows", type=int)
    ask.add_argument("--dtype", default="bfloat16")
    ask.add_argument("--fp8", choices=["no", "emulate", "lift"], default="no")
    ask.add_argument("--log")
    ask.add_argument("--against")
    a = ask.parse_args()
    if a.against and not a.log:
        ask.error("--against needs --log")
    status = 0
    from judge_vllm import SETTINGS
    for key, value in SETTINGS.items():
        os.environ.setdefault(key, value)
    with tempfile.TemporaryDirectory() as modules, tempfile.TemporaryDirectory() as view:
        os.environ["HF_MODULES_CACHE"] = modules
        run(a, view)
    if a.against:
        status = compare(a.log, a.against)
    sys.stdout.flush()
    os._exit(status)  # vLLM's own shutdown can hang


def compare(found, wanted):
    """0 when two logs have the same drafts after the same tokens."""
    with open(found) as f, open(wanted) as g:
        found, wanted = ([(tuple(s["context"]), tuple(s["drafted"])) for s in json.load(x)] for x in (f, g))
    differing = sum(a != b for a, b in zip(found, wanted)) + abs(len(found) - len(wanted))
    for pair in [p for p in zip(found, wanted) if p[0] != p[1]][:4]:
        print(f"  expected {pair[1]}, found {pair[0]}")
    print(f"{'FAIL' if differing else 'PASS'} drafts: {len(wanted)} drafts, {differing} differ")
    return 1 if differing else 0


def run(a, view):
    import vllm_fp8
    from view import view_with_code
    if a.fp8 != "no":
        getattr(vllm_fp8, a.fp8)()
    add_interface()
    from vllm import LLM, SamplingParams
    drafts = []
    if a.log:
        from vllm.v1.worker.gpu_model_runner import GPUModelRunner
        ask = GPUModelRunner.propose_draft_token_ids

        def propose(self, *given, **named):
            found = ask(self, *given, **named)
            drafts.append(found.tolist() if hasattr(found, "tolist") else found)
            return found

        GPUModelRunner.propose_draft_token_ids = propose
    view_with_code(a.model, view, False)
    llm = LLM(model=view, dtype=a.dtype, skip_tokenizer_init=True, enforce_eager=True, trust_remote_code=True,
              enable_prefix_caching=False, max_num_seqs=1 if a.log else 16, disable_log_stats=False,
              speculative_config={"method": "eagle3", "model": os.path.abspath(a.head), "num_speculative_tokens": a.steps})
    with open(os.path.join(a.model, "generation_config.json")) as f:
        ends = json.load(f).get("eos_token_id", [])
    ends = ends if isinstance(ends, list) else [ends]
    prompts = prompts_of(a.data, a.model, a.rows)
    want = SamplingParams(temperature=0.0, max_tokens=a.tokens, detokenize=False, ignore_eos=bool(a.log),
                          stop_token_ids=None if a.log else ends)
    steps = []
    if a.log:
        for prompt in prompts:
            drafts.clear()
            answer = llm.generate([{"prompt_token_ids": prompt}], want, use_tqdm=False)[0].outputs[0].token_ids
            steps += [{"context": prompt + list(answer[: i + 1]), "drafted": d[0]} for i, d in enumerate(drafts) if i < len(answer)]
        with open(a.log, "w") as f:
            f.write("[\n" + ",\n".join(json.dumps(s, separators=(",", ":")) for s in steps) + "\n]\n")
    else:
        answers = llm.generate([{"prompt_token_ids": p} for p in prompts], want, use_tqdm=False)
    count = {m.name.split(":")[-1]: getattr(m, "value", getattr(m, "values", None)) for m in llm.get_metrics() if "spec" in m.name}
    n, accepted = count["spec_decode_num_drafts"], count["spec_decode_num_accepted_tokens"]
    print(json.dumps({"dtype": a.dtype, "fp8": a.fp8, "prompts": len(prompts), "drafts": n, "accepted": accepted,
                      "acceptance_length": round(1 + accepted / max(1, n), 4),
                      "by_position": [round(x / max(1, n), 4) for x in count["spec_decode_num_accepted_tokens_per_pos"]],
                      "tokens": None if a.log else sum(len(x.outputs[0].token_ids) for x in answers)}))


if __name__ == "__main__":
    main()
