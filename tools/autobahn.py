"""Runs Autobahn's public suite for WebSockets against a daemon of ours: ``autobahn.py PYTHON27 [CASE …]``.

All cases run against ``/autobahn`` of ``conf/conformance.ini``, then those on compression against
``/autobahn_context``; a CASE such as ``9.*`` runs those alone.  The whole takes half an hour or more.
Fails where a case failed, is not implemented, or did not run; the reports go to ``build/autobahn``.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from conformance import ROOT, running_daemon

#: Not where sockjs-protocol's suite expects the daemon: this takes long, and both can run.
ADDRESS = ("127.0.0.1", 8082)
REPORTS = ROOT / "build" / "autobahn"
#: Endpoint → which of its cases there are.
RUNS = {"autobahn": ["*"], "autobahn_context": ["12.*", "13.*"]}
#: What a case may come to, and the closing handshake behind it; "non-strict" is allowed by the RFC, and so is
#: whatever an "informational" case finds out.
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}


def chosen(run: list[str], asked: list[str]) -> list[str]:
    """Return the cases of *run* that were *asked* for; without a question all of them."""
    if run == ["*"] or not asked:
        return asked or run
    return [case for case in asked if any(fnmatchcase(case, pattern) for pattern in run)]


def run_cases(endpoint: str, python27: str, cases: list[str]) -> tuple[int, dict[str, Any]]:
    """Run *cases* against one endpoint: how many there should be, and what is known of each that ran."""
    folder = REPORTS / endpoint
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = {"agent": endpoint, "url": f"ws://{ADDRESS[0]}:{ADDRESS[1]}/{endpoint}/websocket"}
    specification = {"outdir": str(folder), "servers": [server], "cases": cases, "exclude-cases": []}
    (folder / "specification.json").write_text(json.dumps(specification))
    wstest = Path(python27).with_name("wstest")
    command = [python27, "-u", wstest, "-m", "fuzzingclient", "-s", folder / "specification.json"]
    due = 0
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
    ):
        for line in process.stdout or ():
            log.write(line)
            if match := re.match(r"Ok, will run (\d+) test cases", line):
                due = int(match[1])
            if "Running test case" in line:
                print(f"\r{endpoint}: {line.split(' for ')[0].strip()[:70]:70}", end="", flush=True)
    print("\r", end="")
    index = folder / "index.json"
    return due, json.loads(index.read_text())[endpoint] if index.is_file() else {}


def summarize(endpoint: str, due: int, results: dict[str, Any]) -> bool:
    """Print what came of one run, and return whether it is good."""
    bad = {
        case: f"{result['behavior']}, closing: {result['behaviorClose']}"
        for case, result in results.items()
        if not {result["behavior"], result["behaviorClose"]} <= GOOD
    }
    counts = Counter(result["behavior"] for result in results.values())
    words = ", ".join(f"{number} {word}" for word, number in counts.most_common())
    print(f"{endpoint}: {len(results)} of {due} cases ran: {words or 'none'}")
    for case, outcome in bad.items():
        print(f"    {case}: {outcome}")
    return not bad and due == len(results) > 0


def main(python27: str, asked: list[str]) -> int:
    """Run everything, or what was *asked* for."""
    good = []
    with running_daemon(ADDRESS):
        for endpoint, run in RUNS.items():
            if cases := chosen(run, asked):
                good.append(summarize(endpoint, *run_cases(endpoint, python27, cases)))
    print(f"autobahn: {'as it should be' if all(good) and good else 'NOT as it should be'}; see {REPORTS}")
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
