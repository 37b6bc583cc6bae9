#!/usr/bin/env bash
# molecule.sh BIN [SCENARIO...]: each role and playbook on a real API server, twice, then looked at with tools of others.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(cd "$1" && pwd)
shift
export PATH=$bin:$PATH
export ANSIBLE_HOME=$PWD/.build/ansible
scenarios=("$@")
[ ${#scenarios[@]} -gt 0 ] || mapfile -t scenarios < <(python -c '
import yaml
print(*yaml.safe_load(open("playbooks/vars/site.yml"))["__known_components"], "migrate", sep="\n")')
exec molecule test --report $(printf -- '--scenario-name %s ' default "${scenarios[@]}")
