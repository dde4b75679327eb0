#!/bin/sh
# Installs the Terrane agent on this host and joins it to a cluster.
#
#   TERRANE_TOKEN=trn_join_... sh install.sh [options]
#
# `terrane token create --kind join` prints the whole command. The options, with the variable that says the same:
#   --server URL         control plane                                   TERRANE_SERVER
#   --token-file FILE    join token, - for standard input                TERRANE_TOKEN_FILE, or the token in TERRANE_TOKEN
#   --name NAME          name of this node (the host name)               TERRANE_NAME
#   --data DIR           state of the agent (/var/lib/terrane/agent)           TERRANE_DATA
#   --docker SOCKET      Docker's socket (/var/run/docker.sock)          TERRANE_DOCKER
#   --prefix DIR         install below DIR only; no service, no root     TERRANE_PREFIX
#   --foreground         run the agent here instead of as a service
#   --no-start           install, don't start
#   --dry-run            say what would be done
#   --uninstall          remove the agent (more: uninstall.sh --help)
#   --version, --help
# For hosts without a way to the archives:
#   TERRANE_ARTIFACTS=DIR      take manifest.json, manifest.json.sig and the archive from DIR
#   TERRANE_SKIP_DOWNLOAD=1    use the version that is installed
# HTTP_PROXY, HTTPS_PROXY and NO_PROXY are used, and kept for the agent (BASE/etc/proxy.env). Checked before anything is run: the manifest against the checksum and the
# key below, the archive against the manifest.
set -eu

VERSION='{{VERSION}}'
DEFAULT_SERVER='{{SERVER}}'
MANIFEST_SHA256='{{MANIFEST_SHA256}}'
# SHA-256 of the manifest key (DER); the join command carries the same.
KEY_FINGERPRINT='{{KEY_FINGERPRINT}}'

manifest_key() {
  cat <<'PEM'
{{MANIFEST_KEY}}
PEM
}

# The control plane's own certificate authority, empty when it has a public one.
server_ca() {
  cat <<'PEM'
{{CA_PEM}}
PEM
}

say() { printf 'terrane: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

usage() {
  cat >&2 <<'TEXT'
usage: TERRANE_TOKEN=trn_join_... sh install.sh [options]
  --server URL       control plane
  --token-file FILE  join token, - for standard input (or TERRANE_TOKEN)
  --name NAME        name of this node (default: the host name)
  --data DIR         state of the agent (default: /var/lib/terrane/agent)
  --docker SOCKET    Docker's socket (default: /var/run/docker.sock)
  --prefix DIR       install below DIR only; no service, no root needed
  --foreground       run the agent here instead of as a service
  --no-start         install, don't start
  --dry-run          say what would be done
  --uninstall        remove the agent
  --version, --help
TEXT
}

bad_usage() {
  say "$*"
  usage
  exit 2
}

# The paths and names end up in a unit file and in uninstall.sh: nothing that would need quoting there.
plain() {
  case $2 in
    '' | *[!A-Za-z0-9._/@:+,=~-]*) bad_usage "$1 '$2': only letters, digits and . _ / @ : + , = ~ - are possible here" ;;
  esac
}

