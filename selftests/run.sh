#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kseal run, and kseal wrap without an address: programs that know nothing of TLS, by the preload library. Needs kseal.ko loaded,
# and root. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -u
cd "$(dirname "$0")/.." || exit 1
. selftests/servers.sh
"$kseal" keygen -d "$work/other" localhost >/dev/null || exit 1
start_kseald "profile stranger { ca = \"$work/other/ca.pem\" }"

mkdir "$work/www"
head -c 3000000 /dev/urandom >"$work/www/large"
echo small >"$work/www/small"

# ---- a server, all that it listens on ----

start "$kseal" wrap -- python3 -m http.server -d "$work/www" -b 127.0.0.1 8081
secure() { curl -sS --max-time 30 --cacert "$ca" "$@"; }
served() { is "$(secure https://localhost:8081/small)" small; }
ok "a server is started wrapped, without an address" eventually served
unreadable() { ! curl -sS --max-time 20 http://127.0.0.1:8081/small | grep small; }
ok "nothing in clear" unreadable
ok "there is no rule for it" is "$("$kseal" show --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["wraps"])')" "[]"
start setpriv --reuid 65534 --regid 65534 --clear-groups "$kseal" wrap -- python3 -m http.server -d "$work/www" -b 127.0.0.1 8082
unprivileged() { is "$(secure https://localhost:8082/small)" small; }
ok "that needs no rights" eventually unprivileged

# ---- a client ----

cat >"$work/fetch.py" <<'END'
import asyncio, sys
async def main(host, port, path):
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    data = await reader.read()
    sys.stdout.buffer.write(data.split(b"\r\n\r\n", 1)[1])
asyncio.run(main(*sys.argv[1:]))
END
large() { "$kseal" run -- curl -sS --max-time 60 -o "$work/got" http://localhost:8081/large && cmp "$work/got" "$work/www/large"; }
ok "curl, for http://, over TLS" is "$("$kseal" run -- curl -sS --max-time 30 http://localhost:8081/small)" small
ok "a large file, whole" large
ok "by an address" is "$("$kseal" run -- curl -sS --max-time 30 http://127.0.0.1:8081/small)" small
ok "python, which waits in connect()" is "$("$kseal" run -- python3 -c 'import urllib.request as u; print(u.urlopen("http://localhost:8081/small", timeout=30).read().decode().strip())')" small
ok "python, which waits in epoll" is "$(timeout 30 "$kseal" run -- python3 "$work/fetch.py" localhost 8081 /small)" small
ok "a shell's /dev/tcp" is "$(timeout 30 "$kseal" run -- bash -c 'exec 3<>/dev/tcp/localhost/8081; printf "GET /small HTTP/1.0\r\n\r\n" >&3; tail -n 1 <&3')" small
ok "a script, by its interpreter" is "$(printf '#!/bin/sh\ncurl -sS --max-time 30 http://localhost:8081/small\n' >"$work/script"; chmod 755 "$work/script"; "$kseal" run -- "$work/script")" small
# curl knows localhost without looking it up, and so its name is not known here
chosen() { is "$("$kseal" run --to "$1" -- python3 -c 'import urllib.request as u; print(u.urlopen("http://localhost:8081/small", timeout=30).read().decode().strip())')" small; }
ok "the destination that is chosen, by name" chosen localhost:8081
ok "by address" chosen 127.0.0.1:8081
start python3 -m http.server -d "$work/www" -b 127.0.0.1 8083
plain() { is "$("$kseal" run --to "localhost:8081" --to "[::1]:*" -- curl -sS --max-time 30 http://localhost:8083/small)" small; }
ok "another is left alone" eventually plain
ok "any host's port" is "$("$kseal" run --to '*:8081' -- curl -sS --max-time 30 http://127.0.0.1:8081/small)" small
ok "the name that has to answer" fails 1 "connection to wrong.example (127.0.0.1) port 8081" "$kseal" run --name wrong.example -- python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8081/small")'
ok "also to one who does not wait in connect()" fails 7 "" "$kseal" run --name wrong.example -- curl -sS --max-time 30 http://127.0.0.1:8081/small
unknown() { "$kseal" run --profile stranger -- python3 -c 'import urllib.request as u; u.urlopen("http://localhost:8081/small")' 2>&1 | grep -i "kseal: python3.*: connection to localhost .127.0.0.1. port 8081: .*\(issuer\|self-signed\|verif\)" ||
	{ "$kseal" run --profile stranger -- python3 -c 'import urllib.request as u; u.urlopen("http://localhost:8081/small")' 2>&1 | tail -5; return 1; }; }
ok "a server that is not trusted is refused, and it says why" unknown
ok "nothing listens" fails 7 "" "$kseal" run -- curl -sS --max-time 30 http://localhost:8099/
ok "a plain server gets no plain request" fails 1 "" timeout 30 "$kseal" run -- python3 -c 'import urllib.request as u; u.urlopen("http://localhost:8083/small", timeout=20)'

# ---- what cannot be ----

printf 'int main(void) { return 0; }' >"$work/static.c"
static() { cc -static -o "$work/static" "$work/static.c" && fails 126 "is static" "$kseal" run -- "$work/static"; }
ok "a static program is refused" static
# another user's or group's, and one with capabilities of its own: the dynamic linker takes no library before those
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
other_rights() { # CHMOD
	cp "$(type -P true)" "$work/$1" && chmod "$1" "$work/$1" && "${as_nobody[@]}" "$work/$1" &&
		fails 126 "runs with other rights than yours" "${as_nobody[@]}" "$kseal" run -- "$work/$1"
}
ok "a set-user-ID program is refused" other_rights 4755
ok "a set-group-ID program is refused" other_rights 2755
with_capability() { # one, cap_net_bind_service, permitted and effective: capabilities(7), struct vfs_cap_data
	cp "$(type -P true)" "$work/capable" && python3 - "$work/capable" <<-'END' && fails 126 "other rights" "${as_nobody[@]}" "$kseal" run -- "$work/capable" && "$kseal" run -- "$work/capable"
		import os, struct, sys
		os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0))
	END
}
if touch "$work/try" && python3 -c 'import os, sys; os.setxattr(sys.argv[1], "security.capability", bytes([1, 0, 0, 2] + [0] * 16))' "$work/try" 2>/dev/null; then
	ok "a program with capabilities is refused, but to root" with_capability
else
	count=$((count + 1)); echo "ok $count - a program with capabilities is refused, but to root # SKIP this file system has none"
fi
ok "a program that is not there" fails 127 "No such file" "$kseal" run -- /no/such/program
ok "nothing to run" fails 2 "A command" "$kseal" run
ok "no destination" fails 2 "is no destination" "$kseal" run --to localhost -- true
kill "$helper"; wait "$helper" 2>/dev/null
ok "without kseald nothing is started" fails 1 "Start kseald" "$kseal" run -- true
echo "1..$count"
((failed == 0))
