# make run: start the bot. make test: lint, types and all tests. make bench: the figures of the README.
# make soak: the program is killed in every way that it has to survive; about ten minutes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
HOMESERVER := $(VENV)/homeserver
CLIENT := tests/homeserver/node_modules
COMPILE := $(BIN)/python -m piptools compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate

.PHONY: run test bench soak format texts pins clean

run: $(VENV)/ready
	@exec $(BIN)/aglomeracja run

test: $(VENV)/ready-dev $(HOMESERVER)/ready $(CLIENT)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses 3 --dist loadfile $(PYTEST_ARGS)

bench: $(VENV)/ready-dev $(HOMESERVER)/ready
	$(BIN)/python -m tests.bench

soak: $(VENV)/ready-dev $(HOMESERVER)/ready
	$(BIN)/python -m tests.soak

format: $(VENV)/ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Brings pl.po in line with the sources: new messages come without a translation, unused ones go.
texts: $(VENV)/ready-dev
	$(BIN)/python -m tests.texts

# Chooses the newest versions that fit together and writes them down with their hashes.
pins: $(VENV)/ready-dev
	$(PIP) install pip-tools
	$(COMPILE) --extra build -o constraints.txt pyproject.toml
	$(COMPILE) --extra build --extra dev --extra bench -c constraints.txt -o constraints-dev.txt pyproject.toml
	echo matrix-synapse | $(COMPILE) -o constraints-homeserver.txt -

clean:
	rm -rf $(VENV) $(CLIENT)

$(VENV)/ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --no-deps -r constraints.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready constraints-dev.txt
	$(PIP) install --require-hashes --no-deps -r constraints-dev.txt
	@touch $@

# What the tests of Matrix talk with: a homeserver, and a client that needs Debian's packages nodejs and npm.
# Node trusts its own certificates only, unless it is told of the system's.
$(HOMESERVER)/ready: constraints-homeserver.txt
	$(PYTHON) -m venv $(HOMESERVER)
	$(HOMESERVER)/bin/pip --disable-pip-version-check --quiet install --require-hashes --no-deps -r $<
	@touch $@

$(CLIENT)/ready: tests/homeserver/package.json
	@if command -v npm >/dev/null; then \
	  NODE_EXTRA_CA_CERTS=$${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt} \
	  npm install --prefix $(<D) --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@; \
	else echo 'npm is missing (Debian: nodejs and npm): the tests of Matrix with a client will be skipped'; fi
