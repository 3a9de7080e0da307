# `make run` measures the eight networks and draws the picture; `make test` checks everything.
# Both make their own virtual environment in .venv first.
PYTHON ?= python3
RUNTIME ?= cpu# or gpu: onnxruntime-gpu with CUDA and cuDNN, in place of onnxruntime
EXTRAS := $(RUNTIME),dev,keras,plots,torch
BIN := .venv/bin

.PHONY: run test check asv asv-publish asv-onnxruntime venv clean

run: venv
	$(BIN)/harness run

test: check
	$(BIN)/pytest --numprocesses 2 --dist loadfile  # more would need more than 24 GB of memory

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

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
