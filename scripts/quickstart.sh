#!/usr/bin/env bash
# From a fresh clone to first labels: makes the virtual environment .venv (or $CXRMINE_VENV),
# installs cxrmine into it, and labels the bundled sample reports into quickstart-run/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/python.sh

venv=${CXRMINE_VENV:-.venv}
out=${1:-quickstart-run}

echo "1/3  a virtual environment in $venv"
make_venv "$venv"
echo "2/3  installing cxrmine (about half a gigabyte with its libraries)"
"$venv/bin/python" -m pip install --quiet --editable .
echo "3/3  labelling the sample reports"
"$venv/bin/mine-labels" src/cxrmine/samples/reports.csv --out "$out" --evidence --force
echo
"$venv/bin/python" scripts/show_labels.py "$out"
echo
echo "The words and the rule behind every label: open $(cd "$out" && pwd)/evidence.html"
echo "Label your own reports:                    $venv/bin/mine-labels REPORTS --out run --evidence"
