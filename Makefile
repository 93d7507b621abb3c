# make run: start the bot. make test: lint, types and all tests. make bench: the figures of the README.
# make soak: the program is killed in every way that it has to survive; about ten minutes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: run test bench soak format texts pins clean

run: $(VENV)/ready
	@exec $(BIN)/aglomeracja run

test: $(VENV)/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest $(PYTEST_ARGS)

bench: $(VENV)/ready-dev
	$(BIN)/python -m tests.bench

soak: $(VENV)/ready-dev
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
	$(BIN)/python -m piptools compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate \
	  --extra build -o constraints.txt pyproject.toml
	$(BIN)/python -m piptools compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate \
	  --extra build --extra dev --extra bench -c constraints.txt -o constraints-dev.txt pyproject.toml

clean:
	rm -rf $(VENV)

$(VENV)/ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --no-deps -r constraints.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready constraints-dev.txt
	$(PIP) install --require-hashes --no-deps -r constraints-dev.txt
	@touch $@
