# Installs the system programs that the functional tests start: system.sh [PROGRAM...]
#
# Only Debian's apt-get, only as root, only what is missing.  Without one of
# them its tests are skipped; with CI set that is a failure.
set -eu
if [ $# -eq 0 ]; then set -- redis-server haproxy chromium chromedriver npm systemd-analyze; fi
PATH=$PATH:/usr/sbin:/sbin

missing() { for program; do command -v "$program" >/dev/null || echo "$program"; done; }
package() { case $1 in chromedriver) echo chromium-driver ;; systemd-analyze) echo systemd ;; *) echo "$1" ;; esac; }

lacking=$(missing "$@")
if [ -n "$lacking" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "system: installing" $lacking
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update >/dev/null 2>&1 || true
    for program in $lacking; do
        apt-get -qq install --no-install-recommends "$(package "$program")" >/dev/null 2>&1 || true
    done
    lacking=$(missing "$@")
fi
if [ -n "$lacking" ]; then
    echo "system: missing:" $lacking "(tests that need them are skipped, in CI they fail)"
    [ -z "${CI:-}" ] || exit 1
fi
