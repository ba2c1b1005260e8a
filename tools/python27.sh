# Makes an empty virtualenv of Python 2.7, which public test suites still need: python27.sh PYTHON FOLDER
#
# PYTHON is a Python 3 that can run the last virtualenv that knew 2.7; PYTHON27 names the other one.
# The virtualenv is FOLDER/py27.
set -eu
python=$1 folder=$2
found=
for candidate in ${PYTHON27:-python2.7 "$HOME"/.pyenv/versions/2.7.*/bin/python}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; then
        found=$candidate
        break
    fi
done
[ -n "$found" ] || { echo "no Python 2.7 found; say PYTHON27=/path/to/python2.7" >&2; exit 1; }

# The executable itself: a pyenv shim cannot be the base of a virtualenv.
found=$("$found" -c 'import sys; sys.stdout.write(sys.executable)')
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_PYTHON_VERSION_WARNING=1
unset PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PYTHONPATH PYTHONHOME
echo "making $folder/py27 with $found"
"$python" -m venv "$folder/host"
"$folder/host/bin/python" -m pip -q install 'virtualenv<20.22'
"$folder/host/bin/python" -m virtualenv --quiet --no-periodic-update -p "$found" "$folder/py27"