parse() {
  server=${TERRANE_SERVER:-$DEFAULT_SERVER}
  token=${TERRANE_TOKEN:-}
  token_file=${TERRANE_TOKEN_FILE:-}
  name=${TERRANE_NAME:-}
  data=${TERRANE_DATA:-}
  docker=${TERRANE_DOCKER:-/var/run/docker.sock}
  prefix=${TERRANE_PREFIX:-}
  foreground=0 start=1 dry_run=0 uninstall=0
  while [ $# -gt 0 ]; do
    case $1 in
      --server | --token-file | --name | --data | --docker | --prefix)
        [ $# -ge 2 ] || bad_usage "$1 needs a value"
        case $1 in
          --server) server=$2 ;;
          --token-file) token_file=$2 ;;
          --name) name=$2 ;;
          --data) data=$2 ;;
          --docker) docker=$2 ;;
          --prefix) prefix=$2 ;;
        esac
        shift 2
        ;;
      --foreground) foreground=1 && shift ;;
      --no-start) start=0 && shift ;;
      --dry-run) dry_run=1 && shift ;;
      --uninstall) uninstall=1 && shift ;;
      --version)
        printf '%s\n' "$VERSION"
        exit 0
        ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) bad_usage "unknown option $1" ;;
    esac
  done

  if [ -n "$prefix" ]; then
    case $prefix in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
    base=${prefix%/}
    data=${data:-$base/data}
    link=$base/bin/terrane-agent
  else
    base=/opt/terrane
    data=${data:-/var/lib/terrane/agent}
    # Flatcar has /usr read-only and /opt/bin on the PATH.
    if [ -d /usr/local/bin ] && [ -w /usr/local/bin ]; then link=/usr/local/bin/terrane-agent; else link=/opt/bin/terrane-agent; fi
  fi
  case $data in /*) ;; *) data=$(pwd)/$data ;; esac
  server=${server%/}
  plain --server "$server"
  plain --prefix "$base"
  plain --data "$data"
  plain --docker "$docker"
  [ -z "$name" ] || plain --name "$name"
  # NO_PROXY may have blanks between its names.
  proxies=$(env | sed -n '/^[Hh][Tt][Tt][Pp][Ss]*_[Pp][Rr][Oo][Xx][Yy]=./p; /^[Nn][Oo]_[Pp][Rr][Oo][Xx][Yy]=./{ s/[, ][, ]*/,/g; p; }')
  case $proxies in
    *[\"\'\\\ ]*) bad_usage 'HTTP_PROXY, HTTPS_PROXY, NO_PROXY: no blanks, quotes and backslashes are possible here (in a URL they are %20, %22, ...)' ;;
  esac
  unit=
  if [ -z "$prefix" ] && [ -d /run/systemd/system ] && have systemctl; then unit=/etc/systemd/system/terrane-agent.service; fi
}

unsupported() {
  say "$1"
  say "what this host is, should you want to tell us: $(uname -srm) / $(sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null || true)"
  exit 1
}

check_host() {
  [ "$(uname -s)" = Linux ] || unsupported "the agent runs on Linux; this is $(uname -s)"
  case $(uname -m) in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) unsupported "there is no agent for $(uname -m); x86_64 and aarch64 are supported" ;;
  esac
  if [ -z "$prefix" ] && [ "$dry_run" = 0 ] && [ "$(id -u)" != 0 ]; then
    if have sudo; then
      shell='sudo -i'
    elif have doas; then
      shell='doas sh'
    else
      shell='su -'
    fi
    die "this needs root: open a root shell ($shell) and run the command again there. Below a directory of your own it needs none: --prefix DIR"
  fi
  for tool in tar gzip sed awk; do have "$tool" || die "$tool is missing: install it and run this again"; done
  have sha256sum || have shasum || die "sha256sum is missing: install coreutils and run this again"
  if ! have curl && ! have wget && [ -z "${TERRANE_ARTIFACTS:-}${TERRANE_SKIP_DOWNLOAD:-}" ]; then
    die "curl or wget is needed: install one of them and run this again"
  fi
  [ -n "$server" ] || die "no control plane given: --server URL"
  case $server in http://* | https://*) ;; *) die "--server $server: it must start with https:// (or http:// on loopback)" ;; esac
  if [ -n "${TERRANE_KEY:-}" ] && [ "$TERRANE_KEY" != "$KEY_FINGERPRINT" ]; then
    die "this script carries another key than your join command names: it is not from your control plane. Nothing was done."
  fi
}

# A host that has joined has a key; the token was for making it known.
joined() { [ -s "$data/identity.json" ]; }

identity() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" "$data/identity.json"; }

