# Every target works alone, from a bare python3 (3.11 or newer) with pip: the first one builds .venv.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

# Two workers of one torch thread each take little more than half the time of one worker with two threads.
TEST_WORKERS ?= 2

# Compiling all of torch and what it brings takes longer than the checks of this project do: Python compiles what
# is imported, and keeps that, whatever the environment says.
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile
export PYTHONDONTWRITEBYTECODE =

# Two tests need tools that ask for newer versions of click and rich: import-linter and schemathesis.
FLOORS := .venv-floors
FLOORS_IGNORE := --ignore=tests/test_architecture.py \
	--ignore=tests/anomaly_vae_pipelines/service/behaviours/test_schemathesis.py

# How many mutants of model files to try, and for how long to look for new ones; where files that break go.
MUTANTS ?= 20000
SEED ?= 0
FUZZ_MINUTES ?= 30
BREACHES ?= build/breaches

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-slow test-scale coverage check lint types imports docs floors wheel mutants fuzz faults dialects bench clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP)  ## build .venv; again only after pyproject.toml or constraints.txt changed

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python $(PIP_INSTALL) --upgrade pip
	$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e '.[dev]'
	touch $@

demo: $(STAMP)  ## fit and score a real data set, and show what was found
	$(BIN)/anomaly-vae demo

test: $(STAMP)  ## run the tests and the doctests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist worksteal

test-slow: $(STAMP)  ## run the tests that take long
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist worksteal -m slow

test-scale: $(STAMP)  ## run the tests of Ray, Spark, MLflow and Kafka, which it installs; Spark needs Java 17
	$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e '.[ray,spark,mlflow,kafka]' 'dask[dataframe]' daft duckdb polars
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'slow or not slow' tests/anomaly_vae_pipelines/engines

coverage: $(STAMP)  ## run the tests, and fail if they cover less of the code than pyproject.toml says
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist worksteal -m 'slow or not slow' --cov --cov-report=

check: lint types imports test  ## lint + types + imports + tests: what CI runs

lint: $(STAMP)  ## ruff: style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## mypy, strict, on both packages
	$(BIN)/mypy

imports: $(STAMP)  ## import-linter: the layers in pyproject.toml
	$(BIN)/lint-imports

docs: $(STAMP)  ## build the documentation into build/site; a broken link or reference is an error
	$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

floors: $(FLOORS)/.installed  ## run the tests with the lowest versions that pyproject.toml allows
	OMP_NUM_THREADS=1 $(FLOORS)/bin/python -m pytest -n $(TEST_WORKERS) --dist worksteal $(FLOORS_IGNORE)

$(FLOORS)/.installed: pyproject.toml constraints.txt tests/floors.py
	test -x $(FLOORS)/bin/python || $(PYTHON) -m venv $(FLOORS)
	$(FLOORS)/bin/python $(PIP_INSTALL) --upgrade pip
	$(FLOORS)/bin/python tests/floors.py pyproject.toml > $(FLOORS)/floors.txt
	$(FLOORS)/bin/python $(PIP_INSTALL) -c constraints.txt -c $(FLOORS)/floors.txt -e '.[test,s3]'
	touch $@

wheel: $(STAMP)  ## build the wheel into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

mutants: $(STAMP)  ## load and score mutants of eight kinds of model files (MUTANTS, SEED); fail on any breach
	nice $(BIN)/python -m tests.forgeries --mutants $(MUTANTS) --seed $(SEED) --keep $(BREACHES)

fuzz: $(STAMP)  ## coverage-guided fuzzing of loading for FUZZ_MINUTES; what is new joins the corpus
	$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e '.[fuzz]'
	$(BIN)/python -m tests.forgeries.fuzz --minutes $(FUZZ_MINUTES) --keep $(BREACHES)

faults: $(STAMP)  ## fail, and kill at, every system call of a run; two runs of one output at a time
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.anomaly_vae_pipelines.faults --jobs $(TEST_WORKERS)

dialects: $(STAMP)  ## write and read 10,000 tables in random dialects
	DIALECT_EXAMPLES=10000 $(BIN)/python -m pytest -q tests/anomaly_vae_pipelines/dialects/behaviours/test_round_trips.py

bench: $(STAMP)  ## the measurements that the README quotes
	set -e; for script in $(sort $(wildcard benchmarks/[!_]*.py)); do echo "== $$script"; $(BIN)/python "$$script"; done

clean:  ## remove .venv and every cache
	rm -rf .venv $(FLOORS) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
