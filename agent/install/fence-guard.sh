#!/bin/sh
# Ends this host's fenced work when its lease has run out, whatever has become of the agent (docs/decisions/0028). The agent starts it and tells it by
# a small file (agent/fencing/guard-file.ts); it needs neither the agent, nor Docker, nor an answer of systemd's.
#
#   fence-guard.sh watch FILE   until there is nothing fenced any more
#   fence-guard.sh end FILE     ends all of it now, as if the lease did (uninstall.sh)
#
# Times are 1/100 s of the machine's uptime, which nobody sets and which goes on while the machine sleeps.
set -u

mode=${1:-} state=${2:-}
case $mode in
  watch | end) ;;
  *)
    echo "usage: fence-guard.sh watch|end FILE" >&2
    exit 2
    ;;
esac

# The agent comes first, and says why.
LATE=50
# What dies may fork until it does.
ROUNDS_MAX=5
# Nobody has said what is fenced for so many seconds.
UNTOLD_MAX=600
# So long after the last process was found there is less to look for: what starts again does so at once.
QUIET_SECONDS=60
QUIET_EVERY=15

id='' boot='' at=0 until=0 grace=0 lease='' stopping=0
# Lines "unit NAME" and "container ID".
work='' units=''
disk_until=0 disk_gone=0 disk_looks=0
asked='' told='' quiet=0 untold=0 ticks=0 empty=0
IFS=' 	
'
newline='
'

own_boot=''
IFS= read -r own_boot </proc/sys/kernel/random/boot_id || true

# Where systemd has its cgroups, as this process sees it: '' but in some containers.
root=''
while IFS= read -r line; do
  case $line in
    *:name=systemd:*/init.scope | 0::*/init.scope)
      line=${line#*:*:}
      root=${line%/init.scope}
      ;;
  esac
done 2>/dev/null </proc/1/cgroup
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then unified=/sys/fs/cgroup; else unified=/sys/fs/cgroup/unified; fi

is_number() {
  case $1 in '' | *[!0-9]*) return 1 ;; esac
}

now() {
  read -r up _ </proc/uptime
  up=${up%%.*}${up#*.}
  # Not octal.
  up=${up#"${up%%[!0]*}"}
  up=${up:-0}
}

# What the agent last said. A file that is missing, of another boot or not whole tells nothing: what was said before holds, and ends when it said.
load() {
  [ -f "$state" ] || return 0
  n_version='' n_id='' n_boot='' n_at='' n_until='' n_grace='' n_lease='' n_stopping=0 n_work='' n_units='' whole=0
  while read -r key value; do
    case $key in
      terrane-fence) n_version=$value ;;
      id)
        # Known.
        [ "$value" != "$id" ] || return 0
        n_id=$value
        ;;
      boot) n_boot=$value ;;
      at) n_at=$value ;;
      until) n_until=$value ;;
      grace) n_grace=$value ;;
      lease) n_lease=$value ;;
      stopping) n_stopping=1 ;;
      unit) n_work="$n_work$key $value$newline" n_units="$n_units $value" ;;
      container) n_work="$n_work$key $value$newline" ;;
      end) whole=1 ;;
    esac
  done 2>/dev/null <"$state"
  [ "$whole$n_version" = 11 ] && [ -n "$n_id" ] && [ "$n_boot" = "$own_boot" ] || return 0
  is_number "$n_at" && is_number "$n_until" && is_number "$n_grace" || return 0
  id=$n_id boot=$n_boot at=$n_at until=$n_until grace=$n_grace lease=$n_lease stopping=$n_stopping work=$n_work units=$n_units
}

# Agents from before there were guards keep their lease on the disk only; one of them may be back. A disk may hang: a process of its own looks.
load_from_disk() {
  [ -n "$lease" ] || return 0
  if [ "$disk_looks" = 0 ]; then
    rm -f "$state.disk"
    look_at_disk
    # Enough for a disk that doesn't hang.
    sleep 0.2 2>/dev/null || sleep 1
  fi
  disk_looks=$((disk_looks + 1)) disk_until=0 disk_gone=0 json=''
  if [ -f "$state.disk" ]; then IFS= read -r json 2>/dev/null <"$state.disk" || true; fi
  case $json in
    gone) disk_gone=1 ;;
    *"\"bootId\":\"$boot\""*)
      case $json in
        *'"confirmed":true'*)
          json=${json#*\"until\":}
          json=${json%%[!0-9]*}
          if is_number "$json"; then disk_until=$((json / 10)); fi
          ;;
      esac
      ;;
  esac
  # For the next time.
  if [ -z "${reader:-}" ] || ! kill -0 "$reader" 2>/dev/null; then look_at_disk; fi
}

