# Puts the client library of the demo's chat into a folder: centrifuge_js.sh FOLDER
#
# Never fails: without it the chat says what is missing, and the other pages work.
set -eu
version=5.8.0
sha256=2e9a24e8495900b030008edd8a8d3746a218a213044b5ed15635fbadac24d4b8
folder=$1
target=$folder/centrifuge.js

checked() { echo "$sha256  $1" | sha256sum --check --status 2>/dev/null; }
without() { echo "venv: no centrifuge-js ($1), so no chat in the demo"; exit 0; }

if checked "$target"; then exit 0; fi
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# npm is there if it can be: tools/sockjs_client.sh has asked for it.
command -v npm >/dev/null || without "npm is not installed"
echo "venv: fetching centrifuge-js $version"
(cd "$temporary" && npm pack --silent "centrifuge@$version" >/dev/null 2>&1 && tar -xzf ./*.tgz) ||
    without "npm could not fetch it"
checked "$temporary/package/dist/centrifuge.js" || without "its checksum is not the expected one"
mkdir -p "$folder"
cp "$temporary/package/dist/centrifuge.js" "$target"
