#!/usr/bin/env bash
# System packages that make more of Drovi work; none is needed for the core. Installed through apt where this is
# root, else named with what will not work without them.
set -u

declare -A purpose=(
  [chromium]="browser tests (tests/e2e) are skipped"
)

missing=()
for package in "${!purpose[@]}"; do
  command -v "$package" >/dev/null 2>&1 || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing system packages: ${missing[*]}"
  if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then
    exit 0
  fi
fi
for package in "${missing[@]}"; do
  echo "Missing system package $package: without it, ${purpose[$package]}."
done
