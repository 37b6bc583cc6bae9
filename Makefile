# The two commands of the README: `make site` and `make test`. `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
INVENTORY ?= inventories/demo
ENVIRONMENT ?= demo
# Further arguments for ansible-playbook, for example ARGS="--check --diff".
ARGS ?=
# Which integration tests `make test` and `make integration` run, for example MARKED="not slow". Empty: all.
MARKED ?=

BIN := $(VENV)/bin
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/servicemesh-platform
PLAYBOOK := $(BIN)/ansible-playbook -i $(INVENTORY)
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate
UV_LOCK := $(UV_COMPILE) --python-version 3.11
# What goes into the image of the SMI programs, whose Python may be older.
IMAGE := roles/smi_controller/files/image

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- an environment -----------------------------------------------------------------------------------------------

.PHONY: site verify build images teardown kubeconfig
site: $(VENV)/.runtime ## bring the demo environment up, or any other: INVENTORY=..., ARGS=...
	$(PLAYBOOK) servicemesh.platform.site $(ARGS)

verify: $(VENV)/.runtime ## compare the environment with its variables, change nothing
	$(PLAYBOOK) servicemesh.platform.verify $(ARGS)

build: $(VENV)/.runtime ## build what embedded environments need into the cache, start nothing
	$(PLAYBOOK) servicemesh.platform.build $(ARGS)

teardown: $(VENV)/.runtime ## remove the environment
	$(PLAYBOOK) servicemesh.platform.teardown $(ARGS)

.PHONY: zone-drill
zone-drill: $(VENV)/.runtime ## lose a zone on purpose, tell the story, heal it: ARGS="-e zone_drill_kind=cut"
	$(PLAYBOOK) servicemesh.platform.zone_drill $(ARGS)

.PHONY: traffic
traffic: $(VENV)/.runtime ## send the requests of traffic_probes from every zone, and judge who answered
	$(PLAYBOOK) servicemesh.platform.traffic $(ARGS)

images: ## list what was built, with its size and date, and the images in the registry of the embedded ENVIRONMENT
	@cd $(CACHE)/bin && du -hs --time --time-style=long-iso -- *-*
	@record=$(CACHE)/environments/$(ENVIRONMENT)/published-images.json; [ ! -f "$$record" ] || cat "$$record"

kubeconfig: ## print the path of the kubeconfig of the embedded ENVIRONMENT
	@echo $(CACHE)/environments/$(ENVIRONMENT)/kubeconfig

# --- tests --------------------------------------------------------------------------------------------------------

.PHONY: test lint types unit programs integration sanity molecule artifact
test: lint types unit programs integration molecule sanity artifact ## all tests

lint: $(VENV)/.dev ## ruff, yamllint, ansible-lint (profile production)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/ansible-lint --offline

types: $(VENV)/.dev ## mypy --strict
	tests/types.sh $(BIN)

unit: $(VENV)/.dev ## unit tests, without a server
	$(BIN)/pytest tests/unit $(ARGS)

integration: $(VENV)/.dev ## tests against a real API server
	$(BIN)/pytest tests/integration -n 2 --dist loadfile $(if $(MARKED),-m "$(MARKED)") $(ARGS)

programs: $(VENV)/.runtime  # what those on played nodes need; istiod runs on real ones alone
	$(PLAYBOOK) servicemesh.platform.build -e mesh_provider=none

sanity: $(VENV)/.dev ## ansible-test sanity on a fresh copy of the collection
	tests/sanity.sh $(BIN)

molecule: $(VENV)/.dev ## every role on a real API server, twice
	tests/molecule.sh $(BIN) $(ARGS)

.PHONY: test-nodes
test-nodes: $(VENV)/.dev ## tests on real nodes; wants root
	# The proxy of a highly available control plane is installed too.
	$(MAKE) --no-print-directory build ARGS="-e mesh_provider=none -e cluster_embedded_ha=true" > /dev/null
	$(BIN)/pytest tests/nodes $(ARGS)
	$(BIN)/pytest tests/high_availability  # apart: together they would want more inotify instances than there are

.PHONY: test-mesh
test-mesh: $(VENV)/.dev ## tests with Istio on real nodes; wants root
	$(MAKE) --no-print-directory build ARGS= > /dev/null
	$(BIN)/pytest tests/mesh $(ARGS)

.PHONY: test-long
test-long: $(VENV)/.dev ## tests that take too long for every change
	$(BIN)/pytest tests/long $(ARGS)

artifact: $(VENV)/.dev ## build the collection, install it elsewhere offline, run it from there
	tests/artifact.sh $(BIN)

.PHONY: bench
bench: $(VENV)/.bench ## measure against kubectl, kubernetes.core, helm and the API server's own limit
	$(MAKE) --no-print-directory build ARGS= > /dev/null
	$(BIN)/python -m ansible_collections.servicemesh.platform.tests.benchmarks $(ARGS)

# --- the Python environment ---------------------------------------------------------------------------------------

.PHONY: lock clean
lock: $(VENV)/.dev ## resolve the Python requirements anew
	$(UV_LOCK) --upgrade requirements/dev.in --output-file requirements/dev.txt
	$(UV_LOCK) --constraints requirements/dev.txt requirements/runtime.in --output-file requirements/runtime.txt
	$(UV_LOCK) --constraints requirements/dev.txt requirements/bench.in --output-file requirements/bench.txt
	$(UV_COMPILE) --python-version 3.9 --upgrade $(IMAGE)/requirements.in --output-file $(IMAGE)/requirements.txt

clean: ## remove the Python environment and what tests leave
	rm -rf $(VENV) .build .mypy_cache .pytest_cache .ruff_cache .hypothesis .ansible reports

$(VENV)/.runtime: requirements/runtime.txt requirements/install.sh
	requirements/install.sh $(PYTHON) $(VENV) requirements/runtime.txt
	touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	requirements/install.sh $(PYTHON) $(VENV) requirements/dev.txt
	touch $@

$(VENV)/.bench: requirements/bench.txt $(VENV)/.runtime
	requirements/install.sh $(PYTHON) $(VENV) requirements/bench.txt
	touch $@
