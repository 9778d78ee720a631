# The two commands of the README, and their steps.
# Another interpreter or environment: make demo PYTHON=python3.12 VENV=/tmp/env

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test test-slow lint types clean

help:
	@echo 'make demo       make $(VENV), then train and test AerOSeg on generated scenes'
	@echo 'make test       make $(VENV), then lint, types and all tests but the slow ones'
	@echo 'make test-slow  tests with full-size models'
	@echo 'make lint types only lint and types'
	@echo 'make clean      remove $(VENV) and the runs of the demo'

$(READY): setup.cfg pyproject.toml $(wildcard requirements/*.txt)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c requirements/constraints.txt -e '.[geo,export,ray,web,tests]'
	touch $@

demo: $(READY)
	$(BIN)/python tools/demo.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

# One test process per core, with one thread each.
test: lint types
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 \
		--dist worksteal --durations=15

# The models fill the memory: one after the other.
test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

clean:
	rm -rf $(VENV) work_dirs/demo
