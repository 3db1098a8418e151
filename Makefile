# make run    build Tagtail and start it; it prints a link that opens the page
# make test   run every test
# make help   the other targets

GO ?= go
BIN := bin/tagtail
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LINTER := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
PACKAGER := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4
VULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# What the tests need beside Go, as PACKAGE=COMMAND or PACKAGE=/FILE.
TEST_NEEDS := gcc=gcc libc6-dev=/usr/include/stdlib.h git=git bsdutils=logger python3=python3 curl=curl \
	nginx=nginx libnginx-mod-http-lua=/usr/lib/nginx/modules/ngx_http_lua_module.so \
	redis-server=redis-server mariadb-server-core=mariadbd rsyslog=rsyslogd rsyslog-relp=/usr/share/doc/rsyslog-relp/copyright rsyslog-gnutls=/usr/share/doc/rsyslog-gnutls/copyright \
	lua-nginx-websocket=/usr/share/doc/lua-nginx-websocket/copyright wrk=wrk iproute2=ip procps=/usr/sbin/sysctl chromium=chromium \
	fonts-noto-cjk=/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc \
	nodejs=node npm=npm openssh-server=/usr/sbin/sshd openssh-client=ssh e2fsprogs=mkfs.ext4 systemd=/lib/systemd/systemd dbus=dbus-daemon polkitd=/usr/lib/polkit-1/polkitd

export PATH := $(PATH):/usr/sbin:/sbin

.PHONY: help run demo build deb test soak bench microbench fuzz vuln lint clean need-go need-tests

help:
	@sed -n 's/^# //p' Makefile | head -3
	@echo "make demo   the same with four developers' worth of traffic to look at"
	@echo "make build  only build $(BIN)"
	@echo "make deb    a Debian package, in bin/"
	@echo "make bench  Tagtail beside VictoriaLogs and rsyslog; BENCH='-lines 100000' is short, BENCH=-h has all"
	@echo "            BENCH=-tail measures live tails: how long a message takes to each of them"
	@echo "make microbench  the benchmarks of parsing, storing and searching, beside the code"
	@echo "make soak   loads while the server is killed again and again, and a flood of which nothing may be lost"
	@echo "make fuzz   each fuzz target for FUZZTIME=10s, those of frame and parse for FRAMETIME=FUZZTIME"
	@echo "make lint   the linter"
	@echo "make vuln   govulncheck: known vulnerabilities of what Tagtail is made of"

run: build
	./$(BIN) serve

demo: build
	./$(BIN) demo

build: need-go
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN) ./cmd/tagtail

test: need-go need-tests static/node_modules
	CGO_ENABLED=1 $(GO) test -race -timeout 45m ./...

# What checks the page: a type checker and an accessibility checker, not shipped.
static/node_modules: static/package.json static/package-lock.json
	npm --prefix static ci --ignore-scripts --silent
	@touch $@

soak: need-go need-tests
	TAGTAIL_SOAK=1 CGO_ENABLED=1 $(GO) test -race -count=3 -run Killed ./ingest ./cmd/tagtail
	TAGTAIL_SOAK=1 $(GO) test -count=3 -v -run UnderLoad ./cmd/tagtail
	TAGTAIL_SOAK=1 CGO_ENABLED=1 $(GO) test -race -timeout 60m -run 'Killed|RandomLives' ./index

BENCH ?=
bench: need-go need-tests
	$(GO) -C cmd/tagtail-bench run . $(BENCH)

microbench: need-go
	$(GO) test -run '^$$' -bench . -benchmem ./...

FUZZTIME ?= 10s
FRAMETIME ?= $(FUZZTIME)
fuzz: need-go
	@set -e; for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			case $$package in */ingest/syslog|*/ingest/relp) time=$(FRAMETIME) ;; *) time=$(FUZZTIME) ;; esac; \
			echo "fuzz $$package $$target $$time"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $$time $$package; \
		done; \
	done

# A version of Debian begins with a digit.
deb: build
	@rm -rf bin/package && mkdir -p bin/package
	./$(BIN) man bin/package/man >/dev/null && gzip -9n bin/package/man/*
	for shell in bash zsh fish; do ./$(BIN) completion $$shell >bin/package/$$shell || exit 1; done
	version=$(patsubst v%,%,$(VERSION)); case $$version in [0-9]*.*) ;; *) version=0.0.0~$$version ;; esac; \
	VERSION=$$version ARCH=$$($(GO) env GOARCH) $(GO) run $(PACKAGER) package -f deploy/package/nfpm.yaml -p deb -t bin/

# Vulnerabilities that are known and that our code reaches; VULNDB=URL asks
# another database than vuln.go.dev.
VULNDB ?=
vuln: need-go
	$(GO) run $(VULNCHECK) $(if $(VULNDB),-db $(VULNDB)) ./...

lint: need-go
	$(GO) run $(LINTER) run ./...

clean:
	rm -rf bin

need-go:
	@command -v $(GO) >/dev/null || { \
		echo "Go is missing: install Go 1.26 or newer from https://go.dev/dl/ and put it on the PATH."; exit 1; }

# Installs what is missing where that is possible, and otherwise says what is.
need-tests:
	@missing=; for need in $(TEST_NEEDS); do \
		package=$${need%%=*}; probe=$${need#*=}; \
		case $$probe in \
		/*) [ -e "$$probe" ] || missing="$$missing $$package" ;; \
		*) command -v "$$probe" >/dev/null || missing="$$missing $$package" ;; \
		esac; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing$$missing"; \
		apt-get -qq update && \
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing >/dev/null; \
	else \
		echo "The tests need these Debian packages:$$missing"; \
		echo "Install them with: sudo apt-get install --no-install-recommends$$missing"; exit 1; \
	fi