look_at_disk() {
  {
    { cat "$lease" || [ -d "${lease%/*}" ] || echo gone; } >"$state.disk.new" 2>/dev/null
    mv -f "$state.disk.new" "$state.disk"
  } &
  reader=$!
}

# When it ends, and when it is over: $ends $over. An uptime that began anew without a boot is one that nobody's lease holds in.
deadlines() {
  ends=$until
  if [ "$disk_until" -gt "$ends" ]; then ends=$disk_until; fi
  if [ "$at" -gt "$up" ]; then ends=0; fi
  if [ "$mode" = end ]; then ends=$begun; fi
  over=$((ends + grace + LATE))
}

# Processes of what is fenced: lines "pid N", and "group PATH PATH-OF-PROCESS N" for cgroups of version 2. By what the kernel shows of each process, so nothing is
# found that isn't seen from here: not the machine around a container, and not a unit of this name of a container's or a person's own systemd, since
# only slices are looked into.
scan() {
  {
    printf '%s\n' "$1"
    cd /proc && printf '%s\n' [0-9]*/cgroup | xargs grep -sH .
  } 2>/dev/null | awk -v root="$root" '
    $1 == "unit" { unit[$2] = 1; next }
    $1 == "container" { container[$2] = 1; next }
    {
      path = $0
      pid = $0
      sub(/\/.*/, "", pid)
      # As a number: else 10 is less than 2.
      if (pid !~ /^[0-9]+$/ || pid + 0 < 2) next
      sub(/^[^:]*:[^:]*:/, "", path)
      controllers = path
      sub(/:.*/, "", controllers)
      sub(/^[^:]*:/, "", path)
      unified = controllers == ""
      n = split(path, part, "/")
      found = ""
      prefix = ""
      if ((unified || controllers == "name=systemd") && substr(path, 1, length(root) + 1) == root "/") {
        first = split(root "/", above, "/")
        for (i = 2; i <= n; i++) {
          prefix = prefix "/" part[i]
          if (i < first) continue
          name = part[i]
          # Names that a file of the kernel might have are written with "_" before.
          if (name in unit || (substr(name, 1, 1) == "_" && substr(name, 2) in unit)) found = prefix
          if (found != "" || name !~ /\.slice$/) break
        }
      }
      if (found == "") for (id in container) if (at = index(path, id)) {
        rest = substr(path, at)
        sub(/\/.*/, "", rest)
        found = substr(path, 1, at - 1) rest
        break
      }
      if (found == "") next
      if (!(pid in pids)) print "pid " pid
      pids[pid] = 1
      if (unified && !(found in groups)) print "group " found " " path " " pid
      if (unified) groups[found] = 1
    }'
}

# Without waiting: it may hang. One that has begun to stop is not started again by Restart=, and a timer or a socket has no processes.
stop_units() {
  [ -n "$units" ] || return 0
  if command -v timeout >/dev/null 2>&1; then limit='timeout 2'; else limit=''; fi
  # shellcheck disable=SC2086 # words
  {
    $limit systemctl stop --no-block -- $units
    rm -f "$state.pending"
  } >/dev/null 2>&1 </dev/null &
}

# From here on until systemd has heard it, the agent starts no unit: a stop for the lease that is over would end what runs under the next one. What it says is
# looked at once more after that.
about_to_stop() {
  [ -n "$units" ] && true 2>/dev/null >"$state.pending"
  load
  now
  deadlines
}

# TERM to the first process of each container.
stop_containers() {
  containers=$(printf '%s' "$work" | grep '^container ') || return 0
  scan "$containers" | while read -r kind pid _; do
    [ "$kind" = pid ] || continue
    while read -r key value; do
      if [ "$key" = NSpid: ] && [ "${value##*[!0-9]}" = 1 ]; then kill -TERM "$pid"; fi
    done 2>/dev/null <"/proc/$pid/status"
  done
}

# kill_group GROUP PATH PID: all at once, so that nothing is forked away from it (Linux 5.14). If it is the one that the process is in: what is mounted
# may be the cgroups of a machine around this one.
kill_group() {
  [ -e "$unified$1/cgroup.kill" ] || return 0
  grep -qsx "$3" "$unified$2/cgroup.procs" && echo 1 >"$unified$1/cgroup.kill"
} 2>/dev/null

