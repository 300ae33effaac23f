#!/usr/bin/env bash
# Before anything else of a release runs: the database as this version wants it, the limits of pools,
# and, where BUCKETS names some, the buckets of an own S3 store. It may be run again at any time.
#
# A pool that is not named here has the default limit of dagster.yaml, one.
set -euo pipefail

dagster instance migrate
dagster instance concurrency set downloads 2

for bucket in ${BUCKETS:-}; do
    python - "$bucket" <<'PYTHON'
import sys

import boto3
from botocore.exceptions import ClientError

store, bucket = boto3.client("s3"), sys.argv[1]
try:
    store.head_bucket(Bucket=bucket)
except ClientError as error:
    if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
        raise
    store.create_bucket(Bucket=bucket)
    store.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
PYTHON
done
