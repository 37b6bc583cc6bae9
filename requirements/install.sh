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
# ansible brings tens of thousands of files: compiling all of them ahead costs more than it saves.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r "$lockfile"

collections=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/ansible_collections
mkdir -p "$collections/servicemesh"
ln -sfn "$(realpath --relative-to="$collections/servicemesh" .)" "$collections/servicemesh/platform"
