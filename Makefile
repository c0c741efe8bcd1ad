# Two commands do everything on a fresh machine with python3, make and a C++ compiler:
#   make demo    set up, run the main job, write a report
#   make test    set up, run the checks and the tests; CI runs this, then `make long`
# `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BUILT := $(VENV)/.built
PIP := -m pip install --quiet --disable-pip-version-check
SOURCES := $(wildcard csrc/*.cpp csrc/*.h csrc/isa/*.cpp csrc/isa/*.h)
SANITIZE := .tools/sanitize
ORACLE := .tools/oracle
TRITON := .tools/triton

.DEFAULT_GOAL := help
.PHONY: help setup sandbox model tools demo test check long sanitize parity triton bench lock fmt clean system

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements/dev.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python $(PIP) --require-hashes -r requirements/dev.txt
	@touch $(READY)

# The extension is built into src/, so that what is edited there is what runs.
$(BUILT): $(READY) pyproject.toml CMakeLists.txt $(SOURCES)
	$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $(BUILT)

setup: $(BUILT)  ## make .venv from the lock, build the kernels

sandbox:  ## install bubblewrap, or say the line that does
	@command -v bwrap >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	    { apt-get install -y -qq bubblewrap >/dev/null 2>&1 || \
	      { apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq bubblewrap >/dev/null; }; }; } || \
	  { echo "The sandbox needs bubblewrap. Install it, then run this again:"; \
	    echo "    sudo apt-get install bubblewrap    (or: dnf install, pacman -S)"; exit 1; }

model: setup  ## fetch the small real model (98 MB) and gpt-oss's vocabulary (4 MB)
	@$(BIN)/ossay pull smollm2-135m >/dev/null || \
	  echo "The small model could not be fetched; everything else goes on without it."
	@$(BIN)/ossay pull vocab >/dev/null || \
	  echo "The vocabulary could not be fetched; everything else goes on without it."

tools: setup  ## fetch what the suite coding judges with: TypeScript (needs npm), Chromium
	@command -v npm >/dev/null || { echo "Without npm the suite coding is not tested."; exit 0; }; \
	  $(BIN)/ossay doctor --install >/dev/null || \
	  echo "TypeScript or Chromium could not be installed; parts of the suite coding are not tested."

demo: setup sandbox  ## run ten tasks on two models and write a report
	@$(BIN)/ossay demo

check: setup  ## format, lint, types, import order
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

# Two workers on two cores: threads of their own would only wait for each other.
test long triton: export OPENBLAS_NUM_THREADS = 1
triton: export OMP_NUM_THREADS = 1

test: setup sandbox model tools check  ## all checks and tests but the long ones
	$(BIN)/pytest -n 2 --dist worksteal -m "not long and not parity"

long: setup sandbox model tools  ## the long tests: 200 seeds a task, 20 kills
	$(BIN)/pytest -n 2 --dist worksteal -m long --timeout 3600

# Programs of csrc/tests, then the kernel tests from a virtual environment of its own that holds the
# package built with the sanitizers, and reads all else from .venv.
sanitize: setup  ## the kernel tests under AddressSanitizer and UBSan
	PATH="$(abspath $(BIN)):$$PATH" cmake -S . -B build/sanitize -G Ninja -DOSSAY_SANITIZE=ON -DOSSAY_TESTS=ON \
	  -DPython_EXECUTABLE=$(abspath $(BIN))/python \
	  -Dnanobind_DIR=$$($(BIN)/python -m nanobind --cmake_dir) >/dev/null
	PATH="$(abspath $(BIN)):$$PATH" cmake --build build/sanitize
	PATH="$(abspath $(BIN)):$$PATH" ctest --test-dir build/sanitize --output-on-failure --quiet
	$(PYTHON) -m venv --without-pip --clear $(SANITIZE)
	site=$$($(SANITIZE)/bin/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))') && \
	  $(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))' >"$$site/lock.pth" && \
	  cp -r src/ossay "$$site/" && rm -f "$$site"/ossay/engine/kernels/_cpu*.so && \
	  cp build/sanitize/_cpu*.so "$$site/ossay/engine/kernels/"
	OSSAY_REQUIRE=kernels LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  $(SANITIZE)/bin/python -m pytest -q -s -p no:cacheprovider tests/engine/kernels --timeout 900

$(ORACLE)/.ready: requirements/parity.txt
	$(PYTHON) -m venv --clear $(ORACLE)
	$(ORACLE)/bin/python $(PIP) -r requirements/parity.txt
	@touch $@

parity: setup $(ORACLE)/.ready  ## compare with torch and transformers
	$(BIN)/pytest -m parity --timeout 1800

# A virtual environment that holds torch and triton, and reads all else from .venv and src.
$(TRITON)/.ready: requirements/triton.txt
	$(PYTHON) -m venv --clear $(TRITON)
	$(TRITON)/bin/python $(PIP) -r requirements/triton.txt
	@touch $@

triton: setup $(TRITON)/.ready  ## the GPU kernels' tests: on a card, else in Triton's interpreter
	site=$$($(TRITON)/bin/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))') && \
	  { $(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))'; echo "$(abspath src)"; } \
	    >"$$site/lock.pth"
	$(TRITON)/bin/python -m pytest -q -n 2 --dist worksteal tests/engine/kernels/test_cuda_there.py \
	  tests/engine/kernels/cuda --timeout 900

bench: setup sandbox  ## measure the harness beside its peers (the engine: bench/engine.py)
	$(BIN)/python bench/harness.py

fmt: setup  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

system:  ## what the whole test suite needs from Debian (as root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq bubblewrap chromium fonts-dejavu-core postgresql >/dev/null
	command -v npm >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null

# Every extra but cuda, whose packages are gigabytes that nobody needs to work on the rest.
lock:  ## write requirements/dev.txt anew (needs uv)
	uv pip compile pyproject.toml --extra local --extra parquet --extra postgres --extra dev \
	  --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --quiet -o requirements/dev.txt

clean:  ## remove what was made here
	rm -rf $(VENV) .tools ossay-reports bench/out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	rm -rf build .cmake .ninja_deps .ninja_log .skbuild-info.json CMakeCache.txt CMakeFiles CMakeInit.txt
	rm -f build.ninja cmake_install.cmake lib*.a src/ossay/engine/kernels/*.so
