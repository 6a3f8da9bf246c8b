"""Cases, and how far two answers to a case are apart.

A golden file is safetensors: CASE.tokens I64 [T]; CASE.logits F32 [T, vocabulary], of every position;
CASE.greedy I64 [N], the continuation of CASE.prompt (of CASE.tokens where there is no prompt); optionally
CASE.greedy_gap F32 [N], the distance between the two best logits at each step.
"""
import json

import torch
from safetensors.torch import load_file

TIE = 1e-3  # two greedy candidates nearer than this (in logits) may change places in F32


class Golden:
    def __init__(self, path):
        self.tensors = load_file(path)
        names = [k[: -len(".tokens")] for k in self.tensors if k.endswith(".tokens")]
        self.cases = sorted(names, key=lambda n: (len(self.tensors[n + ".tokens"]), n))

    def tokens(self, case):
        return self.tensors[case + ".tokens"]

    def prompt(self, case):
        return self.tensors.get(case + ".prompt", self.tokens(case))

    def greedy(self, case):
        return self.tensors[case + ".greedy"].tolist() if case + ".greedy" in self.tensors else []

    def log_probabilities(self, case):
        return self.tensors[case + ".logits"].double().log_softmax(-1)

    def tie_at(self, case, step):
        gaps = self.tensors.get(case + ".greedy_gap")
        return gaps is not None and float(gaps[step]) < TIE


def larger(a, b):
    """The larger one; NaN where either is."""
    return b if b != b or b > a else a


class Verdict:
    """Prints one JSON line per case, keeps the worst, and decides."""

    def __init__(self, max_kl):
        self.max_kl, self.worst, self.mean_kl, self.bad, self.same, self.of = max_kl, 0.0, 0.0, [], 0, 0

    def case(self, golden, case, found, greedy=None):
        """found: logits or log-probabilities [T, vocabulary]; greedy: generated tokens, None where not asked."""
        want = golden.log_probabilities(case)
        found = found.double().log_softmax(-1)  # F32 log-probabilities miss a mass of 1 by more than the limit
        worst = (found - want).abs().max().item()
        kl = (want.exp() * (want - found)).sum(-1).mean().item()
        line = {"case": case, "tokens": len(want), "max_abs_log_probability": worst, "mean_kl": kl}
        self.worst, self.mean_kl = larger(self.worst, worst), larger(self.mean_kl, kl)
        if not kl <= self.max_kl:  # also true for NaN
            self.bad.append(f"{case}: mean KL expected at most {self.max_kl:g}, found {kl:.3g}")
        if greedy is not None:
            wanted = golden.greedy(case)
            same = next((i for i, (a, b) in enumerate(zip(greedy, wanted)) if a != b), min(len(greedy), len(wanted)))
            line["greedy"] = f"{same}/{len(wanted)}"
            self.same, self.of = self.same + same, self.of + len(wanted)
            if same < len(wanted) and not golden.tie_at(case, same):
                self.bad.append(f"{case}: greedy token {same} expected {wanted[same]}, found {greedy[same:same + 1]}")
        print(json.dumps(line), flush=True)

    def close(self, who, further=()):
        """Last line and exit status."""
        self.bad = list(further) + self.bad
        for line in self.bad:
            print("  " + line)
        greedy = f", greedy {self.same}/{self.of}" if self.of else ""
        print(f"{'FAIL' if self.bad else 'PASS'} {who}: max |dlogp| {self.worst:.2e}, mean KL {self.mean_kl:.2e}{greedy}",
              flush=True)
        return 1 if self.bad else 0
