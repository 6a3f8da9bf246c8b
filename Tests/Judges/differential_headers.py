#!/usr/bin/env python3
"""Compares our header reader with the safetensors wheel on many mutated headers.

    differential_headers.py [--cases N] [--seed S] [--scratch-path PATH]

Run from the root of the repository with a Python that has safetensors 0.8.0. Batches of headers with the
wheel's verdicts are made by Fixtures/generators/safetensors_corpus.py and given to HeaderCorpusTests, which
compares verdict, rule and tensors. Ends with status 1 when anything differs.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Fixtures" / "generators"))
import safetensors_corpus as corpus  # noqa: E402

BATCH = 250_000


def compare(path, scratch):
    command = ["swift", "test", "-c", "release", "--disable-testable-imports", "--disable-xctest"]
    command += ["--filter", "HeaderCorpusTests"] + (["--scratch-path", scratch] if scratch else [])
    environment = dict(os.environ, INGOT_HEADER_CORPUS=path)
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    counts = re.search(r"headers compared: (\d+), accepted (\d+), strictly (\d+), differences (\d+)", run.stdout)
    if counts is None:
        sys.exit(run.stdout + run.stderr)
    if run.returncode:
        print(run.stdout)
    return [int(count) for count in counts.groups()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--scratch-path")
    options = parser.parse_args()
    totals = [0, 0, 0, 0]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "corpus.bin")
        for number, start in enumerate(range(0, options.cases, BATCH)):
            maker = corpus.Maker(options.seed + number)
            with open(path, "wb") as out:
                for _ in range(min(BATCH, options.cases - start)):
                    out.write(corpus.record(maker.file())[0])
            totals = [a + b for a, b in zip(totals, compare(path, options.scratch_path))]
            print("compared {}, accepted {}, strictly {}, differences {}".format(*totals), flush=True)
    sys.exit(1 if totals[3] else 0)


if __name__ == "__main__":
    main()
