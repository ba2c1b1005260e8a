# Puts the browser library into a folder: sockjs_client.sh FOLDER
#
# Never fails: a page can load the library from the public CDN instead.
set -eu
version=1.6.1
sha256=1e0f37d073666196b0848fd7d80d525268d5adf47ea1ec459632f05bbf8e1f54
folder=$1
target=$folder/sockjs.min.js

checked() { echo "$sha256  $1" | sha256sum --check --status 2>/dev/null; }
without() { echo "venv: no sockjs-client ($1); pages load it from the public CDN"; exit 0; }

if checked "$target"; then exit 0; fi
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# Its complaint about tests is none here, and CI's failure is that of "make test".
bash "$(dirname "$0")/system.sh" npm 2>&1 | grep --line-buffered installing || true
command -v npm >/dev/null || without "npm is not installed"
echo "venv: fetching sockjs-client $version"
(cd "$temporary" && npm pack --silent "sockjs-client@$version" >/dev/null 2>&1 && tar -xzf ./*.tgz) ||
    without "npm could not fetch it"
checked "$temporary/package/dist/sockjs.min.js" || without "its checksum is not the expected one"
mkdir -p "$folder"
cp "$temporary/package/dist/sockjs.min.js" "$target"
