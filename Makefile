# Every entry point of the project. Each target does its own set-up; the first build is slow and says how slow.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup check format test test-fast lab lab-down demo bench bench-releases bench-scale bench-sync bench-flags bench-judge faults soak lives clean
.DEFAULT_GOAL := help

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sluice needs Python >= 3.11; name one with PYTHON=python3.x"; exit 1; }
	@echo "setting up $(VENV) (about a minute)"
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { echo "this Python has no venv module: installing it"; apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv && $(PYTHON) -m venv $(VENV); }
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,lab,bench]'
	@touch $(READY)

setup: $(READY) ## the virtual environment

check: $(READY) ## format, lint, types, import contracts, generated files
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/mypy examples/*/*.py
	@$(BIN)/lint-imports --no-cache

format: $(READY) ## put the layout right
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --quiet --fix .

test-fast: $(READY) ## the rules, without a lab or a server (under a minute)
	@$(BIN)/pytest -q -m "not lab and not soak and not server" -n 2 --dist loadfile

test: $(READY) ## everything, on the real cluster of the lab; what needs no lab runs next to it and is shown at the end
	@mkdir -p .lab; rules=.lab/test-rules.log; \
	nice -n 5 $(BIN)/pytest -q -m "not lab and not soak" -n 2 --dist loadfile > $$rules 2>&1 & aside=$$!; \
	trap 'kill $$aside 2>/dev/null; exit 130' INT TERM; \
	up=$$($(BIN)/python -m lab status >/dev/null 2>&1 && echo yes); \
	$(BIN)/python -m lab up && $(BIN)/pytest -q -m "lab and not soak"; code=$$?; \
	echo "what needs no lab:"; wait $$aside; other=$$?; cat $$rules; \
	[ "$$up" = yes ] || $(BIN)/python -m lab down; \
	[ $$code != 0 ] && exit $$code; exit $$other

lab: $(READY) ## a real Kubernetes on this machine (CONTEXT=name uses yours)
	@$(BIN)/python -m lab up

lab-down: $(READY) ## take all of it away again
	@$(BIN)/python -m lab down

demo: $(READY) ## four releases, a chart and two flags, by pushes, under load; KEEP=1 stays up, INCLUSTER=1 runs sluice as pods
	@$(BIN)/python -m lab.demo $(if $(KEEP),--keep) $(if $(INCLUSTER),--in-cluster)

bench: $(READY) ## the numbers, written to .lab/bench.json
	@$(BIN)/python -m bench

bench-releases: $(READY) ## what ten bad releases, good ones and a deleted route cost users; .lab/bench-releases.json
	@$(BIN)/python -m bench.releases

bench-scale: $(READY) ## many rollouts at once, written to .lab/bench-scale.json; SCALE="--n 1,10,100" says how
	@$(BIN)/python -m lab up
	@$(BIN)/python -m bench.scale $(SCALE)

bench-sync: $(READY) ## from a push to the cluster: seconds, requests, memory; written to .lab/bench-sync.json; SYNC="--rows push,drift" says which
	@$(BIN)/python -m lab up
	@$(BIN)/python -m bench.sync $(SYNC)

bench-flags: $(READY) ## an audit of 500 flags over 20 repositories and a million lines, written to .lab/bench-flags.json; FLAGS="--lines 50000" says how
	@$(BIN)/python -m bench.flags $(FLAGS)

bench-judge: $(READY) ## the judge: against its peers on simulated releases, and on the lab; written to .lab/bench-judge.json; JUDGE="--quick" says how
	@$(BIN)/python -m bench.judge $(JUDGE)

faults: $(READY) ## 500 rollouts hit by seeded faults, written to .lab/faults.json; FAULTS="--replay 7/3" says which (about an hour)
	@$(BIN)/python -m lab up
	@$(BIN)/python -m lab.faults $(FAULTS)

soak: $(READY) ## the long ones
	@$(BIN)/python -m lab up
	@HYPOTHESIS_PROFILE=soak $(BIN)/pytest -q -n 2 -m "not lab and not server" tests/laws tests/flows/test_roll_out_laws.py
	@$(BIN)/pytest -q -m soak --ignore tests/laws

lives: $(READY) ## random lives of rollouts by the laws; LIVES="--seed 7 --lives 2000" says which
	@$(BIN)/python -m tests.laws.play $(LIVES)

clean: ## forget the virtual environment (the lab's cache stays)
	rm -rf $(VENV)
