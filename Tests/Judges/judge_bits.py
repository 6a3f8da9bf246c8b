#!/usr/bin/env python3
"""Recomputes an FP8 artefact from its source in torch and compares every byte that matters.

    judge_bits.py --source BF16_DIR --artefact FP8_DIR --scheme SCHEME [--calibration DIR] [--kv-scales] [--keep-qkv] [--all]

Names, dtypes and shapes as the layout demands; every code and scale of the scheme; every other tensor byte for
byte; quantization_config, and the rest of config.json unchanged; index (weight_map, total_size); small files
carried along. Scales of inputs and of the cache are recomputed from the arrays of the calibration. Streams tensor by tensor. Prints the first differing tensors; exit status 1 if any. The rules are
in schemes.py.
"""
import argparse
import filecmp
import json
import math
import os
import shutil
import struct
import subprocess
import sys

import torch

from checkpoint import INDEX, Checkpoint, files_of, is_quantised, read_json
from schemes import LARGEST, SCHEMES, STATIC, config_faults, quantise, scale_layout, scale_name

DTYPES = {"F32": torch.float32, "I64": torch.int64}
CARRIED = (".json", ".py", ".jinja", ".txt", ".model")


ROLES = {"attention.query_key_value": "attention-qkv", "attention.dense": "attention-output",
         "mlp.gate_proj": "dense-gate", "mlp.up_proj": "dense-gate", "mlp.down_proj": "dense-down"}


def absmax_of(name):
    """Array and row of a calibration that hold the inputs of a matrix; up has those of gate."""
    parts = name.split(".")
    layer, rest = parts[2], parts[3:-1]
    if "experts" in rest:
        return f"layers.{layer}.expert-{'down' if rest[-1] == 'down_proj' else 'gate'}", int(rest[2])
    if "shared_experts" in rest:
        return f"layers.{layer}.shared-expert-{'down' if rest[-1] == 'down_proj' else 'gate'}", 0
    return f"layers.{layer}.{ROLES['.'.join(rest)]}", 0


def unpacked(path):
    """The content of a seekable zstd file; where its numbers are in planes, their bytes put back in order."""
    with open(path, "rb") as file:
        raw = file.read()
    if not shutil.which("zstd"):
        print("skipped: no zstd program to unpack the calibration")
        sys.exit(77)
    content = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
    if raw[:4] != b"\x50\x2a\x4d\x18":
        return content
    width, frames = raw[11], struct.unpack("<I", raw[-9:-5])[0]
    table, parts, start = raw[-9 - 12 * frames:-9], [], 0
    for frame in range(frames):
        length = struct.unpack("<I", table[12 * frame + 4:12 * frame + 8])[0]
        part, whole = content[start:start + length], length // width * width
        planes = torch.frombuffer(bytearray(part[:whole]), dtype=torch.uint8) if whole else torch.empty(0, dtype=torch.uint8)
        parts += [planes.reshape(width, -1).T.contiguous().numpy().tobytes(), part[whole:]]
        start += length
    return b"".join(parts)


def calibration_arrays(folder):
    """{name: tensor}: small arrays from the safetensors file, large ones from the packed file, unpacked by zstd."""
    from safetensors.torch import load_file
    seen = load_file(os.path.join(folder, "calibration.safetensors"))
    packed = read_json(folder, "calibration.json").get("packed")
    if packed:
        content = unpacked(os.path.join(folder, packed["name"]))
        for array in packed["arrays"]:
            if array["dtype"] in DTYPES:
                count = math.prod(array["shape"])
                seen[array["name"]] = torch.frombuffer(bytearray(content), dtype=DTYPES[array["dtype"]], count=count,
                                                       offset=array["offset"]).reshape(array["shape"])
    return seen


