# The gate: every target is one command with no step before it.
# A fresh machine needs a stable Rust toolchain and Node; what else is missing is installed by tests/setup.sh.

SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

COUNTY ?= data/baofeng
DATE ?= 2026-11-24
MODE ?= quick
FUZZ_SECONDS ?= 60
TARGET := $(or $(CARGO_TARGET_DIR),target)
XIANGYUN := $(TARGET)/release/xiangyun

.PHONY: api-fuzz help demo build test lint bench bench-roads bench-solver bench-telematics bench-load bench-repair soak fuzz clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## ?(.*)/  make \1\t\2/' | expand -t 26

build: ## build target/release/xiangyun and the county's road network
	@cargo build --release --locked -p xiangyun
	if [ ! -s $(COUNTY)/roads.osm.pbf ]; then
	    $(XIANGYUN) roads synthesize --county $(COUNTY) -o $(COUNTY)/roads.osm.pbf
	fi

demo: build ## plan the county's day, start the daemon and drive a simulated fleet: watch /day for a few minutes
	@$(XIANGYUN) demo --dir demo-out

test: ## set up what the tests need, then run every one of them
	@source tests/setup.sh
	# Everything with the features that the tests need: the binary alone would be built with fewer, and then again.
	cargo test --locked --workspace --no-run
	if [ ! -s $(COUNTY)/roads.osm.pbf ]; then
	    $(TARGET)/debug/xiangyun roads synthesize --county $(COUNTY) -o $(COUNTY)/roads.osm.pbf
	fi
	cargo test --locked --workspace --doc --quiet
	REQUESTS=5000 tests/schemathesis.sh
	if cargo nextest --version >/dev/null 2>&1; then
	    cargo nextest run --locked --workspace
	else
	    cargo test --locked --workspace --all-targets
	fi

api-fuzz: ## thousands of requests made from the OpenAPI document against a real daemon (REQUESTS, default 5000)
	@source tests/setup.sh
	cargo build --locked -p xiangyun
	REQUESTS=$(or $(REQUESTS),5000) tests/schemathesis.sh

bench: ## criterion measurements
	@cargo bench --locked -p xiangyun-benches

FUZZ_TARGETS ?= jt808_frame jt808_message jt809 feeds session track_file vrp_text vrp_json vrp_solution orders_csv orders_xlsx address osm_pbf osm_tags roads_file

fuzz: ## every fuzz target for FUZZ_SECONDS each; needs a C++ compiler
	@cd fuzz
	RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Clink-dead-code -Ccodegen-units=1" \
	    CARGO_TARGET_DIR=target cargo build --release --locked --target x86_64-unknown-linux-gnu
	for target in $(FUZZ_TARGETS); do
	    mkdir -p target/found/$$target
	    target/x86_64-unknown-linux-gnu/release/$$target -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 -max_len=4096 \
	        -timeout=20 target/found/$$target corpus/$$target
	done

lint: ## formatting and clippy, warnings are errors
	@cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	# The fuzz targets lock their crates apart: said here before `make fuzz` finds it.
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null

clean: ## remove what was built and generated
	@cargo clean
	rm -rf demo-out plan-out

bench-roads: ## the road engine and its peers on the public maps (needs XIANGYUN_TESTDATA): MAPS="county50k match ..."
	@cargo build --release --locked -p xiangyun-bench-roads -p xiangyun
	if [ ! -s $(COUNTY)/roads.osm.pbf ]; then
	    $(XIANGYUN) roads synthesize --county $(COUNTY) -o $(COUNTY)/roads.osm.pbf
	fi
	if [ ! -x target/peers/bin/python ]; then python3 -m venv target/peers || echo "no Python with venv"; fi
	target/peers/bin/pip install --quiet -r benches/peers/roads.txt || echo "peers from pip could not be installed here"
	status=0
	$(TARGET)/release/bench-roads $(or $(MAPS),liechtenstein match bremen_time county50k $(COUNTY)/roads.osm.pbf ny264k ne1524k) || status=1
	if [ -n "$${XIANGYUN_TESTDATA:-}" ]; then
	    python3 benches/peers/roads.py $(XIANGYUN) || echo "peers from pip could not run here"
	fi
	exit $$status

bench-solver: ## solver and peers on public instances: MODE=quick|accept|full, or its other marks: MODE=marks (needs XIANGYUN_TESTDATA)
	@if [ ! -x target/peers/bin/python ]; then
	    python3 -m venv target/peers || echo "no Python with venv: cached answers of peers are shown"
	    while read -r peer; do
	        target/peers/bin/pip install --quiet "$$peer" || echo "$$peer could not be installed here"
	    done < benches/peers/requirements.txt
	fi
	cargo build --release --locked -p xiangyun-bench-solver
	$(TARGET)/release/bench-solver --mode $(MODE)

bench-telematics: ## gateway, codecs and track files against their marks, beside a public crate; JSON lines in target/release
	@cargo build --release --locked -p xiangyun-benches --bin bench-telematics
	$(TARGET)/release/bench-telematics $(ROWS)

bench-load: ## the daemon under load against its marks: terminals, reads, writes, live streams, then three times as much (LOAD_SECONDS)
	@cargo build --release --locked -p xiangyun-benches --bin bench-load -p xiangyun
	$(TARGET)/release/bench-load --xiangyun $(XIANGYUN) --county $(COUNTY) --seconds $(or $(LOAD_SECONDS),60)

bench-repair: build ## live re-dispatch against its marks: a new pickup's place, rescues, five per cent new orders
	@cargo build --release --locked -p xiangyun-benches --bin bench-repair
	rm -rf $(TARGET)/bench-repair-plan
	$(XIANGYUN) plan --county $(COUNTY) --date $(DATE) --steps 4000 --threads 2 --out $(TARGET)/bench-repair-plan
	status=0
	$(TARGET)/release/bench-repair $(TARGET)/bench-repair-plan || status=1
	$(TARGET)/release/bench-repair --share || status=1
	exit $$status

SOAK_SECONDS ?= 1800

soak: build ## hours of everything: 10,000 terminals for half an hour, 500 kills, 50,000 requests, fifty whole days
	@source tests/setup.sh
	cargo build --release --locked -p xiangyun-benches
	status=0
	$(TARGET)/release/bench-load --xiangyun $(XIANGYUN) --county $(COUNTY) --terminals 10000 --rate 5000 --seconds $(SOAK_SECONDS) || status=1
	XIANGYUN_KILLS=500 cargo test --locked -p xiangyun --test it -- kill || status=1
	cargo build --locked -p xiangyun
	REQUESTS=50000 tests/schemathesis.sh || status=1
	for seed in $$(seq 1 50); do
	    $(XIANGYUN) demo --headless --county $(COUNTY) --dir $(TARGET)/soak --seed $$seed > $(TARGET)/soak-day.json || { echo "day of seed $$seed: not good"; status=1; }
	done
	exit $$status
