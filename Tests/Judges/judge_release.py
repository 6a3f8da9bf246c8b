#!/usr/bin/env python3
"""Lets the hubs' own libraries, loaders and verifiers decide about a folder of `ingot publish prepare`.

    judge_release.py RELEASE --key KEY.pub

Needs huggingface_hub, pyyaml, safetensors; for the signature model-signing with pyOpenSSL, for the bill
cyclonedx-python-lib[json-validation]. What is not installed is
said and skipped. The last line sums up: PASS or FAIL. Exit status 1 when anything refuses."""
import argparse
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
counts = {"accepts": 0, "skipped": 0, "REFUSED": 0}


def judge(name, body):
    try:
        said, verdict = body(), "accepts"
    except ImportError as error:
        said, verdict = error, "skipped"
    except Exception as error:  # noqa: BLE001, a judge may refuse in any way
        said, verdict = f"{type(error).__name__}: {error}", "REFUSED"
    counts[verdict] += 1
    print(f"  {name} {verdict}: {said}")


def card(folder):
    from huggingface_hub import ModelCard
    import yaml
    loaded = ModelCard.load(os.path.join(folder, "README.md"))
    text = open(os.path.join(folder, "README.md"), encoding="utf-8").read()
    values = yaml.safe_load(text.split("---\n")[1])
    assert loaded.data.to_dict() == {k: v for k, v in values.items() if v is not None}, "another YAML library reads other values"
    assert yaml.safe_load(yaml.safe_dump(values)) == values
    return f"{len(values)} keys, base_model_relation {values.get('base_model_relation')}"


def results(folder):
    from huggingface_hub._eval_results import parse_eval_result_entries
    import yaml
    place = os.path.join(folder, ".eval_results")
    names = sorted(os.listdir(place)) if os.path.isdir(place) else []
    return sum(len(parse_eval_result_entries(yaml.safe_load(open(os.path.join(place, n), encoding="utf-8")))) for n in names)


def index(folder):
    from safetensors import safe_open
    path = os.path.join(folder, "model.safetensors.index.json")
    names = ["model.safetensors"]
    seen = {}
    if os.path.exists(path):
        document = json.load(open(path, encoding="utf-8"))
        names = sorted(set(document["weight_map"].values()))
    total = 0
    for name in names:
        with safe_open(os.path.join(folder, name), "np") as file:
            assert file.metadata()["format"] == "pt", name
            for key in file.keys():
                seen[key] = name
    if os.path.exists(path):
        assert seen == document["weight_map"], "index and headers differ"
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                size = int.from_bytes(file.read(8), "little")
            total += os.path.getsize(os.path.join(folder, name)) - 8 - size
        assert total == document["metadata"]["total_size"], (total, document["metadata"])
    return f"{len(seen)} tensors in {len(names)} shards"


def hub_index(folder):
    from huggingface_hub.serialization import load_state_dict_from_file
    import torch  # noqa: F401
    names = [n for n in os.listdir(folder) if n.endswith(".safetensors")]
    return f"{sum(len(load_state_dict_from_file(os.path.join(folder, n))) for n in names)} tensors"


def sums(folder):
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    return "sha256sum agrees"


def signature(folder, key):
    import model_signing

    def verify(place):
        config = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=key)
        config.verify(place, os.path.join(place, "model.sig"))
    verify(folder)
    with tempfile.TemporaryDirectory() as place:
        bad = os.path.join(place, os.path.basename(folder.rstrip("/")))
        shutil.copytree(folder, bad)
        name = next(n for n in sorted(os.listdir(bad)) if n.endswith(".safetensors"))
        with open(os.path.join(bad, name), "r+b") as file:
            file.seek(-1, os.SEEK_END)
            byte = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([byte[0] ^ 1]))
        try:
            verify(bad)
        except Exception:  # noqa: BLE001
            return "verifies, and not after one flipped bit"
    raise AssertionError("a flipped bit still verifies")


def bill(folder):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    text = open(os.path.join(folder, "bom.cdx.json"), encoding="utf-8").read()
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert fault is None, fault
    wrong = copy.deepcopy(json.loads(text))
    wrong["surprise"] = 1
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(wrong)) is not None
    return "valid CycloneDX 1.6, and not with an unknown key"


def main():
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("release")
    ask.add_argument("--key")
    a = ask.parse_args()
    folder = a.release.rstrip("/")
    judge("huggingface_hub card, PyYAML", lambda: card(folder))
    judge("huggingface_hub evaluation results", lambda: results(folder))
    judge("safetensors and index", lambda: index(folder))
    judge("huggingface_hub loader", lambda: hub_index(folder))
    judge("coreutils", lambda: sums(folder))
    if a.key:
        judge("model_signing", lambda: signature(folder, a.key))
    if os.path.exists(os.path.join(folder, "bom.cdx.json")):
        judge("cyclonedx-python-lib", lambda: bill(folder))
    refused = counts["REFUSED"]
    print(f"{'FAIL' if refused else 'PASS'} release: {counts['accepts']} judges accept, {refused} refuse, "
          f"{counts['skipped']} are not installed")
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
