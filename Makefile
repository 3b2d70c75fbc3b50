# `make demo` shows what the product does; `make test` proves it. Both need Go,
# make and python3; the race detector needs a C compiler too.

GO      ?= go
PYTHON  ?= python3
VERSION ?= 0.1.0
COMMIT  := $(shell git rev-parse --short HEAD 2>/dev/null)
LDFLAGS := -X main.version=$(VERSION) -X main.commit=$(COMMIT)
BIN     := $(CURDIR)/.bin

.PHONY: cgroup-vm help build demo test overload sim chaos bench lint fmt check cross fuzz tools clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

build: ## build bin/snakectl
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/snakectl ./cmd/snakectl

demo: build ## plan, apply, exec, resize, roll, repair and destroy real workers in a private instance
	bash scripts/demo.sh

test: ## run every test: Go with the race detector, the Python SDK on every interpreter, end to end
	GO='$(GO)' PYTHON='$(PYTHON)' bash scripts/test.sh
	$(GO) run ./test/sim/cmd -seeds 3000

sim: ## play SEEDS (100000) simulated histories, or SEED alone with its whole trace
	$(GO) run ./test/sim/cmd $(if $(SEED),-seed $(SEED),-seeds $(or $(SEEDS),100000))

chaos: build ## break a real supervisor and its workers for SECONDS (60) by the schedule of SEED, and judge
	$(GO) run ./test/chaos/cmd -binary bin/snakectl -seconds $(or $(SECONDS),60) $(if $(SEED),-seed $(SEED)) $(if $(DRY_RUN),-dry-run)

overload: ## flood four workers with ten times their calls for SECONDS (60)
	SECONDS_OF_FLOOD=$(or $(SECONDS),60) $(GO) test -count=1 -timeout=15m -run '^TestOverload$$' -v ./test/load

bench: build ## measure the figures that the documentation quotes; ONLY=workloads one group of them
	$(GO) run ./bench $(if $(ONLY),-only $(ONLY))

lint: tools ## check Go and Python sources
	$(BIN)/golangci-lint config verify
	$(BIN)/golangci-lint run ./...
	PYTHON='$(PYTHON)' bash scripts/lint_python.sh

fmt: tools ## format Go and Python sources
	$(BIN)/golangci-lint fmt ./...
	PYTHON='$(PYTHON)' bash scripts/lint_python.sh --fix

check: lint test ## what a change must pass

cross: ## build for the other platforms
	@set -e; for target in linux/arm64 darwin/arm64; do \
		echo "build $$target"; \
		export CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/}; \
		$(GO) build -trimpath ./...; \
		$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o dist/snakectl-$$GOOS-$$GOARCH ./cmd/snakectl; \
	done

cgroup-vm: ## play the tests of control groups in a virtual machine; needs qemu, about a minute
	GO='$(GO)' bash scripts/cgroup-vm.sh

fuzz: ## run every fuzz target for FUZZTIME (10s)
	GO='$(GO)' bash scripts/fuzz.sh

tools: $(BIN)/.tools ## build the pinned tools into .bin

$(BIN)/.tools: tools/go.mod tools/go.sum
	@mkdir -p $(BIN)
	cd tools && GOBIN=$(BIN) $(GO) install tool
	@touch $@

clean: ## remove everything that make builds
	rm -rf bin dist .bin
