# make demo: set up and run the main job.  make test: set up and run all tests.  make lint: what CI checks besides.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# more threads than cores make small networks slower, and the tests run in parallel already
export OMP_NUM_THREADS ?= 1

.PHONY: setup demo test lint format clean
setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: setup
	$(BIN)/python pipelines/fraud.py
	$(BIN)/python pipelines/impute.py
	$(BIN)/python pipelines/sensors.py
	$(BIN)/python pipelines/images.py

test: setup
	$(BIN)/python -m pytest -n 2

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
