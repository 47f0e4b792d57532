# Everything a developer or a user types. `make help` lists it.
BUILD := build
JOBS := $(shell nproc)
# Test servers and downloads live outside the tree.
export SQUALL_CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/squall

.DEFAULT_GOAL := release
SHELL := /bin/sh
.PHONY: powerloss chaos crash crash-binary differential microbench help deps release debug test unit blackbox conformance demo servers bench asan tsan fuzz format lint clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

deps: ## install the Debian packages that building and testing need
	@tools/install-deps.sh

release: deps ## build build/release/squall
	@cmake --preset release >$(BUILD)-configure.log 2>&1 || { cat $(BUILD)-configure.log; exit 1; }; rm -f $(BUILD)-configure.log
	@cmake --build --preset release -j $(JOBS)

debug: deps ## build with assertions of the standard library and debug information
	@cmake --preset debug >/dev/null && cmake --build --preset debug -j $(JOBS)

test: release crash-binary servers ## all tests: unit, conformance, servers and end to end
	@tools/run-tests.sh release

unit: release ## unit and conformance tests only
	@tools/run-tests.sh release unit

blackbox: release crash-binary servers ## end-to-end tests only
	@tools/run-tests.sh release blackbox

conformance: release ## recorded answers of the real engines, per topic
	@tools/run-tests.sh release conformance

servers: deps ## install the test servers, once, outside the tree
	@python3 tests/cloud/servers.py install

crash-binary: deps
	@cmake --preset crash >/dev/null && cmake --build --preset crash -j $(JOBS) --target squall

crash: crash-binary servers ## kill squall at every crash point of every flow; SAMPLE=20 tries so many of each flow
	@$$(python3 tests/cloud/servers.py path python) tests/crash/driver.py --sample $(or $(SAMPLE),0) --seed $(or $(SEED),1)

chaos: release servers ## random changes while squall and the API server are killed and frozen; CHAOS_SECONDS=300 SEED=1
	@$$(python3 tests/cloud/servers.py path python) tests/chaos/chaos.py --seed $(or $(SEED),0)

powerloss: release ## power cuts and failing calls at every moment of the store's work, the long run
	@SQUALL_POWER_SAMPLES=$(or $(SAMPLES),60) $(BUILD)/release/squall_store_test --gtest_filter='PowerLoss*' 2>/dev/null

differential: release ## random expressions to squall and to the real engines; CASES=200000 for the nightly run
	@python3 tests/differential/run.py --cases $(or $(CASES),5000) --seed $(or $(SEED),0)

demo: release ## run the main job on local servers; KEEP=1 leaves it running
	@python3 demo/demo.py $(if $(KEEP),--keep)

bench: release ## speed and memory, as ratios taken in one run
	@python3 bench/run.py
	@python3 bench/recovery.py
	@python3 bench/kubernetes.py
	@python3 bench/python_actions.py
	@python3 bench/workflows.py
	@python3 bench/expressions.py
	@python3 bench/packs.py

microbench: deps ## costs of the pure core (Google Benchmark)
	@cmake --preset bench >/dev/null && cmake --build --preset bench -j $(JOBS) --target squall_micro_bench
	@build/bench/bench/squall_micro_bench

asan: deps ## unit tests under the address and undefined-behaviour sanitizers
	@cmake --preset asan >/dev/null && cmake --build --preset asan -j $(JOBS)
	@tools/run-tests.sh asan unit

tsan: deps ## unit tests under the thread sanitizer
	@cmake --preset tsan >/dev/null && cmake --build --preset tsan -j $(JOBS)
	@tools/run-tests.sh tsan unit

fuzz: deps ## every parser for FUZZ_SECONDS (default 20) each; FUZZ_TARGETS="json yaml", FUZZ_KEEP=1 keeps what is new
	@tools/install-deps.sh clang-16 libclang-rt-16-dev
	@cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -j $(JOBS)
	@tools/run-fuzz.sh

format: ## format all C++ sources
	@git ls-files -co --exclude-standard '*.cpp' '*.hpp' | xargs clang-format-16 -i

lint: ## include layers, file sizes, forbidden words, formatting
	@python3 tools/tidy.py --root .

clean: ## remove what was built
	@rm -rf $(BUILD)
