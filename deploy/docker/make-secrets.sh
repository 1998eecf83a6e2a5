#!/bin/sh
# Makes the passwords that compose.yaml hands to its services, where there are none yet.
set -eu
cd "$(dirname "$0")"
# Nobody else gets into the folder; the services, which are other users, read the files in it.
mkdir -p secrets
chmod 700 secrets
for name in redis_reader_password redis_writer_password; do
    [ -s "secrets/$name" ] || od -An -tx1 -N32 /dev/urandom | tr -d ' \n' >"secrets/$name"
    chmod 644 "secrets/$name"
done
