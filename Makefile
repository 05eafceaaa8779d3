# Everything here needs only Python >= 3.11, make and git. `make PYTHON=python3.12 ...` chooses the interpreter.
PYTHON ?= python3
ARGS ?=

# Interpreters are never downloaded: the one named above is used.
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE ?= copy
export SAM_CLI_TELEMETRY := 0

LAYER := layers/shared/python
UV := .tools/uv/bin/uv
SAM := .tools/sam/bin/sam

# Everything that was installed is installed anew when the interpreter or a lock changes.
INTERPRETER := $(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3] if sys.version_info >= (3, 11) else "")' 2>/dev/null)
UV_READY := .tools/uv/.ready-$(INTERPRETER)
VENV_READY := .venv/.ready-$(INTERPRETER)
INSTALLED := .venv/.installed-$(INTERPRETER)
EMULATOR_READY := .tools/emulator/.ready-$(INTERPRETER)
SAM_READY := .tools/sam/.ready-$(INTERPRETER)

.DEFAULT_GOAL := help
.PHONY: help setup browser test simulate lint build deploy demo screenshots lock clean check-python

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) $(EMULATOR_READY) $(SAM_READY) ## Install everything under .venv and .tools (again only when a lock changed)

CHROMIUM_OF_DEBIAN := DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium
# The tests of the console need Chromium; without one they are skipped, and say so. Only root can install Debian's.
browser:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	test "$$(id -u)" = 0 && command -v apt-get >/dev/null || exit 0; \
	{ $(CHROMIUM_OF_DEBIAN) || { apt-get update -qq && $(CHROMIUM_OF_DEBIAN); }; } >/dev/null 2>&1 || true

test: setup browser ## Run all tests: make test ARGS="-k name"
	.venv/bin/pytest $(ARGS)

simulate: setup ## Play seeded worlds in which everything goes wrong: make simulate ARGS="--seeds 100"
	.venv/bin/python -m tests.simulation.run $(ARGS)

lint: setup ## Check style, types and who imports whom
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

build: setup ## Build what is deployed to AWS, into .aws-sam/build
	PATH="$(CURDIR)/.tools/uv/bin:$$PATH" GIFTBRIDGE_BUILD=aws $(SAM) build

deploy: build ## Deploy to AWS, asking for what must be known: make deploy ARGS="--config-env prod"
	$(SAM) deploy $(if $(ARGS),$(ARGS),--guided)

demo: setup ## Play a busy day on a local stack: make demo ARGS=--exit
	.venv/bin/python -m ops.demo $(ARGS)

screenshots: setup browser
	.venv/bin/python -m ops.console.screenshots $(ARGS)

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: $(UV_READY) ## Rewrite every lock with the newest versions
	$(COMPILE) --upgrade pyproject.toml --all-extras -o requirements.lock
	$(COMPILE) --upgrade pyproject.toml --constraint requirements.lock --no-annotate -o $(LAYER)/requirements.txt
	printf 'ministack\naws-sam-translator\n' | $(COMPILE) --upgrade - -o ops/local_stack/emulator.lock
	echo 'aws-sam-cli' | $(COMPILE) --upgrade - -o ops/local_stack/sam.lock
	echo 'uv' | $(COMPILE) --upgrade - -o ops/bootstrap.lock

clean: ## Remove everything that was installed or built
	rm -rf .venv .tools .build .aws-sam .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

check-python:
	@test -n "$(INTERPRETER)" || { echo "$(PYTHON) is missing or older than 3.11; name another: make PYTHON=python3.12 ..." >&2; exit 2; }

# uv is the only thing pip installs; uv then fills every other environment.
$(UV_READY): ops/bootstrap.lock | check-python
	rm -rf .tools/uv
	$(PYTHON) -m venv .tools/uv || { echo "Python's venv module does not work; on Debian: apt-get install python3-venv" >&2; exit 2; }
	.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r ops/bootstrap.lock
	touch $@

# $(call fill,environment,lock): made anew for another interpreter, brought up to date for another lock
define fill
	test -e $(1)/.ready-$(INTERPRETER) || { rm -rf $(1) && $(UV) venv --quiet --python .tools/uv/bin/python $(1); }
	$(UV) pip sync --quiet --compile-bytecode --python $(1)/bin/python --require-hashes $(2)
endef

$(VENV_READY): requirements.lock $(UV_READY)
	$(call fill,.venv,requirements.lock)
	touch $@

$(INSTALLED): pyproject.toml $(VENV_READY)
	$(UV) pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	touch $@

$(EMULATOR_READY): ops/local_stack/emulator.lock $(UV_READY)
	$(call fill,.tools/emulator,ops/local_stack/emulator.lock)
	touch $@

$(SAM_READY): ops/local_stack/sam.lock $(UV_READY)
	$(call fill,.tools/sam,ops/local_stack/sam.lock)
	touch $@
