# The commands of the project; `make help` lists them. All of them install what is missing first.

BUILD_TYPE ?= dev
BUILD := build/$(BUILD_TYPE)
JOBS ?= $(shell nproc)
# Empty for root; otherwise packages are installed through sudo.
SUDO ?= $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help demo test build packages configure lint interop differential secrets format format-check fuzz asan tsan clean

help:  ## This list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: build  ## Build, start a local platform, play a day of payments, verify their proofs.
	$(BUILD)/bin/groat demo

test: build  ## Build and run every test.
	ctest --test-dir $(BUILD) --output-on-failure --progress -j $(JOBS)

build: configure  ## Build everything.
	cmake --build $(BUILD) -j $(JOBS)

configure: packages
	@[ -f $(BUILD)/build.ninja ] || cmake --preset $(BUILD_TYPE) $(CMAKE_FLAGS)

packages:  ## Install the Debian packages of packages.txt that are missing.
	@scripts/install_packages $(SUDO)

lint: node_modules  ## Check the contracts with buf and the sources' format.
	npx --no-install buf lint proto
	$(MAKE) format-check

node_modules: package-lock.json
	npm ci --no-fund --no-audit
	@touch node_modules

interop: build tests/interop/node_modules  ## A client in another language against real processes.
	node tests/interop/interop_test.js $(BUILD)/bin/groat

differential: build  ## BLS12-381 against two other libraries, on random and edge inputs.
	@scripts/differential $(BUILD)/bin

secrets: packages  ## No branch and no index by a secret BLS key, by valgrind.
	@scripts/constant_time

tests/interop/node_modules: tests/interop/package-lock.json
	cd tests/interop && npm ci --no-fund --no-audit
	@touch $@

format:  ## Format every C++ source.
	@scripts/format

format-check:
	@scripts/format --check

asan: packages  ## Formats, cryptography, cores and files under AddressSanitizer and UBSan.
	@scripts/sanitize asan

tsan: packages  ## The tests of threaded code under ThreadSanitizer.
	@scripts/sanitize tsan

fuzz: packages  ## The fuzz targets of bytes from outside, 20 seconds each.
	@scripts/fuzz

clean:  ## Remove the build folders.
	rm -rf build
