#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kseal wrap and unwrap, with programs that know nothing of TLS. Needs kseal.ko loaded, and root. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -u
cd "$(dirname "$0")/.." || exit 1
kseal=$PWD/tools/kseal kseald=$PWD/helper/kseald plain=$PWD/selftests/wrap.py
work=$(mktemp -d) helper='' servers=()
ca=$work/keys/ca.pem
chmod 755 "$work"
. selftests/ok.sh
end() { kill $helper "${servers[@]}" 2>/dev/null; wait; rm -rf "$work"; }
trap end EXIT
stat() { awk -v n="$1" '$1 == n { print $2 }' /proc/net/kseal; }

start_helper() {
	"$kseald" --config "$work/kseald.conf" 2>"$work/kseald.log" & helper=$!
	eventually grep -q ready "$work/kseald.log"
}
# start COMMAND...: its pid is in $server
start() {
	: >"$work/said"
	"$@" >"$work/said" 2>"$work/server.log" & server=$!
	servers+=("$server")
}
# serve ADDRESS PORT...: wrap.py's server, listening
serve() { start "$plain" serve "$@"; eventually grep -q ready "$work/said"; }
stop() { # PID
	kill "$1" 2>/dev/null; wait "$1" 2>/dev/null
	return 0
}
# what a TLS client gets, and one without
over_tls() { # ADDRESS PORT
	local address=$1; [[ $1 = *:* ]] && address=[$1]
	echo hello | timeout 20 "$kseal" connect --profile client --name localhost "$address:$2" 2>&1
}
in_clear() { timeout 20 "$plain" probe "$1" "$2" 0.5; }
is_tls() { [[ $(over_tls "$@") == *plain*hello* ]] || { over_tls "$@"; return 1; }; }
is_only_tls() { is_tls "$@" && is "$(in_clear "$@")" "none in clear"; }

"$kseal" keygen -d "$work/keys" localhost 127.0.0.1 >/dev/null || exit 1
cat >"$work/kseald.conf" <<END
profile default { certificate { chain = "$work/keys/cert.pem" key = "$work/keys/key.pem" } }
profile web { certificate { chain = "$work/keys/cert.pem" key = "$work/keys/key.pem" } }
profile client { ca = "$ca" }
END
start_helper || { cat "$work/kseald.log"; exit 1; }

# ---- a program that runs ----