# Afterwards a host that has joined is one of the cluster that the join command is for. The agent leaves the file `revoked` when its node was removed.
check_membership() {
  joined || return 0
  node=$(identity nodeName)
  if [ -e "$data/revoked" ] && [ -n "$token" ]; then
    [ "${TERRANE_SKIP_DOWNLOAD:-}" != 1 ] ||
      die "this host was node $node, which was removed. To join anew, all of it goes first, what is installed too: run this without TERRANE_SKIP_DOWNLOAD. Nothing was done."
    say "this host was node $node, which was removed: what is left of it goes, and it joins anew"
    [ -x "$base/uninstall.sh" ] || die "$base/uninstall.sh is not there: remove $data and run this again"
    "$base/uninstall.sh" --purge >&2
  elif [ -e "$data/revoked" ]; then
    say "warning: this host was node $node, which was removed. Going on; to join it anew, run a join command (terrane token create --kind join)"
  elif [ -n "${TERRANE_CLUSTER_ID:-}" ] && [ "$TERRANE_CLUSTER_ID" != "$(identity cluster)" ]; then
    say "this host is node $node of the cluster $(identity cluster); the join command is for the cluster $TERRANE_CLUSTER_ID. Nothing was done."
    how="$base/uninstall.sh --purge here (its containers and units go)"
    if [ ! -x "$base/uninstall.sh" ]; then how="reboot this host, so that its units end, and remove its containers and $data"; fi
    die "to move it: terrane node remove $node there, then $how, and run this again"
  fi
}

check_token() {
  if [ -n "$token_file" ] && [ -z "$token" ]; then
    if [ "$token_file" = - ]; then token=$(cat); else token=$(cat "$token_file") || die "can't read the token file $token_file"; fi
  fi
  joined && return 0
  case $token in
    trn_join_*) ;;
    '') die "no join token: make one with 'terrane token create --kind join' and run the command that it prints" ;;
    *) die "this is not a join token (they start with trn_join_): make one with 'terrane token create --kind join'" ;;
  esac
}

check_docker() {
  [ -S "$docker" ] && return 0
  say "warning: no Docker engine answers on $docker. Going on: the node will be NotReady and say so until one does (Debian, Ubuntu: apt-get install docker.io)"
}

check_nft() {
  have nft && return 0
  say "warning: nft is not installed. Going on: Services are not routed and NetworkPolicies not enforced on this host until it is (Debian, Ubuntu: apt-get install nftables)"
}

sha256_of() {
  if have sha256sum; then sha256sum "$1" | cut -d ' ' -f 1; else shasum -a 256 "$1" | cut -d ' ' -f 1; fi
}

# Of $base, or of where it will be made: MB that are free.
room() {
  at=$base
  while [ ! -d "$at" ]; do at=$(dirname "$at"); done
  df -Pk "$at" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }'
}

# The archive, and what is in it. Those that are there may go only when this one has started.
ROOM_MB=250
check_room() {
  free=$(room)
  [ "${free:-$ROOM_MB}" -ge "$ROOM_MB" ] || die "$free MB are free for $base, and the agent takes $ROOM_MB: make room and run this again. Nothing was installed."
}

# not_fetched URL CURL_EXIT_CODE
not_fetched() {
  case $2 in
    6) why="its name is not known here: is DNS set up?" ;;
    23) why="it could not be written: is the disk full?" ;;
    35 | 51 | 58 | 60) why="its certificate is not accepted. Is the clock right? It is $(date -u '+%Y-%m-%d %H:%M') UTC here" ;;
    *) why='is the control plane reachable from here? (HTTPS_PROXY is used, if it is set)' ;;
  esac
  die "could not fetch $1: $why. Nothing was installed."
}

# fetch FILE DESTINATION. The transport need not be trusted, since all of it is checked afterwards; so a private CA is no obstacle.
fetch() {
  if [ -n "${TERRANE_ARTIFACTS:-}" ]; then
    cp "$TERRANE_ARTIFACTS/$1" "$2" || die "$1 is not in TERRANE_ARTIFACTS=$TERRANE_ARTIFACTS"
  elif have curl; then
    insecure=
    if [ -s "$work/ca.pem" ]; then insecure="--cacert $work/ca.pem"; fi
    # shellcheck disable=SC2086 # two words or none
    curl -fsSL --retry 3 $insecure -o "$2" "$server/artifacts/$1" || not_fetched "$server/artifacts/$1" $?
  else
    insecure=
    if [ -s "$work/ca.pem" ]; then insecure=--no-check-certificate; fi
    # shellcheck disable=SC2086 # one word or none
    wget -q $insecure -O "$2" "$server/artifacts/$1" || not_fetched "$server/artifacts/$1" other
  fi
}

