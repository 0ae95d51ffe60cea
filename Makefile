# The two commands a newcomer needs are `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
# Where demo, benchmarks and documentation put what they make; nothing in here is tracked.
OUT ?= $(CURDIR)/out

.PHONY: help demo examples arm64 test fuzz sanitize bench server server-test format lint api docs image clean packages python

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: packages ## train, export, save, reload in a new process: the whole road on handwritten digits
	@mkdir -p "$(OUT)/demo"
	$(SWIFT) build -c release --package-path Examples --product digits
	@"$$($(SWIFT) build -c release --package-path Examples --show-bin-path)/digits" --output "$(OUT)/demo"

examples: packages ## build the examples, and train from a file as from source: the loss curves must agree
	@mkdir -p "$(OUT)/examples"
	$(SWIFT) build -c release --package-path Examples
	@"$$($(SWIFT) build -c release --package-path Examples --show-bin-path)/joint-training" "$(OUT)/examples"

test: packages python ## all tests, in release, with PyTorch, ONNX Runtime and Z3 as judges
	@SWIFT="$(SWIFT)" Scripts/test $(ARGS)

# How long to draw programs, and where to begin; the same seed gives the same programs.
SECONDS ?= 600
SEED ?= 1

fuzz: packages ## random programs, exported and swept against eager: SECONDS=600 SEED=1
	@SWIFT="$(SWIFT)" Scripts/fuzz "$(OUT)/fuzz" "$(SECONDS)" "$(SEED)"

sanitize: packages ## random programs under the address and thread sanitizers; ARGS=slice: a few, under the first
	@SWIFT="$(SWIFT)" Scripts/sanitize "$(OUT)/sanitize" $(SEED) $(ARGS)

bench: packages ## side by side with PyTorch, ONNX Runtime and OpenVINO: ARGS="--only models --filter minilm"
	@Scripts/ensure-packages --python
	@Scripts/ensure-python --benchmarks
	@mkdir -p "$(OUT)/bench"
	$(SWIFT) build -c release --package-path Benchmarks --product apus-bench
	@"$$($(SWIFT) build -c release --package-path Benchmarks --show-bin-path)/apus-bench" \
	    --python "$(CURDIR)/Benchmarks/.venv/bin/python" --scripts "$(CURDIR)/Benchmarks" --output "$(OUT)/bench" $(ARGS)

server: packages ## the server of exported programs, a package of its own: out/server/apus-server
	@mkdir -p "$(OUT)/server"
	$(SWIFT) build -c release --package-path Server --product apus-server
	@cp "$$($(SWIFT) build -c release --package-path Server --show-bin-path)/apus-server" "$(OUT)/server"

server-test: packages ## the server's tests, with Triton's own client as judge
	@Scripts/ensure-packages --python
	@Scripts/ensure-python --server
	$(SWIFT) build --package-path Server --build-tests
	APUS_SERVER_PYTHON="$(CURDIR)/Server/.venv/bin/python" $(SWIFT) test --package-path Server --skip-build --disable-xctest $(ARGS)

format: ## format all Swift sources in place
	@Scripts/swift-sources | xargs -0 $(SWIFT) format format --in-place --parallel --configuration .swift-format

lint: ## formatting, file lengths, forbidden constructs
	@Scripts/swift-sources | xargs -0 $(SWIFT) format lint --strict --parallel --configuration .swift-format
	@Scripts/check-house

arm64: packages ## the C kernels, compiled for arm64
	@Scripts/ensure-packages --arm64
	@SWIFT="$(SWIFT)" Scripts/check-arm64

api: packages ## list everything public in docs/public-api.txt; a change of it is a change of what is promised
	$(SWIFT) build --product Apus
	@SWIFT="$(SWIFT)" Scripts/public-api

docs: packages ## the documentation, warnings as errors
	@SWIFT="$(SWIFT)" Scripts/docs "$(OUT)/docs"

image: ## the container image `apus`, with whichever of docker, podman or buildah is here
	@Scripts/image apus

clean: ## remove what was built (the Python environment stays; remove .venv to rebuild it)
	rm -rf .build Examples/.build Benchmarks/.build Server/.build "$(OUT)"

packages:
	@Scripts/ensure-packages

python:
	@Scripts/ensure-packages --python
	@Scripts/ensure-python
