# One command tests everything: make test. Everything else is a part of it or
# something that people want to run alone.
.NOTPARALLEL:
.PHONY: test test-all deps fmt vet lint dead unit modules node fuzz build demo bench cross vuln help

GO       ?= go
FUZZTIME ?= 3s
tool      = $(GO) tool -modfile=$(CURDIR)/tools/$(1)/go.mod $(1)
folders   = $(shell tools/folders $(1))

# The tests bring PostgreSQL and leave nothing out.
export FICHA_TEST_POSTGRES ?= required
# As does what checks the rules for Prometheus.
export FICHA_TEST_PROMTOOL ?= required
# And what the rules for gitleaks are for.
export FICHA_TEST_GITLEAKS ?= required
# A python3 that has requests, for the vendors' own programs.
export FICHA_TEST_PYTHON ?= $(shell python3 -c 'import requests' 2>/dev/null && command -v python3 || echo /usr/bin/python3)

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

test: deps fmt vet lint dead unit modules node fuzz ## everything, in some minutes
	@echo "all is well"

test-all: test cross ## everything, longer: other processors, in any order, without PostgreSQL
	$(GO) test -race -count=1 -shuffle=on -cpu 1,2,4 -timeout 60m ./...
	FICHA_TEST_POSTGRES=off $(GO) test -count=1 ./...
	$(GO) test -count=1 -timeout 60m ./test/trials -crash.rounds 200 -feed.revocations 10000 -rapid.checks 400 -trials.long
	cd e2e && $(GO) test -count=1 -timeout 60m -run TestPagesAreForEverybody . -looks.all
	tools/fuzz 60s

deps: ## install what the tests need
	@tools/deps

fmt:
	@files=$$(find . -name node_modules -prune -o -name '*.go' -print0 | xargs -0 gofmt -l); \
	[ -z "$$files" ] || { echo "gofmt -w these: $$files"; exit 1; }

vet:
	$(GO) vet ./...

lint:
	$(call tool,golangci-lint) run ./...

# Code that no program reaches, and code that not even a test does.
dead:
	@found=$$($(call tool,deadcode) ./cmd/... && $(call tool,deadcode) -test ./...) || exit 1; \
	[ -z "$$found" ] || { echo "$$found"; exit 1; }

unit: ## the tests of this module, on both engines, with the race detector
	$(GO) test -race -timeout 30m ./...

modules: ## the tests with needs of their own (browsers), each a module
	@set -e; for folder in $(call folders,go.mod); do \
		echo "$$folder"; cd $(CURDIR)/$$folder; \
		$(GO) vet ./...; $(call tool,golangci-lint) run --config $(CURDIR)/.golangci.yml ./...; \
		$(GO) test -count=1 -timeout 15m ./...; \
	done

node: ## the tests written for Node
	@set -e; for folder in $(call folders,package-lock.json); do \
		echo "$$folder"; (cd $$folder && npm test --if-present); \
	done

fuzz: ## each fuzz target for FUZZTIME
	@tools/fuzz $(FUZZTIME)

cross: ## build for the systems we have no machine of
	@set -e; for system in linux/arm64 darwin/arm64 windows/amd64; do \
		echo "build for $$system"; \
		CGO_ENABLED=0 GOOS=$${system%/*} GOARCH=$${system#*/} $(GO) build -o /dev/null ./cmd/ficha; \
	done

# Not a part of test: it asks a database on the network.
vuln: ## look for known vulnerabilities in what we use
	$(call tool,govulncheck) ./...

build: ## the program, one static file
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o ficha ./cmd/ficha

demo: ## a running server with something in it
	$(GO) run ./cmd/ficha demo

bench: ## the finished paths, measured side by side
	$(GO) test -run '^$$' -bench Paths -benchtime 1x -timeout 20m ./internal/bench
