# The two commands a new user needs are `make run` and `make test`; each does its own set-up.
SHELL := /bin/bash
SCRATCH ?= .build
BUILD := swift build -c release --scratch-path $(SCRATCH)
RECIPE := Fixtures/recipes/ling-tiny-icd.json
OUTPUT ?= out/ling-tiny-icd
PREFIX ?= /usr/local
SHARE := $(DESTDIR)$(PREFIX)/share

.PHONY: run test build setup lint format embed judge bench completions man install

run: build ## the whole chain on the embedded checkpoint, minutes on two cores
	$(SCRATCH)/release/ingot run $(RECIPE) --output $(OUTPUT)

build: setup
	$(BUILD) --product ingot

test: setup lint ## everything CI checks
	swift test -c release --scratch-path $(SCRATCH) --disable-testable-imports --disable-xctest

setup: ## installs what the machine lacks
	@sh .ci/setup

completions: build ## scripts for bash, zsh and fish in $(SCRATCH)/share
	mkdir -p $(SCRATCH)/share
	for shell in bash zsh fish; do \
	    $(SCRATCH)/release/ingot --generate-completion-script $$shell >$(SCRATCH)/share/ingot.$$shell || exit; \
	done

man: build ## manual pages in $(SCRATCH)/share/man1
	mkdir -p $(SCRATCH)/share/man1
	$(SCRATCH)/release/ingot manual --output $(SCRATCH)/share/man1

install: completions man ## the program, its completions and manual pages under PREFIX; DESTDIR goes before it
	install -D -m 755 $(SCRATCH)/release/ingot $(DESTDIR)$(PREFIX)/bin/ingot
	install -D -m 644 $(SCRATCH)/share/ingot.bash $(SHARE)/bash-completion/completions/ingot
	install -D -m 644 $(SCRATCH)/share/ingot.zsh $(SHARE)/zsh/site-functions/_ingot
	install -D -m 644 $(SCRATCH)/share/ingot.fish $(SHARE)/fish/vendor_completions.d/ingot.fish
	install -d $(SHARE)/man/man1
	install -m 644 $(SCRATCH)/share/man1/*.1 $(SHARE)/man/man1

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
