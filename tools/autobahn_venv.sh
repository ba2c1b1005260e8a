# Makes the Python 2.7 virtualenv that Autobahn's suite needs: autobahn_venv.sh PYTHON FOLDER
#
# Not the one of sockjs-protocol's suite: what Autobahn brings along breaks the other's WebSocket client.
set -eu
python=$1 folder=$2
if [ -x "$folder/py27/bin/python" ] && "$folder/py27/bin/python" -c 'import autobahntestsuite' 2>/dev/null; then
    exit 0
fi
bash "$(dirname "$0")/python27.sh" "$python" "$folder"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_PYTHON_VERSION_WARNING=1
unset PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PYTHONPATH PYTHONHOME
"$folder/py27/bin/python" -m pip -q install autobahntestsuite==25.10.1
