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
LOCK_DIGEST := $(shell (cat requirements/*.lock otel/pyproject.toml; sed -n '/^\[project\]/,/^\[dependency-groups\]/p' pyproject.toml) | sha256sum | cut -c1-16)
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

.PHONY: generate
generate: setup ## Write the generated files anew: dashboards, rules and the telemetry reference
	$(BIN)/python -m grafana.dashboards.build
	$(BIN)/python -m grafana.alerts.build
	$(BIN)/python -m otel.document

# What can be said of configurations and generated files without a binary.
CONFIGURATIONS := tests/compose tests/collector/test_ownership.py tests/collector/test_manifest.py \
  tests/grafana/test_build.py tests/grafana/test_provisioning.py tests/rules/test_build.py tests/alerts/test_forms.py tests/otel/test_names.py

.PHONY: check
check: setup ## Lint, types, import directions and configurations (fast)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/pytest -q $(CONFIGURATIONS)

.PHONY: build
build: setup ## Build the real components into the cache, if they are not there
	$(BIN)/gaugeway build

# Pages are tested in the system's Chromium; Debian's package is it where we may install one.
.PHONY: browser
browser: ## Install Chromium for the tests of pages, where there is none
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-liberation; \
	else echo "The tests of pages need Chromium: install the package chromium" >&2; exit 1; fi

.PHONY: test
test: check build browser ## Everything CI runs
	$(BIN)/pytest

.PHONY: prove
prove: build ## Prove panels, links and alerts by live data, and the proof itself; wants a quiet machine
	$(BIN)/pytest -m proof
	$(BIN)/gaugeway prove

.PHONY: up
up: setup ## Start the stack and leave it running (STACK=auto|native|docker)
	$(BIN)/gaugeway up --detach --stack $(STACK)

.PHONY: demo
demo: up ## Start the stack, drive a minute of traffic, follow one request
	$(BIN)/gaugeway demo

.PHONY: down
down: ## Stop the stack
	$(BIN)/gaugeway down

.PHONY: bench
bench: build ## Measure, side by side in one run; one JSON line each
	@$(BIN)/python -m bench.request_cpu
	@$(BIN)/python -m bench.metrics_endpoint
	@$(BIN)/python -m bench.collector_faults
	@$(BIN)/python -m bench.ledger
	@$(BIN)/python -m bench.redaction
	@$(BIN)/python -m bench.body_stalls

.PHONY: bench-dashboards
bench-dashboards: build ## Measure the panels of the dashboards on 30 days of history; the first time writes 6 GB
	@$(BIN)/python -m bench.dashboards
