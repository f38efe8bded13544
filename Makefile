# Every step a fresh machine needs is reachable from here; `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STACK ?= auto
UV := $(BIN)/uv

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

# The stamp carries the lock's digest, so a changed lock or a half-made environment is set up again.
LOCK_DIGEST := $(shell cat requirements/*.lock pyproject.toml otel/pyproject.toml 2>/dev/null | sha256sum | cut -c1-16)
STAMP := $(VENV)/.ready-$(LOCK_DIGEST)

.PHONY: setup
setup: $(STAMP) ## Make the Python environment in .venv

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Gaugeway needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e ./otel -e .
	@touch $@

.PHONY: lock
lock: setup ## Resolve the dependencies anew into requirements/*.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  requirements/bootstrap.in -o requirements/bootstrap.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  pyproject.toml otel/pyproject.toml --group pyproject.toml:dev --no-emit-package gaugeway-otel -o requirements/dev.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  pyproject.toml otel/pyproject.toml --no-emit-package gaugeway-otel -c requirements/dev.lock -o requirements/runtime.lock

.PHONY: check
check: setup ## Lint, types and import directions (fast)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

.PHONY: test
test: check ## Everything CI runs
	$(BIN)/pytest
