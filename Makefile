# Everything that is done to this repository by hand. Each target makes its own set-up first; run `make` for the list.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin/python
LOCKS := requirements-torch.txt requirements.lock requirements-dev.lock
BENCHMARKS := $(basename $(notdir $(shell grep -l __main__ benchmarks/*.py)))
# Passed on: `make serve ARGS="--port 9000"`, `make test ARGS="tests/router -x"`.
ARGS ?=

# Tests and the service use only what is on this machine; the embedder and the zoo come with the packages.
export HF_HUB_OFFLINE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help serve test check bench wheel lock install set-up

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1~\2/p' $(MAKEFILE_LIST) | while IFS='~' read -r name what; do \
	  printf '%-16s %s\n' "$$name" "$$what"; done

serve: install ## start the service on 127.0.0.1:8000 (ARGS="--config my.toml --port 9000" is passed on)
	@exec $(RUN) -m service serve $(ARGS)

test: install ## the whole test suite (ARGS="tests/router -x" narrows it)
	$(RUN) -m pytest $(ARGS)

check: install ## format, lint, types, import contracts, then `make test`
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy --strict
	$(VENV)/bin/lint-imports
	@$(MAKE) --no-print-directory test

bench: install ## every command under benchmarks/, their tables into docs/benchmarks/
	@for name in $(BENCHMARKS); do echo "== python -m benchmarks.$$name"; $(RUN) -m benchmarks.$$name --write || exit 1; done

wheel: install ## build the wheel into dist/
	$(RUN) -m build --wheel --no-isolation --outdir dist .

lock: ## write the lock files from what .venv holds
	$(RUN) .ci/lock.py

install: ## the set-up alone: .venv with every dependency at its pinned version (nothing is done when it is there)
	@cat $(LOCKS) | cmp -s - $(VENV)/installed || $(MAKE) --no-print-directory set-up

set-up:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Pointsman needs Python 3.11 or newer; found: $$($(PYTHON) --version 2>&1 || echo none). Install it, or name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(RUN) -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV) || { \
	  echo "Python cannot make a virtual environment here; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV): torch first, then $$(cat $(LOCKS) | grep -c ==) pinned packages. This takes some minutes the first time."
	$(RUN) -m pip install --quiet -r requirements-torch.txt
	$(RUN) -m pip install --quiet -r requirements.lock -r requirements-dev.lock
	@cat $(LOCKS) > $(VENV)/installed
