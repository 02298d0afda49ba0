# The two commands are `make demo` and `make test`. Everything else helps. `make` alone lists the targets.
#
# Variables: JOBS (parallel compiles), PRESET (release, asan, tsan), QREASON_STORE (where models are kept, else ~/.cache/qreason),
# QREASON_TORCH_INDEX (a pip index for torch), Torch_DIR (an existing libtorch); pip's and apt's own proxy, index and
# mirror settings are respected.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
PRESET ?= release
BUILD := $(if $(filter release,$(PRESET)),build,build-$(PRESET))
QREASON := build/qreason

.DEFAULT_GOAL := help
.PHONY: help setup build test demo demo-smollm2 demo-real models model-smollm2 model-qwen bench format check-format check-structure clean

help: ## list the targets
	@echo "make demo    installs what is missing, builds, and studies what quantization costs two small reasoning models"
	@echo "make test    installs what is missing, builds, and runs every test"
	@echo
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: ## install system packages and the Python environment that holds libtorch
	@tools/setup.sh

build: setup ## build build/qreason
	@tools/build.sh $(PRESET) $(JOBS) qreason

test: setup ## build everything and run every test
	@tools/build.sh $(PRESET) $(JOBS) all
	@cd $(BUILD) && ctest --output-on-failure -j $(JOBS)

demo: build ## the main job: small reasoning models, 24 quantizations, three tiers, what each cost, a report (offline)
	@$(QREASON) study

demo-smollm2: build model-smollm2 ## quantize SmolLM2-135M-Instruct four ways and show what it cost
	@$(QREASON) study studies/demo.toml -o outputs/demo-smollm2

demo-real: build model-qwen ## the same with Qwen2.5-Coder-1.5B-Instruct, the shapes of R1-Distill-Qwen-1.5B
	@$(QREASON) study studies/demo-real.toml -o outputs/demo-real

model-smollm2: setup ## fetch SmolLM2-135M-Instruct (93 MB) into the store
	@tools/fetch_model.py smollm2-135m-instruct

model-qwen: setup ## fetch Qwen2.5-Coder-1.5B-Instruct (1.1 GB) into the store
	@tools/fetch_model.py qwen2.5-coder-1.5b-instruct

models: model-smollm2 model-qwen ## fetch both models

bench: setup ## build the benchmark programs (see docs/benchmarks.md)
	@tools/build.sh $(PRESET) $(JOBS) benches

format: ## format the sources with clang-format 14
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 -i

check-format: ## fail when a source is not formatted
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 --dry-run --Werror

check-structure: ## fail on an include between layers, or a name in ARCHITECTURE.md, that is not there; report large files
	@python3 .ci/check_edges.py .
	@python3 .ci/check_pages.py .
	@python3 .ci/check_sizes.py .

clean: ## remove the build folders
	@rm -rf build build-asan build-tsan build-fuzz
