// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/uri.c: what is a URI, and that no PIN is shown or left behind.
 */
#include <string.h>
#include <openssl/crypto.h>
#include "tap.h"
#include "uri.h"

/* What a PIN never has, so that nothing of it can be overlooked. */
#define PIN "9#9"

static void kinds(void)
{
	static const char *const uris[] = {
		"pkcs11:token=t", "file:/etc/key.pem", "org.openssl.engine:pkcs11:x", "a+b-c.9:x",
	};
	static const char *const files[] = {
		"key.pem", "/etc/key:1.pem", "./key:1.pem", "dir/key:1", ":x", "9p:x", "", "a b:c",
	};

	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++)
		ok(uri_is(uris[i]), "\"%s\" is a URI", uris[i]);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		ok(!uri_is(files[i]), "\"%s\" is a file", files[i]);
}

static void pins(void)
{
	static const struct {
		const char *uri, *without, *pin, *source;
	} all[] = {
		{ "pkcs11:token=t;object=o", "pkcs11:token=t;object=o", NULL, NULL },
		{ "pkcs11:token=t?pin-value=" PIN, "pkcs11:token=t", PIN, NULL },
		{ "pkcs11:token=t?pin-value=9%239&module-name=m", "pkcs11:token=t?module-name=m", PIN, NULL },
		{ "pkcs11:token=t?module-name=m&pin-value=" PIN, "pkcs11:token=t?module-name=m", PIN, NULL },
		{ "pkcs11:token=t?PIN-VALUE=9?" PIN, "pkcs11:token=t", "9?" PIN, NULL },
		{ "pkcs11:pin-value=" PIN ";token=t", "pkcs11:token=t", PIN, NULL },
		{ "pkcs11:token=t;pin-value=" PIN "?a=b", "pkcs11:token=t?a=b", PIN, NULL },
		{ "pkcs11:?pin-value=" PIN, "pkcs11:", PIN, NULL },
		{ "pkcs11:pin-value=" PIN, "pkcs11:", PIN, NULL },
		{ "org.openssl.engine:pkcs11:pkcs11:object=o?pin-value=" PIN,
		  "org.openssl.engine:pkcs11:pkcs11:object=o", PIN, NULL },
		{ "pkcs11:token=t?pin-source=file:/etc/pin", "pkcs11:token=t", NULL, "file:/etc/pin" },
		{ "pkcs11:token=t?pin-source=/a%20b&pin-value=%", "pkcs11:token=t", "%", "/a b" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char uri[128], shown[128], cut[24], *pin, *source;

		strcpy(uri, all[i].uri);
		uri_show(uri, shown, sizeof(shown));
		uri_show(uri, cut, sizeof(cut));
		ok(!strstr(shown, PIN) && !strstr(cut, PIN) && strlen(cut) < sizeof(cut), "shown: %s",
		   shown);
		ok(uri_has_pin(uri) == !!all[i].pin, "and it is known whether there is a PIN");
		pin = uri_take(uri, "pin-value");
		source = uri_take(uri, "pin-source");
		ok(!strcmp(uri, all[i].without), "without it: %s", uri);
		ok(all[i].pin ? pin && !strcmp(pin, all[i].pin) : !pin, "the PIN is what was written");
		ok(all[i].source ? source && !strcmp(source, all[i].source) : !source,
		   "so is where it comes from");
		OPENSSL_clear_free(pin, pin ? strlen(pin) : 0);
		OPENSSL_clear_free(source, source ? strlen(source) : 0);
	}
}

int main(void)
{
	kinds();
	pins();
	return done_testing();
}
