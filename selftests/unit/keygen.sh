#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kseal keygen: what OpenSSL thinks of its certificates, and what it does to
# files that are there. TAP on stdout. KSEAL names the command.
# shellcheck disable=SC2317 # functions are called by ok()
set -u

here=$(cd "$(dirname "$0")" && pwd)
KSEAL=${KSEAL:-$here/../../tools/kseal}
work=$(mktemp -d "${TMPDIR:-/tmp}/kseal-keygen.XXXXXX")
trap 'rm -rf "$work"' EXIT
# shellcheck source-path=SCRIPTDIR
. "$here/../ok.sh"

# fails STATUS TEXT COMMAND...: the command exits so and says so
command -v openssl >/dev/null || { echo "1..0 # SKIP no openssl"; exit 4; }
[ -x "$KSEAL" ] || { echo "1..0 # SKIP no $KSEAL: make -C tools"; exit 4; }

verify() { # DIR ARGUMENT...
	local d=$1
	shift
	openssl verify -x509_strict -check_ss_sig -CAfile "$d/ca.pem" "$@" "$d/cert.pem"
}

refuses_name() { # DIR ARGUMENT...
	! verify "$@"
}

text() {
	openssl x509 -in "$1" -noout -text
}

# has FILE LINE NEXT: an extension and its value
has() {
	text "$1" | grep -A1 -F "$2" | grep -F "$3"
}

modes() {
	is "$(stat -c '%n %a' key.pem ca.key cert.pem ca.pem | tr '\n' ' ')" \
		"key.pem 600 ca.key 600 cert.pem 644 ca.pem 644 "
}

pair() { # CERT KEY
	is "$(openssl x509 -in "$1" -noout -pubkey)" "$(openssl pkey -in "$2" -pubout)"
}

subjects() {
	is "$(openssl crl2pkcs7 -nocrl -certfile cert.pem | openssl pkcs7 -print_certs -noout |
		grep -c ^subject)" 2 &&
		openssl x509 -in cert.pem -noout -subject | grep -F localhost
}

# of 128 bits, and another one each time
serials() {
	local one two
	one=$(openssl x509 -in "$1" -noout -serial)
	two=$(openssl x509 -in "$2" -noout -serial)
	echo "$one $two"
	[ "$one" != "$two" ] && [[ $one =~ ^serial=[89A-F][0-9A-F]{31}$ ]]
}

not_before() {
	local start
	start=$(date -d "$(openssl x509 -in cert.pem -noout -startdate | cut -d= -f2)" +%s)
	local ago=$(($(date +%s) - start))
	echo "$ago seconds ago"
	[ "$ago" -ge 60 ] && [ "$ago" -le 7200 ]
}

good_for() { # CERT DAYS
	openssl x509 -in "$1" -noout -checkend $((($2 - 1) * 86400)) &&
		! openssl x509 -in "$1" -noout -checkend $((($2 + 1) * 86400))
}

for type in p256 rsa ed25519; do
	d=$work/$type
	ok "$type: makes a CA and a leaf" "$KSEAL" keygen -d "$d" --type $type localhost \
		127.0.0.1 ::1 '*.example.org' a-b.c_d.example
	cp "$work/out" "$work/said"
	ok "$type: says how to go on" \
		grep -F "kseald --cert $d/cert.pem --key $d/key.pem" "$work/said"
	ok "$type: a server, strictly" verify "$d" -purpose sslserver
	ok "$type: a client, strictly" verify "$d" -purpose sslclient
	ok "$type: DNS name" verify "$d" -verify_hostname localhost
	ok "$type: wildcard" verify "$d" -verify_hostname www.example.org
	ok "$type: IPv4" verify "$d" -verify_ip 127.0.0.1
	ok "$type: IPv6" verify "$d" -verify_ip ::1
	ok "$type: no other name" refuses_name "$d" -verify_hostname example.com
	ok "$type: no other address" refuses_name "$d" -verify_ip 127.0.0.2
	ok "$type: the leaf's key" pair "$d/cert.pem" "$d/key.pem"
	ok "$type: the CA's key" pair "$d/ca.pem" "$d/ca.key"
