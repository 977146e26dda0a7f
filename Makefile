# The two commands: `make run` and `make test`. Everything else serves them.
PYTHON ?= python3.11
BIN := .venv/bin
REQ := requirements

.PHONY: setup run test test-fast test-slow lint lock clean

run: setup                      ## set up, then run the demo line with its HMI
	$(BIN)/senbetsu run configs/demo.yaml

setup: .venv/.runtime           ## set up only

.venv/.runtime: $(REQ)/runtime.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(REQ)/runtime.txt -r $(REQ)/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -c "import controller.sorter"  # compiles its loops, so that no line waits for that (decision 9)
	touch $@

.venv/.dev: .venv/.runtime $(REQ)/dev.txt $(REQ)/training.txt package-lock.json
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(REQ)/dev.txt -r $(REQ)/training.txt
	npm ci --silent --no-audit --no-fund
	touch $@

lint: .venv/.dev                ## formatting, lint, types, who imports whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	npx --no-install pyright
	npx --no-install tsc -p tsconfig.json

test: lint test-fast            ## what CI runs first, under 3 minutes on 2 cores once set up

test-fast: .venv/.dev
	$(BIN)/pytest -n 2 --dist worksteal

test-slow: .venv/.dev           ## the long ones, in CI too
	$(BIN)/pytest -m "slow and not alone" -n 2 --dist worksteal --timeout 900
	$(BIN)/pytest -m "slow and alone" --timeout 900

lock:                           ## compile the requirements anew
	$(BIN)/pip-compile -q --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe -o $(REQ)/dev.txt $(REQ)/dev.in
	$(BIN)/pip-compile -q --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe -c $(REQ)/dev.txt -o $(REQ)/runtime.txt $(REQ)/runtime.in
	$(BIN)/pip-compile -q --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe -c $(REQ)/dev.txt -o $(REQ)/training.txt $(REQ)/training.in

clean:
	rm -rf .venv node_modules build *.egg-info
