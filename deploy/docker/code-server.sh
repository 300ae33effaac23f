#!/usr/bin/env bash
# The code server of a deployment that has one, which is the parent of all runs. What the one before
# left behind is ended once this one answers and the daemon knows it, so that it can be begun again.
set -euo pipefail
port="${DAGSTER_CODE_SERVER_PORT:-4000}"

end_orphans() {
    until dagster api grpc-health-check --port "$port" >/dev/null 2>&1; do
        sleep 5
    done
    sleep "${SECONDS_UNTIL_KNOWN:-30}"
    echo "Runs of the code server before this one are ended: $*" >&2
    python -m resources.orphaned_runs "$@"
}

orphans="$(python -m resources.orphaned_runs)"
if [[ -n "$orphans" ]]; then
    mapfile -t runs <<<"$orphans"
    end_orphans "${runs[@]}" &
fi
exec dagster api grpc --host 0.0.0.0 --port "$port" --module-name kazu_platform.definitions
