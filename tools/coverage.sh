# Branch coverage of the unit tests; less than 100 % of ring 0 fails: coverage.sh BIN
set -eu
cd "$(dirname "$0")/.."
"$1/python" tools/run_tests.py --coverage
"$1/coverage" report --skip-covered || true
echo "ring 0:"
"$1/coverage" report --fail-under=100 --include='sockjsd/sockjs/*,sockjsd/websocket/*,sockjsd/channels/*'
