"""Lets vLLM 0.32 take FP8 checkpoints on a CPU that its own gates refuse, and makes unread tensors visible.

emulate  vLLM plans the layers and reads and places codes and scales; when it would hand them to a kernel,
         code x scale is written out in the activation dtype instead and vLLM's unquantised kernels run. Exact
         in F32, no special CPU, block and per-channel layouts alike.
lift     only takes back the answer "needs AMX": vLLM's own compiled block kernels run (AVX-512 BF16,
         activations BF16). Block layouts only.

Of per-tensor layouts emulate decodes each part with its own scale, where vLLM on a GPU quantises parts with other scales
than the largest a second time; scales of inputs are read and placed, and not used: activations stay as they are.

Nothing is written to the installed package.
"""
import importlib

import torch

EVERY = [torch.bfloat16, torch.float16, torch.float32]
QUANTISATION = "vllm.model_executor.layers.quantization."
MOE = "vllm.model_executor.layers.fused_moe."


def get(path):
    return importlib.import_module(path)


def lift():
    block = get("vllm.model_executor.kernels.linear.scaled_mm.cpu").CPUFp8BlockScaledMMKernel
    experts = get(MOE + "experts.cpu_moe").CPUExpertsFp8
    block.is_supported = classmethod(lambda cls, compute_capability=None: (True, None))
    experts._supports_current_device = staticmethod(lambda: True)


def widen(codes, scale, dtype, widths=None):
    """[..., rows, columns] codes and their block grid, [..., rows, 1] scales, or one scale a part, as plain values."""
    scale = scale.float()
    rows, columns = codes.shape[-2:]
    if scale.dim() < codes.dim():  # [parts] of a linear layer, [experts, 2] or [experts] of experts
        if codes.dim() == 2:
            scale = torch.where(scale.isnan(), scale[0], scale)  # a part that is fused on disk has one scale for all
            scale = scale.repeat_interleave(torch.tensor(widths))[:, None]
        elif scale.dim() == 2:
            scale = scale.repeat_interleave(rows // 2, -1)[..., None]
        else:
            scale = scale[:, None, None]
        return (codes.float() * scale).to(dtype)
    if scale.shape[-2] != rows:
        scale = scale.repeat_interleave(128, -2)[..., :rows, :]
    if scale.shape[-1] != 1 or columns <= 128:
        scale = scale.repeat_interleave(128, -1)[..., :columns]
    return (codes.float() * scale).to(dtype)


def replace(layer, name, dtype):
    """Swaps codes `name` for values and drops their scale."""
    scale = next(s for s in (name + "_scale_inv", name + "_scale") if getattr(layer, s, None) is not None)
    values = widen(getattr(layer, name).data, getattr(layer, scale).data, dtype, getattr(layer, "logical_widths", None))
    delattr(layer, scale)
    delattr(layer, name)
    layer.register_parameter(name, torch.nn.Parameter(values, requires_grad=False))


def emulate():
    fp8 = get(QUANTISATION + "fp8")
    tensors = get(QUANTISATION + "compressed_tensors.compressed_tensors")
    linear = get(QUANTISATION + "compressed_tensors.schemes.compressed_tensors_w8a8_fp8")
    moe = get(QUANTISATION + "compressed_tensors.compressed_tensors_moe.compressed_tensors_moe_w8a8_fp8")
    plain_linear = get("vllm.model_executor.layers.linear").UnquantizedLinearMethod
    plain_moe = get(MOE + "unquantized_fused_moe_method").UnquantizedFusedMoEMethod
    for config in (fp8.Fp8Config, tensors.CompressedTensorsConfig):
        config.get_supported_act_dtypes = classmethod(lambda cls: EVERY)
    tensors.CompressedTensorsConfig._check_scheme_supported = lambda self, *_, **__: True
    for module in (fp8, linear):
        module.init_fp8_linear_kernel = lambda **_: None
    linear.expose_input_quant_key = lambda *_: None
    for module in (fp8, moe):
        module.select_fp8_moe_backend = lambda **_: (None, None)

    def linear_ready(self, layer):
        replace(layer, "weight", layer.orig_dtype)
        layer.quant_method = plain_linear()
        layer.quant_method.process_weights_after_loading(layer)

    def experts_ready(self, layer):
        for name in ("w13_weight", "w2_weight"):
            replace(layer, name, layer.orig_dtype)
        method = plain_moe(layer.moe_config)
        layer._replace_quant_method(method)
        method.process_weights_after_loading(layer)

    fp8.Fp8LinearMethod.process_weights_after_loading = linear_ready
    linear.CompressedTensorsW8A8Fp8.process_weights_after_loading = linear_ready
    fp8.Fp8MoEMethod.process_weights_after_loading = experts_ready
    moe.CompressedTensorsW8A8Fp8MoEMethod.process_weights_after_loading = experts_ready


def watch_unread(found):
    """Fills every parameter with NaN before reading; names those that still hold one afterwards.

    vLLM reads a checkpoint with a tensor missing without a word: a scale keeps whatever it was made with.
    """
    loader = get("vllm.model_executor.model_loader.default_loader").DefaultModelLoader
    read = loader.load_weights

    def load_weights(self, model, model_config):
        for p in model.parameters():
            if p.dtype == torch.float8_e4m3fn:
                p.data.view(torch.uint8).fill_(0x7F)
            elif p.is_floating_point():
                p.data.fill_(float("nan"))
        read(self, model, model_config)
        # Of three per-tensor scales of a matrix that is fused on disk vLLM reads the first.
        found.extend(sorted(n for n, p in model.named_parameters() if p.is_floating_point() and (
            p.float().isnan().all() if n.endswith(("weight_scale", "input_scale")) and p.dim() == 1 else p.float().isnan().any())))

    loader.load_weights = load_weights
