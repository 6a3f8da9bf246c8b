#!/usr/bin/env python3
"""Do the judges judge? Every scheme written by the second writer must pass; every damage must be caught by name.

    self_test.py [WORK_DIR]

Then the compressed-tensors rule is held against that library's own functions, where it is installed.
"""
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

from schemes import SCHEMES, quantise

HERE = os.path.dirname(os.path.abspath(__file__))
GATE = "model.layers.1.mlp.experts.3.gate_proj.weight"


def run(*arguments):
    done = subprocess.run([sys.executable, os.path.join(HERE, arguments[0]), *arguments[1:]], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def change_tensors(folder, change):
    """Rewrites the files that hold GATE or its scale, and the index, so that only the meant damage shows."""
    path = os.path.join(folder, INDEX)
    with open(path) as f:
        index = json.load(f)
    file = index["weight_map"][GATE]
    tensors = load_file(os.path.join(folder, file))
    before = set(tensors)
    change(tensors)
    save_file(tensors, os.path.join(folder, file), metadata={"format": "pt"})
    for name in before - set(tensors):
        del index["weight_map"][name]
    index["weight_map"].update({name: file for name in tensors})
    index["metadata"]["total_size"] = sum(t.nbytes for f in set(index["weight_map"].values())
                                          for t in load_file(os.path.join(folder, f)).values())
    with open(path, "w") as f:
        json.dump(index, f)


def change_json(folder, name, change):
    path = os.path.join(folder, name)
    with open(path) as f:
        document = json.load(f)
    change(document)
    with open(path, "w") as f:
        json.dump(document, f)


def flip(name):
    def change(tensors):
        raw = tensors[name].view(torch.uint8).flatten()
        raw[min(300, len(raw) - 1) & ~3] ^= 1
    return lambda folder: change_tensors(folder, change)


SCALE = GATE + "_scale_inv"
ROUTER, INDEX = "model.layers.1.mlp.gate.weight", "model.safetensors.index.json"


def tensors(change):
    return lambda folder: change_tensors(folder, change)


def document(name, change):
    return lambda folder: change_json(folder, name, change)


def cut(size):
    return lambda folder: os.truncate(os.path.join(folder, "model-00002-of-00002.safetensors"), size)


DAMAGES = [  # what, how, what the judge must say
    ("a code flipped", flip(GATE), GATE + "["),
    ("a scale flipped in its last bit", flip(SCALE), SCALE + "["),
    ("an untouched tensor flipped", flip(ROUTER), ROUTER + "["),
    ("a scale missing", tensors(lambda t: t.pop(SCALE)), SCALE + ": expected F32"),
    ("a scale renamed", tensors(lambda t: t.update({GATE + "_scale": t.pop(SCALE)})), GATE + "_scale: expected no such"),
    ("a scale as BF16", tensors(lambda t: t.update({SCALE: t[SCALE].bfloat16()})), SCALE + ": expected F32"),
    ("a scale inverted", tensors(lambda t: t.update({SCALE: 1 / t[SCALE]})), SCALE + "["),
    ("router quantised", tensors(lambda t: t.update({ROUTER: t[ROUTER].to(torch.float8_e4m3fn)})), ROUTER + ": expected BF16"),
    ("total_size wrong", document(INDEX, lambda i: i["metadata"].update(total_size=7)), "total_size expected"),
    ("weight_map wrong", document(INDEX, lambda i: i["weight_map"].update({GATE: i["weight_map"]["lm_head.weight"]})),
     GATE + " expected in"),
    ("scale_fmt without need", document("config.json", lambda c: c["quantization_config"].update(scale_fmt="ue8m0")),
     "scale_fmt: expected None"),
    ("a config key lost", document("config.json", lambda c: c.pop("routed_scaling_factor")), "routed_scaling_factor expected 2.5"),
    ("no quantization_config", document("config.json", lambda c: c.pop("quantization_config")), "expected quantization_config"),
    ("a sidecar lost", lambda d: os.remove(os.path.join(d, "generation_config.json")), "generation_config.json: expected"),
    ("a file cut short", cut(200_000), "bytes of tensor data, found"),
    ("a file cut in its header", cut(5000), "expected a header of"),
]


def library_rule():
    """compressed-tensors' own scale and quantise functions on random and special matrices: None where not installed."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            from compressed_tensors.quantization import QuantizationArgs
            from compressed_tensors.quantization.lifecycle.forward import quantize
            from compressed_tensors.quantization.utils import calculate_qparams
    except ImportError:
        return None
    make, differ, of = torch.Generator().manual_seed(5), 0, 0
    for shape in ((256, 384), (128, 128), (512, 256)):
        for power in (-40, -20, -7, 0, 10):
            w = (torch.randn(shape, generator=make) * 2.0**power).bfloat16()
            w[:128, :128] = 0
            block = QuantizationArgs(num_bits=8, type="float", strategy="block", block_structure=[128, 128])
            channel = QuantizationArgs(num_bits=8, type="float", strategy="channel")
            tiles = w.view(shape[0] // 128, 128, shape[1] // 128, 128)
            for scheme, args, low, high in (("fp8-block-ct", block, tiles.amin((1, 3)), tiles.amax((1, 3))),
                                            ("fp8-channel", channel, w.amin(1, keepdim=True), w.amax(1, keepdim=True))):
                scale, zero = calculate_qparams(low, high, args)
                codes = quantize(x=w, scale=scale, zero_point=zero, args=args, dtype=torch.float8_e4m3fn)
                our_codes, our_scale = quantise(w, GATE, scheme)
                differ += int((codes.view(torch.uint8) != our_codes.view(torch.uint8)).sum()) + int((scale != our_scale).sum())
                of += codes.numel() + scale.numel()
    return differ, of


def main():
    torch.set_num_threads(1)
    failed = 0

    def say(ok, what, why=""):
        nonlocal failed
        failed += not ok
        print(f"{'PASS' if ok else 'FAIL'} {what}" + ("" if ok else "\n" + why), flush=True)

    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as work:
        where = {k: os.path.join(work, k) for k in ("micro", "edge", "artefact", "damaged")}
        run("make_checkpoint.py", "--out", where["micro"], "--preset", "micro", "--shards", "2")
        run("make_checkpoint.py", "--out", where["edge"], "--preset", "ragged", "--edge", "--mtp", "--shards", "3")
        for source in ("micro", "edge"):
            for scheme in SCHEMES:
                for keep in ([], ["--keep-qkv"]):
                    shutil.rmtree(where["artefact"], ignore_errors=True)
                    run("plain_writer.py", "quantise", where[source], "--scheme", scheme, "--output", where["artefact"], *keep)
                    status, said = run("judge_bits.py", "--source", where[source], "--artefact", where["artefact"], "--scheme", scheme, *keep)
                    say(status == 0, f"{source} {scheme} {' '.join(keep)}: second writer and judge agree", said)
        shutil.rmtree(where["artefact"])
        run("plain_writer.py", "quantise", where["micro"], "--scheme", "fp8-block", "--output", where["artefact"])
        for what, damage, sign in DAMAGES:
            shutil.rmtree(where["damaged"], ignore_errors=True)
            shutil.copytree(where["artefact"], where["damaged"])
            damage(where["damaged"])
            status, said = run("judge_bits.py", "--source", where["micro"], "--artefact", where["damaged"], "--scheme", "fp8-block")
            say(status == 1 and sign in said, f"{what}: caught", said)
        for scheme in SCHEMES[1:]:
            status, said = run("judge_bits.py", "--source", where["micro"], "--artefact", where["artefact"], "--scheme", scheme)
            say(status == 1, f"fp8-block is not taken for {scheme}", said)
    found = library_rule()
    if found is None:
        print("skipped: compressed-tensors is not installed here, its own rule was not asked")
    else:
        say(found[0] == 0, f"compressed-tensors' own functions: {found[0]} of {found[1]} codes and scales differ")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