done

cd "$work/p256" || exit 1
ok "modes" modes
ok "chain: leaf first" subjects
ok "leaf: basicConstraints" has cert.pem "Basic Constraints: critical" CA:FALSE
ok "leaf: keyUsage" has cert.pem "Key Usage: critical" "Digital Signature"
ok "leaf: extKeyUsage" has cert.pem "Extended Key Usage" \
	"TLS Web Server Authentication, TLS Web Client Authentication"
ok "CA: basicConstraints" has ca.pem "Basic Constraints: critical" "CA:TRUE, pathlen:0"
ok "CA: keyUsage" has ca.pem "Key Usage: critical" "Certificate Sign, CRL Sign"
ok "serial numbers" serials cert.pem "$work/rsa/cert.pem"
ok "serial numbers of CAs" serials ca.pem "$work/rsa/ca.pem"
ok "notBefore is a little in the past" not_before
ok "a year by default" good_for cert.pem 365

cp -a . "$work/before"
ok "never overwrites" fails 1 "--force" "$KSEAL" keygen localhost
ok "... and did not" diff -r . "$work/before"
rm cert.pem
ok "one of the two is enough" fails 1 "--force" "$KSEAL" keygen localhost
ok "--force" "$KSEAL" keygen --force --days 7 other.example
ok "--force keeps the CA" cmp ca.pem "$work/before/ca.pem"
ok "--force makes a new key" bash -c "! cmp -s key.pem '$work/before/key.pem'"
ok "--force: for the new name" verify . -verify_hostname other.example
ok "--days" good_for cert.pem 7
ok "modes after --force" modes
ok "leaves nothing behind" is "$(find . -type f | wc -l)" 4

mkdir "$work/umask" && cd "$work/umask" || exit 1
ok "a loose umask" bash -c "umask 0; '$KSEAL' keygen x.example"
ok "modes with a loose umask" modes
mkdir "$work/tight" && cd "$work/tight" || exit 1
ok "a tight umask" bash -c "umask 777; '$KSEAL' keygen x.example"
ok "modes with a tight umask" modes

mkdir "$work/short" && cd "$work/short" || exit 1
ok "--ca-name" "$KSEAL" keygen --ca-name "Our own, CA=1" --days 4000 x.example
ok "--ca-name's name" bash -c "openssl x509 -in ca.pem -noout -subject -nameopt multiline |
	grep -F 'Our own, CA=1'"
ok "a leaf that would outlive its CA" "$KSEAL" keygen --force --days 9000 x.example
ok "... ends with it" good_for cert.pem 4000
ok "... and verifies" verify . -purpose sslserver

mkdir "$work/bad" && cd "$work/bad" || exit 1
ln -s "$work/elsewhere" key.pem
ok "a dangling link is there too" fails 1 "--force" "$KSEAL" keygen localhost
rm key.pem
cp "$work/short/ca.pem" .
ok "half a CA" fails 1 "ca.pem without ca.key" "$KSEAL" keygen localhost
cp "$work/rsa/ca.key" .
ok "another CA's key" fails 1 "not the key of" "$KSEAL" keygen localhost
cp "$work/short/cert.pem" ca.pem
cp "$work/short/key.pem" ca.key
ok "a leaf as CA" fails 1 "no CA" "$KSEAL" keygen localhost
for name in '' 'a,DNS:b' 'a b' '-a' 'a-' 'a..b' '*.' 'ü.example' '1.2.3.4/8' \
	"$(printf 'a%.0s' {1..64})"; do
	ok "no name: '$name'" fails 2 "neither a DNS name" "$KSEAL" keygen -- "$name"
done
ok "no names" fails 2 "which name" "$KSEAL" keygen
ok "no such type" fails 2 "no type" "$KSEAL" keygen --type dsa localhost
ok "no such days" fails 2 "--days" "$KSEAL" keygen --days 0 localhost
ok "long names" "$KSEAL" keygen -d long "$(printf 'a%.0s' {1..60}).example.org"
ok "long names verify" verify long -verify_hostname "$(printf 'a%.0s' {1..60}).example.org"

echo "1..$count"
exit $((failed > 0))
