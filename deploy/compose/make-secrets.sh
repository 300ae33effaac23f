#!/usr/bin/env bash
# Make the files of secrets that compose.yaml mounts; those that exist are left as they are.
#
# To rotate one: delete its file, run this, and follow docs/runbook.md, "Rotate secrets".
set -euo pipefail
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
chmod 0750 secrets

for name in postgres_password s3_access_key s3_secret_key ray_token; do
    file="secrets/$name"
    if [[ ! -e "$file" ]]; then
        head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$file"
    fi
done
# The address that alerts go to. Empty: nobody is told.
[[ -e secrets/alert_webhook ]] || : >secrets/alert_webhook

# Containers run as other users; they are given this group.
chmod 0440 secrets/*
echo "SECRETS_GID=$(id -g) belongs into .env"
