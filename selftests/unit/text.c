// SPDX-License-Identifier: GPL-2.0-or-later
/* What the commands print of a peer's bytes, of sizes and of times; addresses. */
#include <arpa/inet.h>
#include "tap.h"
#include "../../tools/text.c"
#include "../../tools/command.c"
#include "../../tools/address.c"

static void escapes(const char *text, const char *wanted, const char *name)
{
	char *safe = text_escape(text);

	if (!ok(safe && !strcmp(safe, wanted), "escape: %s", name))
		note("got %s", safe ? safe : "nothing");
	free(safe);
}

/* Whatever the bytes, what comes out is printable and can be told apart from other bytes. */
static void escapes_all_bytes(void)
{
	char text[2] = "", *safe, *c;
	bool good = true;
	int i;

	for (i = 1; i < 256; i++) {
		text[0] = (char)i;
		safe = text_escape(text);
		for (c = safe; *c; c++)
			good = good && *c >= 0x20 && *c < 0x7f;
		good = good && (strlen(safe) == 1 ? i != '\\' : safe[0] == '\\');
		free(safe);
	}
	ok(good, "escape: each byte alone");
}

static void bytes(uint64_t value, const char *wanted)
{
	char text[TEXT_MAX];

	if (!ok(!strcmp(text_bytes(value, text), wanted), "bytes: %s", wanted))
		note("got %s", text);
}

static void age(uint64_t ms, const char *wanted)
{
	char text[TEXT_MAX];

	if (!ok(!strcmp(text_age(ms, text), wanted), "age: %s", wanted))
		note("got %s", text);
}

static void address(const char *host, const char *wanted)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(443) };
	char text[64] = "";

	if (inet_pton(AF_INET, host, &four.sin_addr) == 1)
		address_text((struct sockaddr *)&four, sizeof(four), text, sizeof(text));
	else if (inet_pton(AF_INET6, host, &six.sin6_addr) == 1)
		address_text((struct sockaddr *)&six, sizeof(six), text, sizeof(text));
	if (!ok(!strcmp(text, wanted), "address: %s", wanted))
		note("got %s", text);
}

/* host NULL: has to be refused */
static void split(const char *whole, const char *host, const char *port)
{
	char text[64], *h = NULL, *p = NULL;
	int err;

	snprintf(text, sizeof(text), "%s", whole);
	err = address_split(text, &h, &p);
	ok(host ? !err && !strcmp(h, host) && !strcmp(p, port) : err, "split: '%s'", whole);
}

/* where one has to be given, and where 0 takes any */
static void port(const char *text, bool given, bool any)
{
	ok(address_is_port(text, false) == given, "port: '%s' %s", text, given ? "is one" : "is none");
	ok(address_is_port(text, true) == any, "port, any: '%s' %s", text, any ? "is one" : "is none");
}

static void test_escapes(void)
{
	escapes("", "", "nothing");
	escapes("www.example.org", "www.example.org", "plain");
	escapes("a\033[31mb", "a\\x1b[31mb", "a terminal's sequence");
	escapes("a\nb\rc\td\\e", "a\\nb\\rc\\td\\\\e", "short ones");
	escapes("\177", "\\x7f", "delete");
	escapes("M\303\274nchen", "M\303\274nchen", "UTF-8");
	escapes("\360\237\224\222", "\360\237\224\222", "UTF-8 of four bytes");
	escapes("\302\233[31m", "\\xc2\\x9b[31m", "C1 control");
	escapes("a\342\200\256b", "a\\xe2\\x80\\xaeb", "right-to-left override");
	escapes("a\342\201\246b", "a\\xe2\\x81\\xa6b", "isolate");
	escapes("\342\200\250", "\\xe2\\x80\\xa8", "line separator");
	escapes("\300\257", "\\xc0\\xaf", "overlong, two bytes");
	escapes("\340\200\257", "\\xe0\\x80\\xaf", "overlong, three bytes");
	escapes("\360\200\200\257", "\\xf0\\x80\\x80\\xaf", "overlong, four bytes");
	escapes("\355\240\200", "\\xed\\xa0\\x80", "surrogate");
	escapes("\364\220\200\200", "\\xf4\\x90\\x80\\x80", "beyond Unicode");
	escapes("a\303", "a\\xc3", "cut off after one");
	escapes("a\360\237\224", "a\\xf0\\x9f\\x94", "cut off after three");
	escapes("\303(", "\\xc3(", "no continuation");
	escapes_all_bytes();
}

int main(void)
{
	test_escapes();

	bytes(0, "0 B");
	bytes(1023, "1023 B");
	bytes(1024, "1.0 KiB");
	bytes(1536, "1.5 KiB");
	bytes(1048575, "1.0 MiB");
	bytes(1048576, "1.0 MiB");
	bytes(UINT64_C(5) << 40, "5.0 TiB");
	bytes(UINT64_MAX, "16.0 EiB");

	age(0, "0.0s");
	age(9900, "9.9s");
	age(59999, "59s");
	age(60000, "1m00s");
	age(3599999, "59m59s");
	age(7380000, "2h03m");
	age(UINT64_C(90000000), "1d01h");

	address("127.0.0.1", "127.0.0.1:443");
	address("::1", "[::1]:443");
	address("::ffff:10.0.0.1", "10.0.0.1:443");
	address("::", "[::]:443");

	split("localhost:443", "localhost", "443");
	split("1.2.3.4:https", "1.2.3.4", "https");
	split("[::1]:443", "::1", "443");
	split("::1:443", NULL, NULL);
	split("[::1]443", NULL, NULL);
	split("[]:443", NULL, NULL);
	split("[:443", NULL, NULL);
	split(":443", NULL, NULL);
	split("localhost:", NULL, NULL);
	split("localhost", NULL, NULL);
	split("", NULL, NULL);

	port("1", true, true);
	port("65535", true, true);
	port("0", false, true);
	port("65536", false, false);
	port("99999", false, false);
	port("18446744073709551617", false, false);
	port("-1", false, false);
	port("+443", false, false);
	port(" 443", false, false);
	port("443 ", false, false);
	port("", false, false);
	port("https", true, true);
	port("3com-tsmux", true, true);
	return done_testing();
}
