#!/bin/sh
# One node of SeaweedFS with its S3 API, and the private bucket in it.
set -eu
umask 077
cat > /tmp/s3.json <<JSON
{"identities": [{"name": "ments", "credentials": [{"accessKey": "$AWS_ACCESS_KEY_ID", "secretKey": "$AWS_SECRET_ACCESS_KEY"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
JSON
(
  for _ in $(seq 60); do
    echo "s3.bucket.create -name $S3_BUCKET" | weed shell -master=127.0.0.1:9333 -filer=127.0.0.1:8888 2>&1 | grep -Eq 'create bucket|already exist' && break
    sleep 1
  done
) &
# The filer's own HTTP answers anonymously unless it is turned off; other ports stay inside this container.
exec weed server -dir=/data -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.peers=none -master.telemetry=false -master.volumeSizeLimitMB=1024 \
  -filer=true -filer.disableHttp -s3=true -s3.port=8333 -s3.ip.bind=0.0.0.0 -s3.config=/tmp/s3.json -s3.port.iceberg=0 -s3.port.lance=0
