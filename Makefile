# SPDX-License-Identifier: Apache-2.0
# Every command brings the environment up to date first; `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
IN_ENVIRONMENT := source .venv/setup.bash &&
.DEFAULT_GOAL := help
PYTEST := python3 -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
.PHONY: help setup demo demo-nav demo-memory bench chaos test test-all test-cpus test-late check docs format clean

help: ## list the commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 16

setup: ## bring the environment (.venv) and the built workspace (install) up to date: make setup [ROS=jazzy or kilted]
	@$(PYTHON) tools/setup_env

demo: setup ## run the node on photos: make demo [MODEL=name] [IMAGES=folder] [CLASSES="a, b"] [OUTPUT=folder]
	@$(IN_ENVIRONMENT) exec python3 -m talk2dino_ros.demo $${MODEL:+--model "$$MODEL"} $${IMAGES:+--images "$$IMAGES"} \
	    $${CLASSES:+--classes "$$CLASSES"} $${OUTPUT:+--output "$$OUTPUT"}

demo-nav: setup ## send a simulated robot to objects by name: make demo-nav [MODEL=name] [SEED=1] [OUTPUT=folder]
	@$(IN_ENVIRONMENT) exec python3 -m benchmarks.nav $${MODEL:+--model "$$MODEL"} $${SEED:+--seed "$$SEED"} \
	    $${OUTPUT:+--output "$$OUTPUT"}

demo-memory: setup ## tour a room, ask for what nobody had asked for, go there: make demo-memory [MODEL=name] [SEED=19] [OUTPUT=folder]
	@$(IN_ENVIRONMENT) exec python3 -m benchmarks.memory.demo $${MODEL:+--model "$$MODEL"} $${SEED:+--seed "$$SEED"} \
	    $${OUTPUT:+--output "$$OUTPUT"}

bench: setup ## measure the CPU rows, ten minutes: make bench [MODEL=name] [WEIGHTS_DIR=folder: else random weights]
	@$(IN_ENVIRONMENT) talk2dino bench --device cpu --output benchmarks/results $${MODEL:+--model "$$MODEL"} \
	    $$([ -n "$$WEIGHTS_DIR" -o "$$MODEL" = mini ] || echo --seeded) $${WEIGHTS_DIR:+--weights-dir "$$WEIGHTS_DIR"} && \
	    python3 -m benchmarks.plots

chaos: setup ## try faults against the running nodes, under 20 minutes: make chaos [NOTE="who else used the machine"]
	@$(IN_ENVIRONMENT) exec python3 -m benchmarks.chaos $${NOTE:+--note "$$NOTE"}

test: setup ## run the tests without the slow ones: make test [TESTS="test/engine -k name"]
	@$(IN_ENVIRONMENT) exec $(PYTEST) -m "not slow" $(TESTS)

test-all: setup ## run all tests, also those that train, kill, or start a cluster: make test-all [TESTS="test/engine"]
	@$(IN_ENVIRONMENT) exec $(PYTEST) $(TESTS)

test-cpus: setup ## run the tests as older CPUs would, and beside busy loops, an hour: make test-cpus [TESTS="test/engine"]
	@$(IN_ENVIRONMENT) exec python3 -m tools.on_other_cpus $(TESTS)

test-late: setup ## run the tests of the nodes with messages that come late: make test-late [LATE_SEED=2] [TESTS="test/node"]
	@$(IN_ENVIRONMENT) exec $(PYTEST) -p tools.late_messages $(or $(TESTS),test/node test/web test/client test/goal)

check: setup ## lint, formatting, types, known vulnerabilities and licences, the pages' links
	@$(IN_ENVIRONMENT) ruff check && ruff format --check && mypy && python3 -m tools.supply_chain && \
	    python3 -m tools.documentation_site

docs: setup ## build the pages as a site: make docs [OUTPUT=folder, else site]
	@$(IN_ENVIRONMENT) exec python3 -m tools.documentation_site "$${OUTPUT:-site}"

format: setup ## let ruff write the formatting
	@$(IN_ENVIRONMENT) ruff format && ruff check --fix

clean: ## delete what the commands made, the environment too
	rm -rf .venv build install log demo_output demo_nav_output demo_memory_output site .mypy_cache .pytest_cache .ruff_cache
