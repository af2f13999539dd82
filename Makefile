# The commands of the README, and what CI calls.
SHELL := /bin/bash
export CGO_ENABLED ?= 0

REVISION := $(shell git describe --tags --always --dirty 2>/dev/null)
TOOLS := $(CURDIR)/bin/tools
INFLUXD ?= $(TOOLS)/influxd
GOLANGCI := $(TOOLS)/golangci-lint
LISTEN ?= 127.0.0.1:8080
DATA ?= data
SEED ?= 1
N ?= 1000
CUTS ?= 100

.PHONY: run build pages test check bench torture powercuts e2e looks answers generate fuzz clean

## run: build everything and start the demonstration
run: build
	@bin/commonwatt run --listen $(LISTEN) --data $(DATA)

## build: bin/commonwatt with the pages embedded
build: pages
	go build -trimpath -ldflags="-s -w -X main.revision=$(REVISION)" -o bin/commonwatt ./cmd/commonwatt
	go build -trimpath -ldflags="-s -w" -o bin/chaincode ./cmd/chaincode

pages: web/assets/index.html

PAGES := $(shell find web/ui/src -type f ! -name '*.test.ts' ! -name api.gen.ts) $(wildcard web/ui/*.html web/ui/public/*) web/ui/vite.config.ts web/openapi.yaml

web/assets/index.html: web/ui/node_modules/.installed $(PAGES)
	find web/assets -mindepth 1 ! -name README -delete
	cd web/ui && npm run --silent build

web/ui/node_modules/.installed: web/ui/package-lock.json
	cd web/ui && npm ci --no-audit --no-fund
	touch $@

## test: all tests but those in a browser
test: build $(INFLUXD)
	cd web/ui && npm run --silent test
	INFLUXD=$(INFLUXD) go test -timeout 30m ./...
	@command -v python3 > /dev/null || echo "SKIPPED: the second, independent settlement of replays: no python3 on PATH"
	@for b in peer orderer configtxgen; do command -v "$${FABRIC_BIN:+$$FABRIC_BIN/}$$b" > /dev/null || \
		{ echo "SKIPPED: the tests on a real Fabric network: no $$b in FABRIC_BIN or on PATH (commonwatt fabric up --help)"; break; }; done

# A real InfluxDB for the tests of its driver: the last one that is pure Go.
$(TOOLS)/influxd:
	GOBIN=$(TOOLS) go install github.com/influxdata/influxdb/cmd/influxd@v1.8.10

## check: lint, generated files up to date, race detector
check: pages $(GOLANGCI) $(INFLUXD)
	GOLANGCI_LINT_CACHE=$(CURDIR)/bin/lint $(GOLANGCI) run
	for f in api server; do cp web/api/$$f.gen.go bin/$$f.gen.go.before; done
	go generate ./web/...
	for f in api server; do cmp web/api/$$f.gen.go bin/$$f.gen.go.before || exit 1; done
	CGO_ENABLED=1 INFLUXD=$(INFLUXD) go test -race -short -timeout 30m ./...

$(GOLANGCI):
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2

## bench: benchmarks, to be compared with benchstat; the last are of the pages, in Chromium
bench: build
	go test -run '^$$' -bench . -benchmem -count 6 ./matching/... ./settlement/... ./meters/store
	go run ./cmd/commonwatt bench devices
	go run ./cmd/commonwatt bench disk --homes 3 --days 0.5
	go run ./cmd/commonwatt bench replay
	go run ./cmd/commonwatt bench start
	go run ./cmd/commonwatt bench settle
	go run ./cmd/commonwatt bench bill
	go run ./cmd/commonwatt bench dashboards
	cd web/ui && npm run --silent bench

## torture: N kills at bad moments, drawn from SEED; an interrupted one goes on with the same command
torture: build
	go run ./bench/torture -program bin/commonwatt -seed $(SEED) -n $(N)

## powercuts: CUTS power cuts on a file system of their own, and a negative control (root, Linux)
powercuts: build
	go run ./bench/torture -program bin/commonwatt -seed $(SEED) -cuts $(CUTS)

## e2e: the pages in Chromium (Debian's package chromium, or CHROMIUM=path)
e2e: build
	cd web/ui && npm run --silent e2e

## looks: write anew what the pages are compared with (web/ui/e2e/looks), and the pictures of docs; look at the difference
looks: build
	cd web/ui && npm run --silent looks

## answers: record anew what the pages are told in that comparison, from the real program; then make looks
answers: build
	cd web/ui && npm run --silent answers

## fuzz: every fuzz test for a little while
fuzz:
	go test -run '^$$' -fuzz FuzzCost -fuzztime 20s ./grid
	go test -run '^$$' -fuzz FuzzParseInterval -fuzztime 20s ./grid
	go test -run '^$$' -fuzz FuzzCommands -fuzztime 20s ./matching
	go test -run '^$$' -fuzz FuzzOpen -fuzztime 20s ./matching/journal
	go test -run '^$$' -fuzz FuzzParse -fuzztime 20s ./meters/profile
	go test -run '^$$' -fuzz FuzzOrders -fuzztime 20s ./meters/control
	go test -run '^$$' -fuzz FuzzEbUtilities -fuzztime 20s ./meters/official
	go test -run '^$$' -fuzz FuzzSDAT -fuzztime 20s ./meters/official
	go test -run '^$$' -fuzz FuzzMSCONS -fuzztime 20s ./meters/official
	go test -run '^$$' -fuzz FuzzESPI -fuzztime 20s ./meters/official
	go test -run '^$$' -fuzz FuzzCSV -fuzztime 20s ./meters/official
	go test -run '^$$' -fuzz FuzzDetect -fuzztime 20s ./meters/official
	go test -run '^$$' -fuzz FuzzJSON -fuzztime 20s ./strict
	go test -run '^$$' -fuzz FuzzParseRatio -fuzztime 20s ./settlement/sharing
	go test -run '^$$' -fuzz FuzzCase -fuzztime 20s ./settlement/sharing
	go test -run '^$$' -fuzz FuzzParse -fuzztime 20s ./settlement/sharing/packs
	go test -run '^$$' -fuzz FuzzClear -fuzztime 20s ./matching/clearing
	go test -run '^$$' -fuzz FuzzDecodeCommand -fuzztime 20s ./matching/journal
	go test -run '^$$' -fuzz FuzzRead -fuzztime 20s ./matching/tape
	go test -run '^$$' -fuzz FuzzUnpack -fuzztime 20s ./meters/evidence
	go test -run '^$$' -fuzz FuzzUnpack -fuzztime 20s ./settlement/statements
	go test -run '^$$' -fuzz FuzzParseEndpoint -fuzztime 20s ./meters/modbus
	go test -run '^$$' -fuzz FuzzFrames -fuzztime 20s ./meters/modbus
	go test -run '^$$' -fuzz FuzzReadBatch -fuzztime 20s ./proof
	go test -run '^$$' -fuzz FuzzTariffs -fuzztime 20s ./config
	go test -run '^$$' -fuzz FuzzPrices -fuzztime 20s ./config
	go test -run '^$$' -fuzz FuzzRead -fuzztime 20s ./members
	go test -run '^$$' -fuzz FuzzRead -fuzztime 20s ./said
	go test -run '^$$' -fuzz FuzzRestore -fuzztime 20s ./forecast
	go test -run '^$$' -fuzz FuzzRead -fuzztime 20s ./forecast/evaluate

generate:
	go generate ./...

clean:
	rm -rf bin
	find web/assets -mindepth 1 ! -name README -delete
