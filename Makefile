# What a person does here, each from a fresh checkout: only python3 and make are needed.

PYTHON ?= python3
VENV ?= .venv
BENCH ?= .
INPUTS ?= 20000
SEED ?= $(shell date +%s)
# Tests run in a process for each core, which share the machine code of kernels; make test PARALLEL= is one process.
PARALLEL ?= -n logical --dist worksteal

BIN := $(VENV)/bin
STAMP := $(VENV)/installed

# The oldest versions that pyproject.toml allows, which are read from there.
MIN_VENV ?= .venv-min
# The last pandas before 3, which many libraries of forecasting still ask for, and the newest of the rest.
PANDAS2_VENV ?= .venv-pandas2

.PHONY: demo test test-min test-pandas2 test-slow test-torch fuzz coverage gpu-compile lint bench clean

demo: $(STAMP)-plot
	$(BIN)/python examples/demo.py

test: $(STAMP)-dev
	$(BIN)/python -m pytest $(PARALLEL)

test-min: $(MIN_VENV)/installed
	$(MIN_VENV)/bin/python -m pytest $(PARALLEL)

test-pandas2: $(PANDAS2_VENV)/installed
	$(PANDAS2_VENV)/bin/python -m pytest $(PARALLEL)

test-slow: $(STAMP)-dev
	$(BIN)/python -m pytest $(PARALLEL) -m slow

# The tests that compare with torch skip themselves where it is absent; here it is present.
test-torch: $(STAMP)-torch
	$(BIN)/python -m pytest $(PARALLEL)

# 20,000 panels, sequences and commands each, and more damaged and forged files, with another seed each time; a seed that
# found something: make fuzz SEED=...
fuzz: $(STAMP)-dev
	TSRNN_FUZZ_INPUTS=$(INPUTS) $(BIN)/python -m pytest tests/fuzz --hypothesis-seed=$(SEED)
	$(BIN)/python -m pytest tests/promises/test_saved_damage.py -m slow

# Which lines and branches of the Python layers the tests run; fails below what has been reached.
coverage: $(STAMP)-dev
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term-missing:skip-covered

# Every kernel for the GPU through its compiler, which needs no GPU: registers, memory, precision. It takes minutes;
# `make test` compiles those that training launches most.
gpu-compile: $(STAMP)-dev
	$(BIN)/python -m pytest $(PARALLEL) tests/cuda_compile

lint: $(STAMP)-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --level error

# A selection: make bench BENCH=Scan
bench: $(STAMP)-bench
	$(BIN)/asv machine --yes > /dev/null
	$(BIN)/asv run --quick --show-stderr --python=same --bench "$(BENCH)"

clean:
	rm -rf $(VENV) $(MIN_VENV) $(PANDAS2_VENV) .numba_cache .pytest_cache .ruff_cache .asv dist build forecast.png
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A stamp says that a set of dependencies is installed; it is made again when pyproject.toml is newer.
$(STAMP)-plot: EXTRAS := plot
$(STAMP)-dev: EXTRAS := dev,test
$(STAMP)-bench: EXTRAS := bench,plot
$(STAMP)-plot $(STAMP)-dev $(STAMP)-bench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[$(EXTRAS)]"
	touch $@

$(STAMP)-torch: $(STAMP)-dev
	$(BIN)/python -m pip install --quiet torch
	touch $@

$(MIN_VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(MIN_VENV)
	$(MIN_VENV)/bin/python -c "$$FLOORS" > $(MIN_VENV)/floors.txt
	$(MIN_VENV)/bin/python -m pip install --quiet --constraint $(MIN_VENV)/floors.txt --editable ".[test]"
	touch $@

$(PANDAS2_VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(PANDAS2_VENV)
	$(PANDAS2_VENV)/bin/python -m pip install --quiet "pandas<3" --editable ".[test]"
	touch $@

# What the library asks for at run time and in its extras, `name>=version`, as `name==version`, a line each.
define FLOORS
import tomllib
project = tomllib.load(open('pyproject.toml', 'rb'))['project']
extras = project['optional-dependencies']
for line in project['dependencies'] + extras['plot'] + extras['polars'] + extras['save']:
    print(line.replace('>=', '=='))
endef
export FLOORS
