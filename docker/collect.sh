#!/bin/sh
# collect.sh BINARY FOLDER: the root file system of the image: the binary, the shared libraries that it
# names, certificates when the machine has them, and an empty folder for artifacts.
set -eu
binary=$1 out=$2
mkdir -p "$out/usr/bin" "$out/artifacts" "$out/tmp" "$out/etc"
cp "$binary" "$out/usr/bin/ganglion"
ldd "$binary" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$out$(dirname "$library")"
    cp -L "$library" "$out$library"
done
# Names are resolved through these two.
for service in libnss_dns.so.2 libnss_files.so.2 libresolv.so.2; do
    found=$(find /lib /usr/lib -name "$service" 2>/dev/null | head -n 1)
    [ -z "$found" ] || { mkdir -p "$out$(dirname "$found")"; cp -L "$found" "$out$found"; }
done
[ ! -f /etc/ssl/certs/ca-certificates.crt ] || { mkdir -p "$out/etc/ssl/certs"; cp /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/"; }
echo 'ganglion:x:10802:10802::/artifacts:/sbin/nologin' > "$out/etc/passwd"
echo 'hosts: files dns' > "$out/etc/nsswitch.conf"
