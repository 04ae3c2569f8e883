#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every cipher suite with every peer, in both roles, a file there and back: curl and OpenSSL, GnuTLS, which share no code.
# Each peer offers one suite only, and says which it was. Needs kseal.ko loaded, and root. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -u
cd "$(dirname "$0")/.." || exit 1
kseal=$PWD/tools/kseal kseald=$PWD/helper/kseald
work=$(mktemp -d) helper='' server='' other=''
end() { for pid in $helper $server $other; do kill "$pid" 2>/dev/null; done; wait; rm -rf "$work"; }
trap end EXIT
. selftests/ok.sh

# IANA's name, what the kernel has to have, GnuTLS's version, key exchange and cipher
suites='
	TLS_AES_256_GCM_SHA384				AES-256-GCM		1.3 -		AES-256-GCM
	TLS_AES_128_GCM_SHA256				AES-128-GCM		1.3 -		AES-128-GCM
	TLS_CHACHA20_POLY1305_SHA256			CHACHA20-POLY1305	1.3 -		CHACHA20-POLY1305
	TLS_AES_128_CCM_SHA256				AES-128-CCM		1.3 -		AES-128-CCM
	TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384		AES-256-GCM		1.2 ECDHE-ECDSA	AES-256-GCM
	TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384		AES-256-GCM		1.2 ECDHE-RSA	AES-256-GCM
	TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256	CHACHA20-POLY1305	1.2 ECDHE-ECDSA	CHACHA20-POLY1305
	TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256	CHACHA20-POLY1305	1.2 ECDHE-RSA	CHACHA20-POLY1305
	TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256		AES-128-GCM		1.2 ECDHE-ECDSA	AES-128-GCM
	TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256		AES-128-GCM		1.2 ECDHE-RSA	AES-128-GCM
	TLS_ECDHE_ECDSA_WITH_AES_128_CCM		AES-128-CCM		1.2 ECDHE-ECDSA	AES-128-CCM
	TLS_RSA_WITH_AES_256_GCM_SHA384			AES-256-GCM		1.2 RSA		AES-256-GCM
	TLS_RSA_WITH_AES_128_GCM_SHA256			AES-128-GCM		1.2 RSA		AES-128-GCM
'
has() { grep -qw "$1" /sys/module/kseal/parameters/ciphers; }
told() { cat "$work/err" "$work/peer" 2>/dev/null; return 1; }
same() { cmp "$work/got" "$work/www/file"; }

pair() { # NAME OPTIONS OF genpkey...
	openssl genpkey "${@:2}" -out "$work/$1.key" 2>/dev/null &&
		openssl req -x509 -new -key "$work/$1.key" -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 30 -out "$work/$1.pem"
}

# ---- what the peers call a suite ----
openssl_options() { # SUITE VERSION
	if [[ $2 = 1.3 ]]; then echo "-tls1_3 -ciphersuites $1"
	else echo "-tls1_2 -cipher $(openssl_name "$1"):@SECLEVEL=1"; fi
}
openssl_name() { openssl ciphers -stdname 'ALL:@SECLEVEL=0' | awk -v name="$1" '$1 == name { print $3 }'; }
gnutls_priority() { # VERSION KX CIPHER
	echo "NORMAL:-VERS-ALL:+VERS-TLS$1:-CIPHER-ALL:+$3$([[ $2 = - ]] || echo ":-KX-ALL:+$2")"
}

