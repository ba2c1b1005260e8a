# Prints the first usable CPython 3.11 to 3.13: python.sh [CANDIDATE]
#
# Each candidate is run, because a pyenv shim exists also for versions that are not active.
set -eu
usable='import sys; sys.exit(sys.implementation.name != "cpython" or not (3, 11) <= sys.version_info[:2] < (3, 14))'
[ -n "${1:-}" ] || set -- python3.11 python3.12 python3.13 python3
for candidate; do
    if "$candidate" -c "$usable" 2>/dev/null; then command -v "$candidate"; exit 0; fi
done
echo "no CPython 3.11 to 3.13 found (tried: $*); say PYTHON=/path/to/it" >&2
exit 1
