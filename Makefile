# Two commands on a fresh machine with Python 3.11, make and the package registries: `make demo` and `make test`.
# Each sets up a virtual environment by itself, from the versions in constraints.txt.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := $(shell sed -n 's/^uv==//p' constraints.txt)
export UV_NO_PROGRESS = 1
export PYTHONUTF8 = 1

.PHONY: demo test check lint unit servers setup lock clean

demo: setup
	$(BIN)/quaywatch demo

test: lint unit

check: test

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "quaywatch needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraints constraints.txt --group dev --editable .
	$(BIN)/python -m compileall -q monitor
	touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not servers"

# Against a real STAC API on PostgreSQL and against nginx. Installs Debian packages: needs root, or sudo without a password.
servers: setup
	tests/servers/install
	$(BIN)/python -m pytest -m servers

# New versions: edit pyproject.toml, then `make lock`. The file holds versions only, no addresses.
lock: setup
	$(BIN)/uv pip compile --quiet --upgrade pyproject.toml --group dev --no-annotate --no-header --output-file constraints.txt

clean:
	rm -rf $(VENV) .venv-servers