def stored_scales(source, scheme, keep_qkv, calibration, cache):
    """{name: F32 [1]} of what the calibration says: max |x| / 448; of an expert without tokens the layer's largest."""
    want = {}
    if calibration is None:
        return want
    seen = calibration_arrays(calibration)
    names = [n for n in source.tensors if is_quantised(n, keep_qkv)] if scheme == STATIC else []
    for name in names:
        prefix, row = absmax_of(name)
        largest = seen[prefix + ".absmax"].amax(1)
        value = largest[row] if seen[prefix + ".tokens"][row] > 0 and largest[row] > 0 else largest.max()
        want[name[: -len("weight")] + "input_scale"] = (value / LARGEST).reshape(1)
    for name in source.tensors if cache else ():
        if name.endswith(".attention.query_key_value.weight"):
            for part, which in (("k", "keys"), ("v", "values")):
                value = seen[f"layers.{name.split('.')[2]}.{which}.absmax"].max() / LARGEST
                want[name[: -len("query_key_value.weight")] + f"attn.{part}_scale"] = value.reshape(1)
    return want


def expected_tensors(source, scheme, keep_qkv):
    """{name: (dtype, shape)} that the artefact must hold, no more and no less."""
    want = {}
    for name, (dtype, shape, _) in source.tensors.items():
        want[name] = (dtype, shape)
        if is_quantised(name, keep_qkv):
            want[name] = ("F8_E4M3", shape)
            want[scale_name(name, scheme)] = scale_layout(shape, scheme)
    return want


def header_faults(want, artefact):
    faults = [f"{n}: expected {d} {list(s)}, found no such tensor" for n, (d, s) in want.items() if n not in artefact.tensors]
    for name, (dtype, shape, _) in artefact.tensors.items():
        if name not in want:
            faults.append(f"{name}: expected no such tensor, found {dtype} {list(shape)} in {artefact.where[name]}")
        elif want[name] != (dtype, shape):
            faults.append(f"{name}: expected {want[name][0]} {list(want[name][1])}, found {dtype} {list(shape)}")
    return faults


def first_difference(name, want, found):
    """None, or the first differing element with its coordinate, bytes and values, and how many differ."""
    a, b = (t.contiguous().view(torch.uint8).view(t.numel(), t.element_size()) for t in (want, found))
    rows = (a != b).any(1).nonzero()
    if not len(rows):
        return None
    at = int(rows[0])
    place = [int(x) for x in torch.unravel_index(torch.tensor(at), want.shape)]
    value = [float(t.flatten()[at].float()) for t in (want, found)]
    raw = ["0x" + bytes(t[at].tolist())[::-1].hex() for t in (a, b)]
    return (f"{name}{place}: expected {raw[0]} ({value[0]:.9g}), found {raw[1]} ({value[1]:.9g}); "
            f"{len(rows)} of {want.numel()} differ")


def tensor_faults(source, artefact, scheme, keep_qkv):
    """Yields faults of contents, in the order of the source's names."""
    for name in sorted(source.tensors):
        if name not in artefact.tensors:
            continue  # said by header_faults
        pairs = [(name, source.read(name))]
        if is_quantised(name, keep_qkv):
            codes, scales = quantise(pairs[0][1], name, scheme)
            pairs = [(name, codes), (scale_name(name, scheme), scales)]
        for key, want in pairs:
            found = artefact.read(key) if key in artefact.tensors else None
            if found is not None and (found.dtype, found.shape) == (want.dtype, want.shape):
                fault = first_difference(key, want, found)
                if fault:
                    yield fault