check_signature_with_openssl() {
  have openssl || return 1
  # -rawin, needed for Ed25519, came with OpenSSL 3.0.
  case $(openssl version 2>/dev/null) in 'OpenSSL '[3-9].* | 'OpenSSL '[1-9][0-9].*) ;; *) return 1 ;; esac
  openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -rawin -in "$work/manifest.json" -sigfile "$work/manifest.json.sig" >/dev/null 2>&1 ||
    die "the signature of manifest.json is wrong. Nothing was installed."
}

# With the runtime just unpacked: its checksum is in the manifest, and the manifest's checksum in this script.
check_signature_with_runtime() {
  "$1/bin/node" -e '
    const { readFileSync: read } = require("node:fs");
    const [key, manifest, signature] = process.argv.slice(1).map((file) => read(file));
    process.exit(require("node:crypto").verify(null, manifest, key, signature) ? 0 : 1);
  ' "$work/key.pem" "$work/manifest.json" "$work/manifest.json.sig" >/dev/null 2>&1 ||
    die "the signature of manifest.json is wrong. Nothing was installed."
}

cleanup() {
  [ -z "${work:-}" ] || rm -rf "$work"
  # Directories that this run made and left empty.
  [ -z "${made:-}" ] || rmdir "$base/versions" "$base" 2>/dev/null || true
}

# Afterwards $version_dir is a complete, checked version. Until then all is in a directory that goes away.
obtain() {
  [ -d "$base" ] || made=1
  mkdir -p "$base/versions"
  # What a run left that was killed.
  for old in "$base"/versions/.new.*; do
    if [ -d "$old" ] && ! [ -d "/proc/${old##*.}" ]; then rm -rf "$old"; fi
  done
  work=$base/versions/.new.$$
  trap cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  mkdir -m 700 "$work"
  server_ca | sed '/^$/d' >"$work/ca.pem"
  manifest_key >"$work/key.pem"

  if [ "${TERRANE_SKIP_DOWNLOAD:-}" = 1 ]; then
    [ -x "$base/current/bin/terrane-agent" ] || die "TERRANE_SKIP_DOWNLOAD=1, but nothing is installed in $base"
    version_dir=$(readlink "$base/current")
    return 0
  fi

  fetch manifest.json "$work/manifest.json"
  fetch manifest.json.sig "$work/manifest.json.sig"
  [ "$(sha256_of "$work/manifest.json")" = "$MANIFEST_SHA256" ] ||
    die "manifest.json is not the one this script was made for (its checksum differs). If the control plane was just updated, make a new join command. Nothing was installed."
  checked_signature=0
  if check_signature_with_openssl; then checked_signature=1; fi

  line=$(sed -n "/\"os\":\"linux\",\"arch\":\"$arch\"/p" "$work/manifest.json")
  [ -n "$line" ] || die "the control plane has no agent for linux-$arch (its operator makes it with: npm run build -- --arch all)"
  archive=$(printf '%s' "$line" | sed 's/.*"name":"\([^"]*\)".*/\1/')
  wanted=$(printf '%s' "$line" | sed 's/.*"sha256":"\([0-9a-f]*\)".*/\1/')
  version_dir=$base/versions/$VERSION-$(printf '%.12s' "$wanted")
  if [ -d "$version_dir" ]; then
    if [ "$checked_signature" = 0 ]; then check_signature_with_runtime "$version_dir"; fi
    say "version $VERSION is installed already"
    return 0
  fi

  check_room
  say "fetching $archive"
  fetch "$archive" "$work/$archive"
  [ "$(sha256_of "$work/$archive")" = "$wanted" ] || die "$archive is damaged (its checksum is not the manifest's). Nothing was installed."
  mkdir "$work/unpacked"
  gzip -dc "$work/$archive" | tar -xf - -C "$work/unpacked" || die "could not unpack $archive (is the disk full?). Nothing was installed."
  rm -f "$work/$archive"
  [ -x "$work/unpacked/bin/node" ] ||
    die "programs may not be run in $base: it is on a file system that is mounted with noexec. Mount it with exec and run this again. Nothing was installed."
  "$work/unpacked/bin/node" --version >/dev/null ||
    unsupported "the agent's runtime does not start here: it needs glibc 2.28 or newer and libstdc++ (Debian, Ubuntu: apt-get install libstdc++6). Nothing was installed."
  if [ "$checked_signature" = 0 ]; then check_signature_with_runtime "$work/unpacked"; fi
  # On the disk before it has the name by which a later run takes it for whole.
  sync -f "$work/unpacked" 2>/dev/null || sync
  # Another run may have been faster.
  [ -d "$version_dir" ] || mv "$work/unpacked" "$version_dir"
}

