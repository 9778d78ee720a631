# The two commands of the README, and their steps.
# Another interpreter or environment: make demo PYTHON=python3.12 VENV=/tmp/env

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# What `make test-minimum` runs: the package, without the extras export, ray,
# stac and web, whose versions are as new as the pinned ones. With numpy 1 a
# scene of the generated world has other bytes.
MINIMUM := $(addprefix tests/, test_apis test_checkpoints test_datasets test_engine \
	test_evaluation test_mapping test_models test_vocabulary test_world) \
	$(addprefix --ignore=tests/test_mapping/, test_mosaics/test_stac.py \
	test_writing/test_geoparquet.py test_writing/test_stac_item.py) \
	--deselect tests/test_world/test_worlds.py::test_the_first_world_is_as_it_was

.PHONY: help demo test test-slow test-wheel test-minimum lint types site lint-container clean

help:
	@echo 'make demo       make $(VENV), then train and test AerOSeg on generated scenes'
	@echo 'make test       make $(VENV), then lint, types and all tests but the slow ones'
	@echo 'make test-slow  tests with full-size models'
	@echo 'make test-wheel  the wheel alone, in an environment of its own'
	@echo 'make test-minimum  tests with the oldest versions, in $(VENV)-minimum'
	@echo 'make lint types only lint and types'
	@echo 'make site       the pages as a site, in site/'
	@echo 'make lint-container  lint the container file'
	@echo 'make clean      remove $(VENV) and the runs of the demo'

$(READY): setup.cfg pyproject.toml $(wildcard requirements/*.txt)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c requirements/constraints.txt -e '.[geo,export,ray,stac,web,docs,tests]'
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

test-wheel: $(READY)
	$(BIN)/python -m pytest -m wheel

site: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo 'site/index.html'

lint-container: $(READY)
	$(BIN)/hadolint Containerfile

# Its own environment, because its versions are older.
test-minimum: $(VENV)-minimum/.ready
	OMP_NUM_THREADS=1 $(VENV)-minimum/bin/python -m pytest -n auto --maxprocesses 8 \
		--dist worksteal $(MINIMUM)

$(VENV)-minimum/.ready: setup.cfg pyproject.toml $(wildcard requirements/*.txt)
	$(PYTHON) -m venv $(VENV)-minimum
	$(VENV)-minimum/bin/python -m pip install --quiet -c requirements/minimum.txt \
		-e '.[geo]' pytest pytest-xdist einops yapf
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-minimum site work_dirs/demo
