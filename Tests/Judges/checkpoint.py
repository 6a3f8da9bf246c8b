"""Reading side of every judge: headers, tensors, roles by name, the exact F32 meaning of FP8 tensors, the model.

Reads safetensors headers itself, so that what a library would tidy up (padding, dtype names, order) is seen
as it lies on disk.
"""
import importlib
import json
import os
import re
import sys
import types

import torch
from safetensors import safe_open

from view import CODE

INDEX = "model.safetensors.index.json"
BLOCK = 128
# Every matrix that the schemes quantise, MTP layers included; nothing else may change.
QUANTISED = re.compile(
    r"model\.layers\.\d+\.(attention\.(query_key_value|dense)"
    r"|mlp\.((experts\.\d+|shared_experts)\.)?(gate|up|down)_proj)\.weight")
# Scales that stand beside something: no weights of the model.
SCALES = (".weight_scale_inv", ".weight_scale", ".input_scale", ".k_scale", ".v_scale")
QKV = ".attention.query_key_value.weight"


def is_quantised(name, keep_qkv=False):
    return bool(QUANTISED.fullmatch(name)) and not (keep_qkv and name.endswith(QKV))


def read_json(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as f:
        return json.load(f)


def files_of(folder):
    """Names of the weight files: those of the index, else all *.safetensors in the folder."""
    if os.path.exists(os.path.join(folder, INDEX)):
        return sorted(set(read_json(folder, INDEX)["weight_map"].values()))
    found = sorted(n for n in os.listdir(folder) if n.endswith(".safetensors"))
    if not found:
        raise SystemExit(f"no weights in {folder}: expected {INDEX} or *.safetensors, found neither")
    return found


def header_of(path):
    """{name: (dtype, shape, bytes)} of one file, checking that the data ends where the file ends."""
    with open(path, "rb") as f:
        size = int.from_bytes(f.read(8), "little")
        room = os.path.getsize(path) - 8
        if size > room:
            raise SystemExit(f"{path}: expected a header of {size} bytes, found {room} in the file")
        head = json.loads(f.read(size))
    head.pop("__metadata__", None)
    end = max((v["data_offsets"][1] for v in head.values()), default=0)
    found = os.path.getsize(path) - 8 - size
    if end != found:
        raise SystemExit(f"{path}: expected {end} bytes of tensor data, found {found}")
    return {k: (v["dtype"], tuple(v["shape"]), v["data_offsets"][1] - v["data_offsets"][0]) for k, v in head.items()}


class Checkpoint:
    """A folder of safetensors; tensors are read one at a time."""

    def __init__(self, folder):
        self.folder, self.tensors, self.where, self.open = folder, {}, {}, {}
        for name in files_of(folder):
            for key, what in header_of(os.path.join(folder, name)).items():
                if key in self.tensors:
                    raise SystemExit(f"{key}: expected in one file, found in {self.where[key]} and {name}")
                self.tensors[key], self.where[key] = what, name

    def read(self, key):
        name = self.where[key]
        if name not in self.open:
            if len(self.open) > 3:
                self.open.clear()
            self.open[name] = safe_open(os.path.join(self.folder, name), framework="pt")
        return self.open[name].get_tensor(key)

    def scale_of(self, key):
        """Name of the scale beside an FP8 weight, in any of our layouts."""
        stem = key[: -len("weight")]
        for suffix in ("weight_scale_inv", "weight_scale"):
            if stem + suffix in self.tensors:
                return stem + suffix
        raise SystemExit(f"{key}: expected {stem}weight_scale_inv or {stem}weight_scale beside FP8 codes, found neither")

    def meaning(self, key):
        """The tensor as F32: code x scale where it is FP8, widened (exactly) where it is not."""
        t = self.read(key)
        if t.dtype != torch.float8_e4m3fn:
            return t.float()
        return t.float() * spread(self.read(self.scale_of(key)).float(), t.shape)

    def meanings(self):
        for key in self.tensors:
            if not key.endswith(SCALES):
                yield key, self.meaning(key)


def spread(scale, shape):
    """A scale grid [ceil(rows/128), ceil(columns/128)], one scale per row [rows, 1], or one [1], over the whole matrix."""
    rows, columns = shape
    if scale.numel() == 1 and scale.dim() < 2:
        return scale.reshape(1, 1).expand(rows, columns)
    grid = (-(-rows // BLOCK), -(-columns // BLOCK))
    if tuple(scale.shape) == (rows, 1) and grid != (rows, 1):
        return scale.expand(rows, columns)
    if tuple(scale.shape) != grid:
        raise SystemExit(f"scale of a {rows} x {columns} matrix: expected {grid} or {(rows, 1)}, found {tuple(scale.shape)}")
    return scale.repeat_interleave(BLOCK, 0)[:rows].repeat_interleave(BLOCK, 1)[:, :columns]


def model_code():
    """Our two remote-code files, imported as one package."""
    if "bailing_judge" not in sys.modules:
        package = types.ModuleType("bailing_judge")
        package.__path__ = [CODE]
        sys.modules["bailing_judge"] = package
    return (importlib.import_module("bailing_judge.configuration_bailing_moe_v2"),
            importlib.import_module("bailing_judge.modeling_bailing_moe_v2"))


def exact_model(folder):
    """Our model in F32 with the exact meaning of every tensor; stops on a missing or unexpected one."""
    configuration, modelling = model_code()
    keys = read_json(folder, "config.json")
    keys.pop("quantization_config", None)
    model = modelling.BailingMoeV2ForCausalLM(configuration.BailingMoeV2Config(**keys)).float().eval()
    missing, unexpected = model.load_state_dict(dict(Checkpoint(folder).meanings()), strict=False)
    if missing or unexpected:
        raise SystemExit(f"{folder} does not fit its config: missing {missing[:4]}, unexpected {unexpected[:4]}")
    return model
