"""Configuration class of BailingMoeV2 for loaders that ask for remote code (transformers, vLLM).

Every key of config.json becomes an attribute and nothing has a default: a key that a model needs and the
file lacks must fail where it is read, not turn into another model's value.
"""
from transformers import PretrainedConfig


class BailingMoeV2Config(PretrainedConfig):
    model_type = "bailing_moe"

    def __init__(self, **keys):
        for key, value in keys.items():
            if not hasattr(type(self), key):
                setattr(self, key, value)
        super().__init__(**keys)
