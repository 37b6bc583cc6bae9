#!/usr/bin/env bash
# sanity.sh BIN [ARGUMENTS]: ansible-test sanity on a fresh copy of the collection.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(cd "$1" && pwd)
shift
tests/tree.sh .build/sanity

# ansible-test keeps its virtual environments below the home folder; this one is the build folder. It hands on neither
# PIP_* variables nor the configuration of the real home, so what pip goes by here is written down there.
mkdir -p .build/home/.config/pip
{ echo "[global]"; "$bin/python" -m pip config list | sed -nE "s/^(global|:env:)\.([a-z-]+)='(.*)'$/\2 = \3/p" | sort -u; } \
  > .build/home/.config/pip/pip.conf
export HOME=$PWD/.build/home
pip=$("$bin/python" - <<'PYTHON'
import sys
from ansible_test._internal.host_configs import NativePythonConfig
from ansible_test._internal.python_requirements import get_venv_packages
print(get_venv_packages(NativePythonConfig(version="%d.%d" % sys.version_info[:2]))["pip"])
PYTHON
)
mkdir -p "$HOME/.ansible/test/cache"
cp tests/get_pip.py "$HOME/.ansible/test/cache/get_pip_${pip//./_}.py"

# The plugins are compiled and imported with every Python there is. pyenv's stand-ins (shims) only look like one.
if command -v pyenv > /dev/null; then
  shims=$(pyenv root)/shims
  PATH=$(tr ':' '\n' <<< "$PATH" | grep -vxF "$shims" | paste -sd:):$(printf '%s/bin\n' "$(pyenv root)"/versions/3.* | paste -sd:)
fi

cd .build/sanity/ansible_collections/servicemesh/platform
# ansible-test tells a collection's files by git.
git init --quiet . && git add --all
exec "$bin/ansible-test" sanity --requirements --python default --color no "$@"
