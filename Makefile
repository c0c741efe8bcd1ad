# Two commands do everything on a fresh machine with python3, make and a C compiler:
#   make demo    set up, run the main job, write a report
#   make test    set up, run the checks and the tests; CI runs this, then `make long`
# `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup sandbox model demo test check long bench lock fmt clean system

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

setup: $(READY)  ## make .venv from the lock

sandbox:  ## install bubblewrap, or say the line that does
	@command -v bwrap >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	    { apt-get install -y -qq bubblewrap >/dev/null 2>&1 || \
	      { apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq bubblewrap >/dev/null; }; }; } || \
	  { echo "The sandbox needs bubblewrap. Install it, then run this again:"; \
	    echo "    sudo apt-get install bubblewrap    (or: dnf install, pacman -S)"; exit 1; }

model: setup  ## fetch the small real model (98 MB)
	@$(BIN)/ossay pull smollm2-135m >/dev/null || \
	  echo "The small model could not be fetched; everything else goes on without it."

demo: setup sandbox  ## run ten tasks on two models and write a report
	@$(BIN)/ossay demo

check: setup  ## format, lint, types, import order
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

test: setup sandbox model check  ## all checks and tests but the long ones
	$(BIN)/pytest -n 2 --dist worksteal -m "not long"

long: setup sandbox model  ## the long tests: 200 seeds a task, 20 kills
	$(BIN)/pytest -n 2 --dist worksteal -m long --timeout 3600

bench: setup sandbox  ## measure the harness beside its peers
	$(BIN)/python bench/harness.py

fmt: setup  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

system:  ## what the whole test suite needs from Debian (as root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq bubblewrap chromium postgresql >/dev/null

lock:  ## write requirements/dev.txt anew (needs uv)
	uv pip compile pyproject.toml --all-extras --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --quiet -o requirements/dev.txt

clean:  ## remove what was made here
	rm -rf $(VENV) .tools ossay-reports bench/out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
