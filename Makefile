# make demo    from nothing to a trained detector and its pictures, in demo/; on PyTorch with BACKEND=torch, or BACKEND=jax
# make test    the tests that need nothing but this
# make test-slow  those that take minutes, and need JAX or, to hold imported weights against, PyTorch
# make test-all  both, and the longest
# make test-outside  what other projects read of our files, each in an environment of its own in .outside/; prints a table
# make docs    the guide, the pages, the reference and, with npm, a site to try, in docs/_build/html; trains a small detector on the way
# make check-installs  what each Python and platform would install; nothing is installed
# make dist    the source distribution and the wheel built from it, in dist/
# make lint    style, types, and which room imports which; of the page's JavaScript, with Node.js, style and types

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PIP_CONSTRAINED := $(PIP) --constraint constraints.txt
TEST_EXTRAS := train,pretrained,export,openvino,mnn,ncnn,litert,pictures,parquet,serve,track

.PHONY: demo test test-slow test-all test-outside docs lint format check-installs dist clean

.venv/pip.done:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON) is Python %d.%d; Multibox needs 3.11 or newer: make PYTHON=python3.11 ..." % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(PIP) --upgrade --constraint constraints.txt pip
	@touch $@

.venv/demo.done: .venv/pip.done pyproject.toml constraints.txt
	$(PIP_CONSTRAINED) --editable '.[train,pretrained]'
	@touch $@

.venv/demo-%.done: .venv/pip.done pyproject.toml constraints.txt
	$(PIP_CONSTRAINED) --editable '.[$*,pretrained]'
	@touch $@

.venv/test.done: .venv/demo.done
	$(PIP_CONSTRAINED) --editable '.[$(TEST_EXTRAS)]' --group dev --group docs
	@touch $@

.venv/test-all.done: .venv/test.done
	$(PIP_CONSTRAINED) --editable '.[jax,ray,torch]' --group peers
	$(PIP_CONSTRAINED) --no-deps tritonclient  # asks for an older ml_dtypes, which its client of HTTP does not use
	@touch $@

.venv/docs.done: .venv/demo.done
	$(PIP_CONSTRAINED) --editable '.[train,pretrained,export]' --group docs
	@touch $@

tooling/node_modules/npm.done: tooling/package.json tooling/package-lock.json
	@command -v npm >/dev/null || { echo "The checks of the page need npm; install Node.js 20.19 or newer." >&2; exit 1; }
	cd tooling && npm ci --silent
	@touch $@

BACKEND ?= tensorflow
MULTIBOX := MULTIBOX_DATA=data KERAS_BACKEND=$(BACKEND) ../$(BIN)/multibox
demo: .venv/demo$(filter -torch -jax,-$(BACKEND)).done
	rm -rf demo && mkdir demo
	cd demo && $(MULTIBOX) data sample sample --seed $(or $(SEED),0)
	cd demo && $(MULTIBOX) data build sample --name sample
	cd demo && $(MULTIBOX) data show sample --out examples.png
	cd demo && $(MULTIBOX) train --data sample --name demo 'network.size=[224,224]' train.epochs=16 train.lr=2e-3 train.validate_every=8
	cd demo && $(MULTIBOX) predict experiments/demo/best.keras $$(head -12 sample/ImageSets/Main/test.txt | sed 's|.*|sample/JPEGImages/&.jpg|') --out pictures
	cd demo && $(MULTIBOX) eval experiments/demo/best.keras --data sample/test
	@echo "Training examples: demo/examples.png. Detections on images it has not trained on: demo/pictures"

test: .venv/test.done
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow and not outside' --durations=40

test-slow: .venv/test-all.done
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'slow and not long' -rs --durations=25

test-all: test test-slow
	$(BIN)/python -m pytest -m long

.outside/%/pip.done: tests/outside/requirements/%.txt
	$(PYTHON) -m venv .outside/$*
	.outside/$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

OUTSIDE := $(patsubst tests/outside/requirements/%.txt,.outside/%/pip.done,$(wildcard tests/outside/requirements/*.txt))

test-outside: .venv/test.done $(OUTSIDE)
	$(BIN)/python -m pytest -m outside

docs: .venv/docs.done
	rm -rf docs/_build
	$(BIN)/python -m sphinx -q -n -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

check-installs: .venv/test.done
	.ci/check-installs $(TEST_EXTRAS)

.venv/release.done: .venv/pip.done pyproject.toml constraints.txt
	$(PIP_CONSTRAINED) --group release
	@touch $@

dist: .venv/release.done
	rm -rf dist
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

PAGE := src/multibox/page
NODE_BIN := tooling/node_modules/.bin
PRETTIER := $(NODE_BIN)/prettier --config tooling/prettier.json --log-level warn

lint: .venv/test.done tooling/node_modules/npm.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NODE_BIN)/eslint --config tooling/eslint.config.js --max-warnings 0 $(PAGE)
	$(PRETTIER) --check '$(PAGE)/**/*.{js,ts}'
	$(NODE_BIN)/tsc --project tooling
	$(NODE_BIN)/tsc --project tooling/tsconfig.worker.json

format: .venv/test.done tooling/node_modules/npm.done
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(PRETTIER) --write '$(PAGE)/**/*.{js,ts}'

clean:
	rm -rf .venv .outside demo dist build docs/_build tooling/node_modules
