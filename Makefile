.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Three at once, on two cores too: who tests processes mostly waits for them. A file of tests is never
# torn apart: what it prepares is prepared once. In the order of tests/conftest.py, long files first.
PARALLEL := --numprocesses 3 --dist loadfile --no-loadscope-reorder
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export DAGSTER_DISABLE_TELEMETRY = 1

.PHONY: help setup demo ui check format test test-all bench docs clean

help:  ## show what there is
	@awk 'BEGIN {FS = ":.*## *"} /^[a-z-]+:.*##/ {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/ready  ## make .venv with everything pinned

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable ".[dev]"
	@touch $@

demo: setup  ## materialise the whole graph of the embedded sample and say what to ask it
	$(BIN)/kazu-platform demo

ui: setup  ## open Dagster at http://127.0.0.1:3000
	$(BIN)/kazu-platform ui

format: setup  ## put code into its one form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: setup  ## format, lint, types, import contract, files of deploy/
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/python -m pytest -rs tests/test_architecture.py tests/deploy

test: setup  ## every test but the slow ones; no network, no GPU
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_OPTIONS) -m "not slow"

test-all: setup  ## the slow ones too
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_OPTIONS)

bench: setup  ## the benchmarks, one after the other (needs KAZU_TEST_DATA)
	@for name in dictionary linking pubmed_xml text normaliser vocabulary_building \
		dictionary_layers surfaces annotate compute; do \
		echo "== $$name"; $(BIN)/python benchmarks/$$name.py --record || exit 1; done

docs: setup  ## generate docs/tables.md from tables.py
	$(BIN)/python docs/generate.py

clean:  ## remove what was built; the lake in .kazu stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
