# Every target works from a fresh clone: it makes .venv and installs what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Files stay whole, because tests of a file share what they started; the longest begin.
PYTEST := $(BIN)/python -m pytest -n 5 --dist loadfile --no-loadscope-reorder

.PHONY: demo test again lint check coverage chaos torture day full soak bench clean

demo: $(VENV)/run.stamp
	$(BIN)/python poly_maker_autorun.py --demo $(ARGS)

test: $(VENV)/dev.stamp
	$(PYTEST) $(ARGS)

# What failed last time, one after the other, with the machine to itself. When nothing did, pytest's
# exit code is 5, which is well, unless there was a failure that no test had: make again NOTHING=0.
NOTHING ?= 5
again: $(VENV)/dev.stamp
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(ARGS) || [ $$? -eq $(NOTHING) ]

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test

coverage: $(VENV)/dev.stamp
	$(PYTEST) tests/polyshared --cov --cov-config=tests/polyshared/coverage.ini --timeout 120 $(ARGS)

# 800 other lives a round. What fails names its seed: make chaos SEED=n ROUNDS=1 lives it again.
SEED := $(or $(SEED),$(shell date +%s))
ROUNDS ?= 10
chaos: $(VENV)/dev.stamp
	@for seed in $$(seq $(SEED) $$(($(SEED) + $(ROUNDS) - 1))); do \
	    echo "seed $$seed"; \
	    $(BIN)/python -m pytest -n 4 tests/shell/test_trading_model.py tests/shell/test_kept_account_model.py \
	        -k "nothing_that_happens or nothing_is_ever" --hypothesis-seed=$$seed $(ARGS) || exit 1; \
	done

torture: $(VENV)/dev.stamp
	$(BIN)/python -m pytest tests/torture --torture $(ARGS)

day: $(VENV)/dev.stamp
	$(BIN)/python -m pytest tests/e2e/test_day.py --full -s $(ARGS)

# What the suite runs smaller or not at all: a hundred children, fifty kills, a minute's race,
# a feed that is away for a minute, an hour on a fast clock, a day of fifty tokens.
full: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/e2e/test_day.py tests/e2e/test_account_kills.py \
	    tests/e2e/test_failover_outage.py tests/e2e/test_failover_disk.py \
	    tests/e2e/test_failover_supervisor.py --full $(ARGS)

soak: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/soak_feed.py $(ARGS)

# Ten minutes on a quiet machine. ARGS="--quick --force" tells in two whether everything works.
bench: $(VENV)/bench.stamp
	command -v redis-server >/dev/null || sh benchmarks/install_redis.sh
	$(BIN)/python -m benchmarks $(ARGS)

$(VENV)/run.stamp: requirements.txt polyshared/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(VENV)/bench.stamp: requirements-bench.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
