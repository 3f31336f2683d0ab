#!/usr/bin/env bash
# Measure what a newcomer waits for: a clone of this checkout, then scripts/quickstart.sh in it,
# with pip's cache off as on a fresh machine. Prints one JSON object; exits 1 if a target of
# the project is missed (core install under 900 MB on disk, clone to first labels under 90 s).
# The time depends on the network that the packages come through.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

work=$(mktemp -d "${TMPDIR:-/tmp}/cxrmine-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
export PIP_NO_CACHE_DIR=1
unset CXRMINE_VENV

printf '[safe]\n\tdirectory = *\n' >"$work/gitconfig"
began=$(date +%s.%N)
GIT_CONFIG_GLOBAL=$work/gitconfig git clone --quiet "$root" "$work/clone"
(cd "$work/clone" && bash scripts/quickstart.sh >&2)
ended=$(date +%s.%N)

packages=$("$work/clone/.venv/bin/python" -m pip list --format=freeze 2>/dev/null | wc -l)
"$work/clone/.venv/bin/python" - "$began" "$ended" "$packages" \
  "$(du -sk "$work/clone/.venv" | cut -f1)" "$(du -sk --exclude=.git --exclude=.venv "$work/clone" | cut -f1)" <<'PYTHON'
import json
import sys

began, ended, packages, install_kb, clone_kb = map(float, sys.argv[1:])
measured = {
    "clone_to_first_labels_s": round(ended - began, 1),
    "core_install_mb": round(install_kb / 1024),
    "clone_mb": round(clone_kb / 1024, 1),
    "packages": int(packages),
}
print(json.dumps(measured))
sys.exit(measured["clone_to_first_labels_s"] >= 90 or measured["core_install_mb"] >= 900)
PYTHON
