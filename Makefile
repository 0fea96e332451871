# Every target works from a fresh clone: it makes .venv and installs what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PYTEST := $(BIN)/python -m pytest -n 4

.PHONY: demo test lint check torture soak clean

demo: $(VENV)/run.stamp
	$(BIN)/python poly_maker_autorun.py --demo $(ARGS)

test: $(VENV)/dev.stamp
	$(PYTEST) $(ARGS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test

torture: $(VENV)/dev.stamp
	$(BIN)/python -m pytest tests/torture --torture $(ARGS)

soak: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/soak_feed.py $(ARGS)

$(VENV)/run.stamp: requirements.txt polyshared/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
