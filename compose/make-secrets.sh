#!/bin/sh
# Makes what staging and prod read: tokens, a password, and a certificate for the Collector.
#
#   sh compose/make-secrets.sh [FOLDER] [NAME …]
#
# FOLDER defaults to /etc/gaugeway/secrets. NAMEs are more DNS names or addresses at which senders
# outside this compose project reach the Collector. What is there already is kept, so it can be run
# again after one file was removed to be made anew. Needs openssl 1.1.1 or newer.
set -eu
folder=${1:-/etc/gaugeway/secrets}
[ $# -eq 0 ] || shift
umask 077
mkdir -p "$folder"
# Containers run as users of their own, so the files can be read by all and the folder by its owner:
# an engine mounts each file past the folder.
chmod 700 "$folder"

alternatives=DNS:collector,DNS:localhost,IP:127.0.0.1
for name in "$@"; do
  case $name in
    *:* | *[0-9].[0-9]*[!a-zA-Z]) alternatives=$alternatives,IP:$name ;;
    *) alternatives=$alternatives,DNS:$name ;;
  esac
done

for secret in otlp_token scrape_token grafana_password; do
  [ -s "$folder/$secret" ] || openssl rand -hex 32 | tr -d '\n' >"$folder/$secret"
done

if [ ! -s "$folder/otlp_certificate.pem" ] || [ ! -s "$folder/otlp_key.pem" ] || [ ! -s "$folder/otlp_ca.pem" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # The authority's key signs this one certificate and is forgotten.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 398 \
    -subj "/CN=Gaugeway private authority" -addext "keyUsage=critical,keyCertSign" \
    -keyout "$work/authority.key" -out "$work/otlp_ca.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -subj "/CN=collector" \
    -keyout "$work/otlp_key.pem" -out "$work/request" 2>/dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n' \
    "$alternatives" >"$work/extensions"
  openssl x509 -req -in "$work/request" -days 397 -extfile "$work/extensions" \
    -CA "$work/otlp_ca.pem" -CAkey "$work/authority.key" -CAcreateserial \
    -out "$work/otlp_certificate.pem" 2>/dev/null
  mv "$work/otlp_ca.pem" "$work/otlp_certificate.pem" "$work/otlp_key.pem" "$folder/"
fi
chmod 444 "$folder"/*
echo "Secrets are in $folder; Grafana's password for the user admin is in $folder/grafana_password."
