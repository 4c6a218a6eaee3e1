# Shopkeeper: every target explains itself with `make help`.
# `make demo` and `make test` do all the set-up they need on a fresh machine.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STATIC := src/shopkeeper/apps/service/static
CONSOLE_SOURCES := $(shell find console -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)
export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check bench peers docs console clean browser-tools

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.installed $(STATIC)/index.html ## Install, build, load the demo shop, run the loop, open the console
	$(BIN)/shopkeeper demo $(DEMO_FLAGS)

test: $(VENV)/.installed-dev $(STATIC)/index.html browser-tools ## Install, build and run every test
	$(BIN)/python -m pytest -n 2 --dist loadscope $(TEST_FLAGS)

check: $(VENV)/.installed-dev ## Layers, cycles, lint, strict types, docstrings, translations (under a minute)
	$(BIN)/python tools/check_imports.py
	$(BIN)/python tools/check_docs.py
	$(BIN)/python tools/check_i18n.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev ## Print the published figures (set CAPABILITY=churn|value|recommend|…)
	$(BIN)/shopkeeper bench $(or $(CAPABILITY),all) $(BENCH_FLAGS)

peers: $(VENV)/.installed-dev $(addprefix .peers/,$(addsuffix /.installed,$(basename $(notdir $(wildcard tools/peers/*.txt))))) ## Install the libraries that bench prints beside ours, each in its own environment

.peers/%/.installed: tools/peers/%.txt | $(VENV)/bin/python
	$(PYTHON) -m venv .peers/$*
	@if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install --quiet --python .peers/$*/bin/python -r $<; \
	else .peers/$*/bin/python -m pip install --quiet -r $<; fi
	@touch $@

docs: $(VENV)/.installed-dev ## Regenerate the generated pages (data dictionary, features, settings, OpenAPI)
	$(BIN)/python tools/build_docs.py

console: $(STATIC)/index.html ## Build the console into the package

clean: ## Remove what the targets above created
	rm -rf $(VENV) .peers $(STATIC) console/node_modules .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	-$(BIN)/python -m pip install --quiet uv

# uv makes a cold install about ten times faster; pip is the fallback.
$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -e '.[demo]'; \
	else $(BIN)/python -m pip install --quiet -e '.[demo]'; fi
	@touch $@

# pip finds the CPU build of torch where one is offered; uv would take the build with CUDA.
$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/python -m pip install --quiet torch==2.13.0
	@if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -e '.[demo,spark,tune]' --group dev; \
	else $(BIN)/python -m pip install --quiet -e '.[demo,spark,tune]' --group dev; fi
	@touch $@ $(VENV)/.installed

$(STATIC)/index.html: $(CONSOLE_SOURCES)
	cd console && npm ci --silent --no-audit --no-fund && npm run build --silent
	@touch $@

# Browser tests need a Chromium; where we may, install the system's, else those tests say why they skip.
browser-tools:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; \
	  else echo "no chromium found: browser tests will be skipped"; fi; }