# fill TEMPLATE: puts this installation's values into a file of the archive.
fill() {
  sed -e "s|@BASE@|$base|g" -e "s|@DATA@|$data|g" -e "s|@LINK@|$link|g" -e "s|@UNIT@|$unit|g" -e "s|@DOCKER@|$docker|g" \
    -e "s|@SERVER@|$server|g" -e "s|@EXEC@|$command|g" "$version_dir/share/$1"
}

# The service has none of this shell's variables. A later run without them leaves what is there.
keep_proxy() {
  [ -n "$proxies" ] || return 0
  if [ "$(cat "$base/etc/proxy.env" 2>/dev/null)" = "$proxies" ]; then return 0; fi
  changed=1
  # Proxies have passwords.
  (umask 077 && printf '%s\n' "$proxies" >"$base/etc/proxy.env.new")
  mv -f "$base/etc/proxy.env.new" "$base/etc/proxy.env"
}

# Afterwards there is a way back, the program can be called, and the token and the CA lie where the agent looks.
place() {
  mkdir -p "$base/etc" "$(dirname "$link")"
  if [ -e "$base/etc/unstarted" ]; then cut=1; else cut=0; fi
  changed=$cut
  if [ ! -d "$data" ]; then
    mkdir -p "$data"
    chmod 700 "$data"
  fi
  command="$base/current/bin/terrane-agent --server $server --data $data --docker $docker"
  [ -z "$name" ] || command="$command --name $name"
  if [ -n "$token" ] && ! joined; then
    (umask 077 && printf '%s\n' "$token" >"$data/join-token")
  fi
  command="$command --token-file $data/join-token"
  if [ -s "$work/ca.pem" ]; then
    cp "$work/ca.pem" "$base/etc/ca.pem"
    command="$command --ca $base/etc/ca.pem"
  fi

  # For upgrades, which fill in the files of the next version.
  printf 'data=%s\nlink=%s\nunit=%s\ndocker=%s\nserver=%s\nexec=%s\n' "$data" "$link" "$unit" "$docker" "$server" "$command" >"$base/etc/installation.new"
  mv -f "$base/etc/installation.new" "$base/etc/installation"

  keep_proxy
  # Until the service was started with all of it: who finds it knows that a run before was cut off.
  if [ -n "$unit" ]; then : >"$base/etc/unstarted"; fi

  for script in uninstall.sh upgrade-guard.sh; do
    fill "$script" >"$work/$script"
    chmod 755 "$work/$script"
    mv -f "$work/$script" "$base/$script"
  done

  previous=$(readlink "$base/current" 2>/dev/null || true)
  if [ "$previous" != "$version_dir" ]; then changed=1; fi
  # This version was asked for: no upgrade that was going on has a say.
  rm -f "$base/upgrade.pending"
  ln -sfn "$version_dir" "$base/current.new"
  # At once, where mv can do that.
  mv -fT "$base/current.new" "$base/current" 2>/dev/null || { rm -f "$base/current.new" && ln -sfn "$version_dir" "$base/current"; }
  ln -sfn "$base/current/bin/terrane-agent" "$link"
  # One version back stays, for a way back.
  for old in "$base"/versions/*; do
    if [ "$old" != "$version_dir" ] && [ "$old" != "$previous" ]; then rm -rf "$old"; fi
  done
}

install_unit() {
  fill terrane-agent.service >"$work/unit"
  if ! cmp -s "$work/unit" "$unit"; then
    cp "$work/unit" "$unit.new"
    chmod 644 "$unit.new"
    mv -f "$unit.new" "$unit"
    changed=1
    systemctl daemon-reload
  elif [ "$cut" = 1 ]; then
    systemctl daemon-reload
  fi
}

start_unit() {
  systemctl enable --quiet terrane-agent.service
  if [ "$changed" = 1 ] || ! systemctl is-active --quiet terrane-agent.service; then systemctl restart terrane-agent.service; fi
  rm -f "$base/etc/unstarted"
}

# Waits until the agent has joined, at most a minute.
wait_joined() {
  if [ "$known" = 1 ]; then
    say "this host has joined before, as node $(identity nodeName). See it with: terrane node list"
    return 0
  fi
  tries=0
  until joined; do
    tries=$((tries + 1))
    # It tries again itself, unless the control plane has refused it.
    if systemctl is-failed --quiet terrane-agent.service; then
      say "the agent has not joined:"
      journalctl -u terrane-agent.service -n 20 --no-pager -o cat 2>/dev/null | sed -n '/^error: /,/^  /p' | tail -n 2 >&2 || true
      say "make a new join command with 'terrane token create --kind join', and run it here. Nothing else need be undone"
      # As the agent: asking again gives no other answer (core/provisioning/join-service.ts).
      exit 78
    elif [ "$tries" -gt 60 ]; then
      say "the agent has not joined yet. What it says:"
      journalctl -u terrane-agent.service -n 15 --no-pager -o cat >&2 || true
      die "it goes on trying. Follow it with: journalctl -fu terrane-agent"
    fi
    sleep 1
  done
  say "joined as node $(identity nodeName). See it with: terrane node list"
}

main() {
  parse "$@"
  # The join command fetches this script into a file of mktemp's; all of it is read by now.
  case $0 in "${TMPDIR:-/tmp}"/tmp.*) rm -f "$0" ;; esac
  if [ "$uninstall" = 1 ]; then
    [ -x "$base/uninstall.sh" ] || die "nothing is installed in $base"
    exec "$base/uninstall.sh"
  fi
  check_host
  if [ "$dry_run" = 1 ]; then
    say "would fetch the agent $VERSION for linux-$arch from ${TERRANE_ARTIFACTS:-$server/artifacts}"
    say "would install it in $base, with its state in $data and a link at $link"
    if [ "$foreground" = 1 ]; then
      say "would run it in the foreground"
    elif [ -n "$unit" ]; then
      say "would write $unit and $([ "$start" = 1 ] && echo start || echo 'not start') it"
    else
      say "would print the command that runs it (no systemd here, or --prefix)"
    fi
    exit 0
  fi
  check_token
  check_membership
  if joined; then known=1; else known=0; fi
  check_docker
  check_nft
  obtain
  place
  if [ "$foreground" = 0 ] && [ -n "$unit" ]; then install_unit; fi
  cleanup
  trap - EXIT INT TERM HUP
  say "installed $VERSION in $base (remove it with $base/uninstall.sh)"

  if [ "$start" = 0 ]; then
    say "not started, as asked. Start it with: $([ -n "$unit" ] && echo systemctl enable --now terrane-agent || echo "$command")"
  elif [ "$foreground" = 1 ]; then
    say "running in the foreground"
    # shellcheck disable=SC2086 # its words have no blanks: see plain
    exec $command
  elif [ -n "$unit" ]; then
    start_unit
    wait_joined
  else
    say "no service was set up$([ -n "$prefix" ] && echo ' (--prefix)' || echo ' (no systemd here)'). Run the agent with:"
    printf '%s\n' "$command"
  fi
}

main "$@"
