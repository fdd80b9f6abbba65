# make demo | test | lint | bench | lock
# Needs python3 >= 3.11 with pip. uv is used where it is installed, otherwise fetched once into .tools.

PYTHON ?= python3
UV := $(or $(shell command -v uv),.tools/bin/uv)
BIN := .venv/bin
COMPILE := $(UV) pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --upgrade

.PHONY: help demo test lint bench lock
.DELETE_ON_ERROR:

help:
	@echo "make demo   set up, then audit and gate example data"
	@echo "make test   set up, then run the tests"
	@echo "make lint   set up, then ruff and mypy"
	@echo "make bench  set up, then the benchmarks"
	@echo "make lock   pin the requirements anew"

demo: .venv/.core
	$(BIN)/python examples/make_data.py demo
	$(BIN)/python examples/demo.py

test: .venv/.test
	$(BIN)/python -m pytest -n auto $(ARGS)

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/.test
	$(BIN)/python -m tests.benchmarks $(ARGS)

.tools/bin/uv:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
		--target .tools --require-hashes -r requirements/uv.txt

.venv/pyvenv.cfg: | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit("make: $(PYTHON) is older than 3.11; say which one to use: make PYTHON=python3.12" \
		if sys.version_info < (3, 11) else 0)'
	$(UV) venv --quiet --no-config --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv

# A stamp is newer than all that its set was installed from.
.venv/.core: requirements/core.txt pyproject.toml | .venv/pyvenv.cfg
	$(UV) pip install --quiet --no-config --python .venv --require-hashes -r requirements/core.txt
	$(UV) pip install --quiet --no-config --python .venv --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: requirements/test.txt .venv/.core
	$(UV) pip install --quiet --no-config --python .venv --require-hashes -r requirements/test.txt
	@touch $@

# The sets agree: the larger one is made first and constrains the smaller.
lock: | $(UV)
	$(COMPILE) pyproject.toml requirements/linux.in --extra parquet --extra grib --extra url \
		--group build --group test --group lint --output-file requirements/test.txt
	$(COMPILE) pyproject.toml --group build --constraints requirements/test.txt --output-file requirements/core.txt
	$(COMPILE) requirements/uv.in --output-file requirements/uv.txt
