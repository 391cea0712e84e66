.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

BASE_PYTHON ?= python3
PYTHON := .venv/bin/python
SIZE ?= 1000
MINUTES ?= 30
export BASE_PYTHON HOST PORT SIZE DEMO PEER

# Only a database server needs the extra that is compiled.
DATABASE_URL ?= $(shell sed -nE "s/^ *(export )? *DATABASE_URL *= *[\"']?//p" "$(or $(ENV_FILE),.env)" 2>/dev/null)
EXTRA := $(if $(filter mysql%,$(DATABASE_URL)),mysql,run)

TEMPLATES = $(shell find . -name '*.html' -not -path './.*' -not -path './var/*' -not -path './parts/*')
# These run on SQLite too: it is what `make run` begins with.
ON_SQLITE := tests/accounts tests/domains tests/aliases tests/mailboxes tests/commands tests/tracing tests/deliveries tests/reports \
	tests/test_scoping.py tests/test_other_programs.py
# What takes long, or needs a whole program more: test-more.
MORE := tests/adoption tests/cluster tests/doctor tests/e2e tests/webmail
# Postfix and Dovecot change users as they start; as root, Python leaves nothing behind in the checkout.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env env PYTHONDONTWRITEBYTECODE=1)
ON_DEBIANS := $(if $(AS_ROOT),sudo --preserve-env env) TEST_DATABASE=sqlite PYTHONDONTWRITEBYTECODE=1 $(PYTHON)
ON_HOSTS := $(ON_DEBIANS) -m tests.host
# Settings as on a real host, whatever .env says.
PRODUCTION := ENV_FILE=/dev/null DEBUG=no HTTPS=yes ALLOWED_HOSTS=panel.example.org DATABASE_URL=sqlite://:memory: \
	SECRET_KEY=only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: packages
packages:
	@deploy/bin/install-packages run mysql messages test

.PHONY: setup
setup: packages .venv/installed-dev ## Install all that development needs: Debian packages and .venv

.PHONY: run
run: .venv/installed-$(EXTRA) ## Serve the panel (HOST=127.0.0.1 PORT=8000, DEMO=1 for sample data)
	@deploy/bin/run

.PHONY: test
test: setup lint ## Install what the tests need, then lint and run the tests, but for those of test-more
	TEST_DATABASE=sqlite tests/run -q $(ON_SQLITE)
	$(AS_ROOT) tests/run $(MORE:%=--ignore=%)

.PHONY: test-more
test-more: setup ## The tests with a browser, PostfixAdmin, Roundcube, a cluster, a mail server for the doctor
	$(AS_ROOT) tests/run $(MORE)

.PHONY: test-host
test-host: .venv/installed-dev ## Install whole Debians with deploy/install in roots of their own, as root; an hour
	@deploy/bin/install-packages root
	$(ON_HOSTS)

.PHONY: test-host-today
test-host-today: .venv/installed-dev ## The part of test-host whose turn it is today, in MINUTES=30 at most
	@deploy/bin/install-packages root || echo "Going on without them." >&2
	$(ON_HOSTS) --day $(shell date +%-j) --minutes $(MINUTES)

.PHONY: test-django6
test-django6: .venv/installed-dev ## The tests that run on SQLite, on Django 6 with the Python of Debian 13, as root
	@deploy/bin/install-packages root || echo "Going on without them." >&2
	$(ON_DEBIANS) -m tests.django6 $(ON_SQLITE) tests/api tests/pages

.PHONY: lint
lint: .venv/installed-dev ## Check style, templates, imports, migrations and production settings
	.venv/bin/ruff check --quiet --output-format concise
	.venv/bin/ruff format --check --quiet
	.venv/bin/djade --check $(TEMPLATES)
	.venv/bin/lint-imports --no-logo
	$(PRODUCTION) $(PYTHON) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(PYTHON) manage.py check --deploy --fail-level WARNING

.PHONY: fmt
fmt: .venv/installed-dev ## Format the code and the templates
	.venv/bin/ruff check --fix --exit-zero
	.venv/bin/ruff format
	.venv/bin/djade $(TEMPLATES)

.PHONY: lock
lock: .venv/installed-dev ## Lock the newest Python packages that pyproject.toml allows (then: make setup)
	.venv/bin/uv pip compile $(UV) --python-version 3.11 --output-file requirements/run.lock
	.venv/bin/uv pip compile $(UV) --python-version 3.11 --output-file requirements/mysql.lock --extra mysql \
		--constraint requirements/run.lock
	.venv/bin/uv pip compile $(UV) --python-version 3.11 --output-file requirements/dev.lock --extra mysql --extra test \
		--extra dev --constraint requirements/mysql.lock
	.venv/bin/uv pip compile $(UV) --python-version 3.12 --output-file requirements/django6.lock --extra test \
		--override requirements/django6.in

.PHONY: messages
messages: .venv/installed-run ## Collect and compile the translations in locale/
	@deploy/bin/install-packages messages
	$(PRODUCTION) $(PYTHON) manage.py makemessages --all --no-obsolete --add-location file --ignore '.venv' --ignore 'var'
	$(PRODUCTION) $(PYTHON) manage.py compilemessages --ignore '.venv'

.PHONY: bench
bench: setup ## Measure pages and lookups (SIZE=1000, 100000 or 1000000 mailboxes, PEER=postfixadmin)
	$(PYTHON) -m tests.bench

.PHONY: screenshots
screenshots: setup ## Take the README's screenshots and its animated walk
	@deploy/bin/install-packages pictures
	$(PYTHON) -m tests.screenshots

# --- The virtual environment: one stamp per set of dependencies
# pyproject.toml says which versions would do, requirements/ which ones are installed, with their checksums.

INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check
LOCKED := $(INSTALL) --no-build-isolation --require-hashes --requirement
OURSELVES := $(INSTALL) --no-build-isolation --no-deps --editable .
# For every Python and machine at once.
UV := pyproject.toml --quiet --upgrade --universal --extra build --generate-hashes --native-tls \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# From Python 3.12 on a new environment has no setuptools, with which the first source package is built. The target is what comes last:
# one that was cut short is made anew.
.venv/setuptools.lock:
	@deploy/bin/install-packages run
	$(BASE_PYTHON) -m venv --clear .venv
	@awk '/^[^ #]/ { ours = /^setuptools==/ } ours' requirements/run.lock >.venv/setuptools.new
	@$(LOCKED) .venv/setuptools.new
	@mv .venv/setuptools.new $@

.venv/installed-run: pyproject.toml requirements/run.lock | .venv/setuptools.lock
	@echo "Installing Python packages into .venv"
	@$(LOCKED) requirements/run.lock
	@$(OURSELVES)
	@touch $@

.venv/installed-mysql: pyproject.toml requirements/mysql.lock | .venv/setuptools.lock
	@deploy/bin/install-packages mysql
	@echo "Installing Python packages into .venv"
	@$(LOCKED) requirements/run.lock
	@$(LOCKED) requirements/mysql.lock
	@$(OURSELVES)
	@touch $@ .venv/installed-run

.venv/installed-dev: pyproject.toml requirements/dev.lock | .venv/setuptools.lock
	@deploy/bin/install-packages mysql
	@echo "Installing Python packages into .venv"
	@$(LOCKED) requirements/run.lock
	@$(LOCKED) requirements/dev.lock
	@$(OURSELVES)
	@touch $@ .venv/installed-mysql .venv/installed-run
