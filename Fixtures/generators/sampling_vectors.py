#!/usr/bin/env python3
"""sampling_vectors.py OUT.json

Probabilities of the next token by transformers' own logits processors (4.56.2, torch on CPU): repetition penalty,
temperature, top-k, top-p, in the order of GenerationMixin. Values are small dyadic or random F32, ties included."""
import json, sys
import torch, transformers
from transformers.generation.logits_process import (RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
                                                    TopKLogitsWarper, TopPLogitsWarper)

torch.manual_seed(20261121)
random = lambda n: (torch.randn(n) * 3).tolist()
ties = [1.0, 2.0, 2.0, -1.0, 2.0, 0.5, 1.0, 1.0, -3.0, 0.0, 2.0, 1.0]
cases = []
def case(name, logits, seen=(), temperature=1.0, top_k=0, top_p=1.0, penalty=1.0):
    scores = torch.tensor([logits], dtype=torch.float32)
    ids = torch.tensor([list(seen)], dtype=torch.long)
    if penalty != 1.0: scores = RepetitionPenaltyLogitsProcessor(penalty)(ids, scores)
    greedy = int(scores.argmax())
    if temperature != 1.0: scores = TemperatureLogitsWarper(temperature)(ids, scores)
    if top_k: scores = TopKLogitsWarper(top_k)(ids, scores)
    if top_p < 1.0: scores = TopPLogitsWarper(top_p)(ids, scores)
    p = scores[0].double().softmax(-1)
    kept = [i for i in range(len(logits)) if scores[0, i] > -float("inf")]
    cases.append({"name": name, "logits": torch.tensor(logits, dtype=torch.float32).tolist(), "seen": list(seen),
                  "temperature": temperature, "top_k": top_k, "top_p": top_p, "repetition_penalty": penalty,
                  "greedy": greedy, "kept": kept, "probabilities": [float(p[i]) for i in kept]})

for n in (7, 40, 300):
    case(f"plain {n}", random(n))
    case(f"temperature {n}", random(n), temperature=0.7)
    case(f"hot {n}", random(n), temperature=1.9)
    case(f"top-k {n}", random(n), top_k=5)
    case(f"top-p {n}", random(n), top_p=0.8)
    case(f"penalty {n}", random(n), seen=[0, 3, 3, 5, 6], penalty=1.3)
    case(f"all {n}", random(n), seen=[1, 2, 2, 6], temperature=0.6, top_k=20, top_p=0.95, penalty=1.05)
case("ties at k", ties, top_k=2)
case("ties below k", ties, top_k=6)
case("ties in the nucleus", ties, top_p=0.5)
case("ties, a nucleus of half of them", [0.0] * 8, top_p=0.5)
case("ties, k and p", ties, top_k=6, top_p=0.9)
case("k of one", ties, top_k=1)
case("k beyond the vocabulary", ties, top_k=50)
case("tiny p", random(9), top_p=0.01)
case("penalty below one", random(9), seen=[0, 1, 2], penalty=0.8)
case("penalty on zero and on ties", ties, seen=[1, 9, 8], penalty=2.0)
case("cold", random(30), temperature=0.05)
case("equal greedy", ties)
with open(sys.argv[1], "w") as f:
    f.write('{"made_by": "transformers %s, torch %s", "cases": [\n' % (transformers.__version__, torch.__version__.split("+")[0]))
    f.write(",\n".join(json.dumps(c) for c in cases) + "\n]}\n")
