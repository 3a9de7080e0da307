# `make run` measures the eight networks and draws the picture; `make test` checks everything;
# `make pictures` draws the README's pictures anew. All make their own virtual environment in .venv first.
PYTHON ?= python3
RUNTIME ?= cpu# or gpu: onnxruntime-gpu with CUDA and cuDNN, in place of onnxruntime
EXTRAS := $(RUNTIME),dev,docs,keras,plots,torch
BIN := .venv/bin

.PHONY: run pictures docs dist test test-nightly check asv asv-publish asv-onnxruntime venv clean

run: venv
	$(BIN)/harness run

# Draws the pictures of the reference results anew, which README.md and docs/ show.
pictures: venv
	$(BIN)/harness report results/reference/quick --dark
	$(BIN)/harness report results/reference/lecture
	$(BIN)/harness report --figure 2016 --dark results/reference/figure
	$(BIN)/harness report --figure today --dark results/reference/figure

# The documentation site, in build/docs. A link or a heading that is not there fails the build.
docs: venv
	$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going -c docs -d build/doctrees . build/docs

# Both distributions, in dist/, and what must be true of them before they are published.
dist: venv
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	DIST=dist $(BIN)/pytest tests/commands/test_packaging.py

test: check
	$(BIN)/pytest --numprocesses 2 --dist loadfile  # more would need more than 24 GB of memory

# What is too long for every change: the deepest networks at their own size, with their files.
test-nightly: venv
	$(BIN)/pytest -m nightly --numprocesses 2 --dist loadfile

check: venv docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck .ci/*
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --quiet --persona pedantic .github

# docs/asv.md tells of the next three. COMMITS takes what `git log` does; results lie under the name of the machine.
COMMITS ?= HEAD^!
MACHINE ?= here
ASV_RUN = run --record-samples --machine '$(MACHINE)' '$(COMMITS)'

asv: venv
	$(BIN)/asv machine --yes --machine '$(MACHINE)'
	$(BIN)/asv $(ASV_RUN)

asv-onnxruntime: venv
	$(BIN)/asv --config asv.onnxruntime.conf.json machine --yes --machine '$(MACHINE)'
	$(BIN)/asv --config asv.onnxruntime.conf.json $(ASV_RUN)

asv-publish: venv
	$(BIN)/asv publish
	$(BIN)/asv --config asv.onnxruntime.conf.json publish
	@echo "to look at them: $(BIN)/asv preview, and $(BIN)/asv --config asv.onnxruntime.conf.json preview"

venv: .venv/installed-$(RUNTIME)

.venv/installed-$(RUNTIME): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "expected Python 3.11 to 3.13, found $$($(PYTHON) --version): make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

clean:
	rm -rf .venv

# What continuous integration runs beside `make test` (docs/ci.md). The gate measures BASE and HEAD in turns, on a
# network of each kind of layer.
BASE ?= main
HEAD ?= HEAD
GATED ?= mlp_fmnist_relu_1 lenet5_1x1 cifar10_bn_elu convnet_gmp
OUT ?= results/runs/gate-$(shell date +%Y%m%dT%H%M%S)

.PHONY: ci-gate ci-nightly

ci-gate: venv
	PATH="$(CURDIR)/$(BIN):$$PATH" .ci/gate '$(BASE)' '$(HEAD)' '$(OUT)' $(GATED) --threads 1 --time-limit 5m

ci-nightly: asv asv-publish
