# Two commands do all the set-up on a fresh machine: `make parity` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
export OMP_NUM_THREADS ?= 1
JOBS ?= 2
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -p no:benchmark

.PHONY: parity test test-slow test-environments record-check faults small-ports false-alarms faults-jax false-alarms-jax calibrate limits ensembles ensembles-long drift differences mutants figures figures-check full-size claims bench docs lint setup julia juliacall jax clean

parity: setup  ## the main job: the ports against the original's recorded runs
	$(BIN)/repro parity

test: juliacall jax  ## the default suite, with live Julia and JAX where they can be had
	$(PYTEST) -m "not slow"

test-slow: juliacall jax  ## whole recordings, the 50,000-iteration zoo script, full-size claims
	$(PYTEST) -m "slow and not environments"
	$(PYTEST) -m "not slow" --hypothesis-profile=many parity_tests/*/test_properties.py

test-environments: setup  ## from a wheel on other Pythons, drift between two versions of torch
	$(PYTEST) -m environments

record-check: julia  ## the live reference against every recording of the original, bit for bit
	$(BIN)/python -m repro.sides.record_check

faults: julia  ## follow every planted fault beside a live Julia, and write the table
	PYTHONPATH=parity_tests $(BIN)/python -m planted.localised --write docs/faults.md

small-ports: setup  ## faults in small ports: found, named, described; right ones raise nothing
	PYTHONPATH=parity_tests $(BIN)/python -m planted.small_ports

RUNS ?= 1000
false-alarms: julia  ## hold the faithful ports against a live Julia in many random runs
	PYTHONPATH=parity_tests $(BIN)/python -m planted.false_alarms --runs $(RUNS)

faults-jax: setup jax  ## the third post's planted faults beside live JAX, and their table
	PYTHONPATH=parity_tests $(BIN)/python -m jang.localised --write docs/faults-jax.md

false-alarms-jax: setup jax  ## the third post's faithful port beside live JAX, in random runs
	PYTHONPATH=parity_tests $(BIN)/python -m jang.false_alarms

SEEDS ?= 6
calibrate: setup  ## hold right pairs and wrong ports by the derived tolerances, and count
	PYTHONPATH=parity_tests $(BIN)/python -m calibration.right --seeds $(SEEDS)
	PYTHONPATH=parity_tests $(BIN)/python -m calibration.wrong --all
	PYTHONPATH=parity_tests $(BIN)/python -m calibration.live

limits: setup  ## the smallest errors that are always noticed, by bisection
	PYTHONPATH=parity_tests $(BIN)/python -m calibration.limits --write docs/limits.md

ensembles: setup  ## ensembles: false alarms, and what 24 wrong ports end in with how many seeds
	PYTHONPATH=parity_tests $(BIN)/python -m ensembles.false_alarms
	PYTHONPATH=parity_tests $(BIN)/python -m ensembles.power build/wrong_ports --write docs/ensembles.md
	PYTHONPATH=parity_tests $(BIN)/python -m ensembles.level build/wrong_ports

PAIRS ?= 12
ensembles-long: setup  ## the fast engine beside the exact one at 50,000 iterations, in pairs
	for case in transfer_learn fomaml reptile; do \
	  $(BIN)/repro ensemble $$case --iterations 50000 --reference exact --seeds $(PAIRS) || exit 1; \
	done

drift: setup  ## changes that round and changes that matter, graded; and runs that repeat
	PYTHONPATH=parity_tests $(BIN)/python -m drift.changes --runs $(RUNS)

differences: julia  ## what libraries compute differently under one name, measured
	PYTHONPATH=parity_tests $(BIN)/python -m differences.page

mutants: setup  ## plant small faults in our own code, and count those that no test notices
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,mutants]"
	PYTHONPATH=parity_tests $(BIN)/python -m mutants --jobs $(JOBS) --write docs/mutants.md

figures: setup  ## every figure of the posts and the slides, from the seed up
	$(BIN)/repro figures

figures-check: setup  ## the first two posts' figures, drawn again, their data compared
	$(BIN)/repro figures-check --only luna --only ecoffet

full-size: setup  ## the second post's first networks by the eager port, recorded along the way
	$(BIN)/python -m repro.sides.full_size

claims: setup  ## the first post's closing claims over 64 seeds: figures, and the page's tables
	$(BIN)/repro figures --only claims
	PYTHONPATH=parity_tests $(BIN)/python -m gallery.claims_page

bench: julia  ## the engines side by side; JAX too where it is installed
	$(BIN)/python -m pytest parity_tests/benchmarks/bench_luna.py \
	  parity_tests/benchmarks/bench_second_order.py

docs: setup  ## the documentation as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

julia: setup  ## a Julia: the user's, one on PATH, or one unpacked from Debian's packages
	@$(BIN)/repro julia install || echo "NOT_RUN: live Julia; the recordings stand in for it"

juliacall: julia  ## an environment in which the tests can run Julia inside Python
	@$(BIN)/python parity_tests/juliacall_env/setup.py \
	  || echo "NOT_RUN: juliacall; the tests say which of them need it"

JAX := .jax
jax:  ## an interpreter with JAX, which the third post's port is held against
	@$(MAKE) --no-print-directory $(JAX)/.installed \
	  || echo "NOT_RUN: live JAX (needs Python 3.11); the recordings stand in for it"

$(JAX)/.installed: constraints.txt
	$(PYTHON) -m venv $(JAX)
	$(JAX)/bin/python -m pip install --quiet --constraint constraints.txt jax
	touch $@

clean:
	rm -rf $(VENV) $(JAX) .pytest_cache .ruff_cache .mypy_cache build dist
