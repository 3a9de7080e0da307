# `make run` measures the eight networks and draws the picture; `make test` checks everything;
# `make pictures` draws the README's pictures anew. All make their own virtual environment in .venv first.
PYTHON ?= python3
RUNTIME ?= cpu# or gpu: onnxruntime-gpu with CUDA and cuDNN, in place of onnxruntime
EXTRAS := $(RUNTIME),dev,keras,plots,torch
BIN := .venv/bin

.PHONY: run pictures test check venv clean

run: venv
	$(BIN)/harness run

# Draws the pictures of the reference results anew, which README.md and docs/ show.
pictures: venv
	$(BIN)/harness report results/reference/quick --dark
	$(BIN)/harness report results/reference/lecture
	$(BIN)/harness report --figure 2016 --dark results/reference/figure

test: check
	$(BIN)/pytest --numprocesses 2 --dist loadfile  # more would need more than 24 GB of memory

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

venv: .venv/installed-$(RUNTIME)

.venv/installed-$(RUNTIME): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "expected Python 3.11 to 3.13, found $$($(PYTHON) --version): make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

clean:
	rm -rf .venv
