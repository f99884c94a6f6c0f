#!/usr/bin/env bash
# Resolve pyproject.toml into requirements.lock: names and versions only, no registry's address.
set -euo pipefail
uv=.venv/bin/uv
resolve() {
  "$uv" pip compile pyproject.toml --group dev --python-version 3.11 --quiet \
    --no-emit-index-url --no-annotate --no-header "$@" -o requirements.lock
}
resolve
# torch names its companions for graphics cards; a machine with a CPU build would install gigabytes for nothing.
mapfile -t companions < <(grep -oE '^(nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+|triton)' requirements.lock)
resolve "${companions[@]/#/--no-emit-package=}"
