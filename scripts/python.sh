# Sourced by the other scripts: finds a Python that can run cxrmine, and makes a virtual
# environment with it. Nothing here needs anything but bash and Python's standard library.

# Print the first Python on PATH of a version that cxrmine supports. Each candidate is run, not
# only looked up: a version manager's shim can stand on PATH for a Python that is not installed.
find_python() {
  local candidate
  local candidates=(python3 python3.13 python3.12 python3.11 python)
  if [ -n "${PYTHON:-}" ]; then
    candidates=("$PYTHON")
  fi
  for candidate in "${candidates[@]}"; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
      >/dev/null 2>&1; then
      echo "$candidate"
      return 0
    fi
  done
  echo "No Python 3.11, 3.12 or 3.13 was found (looked for: ${candidates[*]}): install one" \
    "(Debian and Ubuntu: apt-get install python3 python3-venv), or name it: PYTHON=/path/to/python." >&2
  return 1
}

# make_venv DIR: make the virtual environment DIR unless it is there already, and bring its pip
# up to date: the pip that comes with Python 3.11 cannot install every package of today's.
make_venv() {
  local python
  if [ ! -x "$1/bin/python" ]; then
    python=$(find_python) || return 1
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
      echo "$python cannot make virtual environments: install Debian's or Ubuntu's" \
        "python3-venv, or name another Python: PYTHON=/path/to/python." >&2
      return 1
    fi
    "$python" -m venv "$1" || return 1
  fi
  "$1/bin/python" -m pip install --quiet --upgrade pip
}
