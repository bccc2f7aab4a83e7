# `make help` lists the targets. Everything is installed into .venv; nothing else on the machine is touched, but that
# test-slurm and slurm-packages add Debian's SLURM packages if they may.
SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
# The newest supported interpreter on the machine; PYTHON3=... overrides.
PYTHON3 ?= $(shell for p in python3.12 python3.13 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo "$$p" && break; done)
# make install TORCH=cpu: see below. Later targets keep what was chosen; TORCH= on the command line goes back to CUDA.
TORCH ?= $(shell cat $(VENV)/.torch 2>/dev/null)
STAMP := $(VENV)/.installed$(addprefix -,$(TORCH))
# The sweeps. The story: default initialisation with the arm that explains it, then images; sine_why has all networks of
# sine_depth. What the literature sets beside the residual network is a sweep of its own. Every other experiment that a
# CPU can explains something; the long ones have very deep networks or many steps.
STORY := sine_why digits_depth
ARCHITECTURES := digits_shortcuts digits_small_branches digits_orders digits_norm_free digits_stochastic digits_bottleneck digits_densenet \
	digits_unet digits_highway sine_highway
LONG := sine_3000 digits_2000 digits_2000_full digits_budget_16x digits_1202 cifar10_small cifar10_small_warmup
CPU := $(filter-out %_smoke,$(basename $(notdir $(shell grep -L '^ *device: cuda' conf/experiment/*.yaml))))
SINE_FIRST := $(filter sine_%,$(CPU)) $(filter-out sine_%,$(CPU))
WHY := $(filter-out $(STORY) $(ARCHITECTURES) $(LONG) sine_depth,$(SINE_FIRST))
ALL := $(STORY) $(WHY) sine_depth $(ARCHITECTURES) $(LONG)
space := $(subst ,, )
comma := ,
listed = $(subst $(space),$(comma),$(strip $(1)))
EXPERIMENTS := $(call listed,$(STORY))
# Diagnostics that are made on finished runs.
INSIDE := lesion surface paths maps
# make sweep-depth TASK=cifar10: the CIFAR-10 sweep, on a GPU, one cohort after another
TASK ?=
ifeq ($(TASK),cifar10)
EXPERIMENTS := cifar10_depth
PLACE := runtime=gpu
endif
ARGS ?=
# Where this is set every process compiles all of torch and Lightning again: 18 s of imports in place of 8.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install sweep-depth sweep-why sweep-architectures sweep-all inside demo smoke test test-faults test-slurm slurm-packages format bench compare gpu-proof notebook lock audit report publish wandb-sync clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "%-19s %s\n", $$1, $$2}'

install: $(STAMP) ## install the locked packages and this project into .venv

# TORCH=cpu: torch and torchvision without CUDA, from PyTorch's own index. Their hashes are not those of the lock, which
# are of PyPI's files, so the two are installed by version alone and all others with hashes. Not tried where this was written.
LOCKED := --require-hashes -r requirements.lock
ifeq ($(TORCH),cpu)
SIZE := about 0.4 GB of packages, 1.5 GB on disk
else
SIZE := about 3 GB of packages, 6 GB on disk, on Linux, where torch brings CUDA (without a GPU: make install TORCH=cpu); 0.4 GB elsewhere
endif

$(STAMP): pyproject.toml requirements.lock
	@test -n "$(PYTHON3)" || { echo "Python 3.11, 3.12 or 3.13 is needed and none was found; set PYTHON3=/path/to/python3"; exit 1; }
	@echo "Into $(VENV): $(SIZE); what uv's cache has is not downloaded again."
	test -x $(PYTHON) || $(PYTHON3) -m venv $(VENV)
	$(PYTHON) -m uv --version >/dev/null 2>&1 || $(PYTHON) -m pip install --quiet --disable-pip-version-check uv
ifeq ($(TORCH),cpu)
	awk '/^[^ #]/ {cuda = /^(torch|torchvision|triton|nvidia-[^=]*|cuda-[^=]*)==/} !cuda' requirements.lock > $(VENV)/locked.txt
	$(PYTHON) -m uv pip install --python $(PYTHON) --no-deps --require-hashes -r $(VENV)/locked.txt
	$(PYTHON) -m uv pip install --python $(PYTHON) --no-deps --torch-backend cpu \
		$$(sed -nE 's/^(torch|torchvision)==([^ ;]+).*/\1==\2/p' requirements.lock)
else
	$(PYTHON) -m uv pip install --python $(PYTHON) $(LOCKED)
endif
	$(PYTHON) -m uv pip install --python $(PYTHON) --no-deps -e .
	@echo "Compiling what a sweep imports, which else each of its processes would."
	$(PYTHON) -c 'import degradation.reports.overview, degradation.training.fit, degradation.tracking.curve, joblib, \
		sklearn.datasets, sklearn.model_selection, wandb.sdk.launch'
	@rm -f $(VENV)/.installed*
	@echo "$(TORCH)" > $(VENV)/.torch
	touch $@

sweep-depth: $(STAMP) ## the story: sine and digits, figure by figure as each is done (TASK=cifar10: that one, on a GPU)
	$(PYTHON) experiments/train.py -m experiment=$(EXPERIMENTS) $(PLACE) $(ARGS)

sweep-why: $(STAMP) ## the experiments that explain the story: initialisation, normalisation, learning rate, budget, ...
	$(PYTHON) experiments/train.py -m experiment=$(call listed,$(WHY)) $(ARGS)

sweep-architectures: $(STAMP) ## other shortcuts, orders and families
	$(PYTHON) experiments/train.py -m experiment=$(call listed,$(ARCHITECTURES)) $(ARGS)

sweep-all: $(STAMP) ## everything that a CPU can, small CIFAR-10 last
	$(PYTHON) experiments/train.py -m experiment=$(call listed,$(ALL)) $(ARGS)

inside: $(STAMP) ## lesions, loss surfaces, paths and maps of the networks of digits_depth of 20 and 56 layers; trains those that are missing
	$(PYTHON) experiments/train.py -m experiment=digits_depth depth=20,56 $(ARGS)
	for name in $(INSIDE); do \
		$(PYTHON) experiments/diagnose.py experiment=digits_depth diagnostic=$$name 'depths=[20,56]' || exit 1; done

demo: $(STAMP) ## a plain and a residual network of 32 layers side by side, in under a minute
	$(PYTHON) experiments/demo.py $(ARGS)

smoke: $(STAMP) ## the whole path, from configuration to figure, in under a minute
	$(PYTHON) experiments/train.py -m experiment=sine_smoke $(ARGS)

test: $(STAMP) ## run the tests, the linter and the type checker
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PYTHON) -m pytest -n 2 --dist loadscope --no-loadscope-reorder --durations=25 -rs -m "not long" $(ARGS)

test-faults: $(STAMP) ## kill, cut, fill up and starve sweeps, a hundred times and more; the table goes to results/reference/faults
	$(PYTHON) -m pytest tests/faults --campaign results/reference/faults -rs $(ARGS)

test-slurm: slurm-packages $(STAMP) ## sweeps on a real SLURM of one node, started and stopped by the tests
	DEGRADATION_SLURM=required $(PYTHON) -m pytest tests/slurm -rs $(ARGS)

slurm-packages: ## install SLURM and munge where there are apt and root
	@PATH="$$PATH:/usr/sbin"; if command -v slurmctld >/dev/null && command -v munged >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then echo "SLURM can be installed by root with apt only"; exit 0; fi; \
	{ timeout 120 apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get install -qq -y --no-install-recommends slurm-wlm munge; } >/dev/null || echo "SLURM could not be installed"

format: $(STAMP) ## format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(STAMP) ## measure the engines against plain loops: stacked on the sine; on CIFAR-10 sequential, on a GPU graph; growth
	$(PYTHON) experiments/bench.py depth=10 variants=[plain]
	if $(PYTHON) -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then \
		for precision in tf32 bf16 fp32; do \
			$(PYTHON) experiments/bench.py experiment=cifar10_depth runtime=gpu depth=[20,56,110] \
				recipe.precision=$$precision $(ARGS) || exit 1; done; \
	else $(PYTHON) experiments/bench.py experiment=cifar10_depth depth=20 recipe.precision=fp32 $(ARGS); fi
	$(PYTHON) experiments/growth.py

notebook: $(STAMP) ## open the notebooks in Jupyter Lab, which is installed into .venv the first time
	$(PYTHON) -c 'import jupyterlab' 2>/dev/null || $(PYTHON) -m uv pip install --python $(PYTHON) -e '.[notebook]'
	$(PYTHON) -m jupyterlab notebooks/01_degradation.ipynb $(ARGS)

gpu-proof: $(STAMP) ## on a GPU: agreement, stalls, the grid of settings, short trainings, cifar10_depth; goes on if called again
	$(PYTHON) experiments/gpu_proof.py $(ARGS)

compare: $(STAMP) ## which of your results differ from results/reference beyond seed noise
	$(PYTHON) experiments/compare.py $(ARGS)

wandb-sync: $(STAMP) ## upload to W&B what was logged offline (after `wandb login`)
	$(PYTHON) experiments/wandb_sync.py $(ARGS)

lock: ## resolve requirements.lock again (hashes, no addresses)
	$(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --extra dev \
		--custom-compile-command "make lock" -o requirements.lock pyproject.toml

AUDIT := pip-audit==2.10.1
audit: $(STAMP) ## ask PyPI for known vulnerabilities of the locked packages
	$(PYTHON) -m uv tool run --from $(AUDIT) pip-audit --requirement requirements.lock --require-hashes --disable-pip \
		--strict --timeout 15 --progress-spinner off || \
		{ echo "audit failed: a package is vulnerable, or PyPI could not be asked about it; see above"; exit 1; }

report: $(STAMP) ## tables, figures and the report with the verdicts again, from runs/ and results/ (or the reference)
	$(PYTHON) experiments/report.py $(ARGS)

publish: $(STAMP) ## results/ to results/reference/, the committed evidence (EXPERIMENTS=a,b chooses)
	for name in $(subst $(comma), ,$(EXPERIMENTS)); do \
		$(PYTHON) experiments/publish.py experiment=$$name || exit 1; done

clean: ## delete .venv and caches; runs/ and results/ stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
