#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kseald-keys with a Redis server of the test's own, on unix sockets and the loopback. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -u

here=$(cd "$(dirname "$0")" && pwd)
KEYS=${KEYS:-$here/../../helper/kseald-keys} kseal=$here/../../tools/kseal kseald=$here/../../helper/kseald
work=$(mktemp -d "${TMPDIR:-/tmp}/kseal-keys.XXXXXX")
pids=()
end() { exec 2>/dev/null; ((!${#pids[@]})) || kill -9 "${pids[@]}"; wait; rm -rf "$work"; }
trap end EXIT
# shellcheck source-path=SCRIPTDIR
. "$here/../ok.sh"

# The server and the check of its dumps are one program, which goes by its name
redis=$(command -v redis-server || command -v redis-check-rdb) || { echo "1..0 # SKIP no redis-server"; exit 4; }
[ -x "$KEYS" ] || { echo "1..0 # SKIP no $KEYS: make -C helper"; exit 4; }
chmod 755 "$work"; cd "$work" || exit 1
# where everybody may go
cp "$KEYS" kseald-keys; KEYS=$work/kseald-keys
# most of it is over before the next hour begins, which is an epoch
left=$((3600 - $(date +%s) % 3600)); ((left > 60)) || sleep $left

# as somebody without rights; the files' group is not one of theirs
nobody=() group=$(id -g)
((EUID)) || { nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups) group=1; }
keys=("${nobody[@]}" "$KEYS")
directory() { # NAME...: as tmpfiles.d makes one
	local d
	for d in "$@"; do
		rm -rf "$d"; mkdir "$d"; chmod 2750 "$d"
		((EUID)) || { chown "65534:$group" "$d" && chmod 2750 "$d"; }
	done
}
eventually() { local i; for ((i = 0; i < 100; i++)); do "$@" && return; sleep 0.1; done; echo "never: $*"; return 1; }

# ---- servers ----
server=''
cli() { redis-cli -s "$work/redis.sock" "$@"; }
start_redis() { # OPTIONS...
	(exec -a redis-server "$redis" --port 0 --unixsocket "$work/redis.sock" --unixsocketperm 777 --save '' --dir "$work" "$@") \
		>redis.log 2>&1 &
	server=$!; pids+=("$server")
	eventually cli ping >/dev/null 2>&1 || { sed 's/^/# /' redis.log; exit 1; }
}
stop_redis() { rm -f redis.sock; kill "$server"; wait "$server" 2>/dev/null; }

# fake WORDS...: a server that says this, whatever it is asked, and then nothing
fake() {
	rm -f fake.sock
	printf -- "$1" >answer
	socat UNIX-LISTEN:"$work/fake.sock",unlink-close=0,fork,mode=777 SYSTEM:"head -c1 >/dev/null; cat $work/answer; cat >/dev/null" &
	pids+=($!); eventually test -S fake.sock
}

# ---- daemons ----
start() { # NAME OPTIONS...: its log is NAME.log, its process $NAME
	"${keys[@]}" -d "$1" "${@:2}" 2>"$1.log" &
	eval "$1=$!"; pids+=($!)
}
started() { start "$@"; eventually grep -q ready "$1.log" || { cat "$1.log"; return 1; }; }
stop() { # PID...: with the status that it should have
	local pid
	for pid in "$@"; do
		kill "$pid"; SECONDS=0; wait "$pid" || return; ((SECONDS <= 1)) || { echo "after $SECONDS s"; return 1; }
	done
}
sums() { # NAME: again, if it changes meanwhile
	local got
	until got=$(cd "$1" && sha256sum -- * 2>/dev/null); do [ -n "$(ls "$1")" ] || return; done
	echo "$got"
}
same_keys() { is "$(sums "$1")" "$(sums "$2")"; }
sealing() { (cd "$1" && printf '%s\n' * | tail -n 1); }	# the last by name
state() { stat -c '%n %i %Y %Z %y %z' "$1" "$1"/*; }
said() { grep -F -- "$2" "$1.log" || { cat "$1.log"; return 1; }; }
unsaid() { ! grep -F -- "$2" "$1.log"; }

# ---- options ----
ok "--version" bash -c "'$KEYS' --version | grep '^kseald-keys '"
for option in "--server" "--auth" "--rotation" "--lifetime" "--once"; do
	ok "--help has $option" bash -c "'$KEYS' --help | grep -q -- '$option '"
done
wrong() { ok "not understood: ${*:2}" fails 2 "$1" "$KEYS" "${@:2}"; }
wrong "--server takes" --server ''
wrong "--server takes" --server host:
wrong "--server takes" --server host:0
wrong "--server takes" --server host:65536
wrong "--server takes" --server host:12x
wrong "--server takes" --server ::1
wrong "--server takes" --server '[::1'
wrong "--server takes" --server "$(printf 'a%.0s' {1..256})"
wrong "--rotation takes" --rotation 3
wrong "--lifetime takes" --lifetime 604801
wrong "--timeout takes" --timeout 1s
wrong "--db takes" --db -1
wrong "--prefix takes" --prefix 'a b'
wrong "too many keys" --rotation 4 --lifetime 109
wrong "give --tls too" --ca ca.pem
wrong "give both" --tls --cert cert.pem
wrong "verifies a name" --tls --server /redis.sock
wrong "give one of them" --once --check
wrong "no argument" here

# ---- once ----
start_redis
here_is=(--server "$work/redis.sock")
directory a b
ok "--check" fails 0 "the server answers" "${keys[@]}" "${here_is[@]}" -d a --check
ok "... writes nothing" is "$(ls -A a; cli dbsize)" 0
ok "--once" "${keys[@]}" "${here_is[@]}" -d a --once
ok "... makes two keys" is "$(find a -type f -size 80c | wc -l) $(find a | wc -l) $(cli dbsize)" "2 3 2"
ok "... whose files are the directory's group's" is "$(stat -c '%a %g' a/* | sort -u)" "640 $group"
epoch=$(($(date +%s) / 3600))
now_seals() { is "$(sealing "$1")" "kseald-keys-seals-$(printf %012d "$2")"; }
ok "... of which that of this epoch seals" now_seals a $epoch
ok "--once on another host" "${keys[@]}" "${here_is[@]}" -d b --once
ok "... brings the same keys" same_keys a b
ok "--check tells them" fails 0 "keys: 2, $epoch seals" "${keys[@]}" "${here_is[@]}" -d a --check
before=$(state a)
ok "once more" "${keys[@]}" "${here_is[@]}" -d a --once
ok "... changes nothing" is "$(state a)" "$before"

race() {
	local i waits=()
	for i in {1..12}; do directory "race$i"; done
	for i in {1..12}; do "${keys[@]}" "${here_is[@]}" --prefix race -d "race$i" --once 2>/dev/null & waits+=($!); done
	for i in "${waits[@]}"; do wait "$i" || return; done
	for i in {2..12}; do same_keys race1 "race$i" || return; done
	is "$(cli --raw keys 'race:*' | wc -l)" 2
}
ok "twelve at once agree on one key for each epoch" race
directory d
in_database() { "${keys[@]}" "${here_is[@]}" -d d --db 3 --once && is "$(cli -n 3 --raw keys '*' | wc -l)" 2; }
ok "--db" in_database
expires() { local left; left=$(cli pttl "kseal:3600:$epoch"); ((left > 5 * 3600000 && left <= 6 * 3600000)) || { echo "$left"; return 1; }; }
ok "the server forgets them" expires

# ---- what others write ----
directory f; cp a/* f/
echo mine >f/mine; echo last >f/z; echo hidden >f/.hidden; echo old >f/kseald-keys-seals-1; chmod 600 f/mine
old=(f/kseald-keys-opens-000000000001 f/kseald-keys-seals-000000000002 f/kseald-keys-seals-000900000000 f/.kseald-keys-new)
for file in "${old[@]}"; do head -c 80 /dev/zero >"$file"; done
((EUID)) || chown 65534 f/*
strangers=$(cd f && stat -c '%n %i %y %a' mine z .hidden kseald-keys-seals-1)
ok "somebody else's file that seals is warned of" fails 0 "/z is not of kseald-keys and the last by name" \
	"${keys[@]}" "${here_is[@]}" -d f --once
ok "files of others stay as they are" is "$(cd f && stat -c '%n %i %y %a' mine z .hidden kseald-keys-seals-1)" "$strangers"
gone() { local file; for file; do [ ! -e "$file" ] || { echo "$file"; return 1; }; done; }
ok "old ones of ours are removed, and what was not finished" gone "${old[@]}"
cp a/* f/; echo short >"f/$(sealing a)"
ok "a broken file of ours is replaced" "${keys[@]}" "${here_is[@]}" -d f --once
ok "... by the right one" bash -c "cmp 'a/$(sealing a)' f/kseald-keys-*'$epoch'"

# value VALUE: the next epoch's key is this
next=$((epoch + 1))
with_value() { # NAME COMMAND OF redis-cli...
	cli flushdb >/dev/null; cli "${@:2}" >/dev/null
	directory v
	ok "$1: reported" fails 1 "kseal:3600:$next is no key of 80 bytes, skipped" "${keys[@]}" "${here_is[@]}" -d v --once
	ok "$1: not written, the others are" is "$(ls -A v)" "kseald-keys-seals-$(printf %012d $epoch)"
	cli del "kseal:3600:$next" >/dev/null
	ok "$1: removed, there is a new one" "${keys[@]}" "${here_is[@]}" -d v --once
}
with_value "79 bytes" set "kseal:3600:$next" "$(printf 'k%.0s' {1..79})"
with_value "81 bytes" set "kseal:3600:$next" "$(printf 'k%.0s' {1..81})"
with_value "no bytes" set "kseal:3600:$next" ""
with_value "a list" rpush "kseal:3600:$next" "$(printf 'k%.0s' {1..80})"
cli flushdb >/dev/null
cli set "kseal:3600:$next" "$(printf 'k%.0s' {1..100000})" >/dev/null
ok "a value of 100000 bytes ends the talk" fails 1 "more than 4096 bytes" "${keys[@]}" "${here_is[@]}" -d v --once
cli flushdb >/dev/null
many="for i = 1, 50000 do redis.call('set', 'kseal:3600:' .. i, ARGV[1]) redis.call('set', 'kseal:' .. i, ARGV[1]) end"
cli eval "$many" 0 "$(printf 'k%.0s' {1..80})" >/dev/null
directory v
ok "100000 other values" "${keys[@]}" "${here_is[@]}" -d v --once
ok "... are not fetched" is "$(find v -type f | wc -l)" 2
cli flushall >/dev/null

odd() { # NAME WORDS ANSWER
	fake "$3"
	ok "a server that says $1" fails 1 "$2" "${keys[@]}" --server "$work/fake.sock" --timeout 1 -d v --once
	kill "${pids[-1]}"
}
odd "nothing" "no answer within 1 s" ''
odd "half an answer" "no answer within 1 s" '$80\r\nabc'
odd "HTTP" "not understood" 'HTTP/1.1 400 Bad Request\r\n\r\n'
odd "that an array comes" "not understood" '*1000000000\r\n'
odd "that a gigabyte comes" "no answer within 1 s" '$1000000000\r\n'
odd "a number" "its answer to GET is none" ':1\r\n'
odd "an error with control characters" "refuses GET: ERR ?[31mred" '-ERR \033[31mred\r\n'
odd "nonsense" "not understood" '$80x\r\n'
ok "... and nothing came of it" is "$(find v -type f | wc -l)" 2

# ---- directories ----
ok "no directory" fails 1 "install -d -m 2750" "${keys[@]}" "${here_is[@]}" -d nowhere --once
directory w; chmod o+w w
ok "one that others may write to" fails 1 "chmod go-w" "${keys[@]}" "${here_is[@]}" -d w --once
directory w; chmod 550 w
((EUID)) || { chown 1 w; chmod 755 w; }
ok "one that we may not write to" fails 1 "may write there" "${keys[@]}" "${here_is[@]}" -d w --once
readers() {
	((EUID == 0)) || return 0
	setpriv --reuid=65533 --regid=1 --clear-groups cat "a/$(sealing a)" >/dev/null &&
		! setpriv --reuid=65533 --regid=2 --clear-groups cat "a/$(sealing a)" >/dev/null 2>&1
}
ok "the group reads keys, others do not" readers
# as the unit starts it: root, without capabilities that files would not stop, in the group
kseald_reads() {
	local lesser=()
	((EUID)) || lesser=(setpriv --bounding-set=-dac_override,-dac_read_search --groups="$1")
	"$kseal" keygen --force -d kd localhost >/dev/null && chmod 755 kd
	printf '%s\n' 'profile default {' 'certificate {' 'chain = kd/cert.pem' 'key = kd/key.pem' '}' \
		"ticket-keys = $work/a" '}' >kseald.conf
	"${lesser[@]}" "$kseald" --config "$work/kseald.conf" --check
}
ok "kseald takes the directory" kseald_reads "$group"

# ---- passwords ----
printf 'secret-1\n' >good; printf 'wrong\n' >bad; printf 'fleet\nsecret-2\n' >acl; : >empty; chmod 644 good bad acl empty
cli config set requirepass secret-1 >/dev/null
cli -a secret-1 --no-auth-warning acl setuser fleet on '>secret-2' '~kseal:*' +get +set +pttl +select +ping >/dev/null
directory p
ok "no password" fails 1 "NOAUTH" "${keys[@]}" "${here_is[@]}" -d p --once
ok "a wrong one" fails 1 "it refuses AUTH: WRONGPASS" "${keys[@]}" "${here_is[@]}" -d p --auth bad --once
ok "an empty file" fails 1 "write the password there" "${keys[@]}" "${here_is[@]}" -d p --auth empty --once
ok "no file" fails 1 "give a file that kseald-keys may read" "${keys[@]}" "${here_is[@]}" -d p --auth none --once
ok "the right one" "${keys[@]}" "${here_is[@]}" -d p --auth good --once
ok "a user with the rights that the manual page names" "${keys[@]}" "${here_is[@]}" -d p --auth acl --db 1 --once
ok "... may not use another prefix" fails 1 "NOPERM" "${keys[@]}" "${here_is[@]}" -d p --auth acl --prefix other --once
ok "passwords are not logged" bash -c "! '$KEYS' ${here_is[*]} -d p --auth good --once -v 2>&1 | grep secret"
stop_redis

# ---- TLS ----
for name in localhost 127.0.0.1 other.example client; do "$kseal" keygen -d "tls-$name" "$name" >/dev/null; done
chmod -R a+rX tls-*
port=''
tls_redis() { # NAME OPTIONS...
	local tries
	for tries in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 10000))
		(start_redis --tls-port $port --bind 127.0.0.1 --tls-cert-file "tls-$1/cert.pem" --tls-key-file "tls-$1/key.pem" \
			--tls-ca-cert-file tls-client/ca.pem "${@:2}"; trap - EXIT; echo "$server" >server) >/dev/null && break
	done
	server=$(<server); pids+=("$server")
}
stop_tls() { kill "$server"; while kill -0 "$server" 2>/dev/null; do sleep 0.05; done; rm -f redis.sock; }
directory t
tls=("${keys[@]}" -d t --tls --once --server)
tls_redis localhost --tls-auth-clients no
ok "TLS" "${tls[@]}" localhost:$port --ca tls-localhost/ca.pem
ok "... is what was spoken" is "$(find t -type f | wc -l)" 2
ok "another authority" fails 1 "its certificate is not good for localhost" "${tls[@]}" localhost:$port --ca tls-client/ca.pem
ok "the system's authorities" fails 1 "its certificate is not good for localhost" "${tls[@]}" localhost:$port
ok "another name: the address" fails 1 "IP address mismatch" "${tls[@]}" 127.0.0.1:$port --ca tls-localhost/ca.pem
ok "no authorities" fails 1 "--ca good" "${tls[@]}" localhost:$port --ca good
ok "no TLS where TLS is spoken" fails 1 "" "${keys[@]}" --server localhost:$port --timeout 2 -d t --once
stop_tls
tls_redis other.example --tls-auth-clients no
ok "another name" fails 1 "hostname mismatch" "${tls[@]}" localhost:$port --ca tls-other.example/ca.pem
stop_tls
tls_redis 127.0.0.1
mine=(--cert tls-client/cert.pem --key tls-client/key.pem)
ok "an address, and a certificate of ours" "${tls[@]}" 127.0.0.1:$port --ca tls-127.0.0.1/ca.pem "${mine[@]}"
ok "without it" fails 1 "whether it wants --cert" "${tls[@]}" 127.0.0.1:$port --ca tls-127.0.0.1/ca.pem
ok "with another's key" fails 1 "--key" "${tls[@]}" 127.0.0.1:$port --ca tls-127.0.0.1/ca.pem --cert tls-client/cert.pem --key tls-localhost/key.pem
stop_tls
# nobody listens there now
ok "TCP: nobody there" fails 1 "Connection refused" "${keys[@]}" --server 127.0.0.1:$port -d t --once
ok "no such host" fails 1 "no-such-host.invalid port 6379" "${keys[@]}" --server no-such-host.invalid --timeout 1 -d t --once

# ---- as a service ----
start_redis
directory idle
notified=$work/notified
socat -u UNIX-RECV:"$work/notify.sock",mode=777 CREATE:"$notified" & pids+=($!)
eventually test -S notify.sock
stop_redis
export NOTIFY_SOCKET=$work/notify.sock
start idle "${here_is[@]}"
unset NOTIFY_SOCKET
eventually grep -q 'there is no key yet' idle.log
ok "not ready without a key" is "$(grep -c ready idle.log) $(wc -c <"$notified")" "0 0"
start_redis
ok "ready with the first" eventually grep -q READY=1 "$notified"
ok "... which is said" eventually said idle "all is well again"
before=$(state idle)
for ((i = 0; i < 3; i++)); do kill -HUP "$idle"; sleep 0.3; done
ok "nothing is written that is there" is "$(state idle)" "$before"
rm -f idle/kseald-keys-opens-*
kill -HUP "$idle"
two_keys() { is "$(sums "$1" | wc -l)" 2; }
ok "SIGHUP fetches at once" eventually two_keys idle

# ---- what it may do ----
confined() {
	is "$(awk '/^(CapEff|NoNewPrivs|Seccomp|Threads):/ { print $1 $2 }' "/proc/$idle/status" | sort | paste -sd' ')" \
		"CapEff:0000000000000000 NoNewPrivs:1 Seccomp:2 Threads:1" && is "$(awk '/^Uid:/ { print $3 }' "/proc/$idle/status")" \
		"$( ((EUID)) && id -u || echo 65534)"
}
ok "no rights, no way to any, a filter, one thread" confined
ok "no core dumps" is "$(awk '/^Max core/ { print $5 $6 }' "/proc/$idle/limits")" 00
ok "its own user does not get at its memory" bash -c "! ${nobody[*]} cat '/proc/$idle/environ' '/proc/$idle/maps'"
# keys are looked for in all of it, by halves, as a name of 16 bytes and the secrets are copied apart
in_memory() {
	perl -e '
		my ($pid, @files) = @ARGV;
		local $/; my @needles = map { open my $f, "<", $_ or die; my $k = <$f>; map { substr $k, $_, 16 } 0, 16, 32, 48, 64 } @files;
		open my $maps, "<", "/proc/$pid/maps" or die; open my $mem, "<:raw", "/proc/$pid/mem" or die;
		my ($found, $bytes) = (0, 0);
		for (split /\n/, <$maps>) {
			next unless /^([0-9a-f]+)-([0-9a-f]+) r/ and !/\[v/;
			my ($from, $to) = (hex $1, hex $2); my $text;
			sysseek $mem, $from, 0; $bytes += sysread $mem, $text, $to - $from;
			for my $n (@needles) { $found++ while $text =~ /\Q$n\E/g }
		}
		print "$found in ", $bytes > 1000000 ? "all" : "$bytes bytes", "\n"' "$@"
}
if ((EUID == 0)) && command -v perl >/dev/null; then
	ok "no key is left in its memory" is "$(in_memory "$idle" idle/*)" "0 in all"
fi
ok "SIGTERM ends it" stop "$idle"
fake ''
start idle --server "$work/fake.sock" --timeout 60
sleep 0.5
ok "... while it waits for an answer, too" stop "$idle"
ok "... about which nothing is complained" unsaid idle fake.sock
kill "${pids[-2]}"
flock -F idle sleep 30 & pids+=($!)
start idle --server "$work/none.sock"
sleep 0.5
ok "... and while somebody else has the directory's lock" stop "$idle"
kill "${pids[-2]}"

# ---- rotation ----
fast=(--rotation 6 --lifetime 9)
for host in one two three; do directory $host; done
cli flushall >/dev/null
started one "${here_is[@]}" "${fast[@]}"; started two "${here_is[@]}" "${fast[@]}"
# watch SECONDS: whichever seals here was there a moment before. The other host is looked at first.
seen='' most=0
watch() {
	local until=$(($(date +%s%N) + $1 * 1000000000)) a b in_a in_b
	while (($(date +%s%N) < until)); do
		in_b=$(sums two); in_a=$(sums one)
		a=$(tail -n 1 <<<"$in_a") b=$(tail -n 1 <<<"$in_b")
		[[ $in_b = *"${a%% *}"* ]] || { echo "one seals with $a; two has $in_b"; return 1; }
		in_a=$(sums one)
		[[ $in_a = *"${b%% *}"* ]] || { echo "two seals with $b; one has $in_a"; return 1; }
		[[ $seen = *"${a##* }"* ]] || seen+=" ${a##* }"
		(($(wc -l <<<"$in_a") <= most)) || most=$(wc -l <<<"$in_a")
		sleep 0.05
	done
}
watch 2
seen=''
ok "each key that seals is known to the other host before" watch 25
sealed=$(wc -w <<<"$seen")
ok "one key after the other seals" bash -c "echo $seen; (($sealed >= 4 && $sealed <= 6))"
# of nine seconds, two epochs, and one before and after each
ok "old ones go" bash -c "echo $most; (($most >= 4 && $most <= 6))"
ok "on the server, too" bash -c "(($(cli dbsize) <= 7))"
last=$(sealing one)
last_sum=$(sha256sum <"one/$last") last=$((10#${last##*-}))
stop_redis
sleep 1
kept=$(sums one) kept_two=$(sums two)
sleep 8
ok "the server is away: the keys stay" is "$(sums one)$(sums two)" "$kept$kept_two"
said_once() { local n; n=$(grep -c 'the keys that are there stay' one.log); ((n == 1 || n == 2)) || { cat one.log; return 1; }; }
ok "... and why is said once, or twice if a connection broke" said_once
start_redis
goes_on() { local was; was=$(sealing one); eventually bash -c "[[ \$(ls one | tail -n 1) != '$was' ]]"; }
has_again() { is "$(cli --raw get "kseal:6:$last" | head -c 80 | sha256sum)" "$last_sum"; }
ok "it is back, without its data: it gets the old keys" eventually has_again
ok "... and it goes on" goes_on
ok "... with keys that the other host knows" watch 9
ok "who comes anew" started three "${here_is[@]}" "${fast[@]}"
ok "... seals with what all know" eventually bash -c "[ -e one/\$(ls three | tail -n 1) ] && cmp one/\$(ls three | tail -n 1) three/\$(ls three | tail -n 1)"
ok "they end" stop "$one" "$two" "$three"
stop_redis

echo "1..$count"
exit $((failed > 0))
