# The one door: every command that a developer needs; `make help` lists them. Works with GNU make 3.81.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test build lint tidy types frameworks format cpptest pytest bench asan tsan fuzz faults chaos soak clean distclean modules

VENV := .venv
BIN := $(VENV)/bin
SET_UP_FILES := pyproject.toml setup.py tools/bootstrap.py csrc/CMakeLists.txt csrc/libraries.cmake
SET_UP = python=$$(tools/find_python.sh) && "$$python" tools/bootstrap.py
CXX_FILES = $$(find csrc benchmarks examples -name '*.cc' -o -name '*.h')

# What a person may set: make pytest ARGS="-k loader", make cpptest PART=tar, make fuzz SECONDS=600,
# make chaos SEED=7, make soak MINUTES=5
ARGS ?=
PART ?=
SECONDS ?= 60
MINUTES ?= 120
TIDY ?= changed

# The suite runs in as many processes as there are cores, up to four, a file in one of them: what a file's tests
# share is made once. ARGS="-n 0" is a single process, for a debugger.
PYTEST = $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/ready modules ## all the set-up, then the main job on data that it makes itself
	@$(BIN)/fastinet demo

test build cpptest pytest lint tidy asan tsan: export FASTINET_WERROR := 1

test: $(VENV)/ready-dev modules lint cpptest ## all the set-up, then linters, C++ tests and the Python suite
	@$(PYTEST) $(ARGS)

build: $(VENV)/ready-dev modules ## compile what changed, warnings as errors, into the source tree

pytest: $(VENV)/ready-dev modules ## the Python tests alone (ARGS="-k loader")
	@$(PYTEST) $(ARGS)

cpptest: $(VENV)/ready-dev ## the C++ tests alone (PART=tar: whose path contains "tar")
	@$(call cpp_tests,release)

lint: $(VENV)/ready-dev types tidy ## ruff, formatting, cython-lint, mypy, and clang-tidy of what changed (TIDY=all)
	@$(BIN)/ruff check --quiet
	@PATH="$(BIN):$$PATH" cython-lint fastinet
	@$(BIN)/ruff format --check --quiet || { echo "run: make format"; exit 1; }
	@$(BIN)/clang-format --dry-run --Werror $(CXX_FILES) || { echo "run: make format"; exit 1; }

tidy: $(VENV)/ready-dev
	@$(BIN)/python setup.py --quiet configure
	@tools/tidy.sh $(TIDY)

frameworks: $(VENV)/ready-frameworks ## install PyTorch, JAX and trainers into .venv, whose tests are skipped without them

types: $(VENV)/ready-dev ## mypy --strict alone
	@$(BIN)/mypy

format: $(VENV)/ready-dev ## rewrite Python and C++ in the project's format
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format --quiet
	@$(BIN)/clang-format -i $(CXX_FILES)

bench: $(VENV)/ready-bench modules ## benchmarks beside their baselines (FASTINET_SAMPLE=a tar of photographs)
	@$(BIN)/pytest benchmarks --benchmark-enable --benchmark-only $(ARGS)

# Python itself is not instrumented, so that the sanitizer's runtime is loaded before it (Linux only),
# with libstdc++, whose `throw` it wraps. There leaks are not reported, because Python keeps memory until
# its end on purpose; the lifetime tests look for them. Those of the C++ tests are.
asan tsan: export ASAN_OPTIONS := detect_leaks=0:abort_on_error=1:allocator_may_return_null=1
asan tsan: export UBSAN_OPTIONS := print_stacktrace=1:halt_on_error=1
asan tsan: export TSAN_OPTIONS := halt_on_error=1:suppressions=$(CURDIR)/tools/thread_sanitizer.supp
asan: ## C++ and Python tests under the address and undefined-behaviour sanitizers
tsan: ## C++ and Python tests under the thread sanitizer
asan tsan: $(VENV)/ready-dev
	@export ASAN_OPTIONS=$(subst leaks=0,leaks=1,$(ASAN_OPTIONS)); $(call cpp_tests,$@)
	@FASTINET_PRESET=$@ $(BIN)/python setup.py --quiet build --build-lib build/$@/python
	@preload=; for name in lib$@.so libclang_rt.$@-$$(uname -m).so libstdc++.so.6; do \
	  path=$$($(CXX) -print-file-name=$$name); case $$path in /*) preload="$$preload $$path";; esac; \
	done; PYTHONPATH="$(CURDIR)/build/$@/python" LD_PRELOAD="$$preload" $(BIN)/pytest $(ARGS)

faults: $(VENV)/ready-dev modules ## every call that can fail, and disks and machines that do (ARGS="verify killed --most 50"; Linux)
	@$(BIN)/python tests/faults/every_fault.py $(ARGS)

fuzz: $(VENV)/ready-dev modules ## every fuzzer, and trials of every parser in Python, SECONDS each (needs clang++)
	@CXX="$(if $(filter default,$(origin CXX)),clang++,$(CXX))" FASTINET_PRESET=fuzz $(BIN)/python setup.py --quiet configure
	@$(BIN)/cmake -S csrc -B build/fuzz -DFASTINET_FUZZ_SECONDS=$(SECONDS) >/dev/null
	@$(BIN)/cmake --build build/fuzz --target fuzzers
	@$(BIN)/ctest --test-dir build/fuzz --verbose -L fuzzer -R "$(PART)"
	@test -n "$(PART)" || $(BIN)/python tools/fuzz_parsers.py --seconds $(SECONDS)

chaos: $(VENV)/ready-dev modules ## random programs over everything at once, for SECONDS (SEED=7: from that seed on)
	@PYTHONPATH=tests $(BIN)/python -W ignore tests/programs/chaos.py --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

soak: $(VENV)/ready-bench modules ## work for MINUTES; fails where memory, threads or open files grow, and draws them (build/soak.png)
	@$(BIN)/python benchmarks/soak.py --minutes $(MINUTES) --plot build/soak.png

clean: ## delete what was built
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
	rm -f $(VENV)/linked fastinet/_build.json $$(find fastinet -name '_*.so')

distclean: clean ## ... and .venv
	rm -rf $(VENV)

# Set-up. Stamp files in .venv keep it silent and fast while nothing changed.

$(VENV)/ready: $(SET_UP_FILES)
	@$(SET_UP) && touch $@

$(VENV)/ready-dev: $(SET_UP_FILES)
	@$(SET_UP) dev && touch $@ $(VENV)/ready

$(VENV)/ready-frameworks: $(SET_UP_FILES)
	@$(SET_UP) dev frameworks trainers && touch $@ $(VENV)/ready-dev $(VENV)/ready

$(VENV)/ready-bench: $(SET_UP_FILES)
	@$(SET_UP) dev bench && touch $@ $(VENV)/ready-dev $(VENV)/ready

# Compiles what changed, straight into the package; links .venv to the source tree once.
modules:
	@$(BIN)/python setup.py --quiet build_ext --inplace
	@test $(VENV)/linked -nt pyproject.toml || { \
	  $(BIN)/pip install --quiet --no-build-isolation --no-deps --editable . && touch $(VENV)/linked; }

# Builds and runs the C++ tests of a preset.
cpp_tests = FASTINET_PRESET=$(1) $(BIN)/python setup.py --quiet configure && \
  $(BIN)/cmake --build build/$(1) --target programs && \
  $(BIN)/ctest --test-dir build/$(1) --output-on-failure --progress -R "$(PART)"