kill_all() {
  round=0
  while [ "$round" -lt "$ROUNDS_MAX" ]; do
    found=$(scan "$work")
    ask=0
    if [ "$round" = 0 ] && { [ -n "$found" ] || [ "$quiet" = 0 ] || [ "$((quiet % 5))" = 0 ]; }; then ask=1; fi
    # What was found had started before; if the lease is held again it may be what the agent has just started.
    if [ "$ask" = 1 ]; then
      about_to_stop
    else
      load
      now
      deadlines
    fi
    if [ "$up" -lt "$over" ]; then
      if [ "$ask" = 1 ]; then rm -f "$state.pending"; fi
      return 0
    fi
    if [ "$ask" = 1 ]; then stop_units; fi
    [ -n "$found" ] || break
    if [ "$told" != "$ends" ]; then echo "the lease is over: killing what is fenced and still runs"; fi
    told=$ends quiet=-1
    printf '%s\n' "$found" | while read -r kind one two three; do
      if [ "$kind" = group ]; then kill_group "$one" "$two" "$three"; else kill -KILL "$one" 2>/dev/null; fi
    done
    round=$((round + 1))
  done
  quiet=$((quiet + 1))
}

# While this is there systemd starts no fenced unit, whoever asks for it (agent/systemd/unit-files.ts).
bar() {
  [ ! -e "$state.lapsed" ] || return 0
  # Not ":", which is one of those by which a shell ends when there is no room for the file, or no directory.
  true 2>/dev/null >"$state.lapsed"
  # The agent may have taken it away since it was last looked at.
  if [ "$mode" = watch ]; then
    load
    now
    deadlines
    [ "$up" -ge "$ends" ] || rm -f "$state.lapsed"
  fi
}

# Once for each end of a lease.
ask_all() {
  [ "$asked" != "$ends" ] || return 0
  about_to_stop
  if [ "$up" -lt "$((ends + LATE))" ]; then
    rm -f "$state.pending"
    return 0
  fi
  asked=$ends
  quiet=0
  echo "the lease has run out: stopping what is fenced"
  stop_units
  # One that hears it twice may take that for "at once".
  if [ "$stopping" = 0 ]; then stop_containers; fi
}

# Sleeps a second, or until the next deadline.
rest() {
  left=100
  for deadline in "$ends" "$((ends + LATE))" "$over"; do
    if [ "$deadline" -gt "$up" ] && [ "$((deadline - up))" -lt "$left" ]; then left=$((deadline - up)); fi
  done
  case $left in
    100) sleep 1 ;;
    ?) sleep "0.0$left" 2>/dev/null || sleep 1 ;;
    *) sleep "0.$left" 2>/dev/null || sleep 1 ;;
  esac
}

tick() {
  load
  now
  if [ -z "$id" ]; then
    untold=$((untold + 1))
    [ "$untold" -lt "$UNTOLD_MAX" ] || exit 0
    return 0
  fi
  if [ -z "$work" ]; then
    rm -f "$state.lapsed"
    exit 0
  fi
  deadlines
  if [ "$mode" = watch ] && [ "$up" -ge "$((until - 200))" ]; then
    load_from_disk
    now
    deadlines
  else
    disk_looks=0
  fi
  if [ "$up" -ge "$ends" ]; then
    bar
  elif [ -e "$state.lapsed" ]; then
    rm -f "$state.lapsed"
  fi
  if [ "$up" -lt "$((ends + LATE))" ]; then
    quiet=0
  elif [ "$up" -lt "$over" ]; then
    ask_all
    # systemd has had the time to hear of it.
    if [ "$mode" = end ]; then
      if [ -n "$(scan "$work")" ]; then empty=0; else empty=$((empty + 1)); fi
      [ "$empty" -lt 2 ] || exit 0
    fi
  elif [ "$quiet" -lt "$QUIET_SECONDS" ] || [ "$((ticks % QUIET_EVERY))" = 0 ]; then
    kill_all
    # Its agent is gone, and nothing of it is left.
    if [ "$quiet" -gt 2 ] && { [ "$disk_gone" = 1 ] || [ "$mode" = end ]; }; then exit 0; fi
  else
    quiet=$((quiet + 1))
  fi
}

# The newest one is it: an upgraded agent starts its own beside that of the one before.
if [ "$mode" = watch ]; then echo $$ >"$state.pid"; fi
# Where it isn't systemd that says so.
{ echo -900 >/proc/self/oom_score_adj; } 2>/dev/null || true
now
begun=$up
ends=0 over=0
while :; do
  owner=''
  if [ "$mode" = watch ] && [ -f "$state.pid" ]; then read -r owner 2>/dev/null <"$state.pid" || true; fi
  if [ -n "$owner" ] && [ "$owner" != $$ ]; then exit 0; fi
  tick
  ticks=$((ticks + 1))
  rest
done
