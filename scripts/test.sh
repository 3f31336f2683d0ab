#!/usr/bin/env bash
# Run the tests: makes the virtual environment .venv (or $CXRMINE_VENV) if it is not there,
# installs cxrmine with what its tests need, and runs the whole suite. Arguments go to pytest.
#
#   bash scripts/test.sh
#   bash scripts/test.sh tests/labeling -k negation
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/python.sh

venv=${CXRMINE_VENV:-.venv}
make_venv "$venv"
"$venv/bin/python" -m pip install --quiet --editable '.[dev]'
exec "$venv/bin/python" -m pytest "$@"
