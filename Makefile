# make demo | docs | test | test-slow | lint | bench | peers | test-anemoi | test-device | test-lowest | lock
# Needs python3 >= 3.11 with pip. uv is used where it is installed, otherwise fetched once into .tools.

PYTHON ?= python3
VENV ?= .venv
UV := $(or $(shell command -v uv),.tools/bin/uv)
BIN := $(VENV)/bin
COMPILE := $(UV) pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --upgrade

PEERS := evidently nannyml alibi-detect whylogs

.PHONY: help demo docs test test-slow lint bench peers test-anemoi test-device test-lowest lock
.DELETE_ON_ERROR:
.PRECIOUS: %/pyvenv.cfg

help:
	@echo "make demo   set up, then audit and gate example data"
	@echo "make test   set up, then run the tests but for those that take long"
	@echo "make test-slow  those: the commands of the README, the demo, the benchmark of drift"
	@echo "make lint   set up, then ruff and mypy"
	@echo "make docs   set up, then write the documentation to build/site"
	@echo "make bench  set up, then the benchmarks"
	@echo "make peers  set up other tools of drift detection, each in an environment of its own, for the benchmark drift_skill"
	@echo "make test-anemoi  the tests against anemoi and earthkit, among their own pins (zarr 2, pandas 2), and torch"
	@echo "make test-device  the tests with torch; those of a GPU too where there is one"
	@echo "make test-lowest  the tests with the lowest versions supported"
	@echo "make lock   pin the requirements anew"

demo: $(VENV)/.core
	$(BIN)/python examples/make_data.py demo
	$(BIN)/python examples/demo.py

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" $(ARGS)

test-slow: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist worksteal -m slow $(ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Each of these has an environment of its own, as its users have.
test-anemoi: .venv-anemoi/.training
	DQWATCH_TEST_ANEMOI=1 .venv-anemoi/bin/python -m pytest -n auto --dist worksteal tests/anemoi $(ARGS)

test-device: .venv-device/.torch
	DQWATCH_TEST_DEVICE=1 .venv-device/bin/python -m pytest -n auto --dist worksteal tests/device tests/gpu $(ARGS)

test-lowest: .venv-lowest/.set
	.venv-lowest/bin/python -m pytest -n auto --dist worksteal $(ARGS)

# Reference pages are written from the code, by an environment that has it; the site by one of its own.
docs: $(VENV)/.core .venv-docs/.pins
	$(BIN)/python docs/reference.py
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet

bench: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks $(ARGS)

peers: $(foreach peer,$(PEERS),.venv-peer-$(peer)/.set) .venv-peer-alibi-detect/.torch

.tools/bin/uv:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
		--target .tools --require-hashes -r requirements/uv.txt

%/pyvenv.cfg: | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit("make: $(PYTHON) is older than 3.11; say which one to use: make PYTHON=python3.12" \
		if sys.version_info < (3, 11) else 0)'
	$(UV) venv --quiet --no-config --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(@D)

# A stamp is newer than all that its set was installed from.
$(VENV)/.core: requirements/core.txt pyproject.toml | $(VENV)/pyvenv.cfg
	$(UV) pip install --quiet --no-config --python $(VENV) --require-hashes -r requirements/core.txt
	$(UV) pip install --quiet --no-config --python $(VENV) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.core
	$(UV) pip install --quiet --no-config --python $(VENV) --require-hashes -r requirements/test.txt
	@touch $@

.venv-%/.set: requirements/%.txt pyproject.toml | .venv-%/pyvenv.cfg
	$(UV) pip install --quiet --no-config --python $(@D) --require-hashes -r $<
	$(UV) pip install --quiet --no-config --python $(@D) --no-deps --no-build-isolation --editable .
	@touch $@

.venv-docs/.pins: requirements/docs.txt | .venv-docs/pyvenv.cfg
	$(UV) pip install --quiet --no-config --python $(@D) --require-hashes -r $<
	@touch $@

# anemoi-training and anemoi-inference without their dependencies, but for torch, which a run of inference needs.
.venv-anemoi/.training: requirements/anemoi-training.txt requirements/torch.txt .venv-anemoi/.set
	$(PYTHON) -m pip --python $(@D)/bin/python install --quiet --disable-pip-version-check -r requirements/torch.txt
	$(UV) pip install --quiet --no-config --python $(@D) --require-hashes --no-deps -r $<
	@touch $@

# torch by pip: its build depends on the machine, so that there is no hash to pin it by.
.venv-device/.torch: requirements/test.txt requirements/torch.txt pyproject.toml | .venv-device/pyvenv.cfg
	$(UV) pip install --quiet --no-config --python $(@D) --require-hashes -r requirements/test.txt
	$(UV) pip install --quiet --no-config --python $(@D) --no-deps --no-build-isolation --editable .
	$(PYTHON) -m pip --python $(@D)/bin/python install --quiet --disable-pip-version-check -r requirements/torch.txt
	@touch $@

# Two of its detectors need it.
.venv-peer-alibi-detect/.torch: requirements/torch.txt .venv-peer-alibi-detect/.set
	$(PYTHON) -m pip --python $(@D)/bin/python install --quiet --disable-pip-version-check -r requirements/torch.txt
	@touch $@

.venv-peer-%/.set: requirements/peer-%.txt | .venv-peer-%/pyvenv.cfg
	$(UV) pip install --quiet --no-config --python $(@D) --require-hashes -r $<
	@touch $@

# The sets agree: the larger one is made first and constrains the smaller.
lock: | $(UV)
	$(COMPILE) pyproject.toml requirements/linux.in --extra dask --extra parquet --extra grib --extra url \
		--extra postgres --extra notify --group build --group test --group browser --group lint \
		--output-file requirements/test.txt
	$(COMPILE) pyproject.toml --group build --constraints requirements/test.txt --output-file requirements/core.txt
	$(COMPILE) requirements/uv.in --output-file requirements/uv.txt
	$(COMPILE) requirements/feed.in --constraints requirements/test.txt --output-file requirements/feed.txt
	$(COMPILE) pyproject.toml --group build --group docs --constraints requirements/test.txt --output-file requirements/docs.txt
	$(COMPILE) pyproject.toml requirements/linux.in --extra anemoi --extra grib --extra parquet --extra url \
		--group build --group test --output-file requirements/anemoi.txt
	$(COMPILE) --no-deps requirements/anemoi-training.in --output-file requirements/anemoi-training.txt
	$(COMPILE) pyproject.toml requirements/linux.in --extra dask --extra grib --extra parquet --extra url \
		--extra postgres --extra notify --group build --group test --resolution lowest-direct --output-file requirements/lowest.txt
	for peer in $(PEERS); do $(COMPILE) requirements/peer-$$peer.in --output-file requirements/peer-$$peer.txt || exit 1; done
