#!/usr/bin/env python3
"""endpoint_recordings.py URL GOLDEN_DIR OUT_DIR

Answers of a running vLLM that serves ling-tiny-icd as "ling-tiny" with --dtype float32 --max-logprobs 20, recorded for
the tests of the endpoint client: bodies as they came, without what names a machine. One file each, and routes.json
with route, request and status."""
import json, os, struct, sys, urllib.error, urllib.request

url, golden, out = sys.argv[1:]
data = open(os.path.join(golden, "float32.safetensors"), "rb").read()
size = struct.unpack("<Q", data[:8])[0]
head = json.loads(data[8:8 + size])
def ints(name):
    a, b = head[name]["data_offsets"]
    return list(struct.unpack(f"<{(b - a) // 8}q", data[8 + size + a:8 + size + b]))
prompt, tokens = ints("q-i10.prompt"), ints("q-i10.tokens")
base = {"model": "ling-tiny", "prompt": prompt, "max_tokens": 1, "temperature": 0, "return_token_ids": True,
        "return_tokens_as_token_ids": True}
asks = {
    "models": ("/v1/models", None), "version": ("/version", None), "no-route": ("/get_server_info", None),
    "prompt-logprobs": ("/v1/completions", {**base, "prompt": tokens, "prompt_logprobs": 5}),
    "echo": ("/v1/completions", {**base, "echo": True, "logprobs": 5}),
    "greedy": ("/v1/completions", {**base, "max_tokens": 48, "logprobs": 1}),
    "too-many-logprobs": ("/v1/completions", {**base, "prompt_logprobs": 50}),
    "other-model": ("/v1/completions", {**base, "model": "gpt"}),
    "too-long": ("/v1/completions", {**base, "prompt": [5] * 2000}),
}
os.makedirs(out, exist_ok=True)
routes = {}
for name, (route, body) in asks.items():
    request = urllib.request.Request(url + route, json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
    try: answer = urllib.request.urlopen(request); status = answer.status
    except urllib.error.HTTPError as error: answer, status = error, error.code
    text = answer.read().decode()
    if name == "models":
        value = json.loads(text)
        for model in value["data"]: model["root"] = "ling-tiny-icd"
        text = json.dumps(value, separators=(",", ":"))
    open(os.path.join(out, name + ".json"), "w").write(text)
    routes[name] = {"route": route, "status": status, "request": body}
json.dump(routes, open(os.path.join(out, "routes.json"), "w"))
