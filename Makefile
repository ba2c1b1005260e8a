# "make" alone runs style, types and tests; longer recipes live in tools/.
# Another Python: make venv VENV=.venv312 PYTHON=python3.12
VENV ?= .venv
PYTHON ?=
ROUNDS ?= 10
BIN = $(VENV)/bin

.PHONY: default venv run test style types coverage lock conformance autobahn bench bench-gil chaos storm stalled

default: style types test

venv: $(VENV)/.made

$(VENV)/.made: requirements.txt pyproject.toml setup.py sockjsd/_fanout.c tools/python.sh tools/venv.sh tools/sockjs_client.sh tools/centrifuge_js.sh tools/node_modules.sh tests/functional/node/package-lock.json
	@bash tools/venv.sh "$(PYTHON)" "$(VENV)"

run: venv
	@echo "$${SOCKJSD_SERVER_LISTEN:-http://127.0.0.1:8000/} ($(if $(SOCKJSD_BROKER_URL),broker of SOCKJSD_BROKER_URL,memory broker; SOCKJSD_BROKER_URL=redis://… for Redis))"
	@exec $(BIN)/twistd -n --pidfile= sockjsd --config conf/site.ini

test: venv
	@lacking=0; bash tools/system.sh || lacking=1; $(BIN)/python tools/run_tests.py && exit $$lacking

style: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/mypy --strict sockjsd

coverage: venv
	@bash tools/coverage.sh "$(BIN)"

lock:
	@bash tools/lock.sh "$(PYTHON)"

conformance: venv
	@test -f "$(SOCKJS_PROTOCOL)/sockjs-protocol.py" || { echo "say SOCKJS_PROTOCOL=DIR, a checkout of sockjs-protocol"; exit 2; }
	@bash tools/protocol_venv.sh "$(BIN)/python" .venv-protocol
	@$(BIN)/python tools/conformance.py "$(SOCKJS_PROTOCOL)" "$(CURDIR)/.venv-protocol/py27/bin/python" $(ROUNDS)

# make bench SCENARIO=fanout-1000,echo-100 SYSTEMS=sockjsd,limit BENCH_ROUNDS=5 BENCH_PAIRS=9 CHECK=1; SYSTEMS=all takes long
bench: venv
	@$(BIN)/python -m benchmarks $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(SYSTEMS),--systems $(SYSTEMS)) $(if $(BENCH_ROUNDS),--rounds $(BENCH_ROUNDS)) $(if $(BENCH_PAIRS),--pairs $(BENCH_PAIRS)) $(if $(CHECK),--check)

bench-gil: venv
	@$(BIN)/python benchmarks/gil.py

# Faults, and what every client has in the end: make chaos VARIANTS=killed,wiped,snapshot,failover,plain,orphaned CLIENTS=1000 SECONDS=180
chaos: venv
	@$(BIN)/python -m benchmarks.faults.chaos $(if $(VARIANTS),--variants $(VARIANTS)) $(if $(CLIENTS),--clients $(CLIENTS)) $(if $(SECONDS),--seconds $(SECONDS))

# Everybody comes back at once: make storm CLIENTS=5000
storm: venv
	@$(BIN)/python -m benchmarks.faults.storm $(if $(CLIENTS),--clients $(CLIENTS))

# One client stops reading: make stalled CLIENTS=1000
stalled: venv
	@$(BIN)/python -m benchmarks.faults.stalled $(if $(CLIENTS),--readers $(CLIENTS))

# All cases take half an hour or more; some of them: make autobahn CASES="9.* 12.1.*"
autobahn: venv
	@bash tools/autobahn_venv.sh "$(BIN)/python" .venv-autobahn
	@set -f; $(BIN)/python tools/autobahn.py "$(CURDIR)/.venv-autobahn/py27/bin/python" $(CASES)
