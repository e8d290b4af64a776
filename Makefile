# Palabre's entry points, for people and for CI. `make` alone says what there is.

# Where `make run` keeps its data. As root that is the system's place: PostgreSQL runs as another user then, who may not be
# able to enter this directory.
ifeq ($(shell id -u),0)
DATA_DIR ?= /var/lib/palabre
else
DATA_DIR ?= data
endif

# The program as `cargo test` builds it: to build it alone would compile half of what it depends on a second time.
BUILT := $(abspath $(or $(CARGO_TARGET_DIR),target))/debug/palabre

# Rust installed a moment ago is not on the PATH yet.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.DEFAULT_GOAL := help
.PHONY: help run test web browser contract bench lint fmt setup

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start a server with demo data; it sets up this machine first, if need be
	@scripts/setup "$(DATA_DIR)"
	@scripts/web build --if-possible
	cargo run --locked -- serve --demo --data-dir "$(DATA_DIR)"

# Tests wait more than they compute: more of them at once than cores, and what needs only the program side by side.
test: setup ## Check formatting, lints and behaviour, as CI does
	@scripts/web build
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-6} cargo test --locked
	@PALABRE_BIN="$(BUILT)" $(MAKE) --no-print-directory --jobs=2 --output-sync=target contract browser

web: ## Build the web application, which the server is then built with
	@scripts/web build

browser: setup ## Test the client library and the web application in a browser (a part of test)
	@scripts/web test

contract: setup ## Hold the REST API against its description (a part of test)
	@scripts/contract

bench: setup ## Measure, and write docs/benchmarks.md; nothing else should run meanwhile
	cargo bench --locked --bench codec
	cargo bench --locked --bench actors
	cargo bench --locked --bench store
	cargo bench --locked --bench load
	cargo bench --locked --bench report

lint: setup ## Lints, and with cargo-deny installed also licences and advisories of dependencies
	cargo clippy --all-targets -- -D warnings
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check; \
	else echo "lint: cargo-deny is not installed, so dependencies were not checked (cargo install cargo-deny)"; fi

fmt: ## Format the code
	cargo fmt

setup: ## Install what building and running needs, and say why
	@scripts/setup
