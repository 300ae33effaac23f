#!/usr/bin/env bash
# Begin a container: secrets out of files, a Ray node beside a process that gives Ray work, then that
# process.
#
# NAME_FILE, for the secrets below, is a file whose text becomes NAME. JOIN_RAY=1 joins the cluster at
# KAZU_RAY_ADDRESS with no cores: Ray lets a program in only where one of its nodes runs.
set -euo pipefail

for name in DAGSTER_POSTGRES_PASSWORD AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY KAZU_ALERT_WEBHOOK; do
    file_name="${name}_FILE"
    file="${!file_name:-}"
    if [[ -n "$file" ]]; then
        if [[ ! -r "$file" ]]; then
            echo "$file_name: $file cannot be read by user $(id -u), groups $(id -G)" >&2
            exit 1
        fi
        declare -x "$name=$(<"$file")"
        unset "$file_name"
    fi
done

# Ray knows its own name for the same file.
if [[ -n "${KAZU_RAY_TOKEN_PATH:-}" ]]; then
    export RAY_AUTH_TOKEN_PATH="$KAZU_RAY_TOKEN_PATH"
fi

join_ray() {
    while true; do
        ray start --address="$1" --num-cpus=0 --num-gpus=0 \
            --object-store-memory="${JOIN_RAY_OBJECT_STORE_BYTES:-500000000}" --block || true
        echo "The Ray node here ended; it is started again in 5 s." >&2
        sleep 5
    done
}

if [[ "${JOIN_RAY:-0}" == 1 ]]; then
    head_node="${KAZU_RAY_ADDRESS:?JOIN_RAY=1 needs the address of the head node}"
    join_ray "$head_node" >/tmp/ray-node.log 2>&1 &
fi

exec "$@"
