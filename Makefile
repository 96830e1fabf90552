# `make` prints what there is. Everything runs on Linux with Go 1.26, Node.js 20 with npm, and git;
# what else is needed is installed by the targets that need it, or named.

VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD     := go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
TESTFLAGS ?= -timeout 12m -p 3
FUZZTIME  ?= 20s
BENCH     ?= .
KILLS     ?= 200
SOAK      ?= 30m
DEMO      ?=

# Packages whose parts run at the same time. The others are pure functions.
RACE ?= ./alerts ./alerts/tape ./cmd/... ./cockpit/... ./ingest ./internal/account ./internal/app ./internal/bus/... ./internal/ch/... ./internal/provider/... ./internal/simulate ./internal/state ./runbooks/... ./web

.PHONY: help demo build engine assets test race bench fuzz crash soak golden lint generate docker clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: engine build ## watch a simulated final at http://localhost:8080; DEMO="--lead -40m" passes flags on
	@bin/vigie demo $(DEMO)

build: assets ## bin/vigie and bin/vigie-engine
	$(BUILD) -o bin/ ./cmd/...

engine: ## install ClickHouse's engine as a library, once per version, in the user's cache folder
	@scripts/engine.sh >/dev/null

assets: ## bundle the browser's files into web/static
	@scripts/assets.sh

test: engine generate lint ## everything that must hold: generated files, linters, tests with real ones of all
	@scripts/debian.sh chromium ffmpeg nginx prometheus prometheus-alertmanager
	@PATH="$$PATH:/usr/sbin" go test $(TESTFLAGS) ./web ./internal/app ./ingest ./... # those that take long first

race: engine assets ## tests under the race detector; needs a C compiler
	@command -v $$(go env CC) >/dev/null || { echo "race: the race detector needs a C compiler: apt install gcc libc6-dev" >&2; exit 1; }
	@scripts/debian.sh chromium ffmpeg nginx prometheus prometheus-alertmanager
	PATH="$$PATH:/usr/sbin" go test -race -timeout 20m -p 1 $(RACE)

bench: engine assets ## benchmarks of the packages, then of the whole way of a line
	@scripts/debian.sh chromium goaccess
	go test -run '^$$' -bench '$(BENCH)' -p 1 $$(go list ./... | grep -v /internal/app)
	go test -run '^$$' -bench '$(BENCH)' -benchtime 1x -timeout 60m ./internal/app

fuzz: ## every fuzz target for FUZZTIME (20s) each
	@grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' alerts cmd cockpit ingest internal runbooks web | while IFS=: read -r file target; do \
		go test -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" </dev/null || exit 1; \
	done

crash: engine assets ## kill vigie and its engine KILLS (200) times at random moments, then count every line, every page and every viewer who was told
	VIGIE_CRASH_KILLS=$(KILLS) go test -run NothingIsLost -count 1 -timeout 120m -v ./internal/app
	VIGIE_PAGE_LIVES=$$(($(KILLS) / 5)) go test -run NoPageIsLost -count 1 -timeout 120m -v ./internal/app
	VIGIE_SEND_PEOPLE=$$(($(KILLS) * 500)) go test -run KilledAtAnyMoment -count 1 -timeout 120m -v ./runbooks/send

soak: engine assets ## half an hour of a browser at the demo's load, on the board and on a wall: SOAK=8h for a night
	@scripts/debian.sh chromium
	go test -run 'TestSoak$$' -count 1 -timeout 48h -v ./internal/app -soak $(SOAK) -soak.path /
	go test -run 'TestSoak$$' -count 1 -timeout 48h -v ./internal/app -soak $(SOAK) -soak.path /wall

golden: engine ## two simulated finals, one without and one with incidents, judged by the rules of docs/example
	go test -run 'TestGoldenNight$$' -count 1 -timeout 60m -v ./internal/app -golden

lint: assets ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l alerts cmd cockpit docs ingest internal runbooks web) && [ -z "$$unformatted" ] || { echo "lint: not formatted, run gofmt -w: $$unformatted" >&2; exit 1; }
	go vet ./...
	go tool staticcheck ./...

generate: ## make the Go of .templ files anew; fails when it was stale
	@before=$$(cat web/*_templ.go runbooks/statuspage/*_templ.go | cksum); go tool templ generate -path web -log-level warn && go tool templ generate -path runbooks/statuspage -log-level warn && \
		[ "$$before" = "$$(cat web/*_templ.go runbooks/statuspage/*_templ.go | cksum)" ] || { echo "generate: *_templ.go of web or runbooks/statuspage were stale and are new now: commit them" >&2; exit 1; }

docker: ## an image, vigie:VERSION
	docker build --build-arg VERSION=$(VERSION) -t vigie:$(VERSION) .

clean: ## remove what was made here; the engine in the cache folder stays
	rm -rf bin node_modules web/static/*
