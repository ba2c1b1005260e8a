# Makes the Python 2.7 virtualenv that sockjs-protocol's suite needs: protocol_venv.sh PYTHON FOLDER
#
# PYTHON is a Python 3 that can run the last virtualenv that knew 2.7; PYTHON27 names the other one.
set -eu
python=$1 folder=$2
if [ -x "$folder/py27/bin/python" ] && "$folder/py27/bin/python" -c 'import unittest2, websocket, ws4py' 2>/dev/null; then
    exit 0
fi

found=
for candidate in ${PYTHON27:-python2.7 "$HOME"/.pyenv/versions/2.7.*/bin/python}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; then
        found=$candidate
        break
    fi
done
[ -n "$found" ] || { echo "conformance: no Python 2.7 found; say PYTHON27=/path/to/python2.7" >&2; exit 1; }

# The executable itself: a pyenv shim cannot be the base of a virtualenv.
found=$("$found" -c 'import sys; sys.stdout.write(sys.executable)')
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_PYTHON_VERSION_WARNING=1
unset PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PYTHONPATH PYTHONHOME
echo "conformance: making $folder/py27 with $found"
"$python" -m venv "$folder/host"
"$folder/host/bin/python" -m pip -q install 'virtualenv<20.22'
"$folder/host/bin/python" -m virtualenv --quiet --no-periodic-update -p "$found" "$folder/py27"
# The last releases for Python 2.7.
"$folder/py27/bin/python" -m pip -q install unittest2==1.1.0 websocket-client==0.59.0 ws4py==0.5.1
