# `make run` and `make test` are all there is to know. Everything else is a part of them.
SHELL := bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RAPPORT_DATA ?= data/warehouse
RAPPORT_SOURCES ?= data/demo/sources.toml
SYNCED := $(RAPPORT_DATA)/.synced
STATUS := $(BIN)/python -m connectors status --data $(RAPPORT_DATA) >/dev/null 2>&1
PORT ?= 8501
MEMORY := os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (3 << 30)
WORKERS ?= $(if $(CI),2,$(shell $(PYTHON) -c 'import os; print(max(2, min(8, os.cpu_count() or 2, $(MEMORY))))'))  # each of them grows to some 2.5 GB
export RAPPORT_DATA RAPPORT_SOURCES

.PHONY: run demo sync test test-spark bench lint lock clean

run: $(VENV)/.run demo  ## set up, build and sync the demo on first use, open the app
	@echo "Rapport: http://127.0.0.1:$(PORT)"
	$(BIN)/streamlit run asgi.py --server.address 127.0.0.1 --server.port $(PORT)

demo: $(VENV)/.run
ifeq ($(RAPPORT_SOURCES),data/demo/sources.toml)
	@test -f data/demo/sources.toml || $(BIN)/python -m connectors.demo --out data/demo
endif
	@test -f $(SYNCED) || $(STATUS) || $(BIN)/python -m connectors sync --sources $(RAPPORT_SOURCES) --data $(RAPPORT_DATA) || test $$? -eq 1
	@test -f $(SYNCED) || ! $(STATUS) || touch $(SYNCED)

sync: $(VENV)/.run  ## read the sources again
	$(BIN)/python -m connectors sync --sources $(RAPPORT_SOURCES) --data $(RAPPORT_DATA)

test: $(VENV)/.test  ## set up what tests need, run them all
	bash tests/setup.sh
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-spark: $(VENV)/.test  ## every metric and mart on Spark, asked in more ways
	bash tests/setup.sh
	RAPPORT_SPARK_ALL=1 $(BIN)/python -m pytest -m spark

bench: $(VENV)/.test  ## the tables of docs/benchmarks.md at 10 million invoice lines; takes an hour (ARGS="--lines 200000 --write /tmp/b.md" is a look)
	$(BIN)/python -m benchmarks.run --lines 10000000 --write docs/benchmarks.md $(ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

lock:  ## after editing requirements.in or requirements-dev.in
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements.in requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf $(VENV) data

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Rapport needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.test: requirements-dev.txt $(VENV)/.run
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
