# Shorthands for people. `make bench PEER=…/bin/python` compares with a mozregression that is installed there.
PYTHON ?= python3
BIN := .venv/bin

.venv/ready: pyproject.toml setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -e '.[dev,docs]'
	touch $@

.PHONY: practice test lint format types docs bench differential clean
practice: .venv/ready
	$(BIN)/mozbisect practice
test: .venv/ready
	$(BIN)/pytest -q -n 4
lint: .venv/ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
format: .venv/ready
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .
types: .venv/ready
	$(BIN)/mypy
docs: .venv/ready
	$(BIN)/sphinx-build -W -q -b html docs docs/_build/html
bench: .venv/ready
	$(BIN)/python benchmarks/whole_run.py $(if $(PEER),--peer $(PEER))
differential: .venv/ready
	$(BIN)/python benchmarks/differential.py --peer $(PEER)
clean:
	rm -rf .venv build dist docs/_build *.egg-info