def index_faults(artefact):
    files = files_of(artefact.folder)
    if not os.path.exists(os.path.join(artefact.folder, INDEX)):
        return [] if files == ["model.safetensors"] else [f"{INDEX}: expected for {files[:3]}, found none"]
    index, faults = read_json(artefact.folder, INDEX), []
    on_disk = sorted(n for n in os.listdir(artefact.folder) if n.endswith(".safetensors"))
    if files != on_disk:
        faults.append(f"{INDEX}: expected the files {on_disk[:3]}…, found {files[:3]}…")
    total = sum(size for _, _, size in artefact.tensors.values())
    if index.get("metadata", {}).get("total_size") != total:
        faults.append(f"{INDEX}: total_size expected {total}, found {index.get('metadata', {}).get('total_size')}")
    said = index["weight_map"]
    for name in sorted(set(said) | set(artefact.where)):
        if said.get(name) != artefact.where.get(name):
            faults.append(f"{INDEX}: {name} expected in {artefact.where.get(name)}, found {said.get(name)}")
    return faults


def folder_faults(source, artefact, scheme, keep_qkv):
    old, new = read_json(source.folder, "config.json"), read_json(artefact.folder, "config.json")
    modules = [n[: -len(".weight")] for n in source.tensors if is_quantised(n, keep_qkv)]
    kept = [n[: -len(".weight")] for n in source.tensors
            if n == "lm_head.weight" or n.endswith(".eh_proj.weight") or is_quantised(n) and not is_quantised(n, keep_qkv)]
    faults = config_faults(new.pop("quantization_config", None), scheme, modules, kept)
    for key in sorted(set(old) | set(new)):
        if old.get(key, "absent") != new.get(key, "absent"):
            faults.append(f"config.json: {key} expected {old.get(key, 'absent')!r}, found {new.get(key, 'absent')!r}")
    for name in sorted(os.listdir(source.folder)):
        if name.endswith(CARRIED) and name not in ("config.json", INDEX):
            path = os.path.join(artefact.folder, name)
            if not os.path.exists(path):
                faults.append(f"{name}: expected beside the weights, found none")
            elif not filecmp.cmp(os.path.join(source.folder, name), path, shallow=False):
                faults.append(f"{name}: expected the source's bytes, found others")
    for name in files_of(artefact.folder):
        with open(os.path.join(artefact.folder, name), "rb") as f:
            (size,) = struct.unpack("<Q", f.read(8))
            tag = (json.loads(f.read(size)).get("__metadata__") or {}).get("format")
        if tag != "pt":
            faults.append(f"{name}: __metadata__.format expected 'pt' (some transformers refuse others), found {tag!r}")
    return faults


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--source", required=True)
    ask.add_argument("--artefact", required=True)
    ask.add_argument("--scheme", required=True, choices=(*SCHEMES, STATIC))
    ask.add_argument("--calibration", help="the folder of the calibration; needed with " + STATIC)
    ask.add_argument("--kv-scales", action="store_true", help="the artefact has scales of keys and values")
    ask.add_argument("--keep-qkv", action="store_true", help="attention.query_key_value stays as it was")
    ask.add_argument("--all", action="store_true", help="print every fault, not the first eight")
    a = ask.parse_args()
    torch.set_num_threads(1)
    source, artefact = Checkpoint(a.source), Checkpoint(a.artefact)
    want = expected_tensors(source, a.scheme, a.keep_qkv)
    stored = stored_scales(source, a.scheme, a.keep_qkv, a.calibration, a.kv_scales)
    want.update({name: ("F32", (1,)) for name in stored})
    faults = header_faults(want, artefact)
    faults += index_faults(artefact) + folder_faults(source, artefact, a.scheme, a.keep_qkv)
    faults += tensor_faults(source, artefact, a.scheme, a.keep_qkv)
    for name, value in stored.items():
        fault = first_difference(name, value, artefact.read(name)) if want[name] == artefact.tensors.get(name, ())[:2] else None
        faults += [fault] if fault else []
    for fault in faults if a.all else faults[:8]:
        print("  " + fault)
    quantised = sum(is_quantised(n, a.keep_qkv) for n in source.tensors)
    print(f"{'FAIL' if faults else 'PASS'} bits {a.scheme}: {quantised} matrices recomputed, "
          f"{len(source.tensors) - quantised} tensors compared, {len(stored)} stored scales, {len(faults)} differences")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
