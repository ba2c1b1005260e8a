# Makes the Python 2.7 virtualenv that sockjs-protocol's suite needs: protocol_venv.sh PYTHON FOLDER
#
# PYTHON is a Python 3 that can run the last virtualenv that knew 2.7; PYTHON27 names the other one.
set -eu
python=$1 folder=$2
if [ -x "$folder/py27/bin/python" ] && "$folder/py27/bin/python" -c 'import unittest2, websocket, ws4py' 2>/dev/null; then
    exit 0
fi
bash "$(dirname "$0")/python27.sh" "$python" "$folder"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_PYTHON_VERSION_WARNING=1
unset PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PYTHONPATH PYTHONHOME
# The last releases for Python 2.7.
"$folder/py27/bin/python" -m pip -q install unittest2==1.1.0 websocket-client==0.59.0 ws4py==0.5.1
