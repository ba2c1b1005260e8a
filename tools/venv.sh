# Makes the virtualenv of development: venv.sh PYTHON VENV (an empty PYTHON: the first usable)
#
# Works with whatever index pip and npm are configured for, and names none.
set -eu
cd "$(dirname "$0")/.."
python=$(bash tools/python.sh "$1") venv=$2

# These settings would send packages elsewhere, or add pins without hashes.
unset PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PIP_CONSTRAINT PIP_REQUIREMENT PYTHONPATH PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
pip="$venv/bin/python -m pip -q --no-input"

# One make at a time, also for another VENV: the editable install writes into this folder.
exec 9< .
if command -v flock >/dev/null && ! flock --nonblock 9; then
    echo "venv: another make is making a virtualenv here; waiting for it"
    waiting=$(date +%s)
    flock 9
    made=$(stat -c %Y "$venv/.made" 2>/dev/null || echo 0)
    [ "$made" -lt "$waiting" ] || exit 0
fi

echo "venv: $("$python" -V) in $venv"
"$python" -m venv "$venv"

echo "venv: installing requirements.txt"
$pip install --no-deps --require-hashes -r requirements.txt

echo "venv: installing sockjsd itself, editable"
$pip install --no-deps --no-build-isolation -e .

# Cyclone's twistd plugin imports "imp", gone in Python 3.12: a traceback at each start.
find "$venv"/lib/*/site-packages/twisted/plugins -name 'cyclone_plugin*' -delete
find "$venv"/lib/*/site-packages/twisted/plugins twisted/plugins -name dropin.cache -delete
"$venv/bin/python" -c 'from twisted.plugin import IPlugin, getPlugins; list(getPlugins(IPlugin))'

bash tools/sockjs_client.sh "$venv/share/sockjs-client"
bash tools/centrifuge_js.sh "$venv/share/centrifuge"
bash tools/node_modules.sh "$venv/share/node"
touch "$venv/.made"