# ---- clients of ours ----
by_s_client() { # SUITE VERSION: says "New, TLSv1.3, Cipher is ..."; the file is all that is not its own
	local options; options=$(openssl_options "$1" "$2")
	# shellcheck disable=SC2086 # options are words
	printf 'GET /file HTTP/1.0\r\n\r\n' | timeout 60 openssl s_client -connect localhost:8443 -CAfile "$work/ca.pem" \
		-verify_return_error -ign_eof $options >"$work/peer" 2>"$work/err" || { told; return; }
	grep -aq "Cipher is $(name_of "$1" "$2")\$" "$work/peer" && grep -aqFf "$work/www/file" "$work/peer" || told
}
name_of() { if [[ $2 = 1.3 ]]; then echo "$1"; else openssl_name "$1"; fi; }
by_curl() { # SUITE VERSION
	local options="--tlsv1.3 --tls13-ciphers $1"
	[[ $2 = 1.2 ]] && options="--tls-max 1.2 --ciphers $(openssl_name "$1"):@SECLEVEL=1"
	# shellcheck disable=SC2086 # options are words
	curl -sSv --max-time 60 --cacert "$work/ca.pem" $options https://localhost:8443/file -o "$work/got" 2>"$work/err" || { told; return; }
	grep -q "SSL connection using TLSv$2 / $(name_of "$1" "$2")\b" "$work/err" && same || told
}
by_gnutls_cli() { # SUITE VERSION KX CIPHER: says "- Description: (TLS1.3)-..."
	printf 'GET /file HTTP/1.0\r\n\r\n' | timeout 60 gnutls-cli --priority "$(gnutls_priority "${@:2}")" --x509cafile "$work/ca.pem" \
		-p 8443 localhost >"$work/peer" 2>"$work/err" || { told; return; }
	grep -aqE "^- Description: \(TLS$2.*-\($4\)" "$work/peer" && grep -aqFf "$work/www/file" "$work/peer" || told
}

# ---- servers of others ----
# our_client PORT COMMAND...: is the server; fetches the file from it
our_client() {
	"${@:2}" >"$work/peer" 2>&1 & other=$!
	eventually listens "$1" && printf 'GET /file HTTP/1.0\r\n\r\n' | timeout 60 "$kseal" connect "localhost:$1" >"$work/got" 2>"$work/err"
	local status=$?
	kill "$other"; wait "$other" 2>/dev/null; other=''
	((status == 0)) || told
}
to_s_server() { # SUITE VERSION
	local options; options=$(openssl_options "$1" "$2")
	# shellcheck disable=SC2086 # options are words
	cd "$work/www" && our_client 9443 openssl s_server -accept 9443 -cert "$work/ec.pem" -key "$work/ec.key" -dcert "$work/rsa.pem" \
		-dkey "$work/rsa.key" -quiet -WWW $options || return
	grep -aqFf "$work/www/file" "$work/got" || told
}
to_gnutls_serv() { # SUITE VERSION KX CIPHER: -x509 both; its page names the suite
	our_client 9444 gnutls-serv --priority "$(gnutls_priority "${@:2}")" -p 9444 --http --x509certfile "$work/ec.pem" --x509keyfile \
		"$work/ec.key" --x509certfile "$work/rsa.pem" --x509keyfile "$work/rsa.key" || return
	grep -aq "$4" "$work/got" && grep -aq "TLS$2" "$work/got" || { cat "$work/got"; told; }
}

# ---- what is there ----
pair ec -algorithm EC -pkeyopt ec_paramgen_curve:P-256 && pair rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048 || exit 1
cat "$work"/{ec,rsa}.pem >"$work/ca.pem"
# of more than one record, and text, since clients print what they know beside it
mkdir "$work/www" && head -c 30000 /dev/urandom | base64 -w 0 >"$work/www/file"
names=$(while read -r suite needs _; do [[ $suite ]] && has "$needs" && echo "\"$suite\""; done <<<"$suites" | paste -sd,)
cat >"$work/kseald.conf" <<END
profile default {
	suites = { $names }
	rsa-key-transport = yes
	certificate { chain = "$work/ec.pem" key = "$work/ec.key" }
	certificate { chain = "$work/rsa.pem" key = "$work/rsa.key" }
	ca = { "$work/ca.pem" }
}
END
"$kseald" --config "$work/kseald.conf" 2>"$work/kseald.log" & helper=$!
eventually grep -q ready "$work/kseald.log" || { cat "$work/kseald.log"; exit 1; }
"$kseal" serve -q -p 8443 "$work/www" >"$work/serve.log" 2>&1 & server=$!
eventually grep -q serving "$work/serve.log" || exit 1

peers=(by_s_client by_curl by_gnutls_cli to_s_server to_gnutls_serv)
echo "1..$((13 * ${#peers[@]}))"
while read -r suite needs options; do
	[[ $suite ]] || continue
	for peer in "${peers[@]}"; do
		if has "$needs"; then
			# shellcheck disable=SC2086 # options are words
			ok "${peer//_/ }, $suite" "$peer" "$suite" $options
		else
			skip "${peer//_/ }, $suite" "the kernel has no $needs"
		fi
	done
done <<<"$suites"
((failed == 0))
