# Every command a newcomer needs. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup demo up test check bench docs lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Ship bytecode: interpreter start and imports are most of what a Dagster run costs.
unexport PYTHONDONTWRITEBYTECODE

help: ## List these commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 14

setup: $(STAMP) ## Install everything into .venv, and nothing else

$(STAMP): requirements.lock pyproject.toml tools/system_packages.sh
	@bash tools/system_packages.sh
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# torch first and through pip: a bare resolver would take the multi-gigabyte build for graphics cards.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

demo: setup ## Read the shipped sample, answer two questions, serve until Ctrl-C (EXIT=1: end instead)
	@$(BIN)/drovi demo $(if $(EXIT),--exit)

up: setup ## Start the platform and serve until Ctrl-C
	@$(BIN)/drovi up

test: setup ## Run every test
	@# A worker a core, each with a database server of its own; a file's tests stay together and share its fixtures.
	$(BIN)/python -m pytest -q -n auto --dist loadfile

check: setup ## Format, lint, types, import layers, secrets
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline

bench: setup ## Measure our speed beside the peers' (NAME=search for one)
	$(BIN)/python -m benchmarks $(NAME) --json

docs: setup ## Write the generated reference anew
	$(BIN)/python -m tools.reference

lock: $(STAMP) ## Resolve requirements.lock anew
	@bash tools/lock.sh

clean: ## Remove what was built; state under .drovi stays
	rm -rf $(VENV) build dist *.egg-info
