#!/usr/bin/env bash
# Whether what runs here is well: healthy code|webserver|daemon|ray
set -euo pipefail

answers() {
    python - "$1" <<'PYTHON'
import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
    sys.exit(answer.status != 200)
PYTHON
}

case "${1:-}" in
    code) dagster api grpc-health-check --port "${DAGSTER_CODE_SERVER_PORT:-4000}" ;;
    webserver) answers "http://127.0.0.1:${DAGSTER_WEBSERVER_PORT:-3000}/server_info" ;;
    # It asks the database, so it needs the secrets that `entrypoint` reads.
    daemon) entrypoint dagster-daemon liveness-check ;;
    ray) answers "http://127.0.0.1:52365/api/local_raylet_healthz" ;;
    *)
        echo "usage: healthy code|webserver|daemon|ray" >&2
        exit 2
        ;;
esac
