# The one door: every command that a developer needs; `make help` lists them. Works with GNU make 3.81.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test build lint types frameworks format cpptest pytest bench asan tsan fuzz clean distclean modules

VENV := .venv
BIN := $(VENV)/bin
SET_UP_FILES := pyproject.toml setup.py tools/bootstrap.py tools/native_libraries.py
SET_UP = python=$$(tools/find_python.sh) && "$$python" tools/bootstrap.py
CXX_FILES = $$(find csrc -name '*.cc' -o -name '*.h')

# What a person may set: make pytest ARGS="-k loader", make cpptest PART=tar, make fuzz SECONDS=600
ARGS ?=
PART ?=
SECONDS ?= 60

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/ready modules ## all the set-up, then the main job on data that it makes itself
	@$(BIN)/fastinet demo

test build cpptest pytest: export FASTINET_WERROR := 1

test: $(VENV)/ready-dev modules lint cpptest ## all the set-up, then linters, C++ tests and the Python suite
	@$(BIN)/pytest $(ARGS)

build: $(VENV)/ready-dev modules ## compile what changed, warnings as errors, into the source tree

pytest: $(VENV)/ready-dev modules ## the Python tests alone (ARGS="-k loader")
	@$(BIN)/pytest $(ARGS)

cpptest: $(VENV)/ready-dev ## the C++ tests alone (PART=tar: whose path contains "tar")
	@$(BIN)/python tools/cpp_tests.py $(PART)

lint: $(VENV)/ready-dev types ## ruff, formatting, cython-lint and mypy
	@$(BIN)/ruff check --quiet
	@PATH="$(BIN):$$PATH" cython-lint fastinet
	@$(BIN)/ruff format --check --quiet || { echo "run: make format"; exit 1; }
	@$(BIN)/clang-format --dry-run --Werror $(CXX_FILES) || { echo "run: make format"; exit 1; }

frameworks: $(VENV)/ready-frameworks ## install PyTorch and JAX into .venv, whose tests are skipped without them

types: $(VENV)/ready-dev ## mypy --strict alone
	@$(BIN)/mypy

format: $(VENV)/ready-dev ## rewrite Python and C++ in the project's format
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format --quiet
	@$(BIN)/clang-format -i $(CXX_FILES)

bench: $(VENV)/ready-bench modules ## benchmarks beside their baselines (FASTINET_SAMPLE=a tar of photographs)
	@$(BIN)/pytest benchmarks --benchmark-enable --benchmark-only $(ARGS)

asan: $(VENV)/ready-dev ## C++ and Python tests under the address and undefined-behaviour sanitizers
	@$(BIN)/python tools/sanitized_tests.py address,undefined $(ARGS)

tsan: $(VENV)/ready-dev ## C++ and Python tests under the thread sanitizer
	@$(BIN)/python tools/sanitized_tests.py thread $(ARGS)

fuzz: $(VENV)/ready-dev ## every fuzzer, SECONDS each (needs clang++)
	@CXX=$${CXX:-clang++} FASTINET_SANITIZE=address,undefined $(BIN)/python tools/cpp_tests.py --fuzz $(SECONDS) $(PART)

clean: ## delete what was built
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
	rm -f fastinet/_native/_*.so fastinet/_build.json $(VENV)/linked

distclean: clean ## ... and .venv
	rm -rf $(VENV)

# Set-up. Stamp files in .venv keep it silent and fast while nothing changed.

$(VENV)/ready: $(SET_UP_FILES)
	@$(SET_UP) && touch $@

$(VENV)/ready-dev: $(SET_UP_FILES)
	@$(SET_UP) dev && touch $@ $(VENV)/ready

$(VENV)/ready-frameworks: $(SET_UP_FILES)
	@$(SET_UP) dev frameworks && touch $@ $(VENV)/ready-dev $(VENV)/ready

$(VENV)/ready-bench: $(SET_UP_FILES)
	@$(SET_UP) dev bench && touch $@ $(VENV)/ready-dev $(VENV)/ready

# Compiles what changed, straight into fastinet/; links .venv to the source tree once.
modules:
	@$(BIN)/python setup.py --quiet build_ext --inplace
	@test $(VENV)/linked -nt pyproject.toml || { \
	  $(BIN)/pip install --quiet --no-build-isolation --no-deps --editable . && touch $(VENV)/linked; }
