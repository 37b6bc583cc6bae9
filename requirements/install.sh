#!/usr/bin/env bash
# install.sh PYTHON VENV LOCKFILE: makes the virtual environment if need be, installs the locked requirements into it
# and makes this checkout importable there as the collection servicemesh.platform.
set -euo pipefail
python=$1 venv=$2 lockfile=$3

"$python" - <<'CHECK'
import sys
if sys.version_info < (3, 11):
    sys.exit(f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed. Name one with PYTHON=python3.12, for example.")
CHECK

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "Installing $lockfile into $venv (about a minute the first time)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r "$lockfile"

packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
collections=$packages/ansible_collections
# Each task starts a Python that imports a good part of this; compiled ahead that takes a fourth of the time. The
# collections of the package ansible are left out: tens of thousands of files, most never looked at. Some packages ship
# files that are not meant for this Python; they do not matter.
"$venv/bin/python" -m compileall -q -j 0 -x "$collections" "$packages" > /dev/null || true

mkdir -p "$collections/servicemesh"
ln -sfn "$(realpath --relative-to="$collections/servicemesh" .)" "$collections/servicemesh/platform"
