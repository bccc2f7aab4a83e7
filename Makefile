# `make help` lists the targets. Everything is installed into .venv; nothing else on the machine is touched.
SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
# The newest supported interpreter on the machine; PYTHON3=... overrides.
PYTHON3 ?= $(shell for p in python3.12 python3.13 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo "$$p" && break; done)
STAMP := $(VENV)/.installed
EXPERIMENTS := sine_depth,sine_depth_he,sine_depth_batchnorm,digits_depth
# make sweep-depth TASK=cifar10: the CIFAR-10 sweep, on a GPU, one cohort after another
TASK ?=
ifeq ($(TASK),cifar10)
EXPERIMENTS := cifar10_depth
PLACE := runtime=gpu hydra/launcher=basic
endif
ARGS ?=
comma := ,

.PHONY: help install sweep-depth smoke test lint format typecheck bench compare wandb-sync lock publish clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "%-14s %s\n", $$1, $$2}'

install: $(STAMP) ## install the locked packages and this project into .venv

$(STAMP): pyproject.toml requirements.lock
	@test -n "$(PYTHON3)" || { echo "Python 3.11, 3.12 or 3.13 is needed and none was found; set PYTHON3=/path/to/python3"; exit 1; }
	test -x $(PYTHON) || $(PYTHON3) -m venv $(VENV)
	$(PYTHON) -m uv --version >/dev/null 2>&1 || $(PYTHON) -m pip install --quiet --disable-pip-version-check uv
	$(PYTHON) -m uv pip install --quiet --python $(PYTHON) --require-hashes -r requirements.lock
	$(PYTHON) -m uv pip install --quiet --python $(PYTHON) --no-deps -e .
	touch $@

sweep-depth: $(STAMP) ## the main job: train the sine and digits sweeps, print tables, write figures (TASK=cifar10: that one)
	$(PYTHON) experiments/train.py -m experiment=$(EXPERIMENTS) $(PLACE) $(ARGS)

smoke: $(STAMP) ## the whole path, from configuration to figure, in under a minute
	$(PYTHON) experiments/train.py -m experiment=sine_smoke $(ARGS)

test: $(STAMP) ## run the tests, the linter and the type checker
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PYTHON) -m pytest $(ARGS)

format: $(STAMP) ## format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(STAMP) ## measure the stacked engine against one-network Lightning fits
	$(PYTHON) experiments/bench.py depth=10 variants=[plain] $(ARGS)

compare: $(STAMP) ## which of your results differ from results/reference beyond seed noise
	$(PYTHON) experiments/compare.py $(ARGS)

wandb-sync: $(STAMP) ## upload to W&B what was logged offline (after `wandb login`)
	$(PYTHON) experiments/wandb_sync.py $(ARGS)

lock: ## resolve requirements.lock again (hashes, no addresses)
	$(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --extra dev \
		--custom-compile-command "make lock" -o requirements.lock pyproject.toml

publish: ## copy results/ to results/reference/, the committed evidence (EXPERIMENTS=a,b chooses)
	for name in $(subst $(comma), ,$(EXPERIMENTS)); do \
		test -f results/$$name/networks.csv || { echo "results/$$name holds no tables"; exit 1; }; \
		rm -rf results/reference/$$name && mkdir -p results/reference/$$name && \
		cp results/$$name/*.{csv,md,png,svg} results/reference/$$name/ || exit 1; done

clean: ## delete .venv and caches; runs/ and results/ stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
