#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What kseald and the processes beside it take from themselves, as the kernel shows it: memory that nobody reads and that does
# not reach swap. And what it makes of its surroundings: several workers, no io_uring, a journal. Which system calls are
# refused is unit/filter.c's; here is who has which filter. Needs kseal.ko loaded, and root. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -u
cd "$(dirname "$0")/.." || exit 1
[[ -e /sys/module/kseal ]] || { echo "1..0 # SKIP kseal.ko is not loaded"; exit 4; }
. selftests/servers.sh
log=$work/kseald.log
disabled=/proc/sys/kernel/io_uring_disabled
# an emulated handshake takes most of a second
slow=1; [[ ${KSEAL_VM_ACCEL:-} = tcg ]] && slow=5
logged() { eventually grep -q "$1" "$log" || { cat "$log"; return 1; }; }
counter() { awk -v n="$1" '$1 == n { print $2 }' /proc/net/kseal; }
curl=(curl -sS --max-time 60 --cacert "$ca")
get() { "${curl[@]}" "$@"; }
fetches() { is "$(get https://localhost:8443/small)" small; }
# ends_well: at a SIGTERM, soon, and nothing is left of it
ends_well() {
	local start=$SECONDS status
	kill "$helper" && wait "$helper"; status=$?
	is "$status" 0 && ((SECONDS - start <= 5 * slow)) && is "$(counter helpers)" 0
}
mkdir "$work/www" && echo small >"$work/www/small"

# ---- memory ----
# All four processes: a key is in the signer, so that there is one, and files are root's, so that there is an opener
cp "$work/keys/key.pem" "$work/signed.pem" && chown daemon: "$work/signed.pem" && chmod 400 "$work/signed.pem" || exit 1
all_processes="user = \"nobody\"
	signer-user = \"daemon\"
	profile signed {
		certificate { chain = \"$work/keys/cert.pem\" key = \"file:$work/signed.pem\" }
	}"
processes() {
	opener=$(pgrep -x -P "$helper" kseald-opener) && keeper=$(pgrep -x -P "$helper" kseald-keeper) &&
		signer=$(pgrep -x -P "$keeper" kseald-signer)
}
user_of() { awk '/^Uid:/ { print $2 }' "/proc/$1/status"; }
# as_user UID COMMAND...: without any right
as_user() { setpriv --reuid="$1" --regid=65534 --clear-groups "${@:2}"; }
# What is not dumpable is root's in /proc, whoever it runs as
closed() {
	local pid user file
	for pid in "$helper" "$opener" "$keeper" "$signer"; do
		user=$(user_of "$pid")
		((user)) && is "$(stat -c %u "/proc/$pid/mem" "/proc/$pid/maps" | paste -sd' ')" "0 0" || return
		for file in mem maps environ; do
			! as_user "$user" head -c 1 "/proc/$pid/$file" 2>/dev/null || { echo "$user reads /proc/$pid/$file"; return 1; }
		done
	done
}
# or nothing above says anything
others_open() {
	local user pid status; user=$(user_of "$helper")
	setpriv --reuid="$user" --regid=65534 --clear-groups sleep 60 & pid=$!
	eventually grep -q sleep "/proc/$pid/comm" && is "$(stat -c %u "/proc/$pid/mem")" "$user" &&
		as_user "$user" head -c 1 "/proc/$pid/environ" >/dev/null
	status=$?
	kill "$pid"; wait "$pid" 2>/dev/null
	return "$status"
}
no_cores() {
	local pid
	for pid in "$helper" "$opener" "$keeper" "$signer"; do
		is "$(awk '/^Max core/ { print $5 $6 }' "/proc/$pid/limits")" 00 || return
	done
}
# unlocked PID: its memory that could reach swap, what came after the start included
unlocked() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / { writable = $2 ~ /^rw-p/; name = $1 " " $6 } /^VmFlags:/ && writable && !/ lo( |$)/ { print name }' "/proc/$1/smaps"
}
locked() {
	local pid
	for pid in "$helper" "$signer"; do
		(($(awk '/^VmLck:/ { print $2 }' "/proc/$pid/status") > 1000)) || { grep -h Vm "/proc/$pid/status"; return 1; }
		[[ ! -e /proc/$pid/smaps ]] || is "$(unlocked "$pid")" "" || return
	done
	! grep 'may reach swap' "$log"
}
# asked CALL WANTED...: what becomes of it in kseald, the opener, the keeper, the signer
asked() {
	local pid results=() call; read -ra call <<<"$1"
	for pid in "$helper" "$opener" "$keeper" "$signer"; do results+=("$(selftests/inject.py "$pid" "${call[@]}" 2>&1)"); done
	is "$1: ${results[*]}" "$1: ${*:2}"
}
# by their numbers, with arguments that come to nothing where they are let through
getpid=39 open_to_read="2 0 0" open_to_write="2 0 1" connect="42 -1" io_uring_enter="426 -1" clone3="435 0 0" execve=59
own_filters() {
	asked "$getpid" went went went went && asked "$open_to_read" EFAULT EFAULT EFAULT EFAULT &&
		asked "$open_to_write" EFAULT EPERM EFAULT EFAULT && asked "$connect" EPERM EPERM EBADF EBADF &&
		asked "$io_uring_enter" EBADF EPERM EBADF EBADF && asked "$clone3" EPERM EPERM EINVAL ENOSYS
}
others_programs() {
	is "$(selftests/inject.py "$keeper" "$execve") $(selftests/inject.py "$signer" "$execve")" "EPERM EPERM" &&
		is "$(selftests/inject.py "$opener" "$execve")" "killed by SIGSYS" && logged 'the process that opens files has ended' &&
		is "$(selftests/inject.py "$helper" "$execve")" "killed by SIGSYS" || return
	wait "$helper"; is $? $((128 + $(kill -l SYS))) && eventually eval '! kill -0 "$keeper" && ! kill -0 "$signer"'
}
# limited KILOBYTES CAPABILITIES: it is said what that leads to
limited() {
	: >"$log"; default_profile >"$work/kseald.conf"
	(ulimit -l "$1" && exec setpriv --bounding-set="$2" "$kseald" --config "$work/kseald.conf") 2>"$log" & helper=$!
	servers+=("$helper")
	logged ready && grep -q "$3" "$log" && fetches
}

