# `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest
PARALLEL := $(PYTEST) -n $(WORKERS)

.DEFAULT_GOAL := help
.PHONY: help setup quickstart demo run test test-slow test-all test-nightly mutants fuzz bench fairness sdks lint format contracts migrate lock clean

help: ## list the targets
	@grep -hE '^[.a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([.a-z-]+):.*## /\1\t/' | expand -t 14

setup: $(STAMP) ## install everything that the other targets use; starts nothing
	@$(BIN)/rapport fetch
	@if [ "$(MAKECMDGOALS)" = setup ]; then echo "Installed. Next: make quickstart, or make demo."; fi

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is required; set PYTHON=... to choose it"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

quickstart: setup ## run the whole system with a sandbox, and print its key and a request that works
	@$(BIN)/rapport quickstart

demo: setup ## send a year of 2,377 real households through the system and check every figure
	@$(BIN)/python -m examples.demo

run: setup ## run the whole system, with the demo's data if it exists
	@$(BIN)/rapport up

test: setup ## run every test that is neither slow nor nightly, in WORKERS processes
	$(PARALLEL) -m "not slow and not nightly"

test-slow: setup ## run the slow tests
	$(PYTEST) -m "slow and alone and not nightly"
	$(PARALLEL) -m "slow and not alone and not nightly"

test-all: setup ## run test and test-slow together, which takes less time than both; .ci/run does this
	$(PYTEST) -m "alone and not nightly"
	$(PARALLEL) -m "not alone and not nightly"

test-nightly: setup ## run the slow tests and those that take too long for every change
	$(PYTEST) -m "alone and (slow or nightly)"
	$(PARALLEL) -m "not alone and (slow or nightly)"

mutants: setup ## apply each mutant to the code and check that the tests fail
	$(BIN)/python -m tests.mutants

fuzz: setup ## run the tests with much generated input; RAPPORT_EXAMPLES sets the number of examples
	RAPPORT_EXAMPLES=$${RAPPORT_EXAMPLES:-300} $(PYTEST) -s --hypothesis-profile=fuzz --timeout=3600 \
		tests/system/test_generated_input.py tests/unit tests/service/chassis/test_generated_values.py

bench: setup ## measure ratios to yardsticks; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks

fairness: setup ## measure a quiet tenant while another one attacks; ATTACKS="NAME ..." chooses the attacks
	$(BIN)/python -m tests.attacks $(ATTACKS)

sdks: setup ## generate the SDKs in four languages, compile them, and run their stories against a running stack
	$(MAKE) -C sdks
	$(PYTEST) tests/system/test_sdks.py

lint: $(STAMP) ## check format, rules, types, imports and generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/rapport contracts --check
	@$(BIN)/python -m tests.support.sizes

format: $(STAMP) ## format the code and fix what the linter can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

contracts: $(STAMP) ## generate the contracts and the generated pages from the code
	$(BIN)/rapport contracts

migrate: $(STAMP) ## migrate the databases of the environment or the local stack to the newest revision
	$(BIN)/rapport migrate

COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header -q

lock: $(STAMP) ## resolve and lock the dependencies
	$(COMPILE) --all-extras --upgrade -o requirements.lock
	$(COMPILE) --extra otel -c requirements.lock -o requirements-runtime.lock
	$(BIN)/uv pip compile sdks/requirements.in --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header -q --upgrade -o sdks/requirements.lock

.env: ## generate the secrets of docker-compose.yml once; uses Docker if nothing is installed here
	@set -e; umask 077; run=$(BIN)/rapport; if [ ! -x $$run ]; then \
		docker build -q -t rapport-gateway --build-arg SERVICE=gateway . > /dev/null; \
		run="docker run --rm -i rapport-gateway"; \
	fi; $$run env < .env.example > .env.new; mv .env.new .env

clean: ## remove the environment, the caches, the generated SDKs and the stack's data
	$(MAKE) -C sdks clean
	rm -rf $(VENV) .rapport .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
