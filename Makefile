# make demo      run the flights example on this machine
# make test      lint, types, tests
# make airflow   environments of their own for Airflow 2 and 3, in .venv-airflow-*
# make kubeflow  the environment of the image of Kubeflow's pods, in .venv-kubeflow
# make flink     a Flink cluster in .venv-flink, and the tests that run on it (needs Java and Maven)
# make spark     likewise for Spark, in .venv-spark
# make proto     regenerate evaluator_component/protos
# make clean     remove what the demo and the tools made; `make distclean` the environments, too

PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
WORKERS ?= 2

# Without cached bytecode every process compiles TFX and TensorFlow again: half a minute.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo demo-all test test-fast test-slow lint types format proto airflow kubeflow flink spark clean distclean

help:
	@sed -n 's/^# make/make/p' Makefile

install: $(STAMP)

$(STAMP): requirements/develop.lock setup.py
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: $(PYTHON) is not on the PATH (Debian, Ubuntu: apt install python3.11 python3.11-venv)"; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV) || { echo "Python 3.11 cannot make environments (Debian, Ubuntu: apt install python3.11-venv)"; exit 1; }
	@echo "Installing into $(VENV), once ..."
	@test -x $(VENV)/bin/uv || $(RUN) -m pip install --quiet "$$(grep '^uv==' requirements/develop.lock)"
	@$(VENV)/bin/uv pip install --quiet --python $(RUN) --no-deps --compile-bytecode -r requirements/develop.lock
	@$(VENV)/bin/uv pip install --quiet --python $(RUN) --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)
	@$(RUN) -m pipelines.flights.local $(ARGS)

demo-all: $(STAMP)
	@$(RUN) -m pipelines.flights.local --all-rows $(ARGS)

test: lint types test-fast test-slow

# The unit layer: no TensorFlow, no other processes.
test-fast: $(STAMP)
	$(RUN) -m pytest -m "not slow" -n $(WORKERS)

# Real pipelines, TensorFlow, browsers.
test-slow: $(STAMP)
	$(RUN) -m pytest -m slow -n $(WORKERS) --dist loadfile

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(STAMP)
	$(VENV)/bin/mypy

format: $(STAMP)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

proto: $(STAMP)
	proto/generate.sh

airflow: .venv-airflow-2/.installed .venv-airflow-3/.installed

.venv-airflow-%/.installed: requirements/airflow-%.lock $(STAMP)
	@test -x $(@D)/bin/python || $(PYTHON) -m venv --without-pip $(@D)
	@echo "Installing Airflow into $(@D), once ..."
	@$(VENV)/bin/uv pip install --quiet --python $(@D)/bin/python --no-deps --compile-bytecode -r $<
	@touch $@

kubeflow: .venv-kubeflow/.installed

.venv-kubeflow/.installed: requirements/kubeflow.lock $(STAMP)
	@test -x $(@D)/bin/python || $(PYTHON) -m venv --without-pip $(@D)
	@echo "Installing what the image of Kubeflow's pods holds into $(@D), once ..."
	@$(VENV)/bin/uv pip install --quiet --python $(@D)/bin/python --no-deps --compile-bytecode -r $<
	@touch $@

# Real clusters: a job manager and workers, each a process of its own.
flink spark: %: .venv-%/.installed
	REQUIRED_ENGINES=$@ $(RUN) -m pytest tests/engines -m slow -k $@

.venv-flink/.installed .venv-spark/.installed: .venv-%/.installed: requirements/%.lock $(STAMP)
	@test -x $(@D)/bin/python || $(PYTHON) -m venv --without-pip $(@D)
	@echo "Installing $* into $(@D), once ..."
	@$(VENV)/bin/uv pip install --quiet --python $(@D)/bin/python --no-deps -r $<
	@$(RUN) tests/engines/job_server.py $* $(@D)
	@touch $@

clean:
	rm -rf demo build dist *.egg-info .ruff_cache .mypy_cache .pytest_cache
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv .venv-*

# Us, the peer and the floor side by side; see docs/speed.md.
.PHONY: bench bench-quick bench-scaling
bench: $(STAMP)
	$(RUN) -m benchmarks.run --write docs/speed.md

bench-quick: $(STAMP)
	$(RUN) -m benchmarks.run --quick

# What runs with many slices cost; see docs/scaling.md.
bench-scaling: $(STAMP)
	$(RUN) -m benchmarks.scaling --write docs/scaling.md
