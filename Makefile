# The two commands a new user needs are `make run` and `make test`; each does its own set-up.
SHELL := /bin/bash
SCRATCH ?= .build
BUILD := swift build -c release --scratch-path $(SCRATCH)
CHECKPOINT := Fixtures/checkpoints/ling-tiny-icd
OUTPUT ?= out/ling-tiny-icd-fp8

.PHONY: run test build setup lint format embed judge bench

run: build ## the main job on the embedded checkpoint
	$(SCRATCH)/release/ingot quantise $(CHECKPOINT) --scheme fp8-block --output $(OUTPUT) --replace
	$(SCRATCH)/release/ingot validate $(OUTPUT) --deep
	$(SCRATCH)/release/ingot verify $(CHECKPOINT) $(OUTPUT) --data $(CHECKPOINT)/evaluation.jsonl

build: setup
	$(BUILD) --product ingot

test: setup lint ## everything CI checks
	swift test -c release --scratch-path $(SCRATCH) --disable-testable-imports --disable-xctest

setup: ## installs what the machine lacks
	@sh .ci/setup

lint:
	swift format lint --strict --recursive Package.swift Sources Tests

format:
	swift format --in-place --recursive Package.swift Sources Tests

embed: ## after adding or removing a profile or a diagnostics page
	sh Sources/CEmbedded/embed.sh

bench: build ## the figures of the README; about 5 GB of disk
	$(BUILD) --product ingot-bench && $(SCRATCH)/release/ingot-bench

judge: build ## outside judges: real vLLM and transformers on the CPU
	Tests/Judges/run.sh $(SCRATCH)/release/ingot
	Tests/Judges/judge_endpoint.sh $(SCRATCH)
	Tests/Judges/judge_manifest.sh
