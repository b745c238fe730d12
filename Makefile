# What can be done here; `make` alone explains.
PYTHON ?= python3
UV_VERSION := 0.13.8
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --frozen --all-packages
# The machine's own certificates, so that a company's registry is trusted where the machine trusts it.
export UV_SYSTEM_CERTS ?= true
# Tests that start servers: they need the whole machine, one after the other.
ALONE := tests/integration tests/e2e
PACKAGES := sdk/streamgauge detectors models stream retrain

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench up down docs alibi test-alibi

help: ## Explain the targets
	@echo "streamgauge: watch machine-learning models while they run"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20
	@echo
	@echo "Start with: make demo"

setup: .venv/.synced ## Install everything that is pinned, into .venv

demo: setup ## A year of real flights through the whole loop, then a report
	$(RUN) streamgauge demo

test: setup check ## All checks and tests, on a real broker and engine
	$(RUN) pytest -q --numprocesses auto $(ALONE:%=--ignore %)
	$(RUN) pytest -q $(ALONE)

check: setup ## Format, lint, types, layers, spelling
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) codespell README.md CHANGELOG.md CONTRIBUTING.md docs $(PACKAGES)

bench: setup ## Speed of the folds, in one run
	$(RUN) python -m benchmarks.folds

up: setup ## Start Kafka, ClickHouse and all workers here; Ctrl-C stops them
	$(RUN) streamgauge up

down: setup ## Stop what `streamgauge up --detach` started
	$(RUN) streamgauge down

.tools/bin/uv:
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.synced: pyproject.toml sdk/pyproject.toml uv.lock $(filter .tools/bin/uv,$(UV))
	$(UV) sync --frozen --all-packages
	@echo "compiling the folds, once for this machine"
	$(RUN) python -m stream.warm
	@touch $@

# An environment of its own, since the extra's licence is not free: Business Source License 1.1, not for production.
alibi: .venv-alibi/.synced ## Install alibi-detect (BSL 1.1: not for production) beside it all, into .venv-alibi

test-alibi: alibi ## Test `streamgauge investigate` with alibi-detect, in .venv-alibi
	.venv-alibi/bin/python -m pytest -q tests/alibi

.venv-alibi/.synced: pyproject.toml sdk/pyproject.toml uv.lock $(filter .tools/bin/uv,$(UV))
	UV_PROJECT_ENVIRONMENT=.venv-alibi $(UV) sync --frozen --all-packages --extra alibi
	@echo "alibi-detect is under the Business Source License 1.1: free for what is not production, docs/investigate.md"
	@touch $@

docs: setup ## Write the data dictionary anew (needs `make up` in another terminal)
	$(RUN) python -m stream.clickhouse.dictionary
