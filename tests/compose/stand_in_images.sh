#!/bin/bash
# Makes stand-ins for the images of docker-compose.yml on a machine that reaches no image registry, so
# that `python -m tests.compose.engine_check` can run the whole project there:
#
#   sudo bash tests/compose/stand_in_images.sh
#
# Each has the name, the layout, the user and the tools of the image it stands for, as that image's
# Dockerfile has them, and the program the tests run: the cached binaries of `gaugeway build`, and
# Python and Redis from Debian's packages. Grafana is made where GAUGEWAY_GRAFANA_HOME has one.
# Needs root, a Docker engine, debootstrap and busybox-static. It replaces images of these names.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
cache=${GAUGEWAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gaugeway}/binaries
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

image_of() { # the image that compose/images.yaml states for a service
  sed -n "/^$1:\$/,/^  image:/s/^  image: //p" "$checkout/compose/images.yaml"
}

binary() { # the newest cached binary of a name
  local found
  found=$(find "$cache/$1" -type f -executable -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -1 | cut -d' ' -f2-)
  [ -n "$found" ] || { echo "no binary of $1 in $cache: run .venv/bin/gaugeway build" >&2; exit 1; }
  echo "$found"
}

fresh() { # an empty root, with a temporary folder and the users named: name:uid:gid
  local user name uid gid
  root=$work/root
  rm -rf "$root"
  mkdir -p "$root/etc" "$root/tmp"
  chmod 1777 "$root/tmp"
  echo root:x:0:0::/:/bin/sh >"$root/etc/passwd"
  for user in "$@"; do IFS=: read -r name uid gid <<<"$user"; echo "$name:x:$uid:$gid::/:/bin/sh" >>"$root/etc/passwd"; done
}

tools() { # busybox and links to it in a folder
  mkdir -p "$root$1"
  cp /bin/busybox "$root$1/busybox"
  for tool in "${@:2}"; do ln -s busybox "$root$1/$tool"; done
}

owned() { mkdir -p "$root$1"; chown "$2" "$root$1"; }

import() { # service, then instructions of the image
  local image arguments=()
  image=$(image_of "$1")
  for instruction in "${@:2}"; do arguments+=(--change "$instruction"); done
  tar -C "$root" --numeric-owner -c . | docker import "${arguments[@]}" - "$image" >/dev/null
  echo "made $image"
}

for name in prometheus alertmanager; do
  fresh nobody:65534:65534
  tools /bin sh wget
  cp "$(binary $name)" "$root/bin/$name"
  owned "/$name" 65534:65534
  import $name 'USER nobody' "ENTRYPOINT [\"/bin/$name\"]" 'ENV PATH=/bin' "VOLUME /$name"
done

fresh loki:10001:10001
mkdir -p "$root/usr/bin"
cp "$(binary loki)" "$root/usr/bin/loki"
owned /loki 10001:10001
import loki 'USER 10001' 'ENTRYPOINT ["/usr/bin/loki"]' 'ENV PATH=/usr/bin'

fresh tempo:10001:10001
tools /busybox sh wget
cp "$(binary tempo)" "$root/tempo"
owned /var/tempo 10001:10001
chmod 700 "$root/var/tempo"
import tempo 'USER 10001:10001' 'ENTRYPOINT ["/tempo"]'

fresh
rm -rf "$root/tmp" "$root/etc/passwd"
cp "$(binary collector)" "$root/otelcol-contrib"
import collector 'USER 10001:10001' 'ENTRYPOINT ["/otelcol-contrib"]'

debootstrap --variant=minbase --include=ca-certificates,python3-venv,redis-server bookworm "$work/debian" >"$work/log" 2>&1 ||
  { tail "$work/log" >&2; exit 1; }
root=$work/debian
rm -rf "$root"/var/lib/apt "$root"/var/cache/apt "$root"/usr/share/{doc,locale,man}
ln -s /usr/bin/python3 "$root/usr/local/bin/python"
# Whatever this machine trusts, a build inside must trust too.
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
certificates='SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt'
path=PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
import service "ENV $path $certificates" 'CMD ["python3"]'
owned /data 999:1000
import redis "ENV $path" 'WORKDIR /data' 'VOLUME /data'

if [ -z "${GAUGEWAY_GRAFANA_HOME:-}" ]; then
  echo "no $(image_of grafana): set GAUGEWAY_GRAFANA_HOME to an unpacked Grafana to have it too"
  exit 0
fi
fresh grafana:472:0
tools /bin sh wget
mkdir -p "$root/usr/share" "$root/etc/grafana"
cp -a "$GAUGEWAY_GRAFANA_HOME" "$root/usr/share/grafana"
cp "$GAUGEWAY_GRAFANA_HOME/conf/sample.ini" "$root/etc/grafana/grafana.ini"
owned /var/lib/grafana 472:0
for library in $(ldd "$GAUGEWAY_GRAFANA_HOME/bin/grafana" | grep -o '/lib[^ ]*'); do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
cat >"$root/run.sh" <<'RUN'
#!/bin/sh
exec /usr/share/grafana/bin/grafana server --homepath=/usr/share/grafana --config=/etc/grafana/grafana.ini \
  cfg:default.log.mode=console cfg:default.paths.data=/var/lib/grafana cfg:default.paths.logs=/var/log/grafana \
  cfg:default.paths.plugins=/var/lib/grafana/plugins cfg:default.paths.provisioning=/etc/grafana/provisioning
RUN
chmod 755 "$root/run.sh"
import grafana 'USER 472' 'ENTRYPOINT ["/run.sh"]' 'ENV PATH=/usr/share/grafana/bin:/bin'
