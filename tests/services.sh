#!/usr/bin/env bash
# Databases for tests, on 127.0.0.1 only, with their state in a folder of their own.
#   services.sh install [names]   Debian packages that are missing
#   services.sh start   [names]   a service that runs is left alone, its data are kept
#   services.sh stop    [names]   asked to end; made to end after 20 s
#   services.sh status  [names]   which of them answer
#   services.sh urls              how tests reach them, as shell assignments
# names: pg maria (none: both). State: GANGLION_SERVICES, else ganglion-services in the temporary folder.
set -u
state=${GANGLION_SERVICES:-${TMPDIR:-/tmp}/ganglion-services}
host=127.0.0.1 pg_port=${GANGLION_PG_PORT:-25432} maria_port=${GANGLION_MARIA_PORT:-23306} password=secret
pg_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
say() { printf '%s\n' "$*" >&2; }
root() { if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo -n "$@"; else return 1; fi; }

# Package installation is tried three times: mirrors have bad moments.
install_packages() {
    local missing=() p i
    for p; do dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p"); done
    [ ${#missing[@]} = 0 ] && return 0
    # Packages must not start their services: we start our own.
    local policy=/usr/sbin/policy-rc.d made=
    [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' | root tee $policy >/dev/null && root chmod 755 $policy && made=1; }
    for i in 1 2 3; do
        root apt-get update -qq && root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null && { i=; break; }
        sleep $((i * 5))
    done
    [ -n "$made" ] && root rm -f $policy
    [ -z "$i" ] || { say "cannot install ${missing[*]}"; return 1; }
}

alive() { local pid; pid=$(cat "$state/$1/pid" 2>/dev/null) && [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }

# launch NAME USER COMMAND...: in a session of its own; servers refuse to run as root, so they get their user.
launch() {
    local name=$1 user=$2; shift 2
    local as=(); [ "$(id -u)" = 0 ] && as=(setpriv --reuid="$user" --regid="$user" --init-groups)
    ( cd "$state/$name" && exec setsid "${as[@]}" "$@" >>"$state/$name/log" 2>&1 </dev/null ) &
    echo $! >"$state/$name/pid"
}

folder() { mkdir -p "$state/$1"; [ "$(id -u)" = 0 ] && chown "$2" "$state/$1"; return 0; }
run_as() { local user=$1; shift; if [ "$(id -u)" = 0 ]; then setpriv --reuid="$user" --regid="$user" --init-groups "$@"; else "$@"; fi; }

# certificate NAME USER: a key and a self-signed certificate for this address, where openssl is at hand.
certificate() {
    local dir=$state/$1
    [ -e "$dir/cert.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=$host" \
        -addext "subjectAltName=IP:$host" -addext "basicConstraints=critical,CA:FALSE" -keyout "$dir/key.pem" -out "$dir/cert.pem" >/dev/null 2>&1 || return 1
    chmod 600 "$dir/key.pem"
    if [ "$(id -u)" = 0 ]; then chown "$2" "$dir/key.pem" "$dir/cert.pem"; fi
}

packages_pg() { echo postgresql openssl; }
start_pg() {
    folder pg postgres
    local dir=$state/pg
    if [ ! -e "$dir/data/PG_VERSION" ]; then
        echo $password >"$dir/pw"; chmod 644 "$dir/pw"
        run_as postgres env LC_ALL=C.UTF-8 "$pg_bin/initdb" -D "$dir/data" -U postgres -A scram-sha-256 \
            --pwfile="$dir/pw" -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 || { tail -3 "$dir/initdb.log" >&2; return 1; }
    fi
    local tls=(); certificate pg postgres && tls=(-c ssl=on -c ssl_cert_file="$dir/cert.pem" -c ssl_key_file="$dir/key.pem")
    launch pg postgres "$pg_bin/postgres" -D "$dir/data" "${tls[@]}" -c listen_addresses=$host -c port="$pg_port" \
        -c unix_socket_directories="$dir" -c shared_buffers=32MB -c max_connections=100 -c fsync=off
}
ready_pg() { "$pg_bin/pg_isready" -q -h $host -p "$pg_port" 2>/dev/null; }
signal_pg() { echo INT; } # fast shutdown; TERM would wait for clients

packages_maria() { echo mariadb-server openssl; }
start_maria() {
    folder maria mysql
    local dir=$state/maria
    if [ ! -d "$dir/data/mysql" ]; then
        mariadb-install-db --no-defaults --user=mysql --datadir="$dir/data" --auth-root-authentication-method=normal \
            --skip-test-db >"$dir/install.log" 2>&1 || { tail -3 "$dir/install.log" >&2; return 1; }
    fi
    # Runs at every start: a first start that was broken off must not leave a server without its user.
    printf '%s\n' "CREATE DATABASE IF NOT EXISTS app;" \
        "CREATE OR REPLACE USER 'app'@'127.0.0.1' IDENTIFIED BY '$password';" \
        "GRANT ALL ON *.* TO 'app'@'127.0.0.1' WITH GRANT OPTION;" >"$dir/init.sql"
    chmod 644 "$dir/init.sql"
    local tls=(); certificate maria mysql && tls=(--ssl-cert="$dir/cert.pem" --ssl-key="$dir/key.pem")
    launch maria mysql mariadbd --no-defaults "${tls[@]}" --datadir="$dir/data" --bind-address=$host --port="$maria_port" \
        --socket="$dir/socket" --pid-file="$dir/own.pid" --skip-name-resolve --innodb-buffer-pool-size=32M \
        --performance-schema=OFF --init-file="$dir/init.sql"
}
# A query, not a ping: a ping also succeeds when the login is refused.
ready_maria() { mariadb --no-defaults --protocol=tcp -h $host -P "$maria_port" -u app -p$password app -e 'SELECT 1' >/dev/null 2>&1; }
signal_maria() { echo TERM; }

await() {
    local i
    for i in $(seq 300); do
        "ready_$1" && return 0
        alive "$1" || { say "$1 ended:"; tail -5 "$state/$1/log" >&2; return 1; }
        sleep .1
    done
    say "$1 does not answer"; return 1
}

stop() {
    alive "$1" || { rm -f "$state/$1/pid"; return 0; }
    local pid i; pid=$(cat "$state/$1/pid")
    kill -"$("signal_$1")" "$pid" 2>/dev/null
    for i in $(seq 200); do kill -0 "$pid" 2>/dev/null || break; sleep .1; done
    kill -KILL "$pid" 2>/dev/null
    rm -f "$state/$1/pid"
}

action=${1:-}; shift 2>/dev/null
[ $# = 0 ] && set -- pg maria
failed=0
for name; do case $name in pg | maria) ;; *) say "unknown service $name"; exit 2 ;; esac; done
case $action in
install) for name; do install_packages $("packages_$name") || failed=1; done ;;
start) for name; do { alive "$name" || { mkdir -p "$state" && "start_$name"; }; } && await "$name" || failed=1; done ;;
stop) for name; do stop "$name"; done ;;
status) for name; do if "ready_$name"; then echo "$name answers"; else echo "$name does not answer"; failed=1; fi; done ;;
urls)
    echo "GANGLION_TEST_POSTGRES=postgres://postgres:$password@$host:$pg_port/postgres"
    echo "GANGLION_TEST_MARIADB=mysql://app:$password@$host:$maria_port/app"
    [ ! -e "$state/pg/cert.pem" ] || echo "GANGLION_TEST_POSTGRES_CERTIFICATE=$state/pg/cert.pem"
    [ ! -e "$state/maria/cert.pem" ] || echo "GANGLION_TEST_MARIADB_CERTIFICATE=$state/maria/cert.pem"
    ;;
*) sed -n '2,8p' "$0"; exit 2 ;;
esac
exit $failed