mkdir "$work/www"
head -c 5000000 /dev/urandom >"$work/www/large"
echo small >"$work/www/small"
start python3 -m http.server -d "$work/www" -b 127.0.0.1 8081
eventually curl -s -o /dev/null http://127.0.0.1:8081/small
fetch() { curl -sS --max-time 60 --cacert "$ca" -o "$work/got" "https://localhost:8081/$1" && cmp "$work/got" "$work/www/$1"; }
ok "a web server that runs is wrapped" "$kseal" wrap --profile web 8081
ok "a small file, whole" fetch small
ok "a large file, whole" fetch large
unreadable() { ! curl -sS --max-time 20 http://127.0.0.1:8081/small | grep small; }
ok "nothing in clear" unreadable
refused() { fails 60 certificate curl -sS --max-time 20 https://localhost:8081/small; }
ok "a client that does not know the CA refuses" refused
shown() { "$kseal" show | grep -E "^\*:8081 +web +1$" || { "$kseal" show; return 1; }; }
ok "it is shown" shown
json() { "$kseal" show --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["wraps"])'; }
ok "also as JSON" is "$(json)" "[{'address': '*:8081', 'profile': 'web', 'listeners': 1}]"
watched() {
	timeout 60 "$kseal" monitor -n 3 >"$work/events" 2>"$work/watching" & local pid=$!
	eventually grep -q watching "$work/watching" || return
	curl -sS --max-time 20 -o /dev/null https://localhost:8081/small 2>/dev/null
	fetch small
	wait "$pid"
	cat "$work/events"
	grep -q "^[^ ]*Z failed [0-9]* server 127.0.0.1:8081 127.0.0.1:[0-9]* profile=web.* error=E.* reason=\"" "$work/events" &&
		grep -q "^[^ ]*Z opened [0-9]* server 127.0.0.1:8081 127.0.0.1:[0-9]* profile=web name=localhost .*version=\"TLS 1.3\" suite=TLS_AES" "$work/events" &&
		grep -q "^[^ ]*Z closed [0-9]* server .* sent=\".*B\" received=\".* B\" age=" "$work/events"
}
ok "the monitor tells of its connections" watched
watched_json() {
	timeout 60 "$kseal" monitor --json --count 1 >"$work/events" 2>"$work/watching" & local pid=$!
	eventually grep -q watching "$work/watching" || return
	fetch small; wait "$pid"
	is "$(python3 -c 'import json, sys; e = json.load(sys.stdin); print(e["event"], e["profile"], e["wrapped"])' <"$work/events")" "opened web True"
}
ok "also as JSON" watched_json
ok "to those who may" fails 1 "CAP_NET_ADMIN" setpriv --reuid 65534 --clear-groups "$kseal" monitor
many() { # 1,000 connections, opened and closed
	local before; before=$(stat handshakes_done)
	local count=1000; [[ ${KSEAL_VM_ACCEL:-} = tcg || ${KSEAL_VM_VARIANT:-} = debug ]] && count=100
	timeout 500 openssl s_time -connect localhost:8081 -www /small -new -time 400 >/dev/null 2>&1 & local pid=$!
	for ((i = 0; i < 4000 && $(stat handshakes_done) < before + count; i++)); do sleep 0.1; done
	kill $pid; wait $pid 2>/dev/null
	(($(stat handshakes_done) >= before + count)) && fetch small
}
ok "a thousand connections, opened and closed" many

# ---- it goes and comes ----

stop "$server"
ok "the rule stays when the program ends" fails 0 "*:8081" "$kseal" show
start python3 -m http.server -d "$work/www" -b 127.0.0.1 8081
ok "the next program that listens there is wrapped" eventually fetch small
ok "the module cannot go while there is a rule" fails 1 "in use" rmmod kseal
start_again() {
	local i
	"$plain" probe 127.0.0.1 8082 6 >"$work/probe" & local probe=$!
	"$kseal" wrap --ahead 127.0.0.1:8082 || return
	for ((i = 0; i < 12; i++)); do
		start "$plain" serve 127.0.0.1 8082 2; sleep 0.3
		stop "$server"
	done
	wait "$probe"
	is "$(<"$work/probe")" "none in clear"
}
ok "a program started again and again is never reached in clear" start_again
ok "the rule is taken back" "$kseal" unwrap 127.0.0.1:8082

# ---- plain again ----

ok "unwrapped" "$kseal" unwrap 8081
ok "later connections are plain" is "$(curl -sS --max-time 20 http://127.0.0.1:8081/small)" small
ok "and TLS again" "$kseal" wrap --profile web 8081
ok "which works" fetch small
ok "nothing in clear again" unreadable
ok "there is no such rule" fails 1 "no rule wraps 127.0.0.1:8081" "$kseal" unwrap 127.0.0.1:8081

# ---- addresses, families, workers ----

serve 127.0.0.1 8083 4
ok "four workers with a listener each" "$kseal" wrap 127.0.0.1:8083
workers() {
	local i
	for ((i = 0; i < 24; i++)); do over_tls 127.0.0.1 8083 || return; done | grep -o "plain [0-9]*" | sort -u >"$work/workers"
	is "$(grep -c . "$work/workers")" 4
}
ok "each of them answers, over TLS" workers
ok "none of them in clear" is "$(in_clear 127.0.0.1 8083)" "none in clear"
serve 127.0.0.2 8083
ok "another address is not wrapped" grep -q "^[1-9].*clear" <(in_clear 127.0.0.2 8083)
ok "an address that nobody is bound to: who is" fails 1 "nobody listens on 0.0.0.0:8083, but on 127.0.0." "$kseal" wrap 0.0.0.0:8083
serve :: 8084
ok "a listener of both families" "$kseal" wrap "[::]:8084"
ok "over IPv6" is_only_tls ::1 8084
ok "over IPv4" is_only_tls 127.0.0.1 8084
ok "a connection that waited is reset" is "$("$plain" queued 8085 "$kseal" wrap 8085)" reset

# ---- what the guard cannot see whole, and where it has to look ----

# its listeners come later: those are the guard's
serve ::1 8090
ok "TCP takes a connection that begins in fragments" is "$("$plain" fragments 8090)" answered
stop "$server"
ok "a rule, and who listens then" "$kseal" wrap --ahead 8090
serve ::1 8090
ok "takes none of those" is "$("$plain" fragments 8090)" silence
ok "but others" is_only_tls ::1 8090
ok "a rule for an address of a device" "$kseal" wrap --ahead 8091
if ip link add kseal0 type dummy 2>/dev/null && ip link set kseal0 up && ip addr add fe80::5ea1/64 dev kseal0 nodad; then
	serve fe80::5ea1%kseal0 8091
	# to an own address it goes over lo, but says that it came by the device
	ok "from here it is not in clear" is "$(in_clear fe80::5ea1%kseal0 8091)" "none in clear"
	stop "$server"
	ip link del kseal0
else
	count=$((count + 1)); echo "ok $count - from here it is not in clear # SKIP this kernel has no dummy device"
fi

# ---- one descriptor ----

serve 127.0.0.1 8086
first=$server
descriptor() { find "/proc/$first/fd" -lname 'socket:*' -printf '%f\n' | sort -n | head -n 1; }
# it is its child that answers, and that shares nothing: the parent has closed its own
first=$(pgrep -P "$first")
ok "one descriptor of one process" "$kseal" wrap "$first:$(descriptor)"
ok "its connections are TLS" is_only_tls 127.0.0.1 8086
ok "and plain again" "$kseal" unwrap "$first:$(descriptor)"
ok "in clear" grep -q "^[1-9].*clear" <(in_clear 127.0.0.1 8086)
ok "a descriptor that is none" fails 1 "has no descriptor 77" "$kseal" wrap "$first:77"
ok "a process that is none" fails 1 "there is no process" "$kseal" wrap 4194000:3

# ---- a program that is started wrapped ----

started() {
	"$kseal" wrap 8087 -- "$plain" serve 127.0.0.1 8087 >"$work/said2" & local pid=$!
	eventually grep -q ready "$work/said2" && is_only_tls 127.0.0.1 8087
	local status=$?
	kill $pid; wait $pid
	((status == 0)) && ! "$kseal" show | grep 8087
}
ok "a program started wrapped, and its rule goes with it" started
ok "its status is the command's" fails 7 "" "$kseal" wrap 8087 -- sh -c 'exit 7'
no_other_rule() {
	"$kseal" wrap --ahead 8092 && fails 1 "a rule for *:8092 is there already" "$kseal" wrap 8092 -- true &&
		"$kseal" show | grep "^\*:8092" && "$kseal" unwrap 8092
}
ok "a rule that was there is not the command's" no_other_rule
leaves_one() { # who stays when the command has ended
	# shellcheck disable=SC2016 # the inner shell's
	"$kseal" wrap 8093 -- sh -c '"$0" serve 127.0.0.1 8093 >"$1" & while ! grep -q ready "$1"; do sleep 0.05; done' "$plain" "$work/said3" >"$work/out3" 2>&1
	cat "$work/out3"
	grep -q "1 listener is left on \*:8093: the rule stays" "$work/out3" && is_only_tls 127.0.0.1 8093
}
ok "the rule stays with a daemon" leaves_one
pkill -f "serve 127.0.0.1 8093"
ok "a command that is none" fails 127 "No such file" "$kseal" wrap 8087 -- /no/such/program

# ---- what cannot be ----

ok "nobody listens" fails 1 "nobody listens on *:8099: start the program first, or wrap it --ahead" "$kseal" wrap 8099
ok "no such profile" fails 1 "profile 'nonesuch' does not do for a server" "$kseal" wrap --profile nonesuch 8083
ok "a client's profile is no server's" fails 1 "profile 'client' does not do for a server" "$kseal" wrap --profile client 8083
ok "nor is anything but a port" fails 2 "is no port" "$kseal" wrap localhost:http:99
ok "others may not" fails 1 "needs CAP_NET_ADMIN" setpriv --reuid 65534 --clear-groups "$kseal" wrap 8083
ok "nor touch another's descriptor" fails 1 "is not yours" setpriv --reuid 65534 --clear-groups "$kseal" wrap "$first:$(descriptor)"
if python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)' 2>/dev/null; then
	serve 127.0.0.1 8088 1 262
	ok "an MPTCP listener" fails 1 "is MPTCP. Have the program use TCP" "$kseal" wrap 8088
	ok "is left as it was" grep -q "^[1-9].*clear" <(in_clear 127.0.0.1 8088)
	ok "a rule that was there first" "$kseal" wrap --ahead 8089
	serve 127.0.0.1 8089 1 262
	ok "keeps it from being reached at all" is "$(timeout 30 "$plain" probe 127.0.0.1 8089 1 | grep -c '^[1-9].*clear')" 0
else
	for name in "an MPTCP listener" "is left as it was" "a rule that was there first" "keeps it from being reached at all"; do
		count=$((count + 1)); echo "ok $count - $name # SKIP this kernel has no MPTCP"
	done
fi
stop $helper; helper=''
ok "without kseald nothing is wrapped" fails 1 "Start kseald" "$kseal" wrap 8086
ok "and what is wrapped is not plain" is "$(in_clear 127.0.0.1 8083)" "none in clear"
start_helper
ok "it goes on when kseald is there again" is_only_tls 127.0.0.1 8083
ok "every rule is taken back" "$kseal" unwrap --all
ok "there is none" is "$("$kseal" show --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["wraps"])')" "[]"
echo "1..$count"
((failed == 0))