start_kseald
"$kseal" serve -q -p 8443 "$work/www" >"$work/serve.log" 2>&1 & servers+=($!)
eventually grep -q serving "$work/serve.log" || exit 1
ok "SIGTERM ends it" ends_well
# neither of these may be what does it
suid_dumpable=$(</proc/sys/fs/suid_dumpable)
echo 1 >/proc/sys/fs/suid_dumpable; ulimit -c unlimited
start_kseald "$all_processes"
ok "kseald, the opener, the keeper, the signer" processes
ok "the user that each is does not get at its memory" closed
ok "... as it does at another's" others_open
ok "no core dumps" no_cores
ok "kseald's memory and the signer's are locked" locked
ok "all of them end with it" eval 'ends_well && ! kill -0 "$opener" && ! kill -0 "$keeper" && ! kill -0 "$signer"'
if [[ $(uname -m) = x86_64 && -e /proc/sys/kernel/seccomp/actions_avail ]]; then
	start_kseald "$all_processes"; processes
	ok "each has a filter of its own" own_filters
	ok "... and goes on" fetches
	ok "who would run another program is ended, or may not" others_programs
else
	skip "each has a filter of its own" "the registers are x86-64's, or the kernel has no filters"
fi
echo "$suid_dumpable" >/proc/sys/fs/suid_dumpable; ulimit -c 0
ok "with a limit it says what to set" limited 8192 -sys_resource 'RLIMIT_MEMLOCK is limited.*LimitMEMLOCK=infinity'
ok "... and it still locks what is there" eval '(($(awk "/^VmLck:/ { print \$2 }" /proc/$helper/status) > 1000)) && ends_well'
ok "where it may lock none it says so" limited 0 -sys_resource,-ipc_lock 'memory could not be locked (.*): keys may reach swap'
ok "... and ends" ends_well

