# Writes requirements.txt from requirements.in: lock.sh PYTHON (empty: the first usable)
#
# One file for all supported Pythons: versions with hashes and markers, and
# neither an index nor a host in it.  An index other than uv's default is
# uv's own setting: UV_DEFAULT_INDEX.
set -eu
cd "$(dirname "$0")/.."
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

echo "lock: installing uv"
"$(bash tools/python.sh "$1")" -m venv "$temporary/uv"
"$temporary/uv/bin/python" -m pip -q --disable-pip-version-check install uv

echo "lock: resolving requirements.in"
"$temporary/uv/bin/uv" pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-package sockjsd \
    --output-file "$temporary/requirements.txt" requirements.in
if grep -n -e '://' -e '^-' "$temporary/requirements.txt"; then
    echo "lock: the lines above name a place, so requirements.txt stays as it was" >&2
    exit 1
fi
{ echo '# Written by "make lock" from requirements.in; install with pip install --no-deps --require-hashes'
  cat "$temporary/requirements.txt"; } > requirements.txt
echo "lock: $(grep -c '==' requirements.txt) packages in requirements.txt"
