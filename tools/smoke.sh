#!/usr/bin/env bash
# Start the platform in a folder of its own, ask it how it is and who is asking, and stop it.
set -euo pipefail
home=$(mktemp -d)
chmod 755 "$home"
export DROVI_HOME="$home" DROVI_API_PORT=18000 DROVI_DAGSTER_PORT=13000 DROVI_CODE_SERVER_PORT=14266 DROVI_METRICS_PORT=19464
.venv/bin/drovi up >"$home/up.log" 2>&1 &
platform=$!
finish() {
  kill -TERM "$platform" 2>/dev/null || true
  wait "$platform" 2>/dev/null || true
  rm -rf "$home"
}
trap finish EXIT
for _ in $(seq 120); do
  curl -fsS "http://127.0.0.1:$DROVI_API_PORT/health" >"$home/health.json" 2>/dev/null && break
  kill -0 "$platform" 2>/dev/null || { cat "$home/up.log"; echo "the platform ended"; exit 1; }
  sleep 1
done
cat "$home/health.json"; echo
key=$(.venv/bin/drovi key)
curl -fsS -H "Authorization: Bearer $key" "http://127.0.0.1:$DROVI_API_PORT/api/v1/auth/me"; echo
echo "smoke test: the platform answers"
