#!/bin/sh
# Removes the Terrane agent from this host.
#
#   uninstall.sh [--purge] [--yes]
#
# Without --purge the containers and units that it runs go on running, and their data and the host's key stay in @DATA@, so that
# a later install continues where this one ended. What is fenced is ended in any case: nobody renews the lease that it runs under, and it will start elsewhere. With --purge the containers, the units and the data go too; a unit that hasn't stopped after
# ten minutes (TERRANE_STOP_SECONDS) is killed.
set -eu

BASE='@BASE@'
DATA='@DATA@'
LINK='@LINK@'
UNIT='@UNIT@'
DOCKER='@DOCKER@'

say() { printf '%s\n' "$*" >&2; }

field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" "$DATA/identity.json"; }

# Only those of this host's agent: another agent may use the same engine.
remove_containers() {
  [ -s "$DATA/identity.json" ] || return 0
  owner="$(field cluster)/$(field hostId)"
  command -v docker >/dev/null 2>&1 || {
    say "terrane: docker is not on the PATH: containers labelled terrane.dev/owner=$owner are left"
    return 0
  }
  ids=$(docker -H "unix://$DOCKER" ps -aq --filter "label=terrane.dev/owner=$owner" 2>/dev/null) || {
    say "terrane: Docker does not answer on $DOCKER: containers labelled terrane.dev/owner=$owner are left"
    return 0
  }
  [ -z "$ids" ] || printf '%s\n' "$ids" | xargs docker -H "unix://$DOCKER" rm -f >/dev/null
}

# limited SECONDS COMMAND...
limited() {
  if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift && "$@"; fi
}