# ---- workers ----
# every connection its own handshake
many=("${curl[@]}" -H 'Connection: close' --parallel --parallel-max 40)
connections() { "${many[@]}" "https://localhost:8443/small?[1-$1]"; }
two_workers() {
	start_kseald 'workers = 2'
	logged 'ready, 2 workers' && is "$(counter helpers)" 2
}
# threads of kseald that are not the first; those of io_uring are none of its own
threads() { grep -lxs kseald /proc/"$helper"/task/*/comm | awk -F/ -v first="$helper" '$5 != first { print $5 }'; }
switches() { awk '/^voluntary/ { print $2 }' "/proc/$helper/task/$1/status"; }
spread() {
	local thread workers before=() i=0 handshakes; handshakes=$(counter handshakes_done)
	mapfile -t workers < <(threads)
	is "${#workers[@]}" 2 || return
	for thread in "${workers[@]}"; do before+=("$(switches "$thread")"); done
	is "$(connections 200 | grep -c small)" 200 || return
	((${handshakes:-0} + 200 <= $(counter handshakes_done))) || { cat /proc/net/kseal; return 1; }
	for thread in "${workers[@]}"; do
		(($(switches "$thread") >= before[i] + 5)) || { echo "thread $thread: ${before[i]}, then $(switches "$thread")"; return 1; }
		i=$((i + 1))
	done
}
reloads() { grep -c 'reloaded, 1 profile' "$log"; }
reload_once() {
	local before; before=$(reloads)
	kill -HUP "$helper"
	eventually eval "((\$(reloads) > $before))"
}
under_load() {
	local i status=0 load
	: >"$work/go"
	while [[ -e $work/go ]]; do connections 100 || { echo failed; break; }; done >"$work/got" 2>"$work/curl" & load=$!
	for i in {1..10}; do
		eventually eval '(($(wc -l <"$work/got") > '"$i"' * 10 / slow))' && reload_once || { status=1; break; }
	done
	rm "$work/go"; wait "$load"
	is "$(sort -u "$work/got")" small && ! grep curl: "$work/curl" && is "$(($(wc -l <"$work/got") % 100))" 0 && ((status == 0))
}
same_workers() {
	sed -i 's/workers = 2/workers = 3/' "$work/kseald.conf"
	logged 'reloaded.*workers and handshakes are those of the start' && is "$(counter helpers)" 2 && fetches
}
ends_under_load() {
	local load status
	rm -f "$work/got"
	"${many[@]}" 'https://localhost:8443/small?[1-100000]' >"$work/got" 2>/dev/null & load=$!
	eventually test -s "$work/got" && ends_well; status=$?
	kill "$load"; wait "$load" 2>/dev/null
	((status == 0)) && ! grep -v small "$work/got"
}
ok "two workers" two_workers
ok "200 connections, 40 at once: each of them has its part" spread
ok "ten reloads meanwhile: no connection fails" under_load
ok "another number of them waits for a restart, and the log says so" same_workers
ok "SIGTERM ends it amid connections" ends_under_load

# ---- without io_uring ----
backend() { # NAME
	start_kseald 'log = "debug"'
	logged "event loop: $1" && fetches && ends_well
}
by_poll() {
	local was; was=$(<"$disabled")
	echo 2 >"$disabled"
	(backend poll); local status=$?
	echo "$was" >"$disabled"
	return "$status"
}
if [[ -e $disabled && $(<"$disabled") = 0 ]]; then
	ok "io_uring, as the kernel has it" backend io_uring
	ok "poll, when that is switched off" by_poll
else
	skip "poll, when io_uring is switched off" "there is no $disabled, or it is not 0"
fi

# ---- the journal ----
export -n JOURNAL_STREAM INVOCATION_ID
# lines PATTERN: as which all of the log is
lines() { ends_well && [[ -s $log ]] && ! grep -vE "$1" "$log"; }
by_journal() { # VARIABLE
	local -x "$1"=8:1234
	start_kseald 'log = "debug"'
	echo 'colour = blue' >>"$work/kseald.conf"
	logged '^<3>kseald: not reloaded' && grep -q '^<5>kseald: ready' "$log" && grep -q '^<7>kseald: event loop' "$log" &&
		lines '^<[3-7]>kseald: '
}
by_hand() { start_kseald 'log = "debug"'; lines '^kseald: '; }
ok "lines for the journal have a level" by_journal JOURNAL_STREAM
ok "... for a service's, too" by_journal INVOCATION_ID
ok "others have none" by_hand
echo "1..$count"
((failed == 0))
