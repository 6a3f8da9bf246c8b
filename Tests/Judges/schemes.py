"""The schemes, stated once more in plain torch: codes and scales of a matrix, layout on disk, config.

fp8-block         s = max(amax, 1e-4) / 448 in F32 per 128 x 128 block; q = E4M3(clamp(x / s)); DeepSeek layout
fp8-block-ue8m0   the same s rounded up to a power of two through its exponent bits
fp8-block-ling    the model authors' converter: attention.dense and routed experts' gate and up have
                  s -> exp2(ceil(log2 s)) in F32, all others stay as in fp8-block
fp8-block-ct      compressed-tensors on a CPU: amax, s and the quotient each rounded to BF16; s = 0 -> 2^-7
fp8-channel       the same arithmetic with one scale per row
fp8-tensor-static the same arithmetic with one scale per matrix; beside it the scale of its inputs, F32, from a calibration

Source: DeepSeek-V3 inference/kernel.py; DeepGEMM utils/math.py; inclusionAI/Ling-V2
tools/convert_dcp_to_safetensors.py; compressed-tensors quantization/utils/helpers.py and lifecycle/forward.py.
"""
import re

import torch

BLOCK, LARGEST, FLOOR = 128, 448.0, 1e-4
SCHEMES = ("fp8-block", "fp8-block-ue8m0", "fp8-block-ling", "fp8-block-ct", "fp8-channel")
STATIC = "fp8-tensor-static"  # needs a calibration, so it is not among the five that any checkpoint can be written in
POWER_OF_TWO_IN_LING = re.compile(r".*\.(attention\.dense|mlp\.experts\.\d+\.(gate|up)_proj)\.weight")


def bf16_arithmetic(scheme):
    return scheme in ("fp8-block-ct", "fp8-channel", STATIC)


def scale_name(weight, scheme):
    return weight + ("_scale" if bf16_arithmetic(scheme) else "_scale_inv")


def scale_layout(shape, scheme):
    """(dtype, shape) of the scale of a matrix, as in a safetensors header."""
    rows, columns = shape
    if scheme == STATIC:
        return "BF16", (1,)
    grid = (rows, 1) if scheme == "fp8-channel" else (-(-rows // BLOCK), -(-columns // BLOCK))
    return ("BF16" if bf16_arithmetic(scheme) else "F32"), grid


def round_up_by_bits(scale):
    """Up to a power of two: the exponent, plus one where any mantissa bit is set; kept within 1…254."""
    bits = scale.view(torch.int32)
    exponent = ((bits >> 23) & 0xFF) + ((bits & 0x7FFFFF) != 0).int()
    return (exponent.clamp(1, 254) << 23).view(torch.float32)


def quantise(weight, name, scheme):
    """[rows, columns] BF16 or F32 -> codes [rows, columns] E4M3, scales as scale_layout says."""
    rows, columns = weight.shape
    if scheme == STATIC:
        tiles = weight.view(1, rows, 1, columns)
    elif scheme == "fp8-channel":
        tiles = weight.view(rows, 1, 1, columns)
    else:
        m, n = -(-rows // BLOCK), -(-columns // BLOCK)
        tiles = torch.nn.functional.pad(weight, (0, n * BLOCK - columns, 0, m * BLOCK - rows))
        tiles = tiles.view(m, BLOCK, n, BLOCK)
    over = (1, 3)
    if bf16_arithmetic(scheme):
        tiles = tiles.to(torch.bfloat16)
        scale = tiles.abs().amax(over, keepdim=True) / LARGEST
        scale = torch.where(scale == 0, torch.finfo(torch.bfloat16).eps, scale)
    else:
        tiles = tiles.float()
        scale = tiles.abs().amax(over, keepdim=True).clamp(min=FLOOR) / LARGEST
        if scheme == "fp8-block-ue8m0":
            scale = round_up_by_bits(scale)
        if scheme == "fp8-block-ling" and POWER_OF_TWO_IN_LING.fullmatch(name):
            scale = scale.log2().ceil().exp2()
    codes = (tiles / scale).clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn)
    if scheme == STATIC:
        return codes.reshape(rows, columns).contiguous(), scale.reshape(1).contiguous()
    codes = codes.reshape(-1, codes.shape[2] * codes.shape[3])[:rows, :columns]
    return codes.contiguous(), scale.reshape(scale.shape[0], scale.shape[2]).contiguous()


def config_faults(found, scheme, modules, linears_kept):
    """What is wrong with quantization_config. modules: quantised ones; linears_kept: other Linear modules."""
    if found is None:
        return ["config.json: expected quantization_config, found none"]
    if bf16_arithmetic(scheme):
        faults, listed = compressed_tensors_faults(found, scheme)
        must = linears_kept
    else:
        want = {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [BLOCK, BLOCK],
                "scale_fmt": "ue8m0" if scheme == "fp8-block-ue8m0" else None}
        faults = differing("quantization_config", want, found)
        listed = found.get("modules_to_not_convert") or found.get("ignored_layers") or []
        must = [m for m in linears_kept if m.endswith("query_key_value")]
    faults += [f"quantization_config: {m} is quantised, found among those left alone"
               for m in modules if in_list(m, listed)][:3]
    faults += [f"quantization_config: {m} is not quantised, expected among those left alone"
               for m in must if not in_list(m, listed)][:3]
    return faults


def compressed_tensors_faults(found, scheme):
    faults = differing("quantization_config", {"quant_method": "compressed-tensors", "format": "float-quantized",
                                               "quantization_status": "compressed"}, found)
    groups = list((found.get("config_groups") or {}).values())
    if len(groups) != 1:
        return faults + [f"quantization_config.config_groups: expected one, found {len(groups)}"], found.get("ignore") or []
    block = scheme == "fp8-block-ct"
    eight = {"num_bits": 8, "type": "float", "symmetric": True}
    weights = dict(eight, dynamic=False, strategy="block" if block else "channel",
                   block_structure=[BLOCK, BLOCK] if block else None)
    inputs = dict(eight, dynamic=True, strategy="group" if block else "token", group_size=BLOCK if block else None)
    if scheme == STATIC:
        weights = inputs = dict(eight, dynamic=False, strategy="tensor", block_structure=None, group_size=None)
    faults += differing("weights", weights, groups[0].get("weights") or {})
    faults += differing("input_activations", inputs, groups[0].get("input_activations") or {})
    faults += differing("config_groups", {"targets": ["Linear"]}, groups[0])
    return faults, found.get("ignore") or []


def differing(where, want, found):
    return [f"{where}.{k}: expected {v!r}, found {found.get(k)!r}" for k, v in want.items() if found.get(k) != v]


def in_list(module, listed):
    return any(re.match(x[3:], module) if x.startswith("re:") else x == module for x in listed)