# The units that it was told to run. Their files say whose they are.
remove_units() {
  [ -s "$DATA/identity.json" ] && [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1 || return 0
  owner="$(field cluster)/$(field hostId)"
  # What is remembered of their starts (agent/systemd/unit-files.ts).
  rm -f "/run/terrane/units-$(printf '%s' "$owner" | sha256sum | cut -c 1-16).json"
  rmdir /run/terrane 2>/dev/null || true
  files=$(grep -l "^# terrane\.dev/unit owner=$owner " /run/systemd/system/*.* 2>/dev/null) || return 0
  end=$(($(date +%s) + ${TERRANE_STOP_SECONDS:-600}))
  # All at once: each takes its own time, and all of them no longer than one may.
  for file in $files; do systemctl stop --no-block -- "${file##*/}" || true; done
  for file in $files; do
    unit=${file##*/}
    # One whose TimeoutStopSec is infinity would hold this up for ever; the agent gives it as long (core/fleet/stop-seconds.ts).
    left=$((end - $(date +%s)))
    if [ "$left" -lt 1 ]; then left=1; fi
    limited "$left" systemctl stop -- "$unit" || limited 30 systemctl kill --signal=KILL -- "$unit" 2>/dev/null || true
    systemctl disable --runtime --quiet -- "$unit" 2>/dev/null || true
    rm -f "$file"
    systemctl reset-failed -- "$unit" 2>/dev/null || true
  done
  systemctl daemon-reload
}

# Those that its fenced units have started by `docker run`, which run on without the units (agent/systemd/unit-containers.ts).
remove_units_containers() {
  [ -s "$DATA/identity.json" ] && command -v docker >/dev/null 2>&1 || return 0
  guarded=/run/terrane/fence-$(printf '%s' "$(field cluster)/$(field hostId)" | sha256sum | cut -c 1-16)
  ids=$(sed -n 's/^container //p' "$guarded" 2>/dev/null) || return 0
  for id in $ids; do docker -H "unix://$DOCKER" rm -f "$id" >/dev/null 2>&1 || true; done
}

# The fence guard (agent/fencing/guard-process.ts). It first ends what is fenced, unless all is gone already.
end_guard() {
  [ -s "$DATA/identity.json" ] || return 0
  guard=/run/terrane/fence-$(printf '%s' "$(field cluster)/$(field hostId)" | sha256sum | cut -c 1-16)
  [ -e "$guard.sh" ] || return 0
  if [ "$1" = 0 ] && [ -e "$guard" ]; then sh "$guard.sh" end "$guard" >/dev/null 2>&1 || true; fi
  service=terrane-${guard##*/}.service
  if [ -e "/run/systemd/system/$service" ]; then
    systemctl stop "$service" 2>/dev/null || true
    rm -f "/run/systemd/system/$service"
    systemctl daemon-reload
  fi
  pid=$(cat "$guard.pid" 2>/dev/null) || pid=''
  if [ -n "$pid" ] && tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF "$guard.sh"; then kill "$pid" 2>/dev/null || true; fi
  rm -f "$guard" "$guard".*
  rmdir /run/terrane 2>/dev/null || true
}

# Commands beside units (agent/systemd/exec-scope.ts): whoever asked for them hears nothing any more.
end_commands() {
  [ -s "$DATA/identity.json" ] && [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1 || return 0
  family=terrane-exec-$(printf '%s' "$(field cluster)/$(field hostId)" | sha256sum | cut -c 1-8)
  systemctl stop -- "$family-*.scope" 2>/dev/null || true
}

# The rules of Services and policies.
remove_rules() {
  command -v nft >/dev/null 2>&1 && [ "$(id -u)" = 0 ] || return 0
  for table in 'ip terrane_services' 'ip terrane_policy' 'bridge terrane_services'; do
    # shellcheck disable=SC2086 # a family and a name
    nft delete table $table 2>/dev/null || true
  done
}

# No agent holds the pods' network (its lock, agent/network/overlay-lock.ts), and none that is away has its Docker network.
is_nobodys() {
  [ -s "$DATA/identity.json" ] && [ -r /proc/net/unix ] && command -v docker >/dev/null 2>&1 || return 1
  if grep -q ' @terrane-pod-network@*$' /proc/net/unix; then return 1; fi
  others=$(docker -H "unix://$DOCKER" network ls -q --filter label=terrane.dev/network-owner 2>/dev/null) && [ -z "$others" ]
}

# This host's part of the pods' network: what bears the agent's mark (core/network/names.ts), and rules. Without --purge it stays: containers that
# run on talk by it. What is on the machine is this agent's if Docker has a network of its, or if it was the machine's service, or if it is nobody else's:
# an agent may end before it has made that network.
remove_network() {
  networks=''
  if [ -s "$DATA/identity.json" ] && command -v docker >/dev/null 2>&1; then
    owner="$(field cluster)/$(field hostId)"
    networks=$(docker -H "unix://$DOCKER" network ls -q --filter "label=terrane.dev/network-owner=$owner" 2>/dev/null) || networks=''
  fi
  [ -n "$networks" ] || [ -n "$UNIT" ] || is_nobodys || return 0
  remove_rules
  for network in $networks; do
    docker -H "unix://$DOCKER" network rm "$network" >/dev/null || true
  done
  [ "$(id -u)" = 0 ] || return 0
  # The userspace WireGuard, where there is one (agent/network/wireguard/userspace.ts): its device goes with it.
  # An agent in a network of its own has none as a service: that one is another's.
  if [ -d /run/systemd/system ] && [ "$(readlink /proc/self/ns/net)" = "$(readlink /proc/1/ns/net)" ]; then
    systemctl stop terrane-wireguard.service 2>/dev/null || true
  fi
  if command -v ip >/dev/null 2>&1; then
    for device in terrane-vx terrane-wg; do
      ip link del "$device" 2>/dev/null || true
    done
    ip -4 route flush proto 84 2>/dev/null || true
  fi
  if command -v nft >/dev/null 2>&1; then nft delete table ip terrane_network 2>/dev/null || true; fi
  if command -v iptables >/dev/null 2>&1; then
    for parent in DOCKER-USER FORWARD; do
      while iptables -w -D "$parent" -j TERRANE-FORWARD 2>/dev/null; do :; done
    done
    iptables -w -F TERRANE-FORWARD 2>/dev/null || true
    iptables -w -X TERRANE-FORWARD 2>/dev/null || true
    while iptables -w -t raw -D PREROUTING -j TERRANE-RAW 2>/dev/null; do :; done
    iptables -w -t raw -F TERRANE-RAW 2>/dev/null || true
    iptables -w -t raw -X TERRANE-RAW 2>/dev/null || true
  fi
}

# Whether a process was started from this installation.
is_ours() {
  { tr '\0' '\n' <"/proc/$1/cmdline"; } 2>/dev/null | awk -v dir="$BASE/versions/" 'index($0, dir) == 1 { found = 1 } END { exit !found }'
}

# An agent that was started by hand (--foreground, --prefix). Its lock names the process.
stop_agent() {
  pid=$(cut -d ' ' -f 1 "$DATA/agent.lock" 2>/dev/null) || return 0
  tries=0
  while is_ours "$pid"; do
    tries=$((tries + 1))
    case $tries in
      1) kill "$pid" 2>/dev/null || true ;;
      20) kill -9 "$pid" 2>/dev/null || true ;;
      30)
        say "terrane: the agent (process $pid) does not end"
        exit 1
        ;;
    esac
    sleep 1
  done
}

# tmpfs mounts of secrets lie below the data directory: they go before the directory does.
unmount_below() {
  [ -r /proc/mounts ] || return 0
  awk -v dir="$1/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | while read -r mount; do
    umount "$mount" || umount -l "$mount"
  done
}

main() {
  purge=0
  for argument in "$@"; do
    case $argument in
      --purge) purge=1 ;;
      --yes | -y) ;;
      --help | -h)
        say "usage: uninstall.sh [--purge]   --purge also removes the containers, the units, their data and the host's key"
        exit 0
        ;;
      *)
        say "terrane: unknown option $argument (see --help)"
        exit 2
        ;;
    esac
  done

  if [ -n "$UNIT" ]; then
    [ "$(id -u)" = 0 ] || {
      say "terrane: run this as root (sudo $BASE/uninstall.sh)"
      exit 1
    }
    if [ -d /run/systemd/system ] && [ -e "$UNIT" ]; then
      systemctl disable --now terrane-agent.service >/dev/null 2>&1 || true
    fi
    rm -f "$UNIT" "$UNIT.new"
    if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
  fi

  stop_agent
  end_commands
  if [ "$purge" = 0 ]; then end_guard 0; fi
  if [ "$purge" = 1 ]; then
    remove_containers
    remove_units
    remove_units_containers
    end_guard 1
    remove_network
    unmount_below "$DATA"
    rm -rf "$DATA"
    if [ "$DATA" = /var/lib/terrane/agent ]; then rmdir /var/lib/terrane 2>/dev/null || true; fi
  fi

  if [ -L "$LINK" ]; then rm -f "$LINK"; fi
  rm -rf "${BASE:?}/versions" "${BASE:?}/etc"
  rm -f "$BASE/current" "$BASE/current.new"
  # With what a power cut left half-written.
  rm -f "$BASE/upgrade-guard.sh" "$BASE/upgrade.pending" "$BASE/upgrade.result" "$BASE/upgrade.pending.new" "$BASE/upgrade.result.new"
  rm -f "$BASE/upgrade-guard.sh.new" "$BASE/uninstall.sh.new"
  # Last, since sh reads this file as it goes.
  rm -f "$BASE/uninstall.sh"
  # A directory of the system's stays, even if nothing else is in it.
  case $LINK in /usr/*) ;; *) rmdir "$(dirname "$LINK")" 2>/dev/null || true ;; esac
  rmdir "$BASE" 2>/dev/null || true

  if [ "$purge" = 1 ]; then
    say "terrane: the agent, its containers, its units and its data are gone"
  else
    say "terrane: the agent is gone; its containers and units run on (but what is fenced), and $DATA keeps their data and this host's key"
  fi
  say "terrane: if this host is not coming back: terrane node remove <name>"
  exit 0
}

main "$@"
