#!/usr/bin/env python3
"""A signature of the reference implementation, to be read by ours: model-signing 1.1.1 with pyOpenSSL.

    signing_vectors.py OUT

Writes OUT/model (three files), OUT/key.pub and OUT/model.sig. The private key is thrown away."""
import pathlib
import subprocess
import sys
import tempfile

import model_signing

out = pathlib.Path(sys.argv[1])
model = out / "model"
(model / "assets").mkdir(parents=True, exist_ok=True)
(model / "config.json").write_text('{"model_type": "bailing_moe"}\n')
(model / "weights.safetensors").write_bytes(bytes(range(256)) * 4)
(model / "assets" / "chart.svg").write_text("<svg/>\n")
with tempfile.TemporaryDirectory() as folder:
    key = pathlib.Path(folder) / "key.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True)
    public = subprocess.run(["openssl", "ec", "-in", key, "-pubout"], check=True, capture_output=True).stdout
    (out / "key.pub").write_bytes(public)
    model_signing.signing.Config().use_elliptic_key_signer(private_key=key).sign(model, out / "model.sig")
