#!/bin/sh
# Starts Redis with the users of users.acl, whose passwords come from the secrets.
set -eu
secrets=/run/secrets
sed -e "s|>PASSWORD|>$(cat "$secrets/redis_reader_password")|" \
    -e "s|>WRITER_PASSWORD|>$(cat "$secrets/redis_writer_password")|" \
    /etc/redis/users.acl >/tmp/users.acl
exec redis-server --aclfile /tmp/users.acl --dir /data --save "" --appendonly no "$@"
