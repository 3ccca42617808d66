PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test test-isolated lint bench record shots

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

.venv/ready: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Soundcheck needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/ready-dev: .venv/ready requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

run: .venv/ready  ## install what is missing and start the app (GRADIO_SERVER_PORT is honoured)
	$(BIN)/python app.py

test: .venv/ready-dev lint  ## lint, import rules, every test
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-isolated: .venv/ready-dev  ## build every locked environment (several GB) and run the tests inside them
	$(BIN)/python -m scripts.environments
	$(BIN)/python -m pytest -m isolated

lint: .venv/ready-dev  ## style and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

bench: .venv/ready-dev  ## measure speed against the plain libraries; JSON lines
	$(BIN)/python -m bench

record: .venv/ready-dev  ## call every vendor whose key is set, and keep what it answered (costs money)
	SOUNDCHECK_LIVE=1 SOUNDCHECK_RECORD=1 $(BIN)/python -m pytest -m live tests/test_live.py

shots: .venv/ready-dev  ## make the README's screenshots from the running app
	$(BIN)/python -m bench.shots
