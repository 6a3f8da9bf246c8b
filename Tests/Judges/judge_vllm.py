#!/usr/bin/env python3
"""Real vLLM (CPU build, offline) answers an artefact's token cases; compared with a golden file.

    judge_vllm.py --model DIR --golden FILE [--dtype float32] [--fp8 emulate|lift] [--max-kl 1e-7]

Every prompt position's full log-probabilities and the greedy continuation. One JSON line per case, one last
line PASS or FAIL; exit status 1 on a tensor that vLLM did not read, beyond the limit, or on another greedy token.
The configuration class is put beside config.json in a temporary view where the artefact does not carry one.
"""
import argparse
import os
import sys
import tempfile

SETTINGS = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "HF_HUB_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_LOGGING_LEVEL": "ERROR", "OMP_NUM_THREADS": "1",
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}

SKIPPED = 77


def unsplittable(folder):
    """Why vLLM cannot cut a block scale that lies over fused rows; None where it can."""
    from checkpoint import BLOCK, Checkpoint, read_json
    config, tensors = read_json(folder, "config.json"), Checkpoint(folder).tensors
    for name, (dtype, (rows, *_), _) in tensors.items():
        scale = tensors.get(name + "_scale_inv", tensors.get(name + "_scale"))
        if dtype != "F8_E4M3" or scale is None or scale[1] == (rows, 1):
            continue
        size, module = config["head_dim"], name.split(".")[-2]
        parts = {"query_key_value": (config["num_attention_heads"] * size, config["num_key_value_heads"] * size),
                 "gate_proj": (rows,), "up_proj": (rows,)}.get(module, ())
        if any(n % BLOCK for n in parts):
            return f"vLLM cuts {module} at rows {parts}, inside a {BLOCK}-row scale block"
    return None


def ask_vllm(llm, tokens, steps, logprobs):
    from vllm import SamplingParams
    want = SamplingParams(temperature=0.0, max_tokens=steps, ignore_eos=True, detokenize=False,
                          prompt_logprobs=-1 if logprobs and len(tokens) > 1 else None,
                          logprobs=-1 if logprobs else None)
    return llm.generate([{"prompt_token_ids": tokens}], want, use_tqdm=False)[0]


def log_probabilities(answer, shape):
    """[T, vocabulary]: the prompt's positions 1… and the first generated one."""
    import torch
    rows = list(answer.prompt_logprobs[1:]) if answer.prompt_logprobs else []
    rows.append(answer.outputs[0].logprobs[0])
    found = torch.full(shape, float("nan"), dtype=torch.float64)
    for i, row in enumerate(rows):
        found[i, list(row)] = torch.tensor([p.logprob for p in row.values()], dtype=torch.float64)
    return found


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--model", required=True)
    ask.add_argument("--golden", required=True)
    ask.add_argument("--dtype", default="float32")
    ask.add_argument("--fp8", choices=["no", "emulate", "lift"], default="no")
    ask.add_argument("--max-kl", type=float, default=1e-7)
    ask.add_argument("--any-greedy", action="store_true", help="do not ask for the same greedy tokens")
    a = ask.parse_args()
    for key, value in SETTINGS.items():
        os.environ.setdefault(key, value)
    with tempfile.TemporaryDirectory() as modules:
        os.environ["HF_MODULES_CACHE"] = modules  # read when the library is imported
        why = unsplittable(a.model)
        if why:
            print(f"skipped: {why}")
        status = SKIPPED if why else judge(a)
    sys.stdout.flush()
    os._exit(status)  # vLLM's own shutdown can hang


def judge(a):
    import torch
    import vllm_fp8
    from agreement import Golden, Verdict
    from golden import golden_path
    from view import view_with_code
    from vllm import LLM

    torch.set_num_threads(1)
    if a.fp8 != "no":
        getattr(vllm_fp8, a.fp8)()
    unread = []
    vllm_fp8.watch_unread(unread)
    golden, verdict = Golden(golden_path(a.golden)), Verdict(a.max_kl)
    with tempfile.TemporaryDirectory() as folder:
        view_with_code(a.model, folder, model_too=False)
        llm = LLM(model=folder, dtype=a.dtype, skip_tokenizer_init=True, enforce_eager=True, max_logprobs=-1,
                  trust_remote_code=True, enable_prefix_caching=False, max_num_seqs=2)
        for case in golden.cases:
            tokens, prompt, steps = golden.tokens(case).tolist(), golden.prompt(case).tolist(), len(golden.greedy(case))
            answer = ask_vllm(llm, tokens, max(steps, 1) if prompt == tokens else 1, True)
            made = list(answer.outputs[0].token_ids) if prompt == tokens else None
            if steps and made is None:
                made = list(ask_vllm(llm, prompt, steps, False).outputs[0].token_ids)
            shape = golden.log_probabilities(case).shape
            verdict.case(golden, case, log_probabilities(answer, shape), None if a.any_greedy else made)
        return verdict.close(f"vllm {a.dtype} {a.fp8}", [f"not in the artefact, so not read: {n}" for n in unread])


if __name__ == "__main__":
    main()
