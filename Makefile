# `make help` says what there is. Needs python3 (3.11 or newer) and, the first time, a package index.

PYTHON ?= python3
JOBS ?=
RUNS ?=
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
MARK := $(VENV)/.made-by-salt
VIEWERS := $(VENV)/etc/jupyter/labconfig/default_setting_overrides.json

.PHONY: install help book test browser wheel lab study study-full bench lint clean
.DEFAULT_GOAL := help

help:
	@echo "make book        the study (every run that is missing), then the book: _build/html/index.html"
	@echo "                 RUNS=recorded: at once, from the frozen tables that ship with it"
	@echo "make test        the tests"
	@echo "make browser     the built book and the notebooks in Debian's Chromium"
	@echo "make lab         JupyterLab on the notebooks"
	@echo "make study       the study alone: the five main methods, 15 seeds, both tasks"
	@echo "make study-full  the study, its ablations and controls, and feature aggregation"
	@echo "make bench       speed and memory beside what one would pick instead (half an hour)"
	@echo "make wheel       builds the wheel and tries it in an empty environment (a download)"
	@echo "make lint        ruff and mypy"
	@echo "make clean       removes the built book and all caches; .venv and runs/ stay"
	@echo "make help        this list"
	@echo
	@echo "All but clean and help make .venv first, from requirements.lock. JOBS=4 sets how many runs,"
	@echo "notebooks or test files go on at a time (default: as many as there are cores; at most four"
	@echo "notebooks and test files), PYTHON=python3.12 which Python."

# Without runs the pages show the frozen tables, and say so.
book: $(READY)
ifeq ($(RUNS),recorded)
	SALT_RUNS_DIR=$(CURDIR)/build/no-runs $(BIN)/python book/build.py $(if $(JOBS),--jobs $(JOBS))
else
	@echo "the runs that are missing (the first time all: half an hour on two cores), then the pages (some"
	@echo "ten minutes); 'make book RUNS=recorded' builds them from the frozen tables at once"
	$(BIN)/salt study $(if $(JOBS),--jobs $(JOBS))
	$(BIN)/python book/build.py $(if $(JOBS),--jobs $(JOBS))
endif

# A file stays in one process, for what its tests share is made once; each process has torch in memory.
test: $(READY)
	$(BIN)/python -m pytest -n $(or $(JOBS),logical) --maxprocesses 4 --dist loadfile \
	  --ignore=tests/browser --cov=salt_lib --cov-report=term:skip-covered

browser: $(READY)
	$(BIN)/python -m pytest -n $(or $(JOBS),logical) --maxprocesses 2 --dist loadfile -rs tests/browser

# The versions of the lock, so that what is tried is what was tested; the folder is left when it fails.
wheel: $(READY)
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w build/wheel .
	$(BIN)/python -m venv build/wheel/env
	PIP_CONSTRAINT=requirements.build PIP_BUILD_CONSTRAINT=requirements.build \
	  build/wheel/env/bin/python -m pip install --quiet --disable-pip-version-check \
	  -c requirements.lock build/wheel/*.whl
	build/wheel/env/bin/python tests/wheel/newcomer.py
	rm -rf build/wheel

# Over TCP each kernel warns, red in a notebook's first cell, that anybody on the machine may listen. A
# socket's path has about a hundred letters at most, and most of them are taken. tqdm's remark is on a
# widget that nothing here needs.
lab: $(READY)
	$(BIN)/jupytext-config --settings-file $(VIEWERS) set-default-viewer markdown myst
	SALT_RUNS_DIR="$${SALT_RUNS_DIR:-$(CURDIR)/runs}" \
	SALT_CACHE_DIR="$${SALT_CACHE_DIR:-$(CURDIR)/cache}" \
	SALT_CHECKPOINTS_DIR="$${SALT_CHECKPOINTS_DIR:-$(CURDIR)/checkpoints}" \
	PYTHONWARNINGS="ignore:IProgress not found" \
	  $(BIN)/jupyter lab --ServerApp.root_dir=. \
	  $$([ $${#HOME} -le 24 ] && echo --KernelManager.transport=ipc) \
	  --LabApp.default_url=/lab/tree/notebooks/01_transfer.md

study: $(READY)
	$(BIN)/salt study $(if $(JOBS),--jobs $(JOBS))

study-full: $(READY)
	$(BIN)/salt study --methods all $(if $(JOBS),--jobs $(JOBS))
	$(BIN)/salt study --scale aggregation $(if $(JOBS),--jobs $(JOBS))

bench: $(READY)
	$(BIN)/python -m benchmarks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Runs are hours of somebody's machine, the environment a long download: neither is a cache.
clean:
	rm -rf _build cache build .pytest_cache .ruff_cache .mypy_cache .coverage *.egg-info
	find . -name $(VENV) -prune -o -name __pycache__ -prune -exec rm -rf {} +

# The stamp is written last, so an interrupted installation is taken up again. It holds a checksum of
# what was installed: a file that only got a new time, as of a checkout or an edit taken back, asks for
# no installation and no network.
$(READY): requirements.lock requirements.build pyproject.toml
	@if [ "$$(cat $^ | cksum)" = "$$(cat $@ 2>/dev/null)" ]; then touch $@; else \
	  $(MAKE) --no-print-directory install && cat $^ | cksum > $@; fi

install:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "salt needs Python 3.11 or newer, and '$(PYTHON)' is not that:" >&2; \
	  $(PYTHON) --version >&2 || true; \
	  echo "install one (python.org, or your system's packages), then: make PYTHON=python3.12 ..." >&2; \
	  exit 1; }
	@if [ -L $(VENV) ] || { [ -e $(VENV) ] && [ ! -e $(MARK) ] && [ ! -e $(READY) ]; }; then \
	  echo "$(CURDIR)/$(VENV) is a link, or an environment that this Makefile did not make: it stays as" >&2; \
	  echo "it is. Move it, or give another folder: make VENV=.venv-salt ..." >&2; \
	  exit 1; fi
	@mkdir -p $(VENV) && touch $(MARK)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
	  { $(PYTHON) -m venv --clear $(VENV) && touch $(MARK); } || { \
	  echo "python3 can't make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; \
	  exit 1; }
	@PIP_CONSTRAINT=requirements.build PIP_BUILD_CONSTRAINT=requirements.build \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e . || { \
	  echo "requirements.lock can't be installed (pip's reason stands above). Without a network, what is" >&2; \
  echo "installed already still serves: $(BIN)/salt study, $(BIN)/python book/build.py" >&2; \
  exit 1; }
