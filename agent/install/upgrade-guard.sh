#!/bin/sh
# Watches over an upgrade of the Terrane agent. It belongs to no version: what a new version can't do is tell that it doesn't work.
#
#   upgrade-guard.sh start         before each start of the agent (ExecStartPre)
#   upgrade-guard.sh deadline ID   when the time for becoming healthy is over
#
# `upgrade.pending` is written before the link `current` is moved, and removed by the new agent once the control plane has answered
# it. While it is there, the version before comes back: after START_MAX starts, or when its time is over.
set -eu

BASE='@BASE@'
UNIT='@UNIT@'
START_MAX=3

PENDING=$BASE/upgrade.pending
RESULT=$BASE/upgrade.result

say() { printf 'terrane: %s\n' "$*" >&2; }
field() { sed -n "s/^$1=//p" "$PENDING"; }

# write FILE: standard input, whole or not at all.
write() {
  if cat >"$1.new"; then
    sync "$1.new" 2>/dev/null || true
    mv -f "$1.new" "$1"
  else
    rm -f "$1.new"
    return 1
  fi
}

finish() {
  # A full disk keeps nobody from going back.
  printf 'version=%s\noutcome=%s\nreason=%s\n' "$(field version)" "$1" "$2" | write "$RESULT" || say "could not write $RESULT"
  rm -f "$PENDING"
}

# The unit file of the version before, if the upgrade had brought another one.
restore_unit() {
  before=$(field from)/etc/terrane-agent.service
  if [ -z "$UNIT" ] || [ ! -s "$before" ] || cmp -s "$before" "$UNIT"; then return 0; fi
  if write "$UNIT" <"$before"; then
    chmod 644 "$UNIT"
    systemctl daemon-reload 2>/dev/null || true
  else
    say "could not write $UNIT"
  fi
}

roll_back() {
  from=$(field from)
  say "agent $(field version) $1: going back to $from"
  if [ -x "$from/bin/terrane-agent" ]; then
    ln -sfn "$from" "$BASE/current.new"
    mv -fT "$BASE/current.new" "$BASE/current" 2>/dev/null || { rm -f "$BASE/current.new" && ln -sfn "$from" "$BASE/current"; }
    restore_unit
    finish rolled-back "$1"
  else
    say "$from is not there any more: staying with $(field to)"
    finish kept "$1, and the version before is gone"
  fi
}

# A reboot takes the timer of the old agent along, and a new one that hangs would be left alone. If it is there still, nothing happens.
watch() {
  [ -n "${INVOCATION_ID:-}" ] && [ -d /run/systemd/system ] || return 0
  systemd-run --quiet --collect --unit="terrane-agent-upgrade-$(field id)" --on-active=$(($(field deadline) - $(date +%s) + 1)) \
    --timer-property=AccuracySec=1s "$BASE/upgrade-guard.sh" deadline "$(field id)" 2>/dev/null || true
}

on_start() {
  # The link was not moved yet when the old agent ended: there was no upgrade.
  if [ "$(readlink "$BASE/current")" != "$(field to)" ]; then
    restore_unit
    finish not-begun 'the agent ended before it was switched'
    return 0
  fi
  starts=$(($(field starts) + 1))
  if [ "$starts" -gt "$START_MAX" ]; then
    roll_back "ended $START_MAX times before it was healthy"
  elif [ "$(date +%s)" -gt "$(field deadline)" ]; then
    roll_back 'was not healthy in time'
  else
    { sed '/^starts=/d' "$PENDING" && echo "starts=$starts"; } | write "$PENDING" || say "could not count starts in $PENDING"
    watch
  fi
}

[ -s "$PENDING" ] || exit 0
case ${1:-} in
  start) on_start ;;
  deadline)
    # That of an earlier upgrade has no say.
    if [ "${2:-}" = "$(field id)" ] && [ "$(readlink "$BASE/current")" = "$(field to)" ]; then
      roll_back 'was not healthy in time'
      systemctl restart --no-block terrane-agent.service
    fi
    ;;
  *)
    say "usage: upgrade-guard.sh start|deadline ID"
    exit 2
    ;;
esac
