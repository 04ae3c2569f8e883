// SPDX-License-Identifier: GPL-2.0-or-later
/* kseal keygen: a private CA, and certificates that it signs. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "cert.h"
#include "command.h"

const char keygen_help[] =
	"[OPTION...] NAME [NAME...]\n"
	"\n"
	"  NAME            a DNS name (*.example.org too) or an address\n"
	"  -d, --dir DIR   where the files are, made if need be (default: .)\n"
	"  --days N        how long the certificate is good for (default: 365)\n"
	"  --type TYPE     p256, rsa (3072 bits) or ed25519 (default: p256)\n"
	"  --ca-name NAME  the CA's name, when it is made (default: kseal test CA)\n"
	"  --force         replace cert.pem and key.pem; the CA is never replaced\n"
	"\n"
	"Writes cert.pem (the certificate, then the CA's) and key.pem, signed by the CA in\n"
	"ca.pem and ca.key, which are made unless they are there.\n";

#define CA_DAYS 3650
#define DAYS_MAX 36500
#define KEY_MODE 0600
#define CERT_MODE 0644

enum { OPT_HELP = 256, OPT_DAYS, OPT_TYPE, OPT_CA_NAME, OPT_FORCE };

struct keygen_options {
	const char *directory, *type, *ca_name;
	long days;
	bool force;
	char **names;
	int count;
};

struct pair {
	X509 *cert;
	EVP_PKEY *key;
};

static void free_pair(struct pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}

static int fail_openssl(const char *what)
{
	char text[256] = "unknown error";
	unsigned long err = ERR_peek_last_error();

	if (err)
		ERR_error_string_n(err, text, sizeof(text));
	return fail("%s: %s", what, text);
}

static bool exists(int dir, const char *name)
{
	return !faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

static bool write_pem(FILE *f, const struct pair *pair, const struct pair *chain)
{
	if (!chain && !pair->cert)
		return PEM_write_PKCS8PrivateKey(f, pair->key, NULL, NULL, 0, NULL, NULL);
	return PEM_write_X509(f, pair->cert) && (!chain || PEM_write_X509(f, chain->cert));
}

/*
 * Writes a file that is complete or is not there: under another name first. Unless force, name
 * must not exist, not even as a dangling link.
 */
static int write_file(int dir, const char *name, mode_t mode, bool force,
		      const struct pair *pair, const struct pair *chain)
{
	char temporary[64];
	bool ok;
	FILE *f;
	int fd;

	snprintf(temporary, sizeof(temporary), ".%s.%ld", name, (long)getpid());
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return fail("%s: %s", temporary, strerror(errno));
	f = fdopen(fd, "w");
	/* fchmod: the key's mode whatever the umask */
	ok = f && !fchmod(fd, mode) && write_pem(f, pair, chain) && !fflush(f) && !fsync(fd);
	ok = !(f ? fclose(f) : close(fd)) && ok;
	if (ok)
		ok = !renameat2(dir, temporary, dir, name, force ? 0 : RENAME_NOREPLACE);
	if (ok)
		return STATUS_OK;
	fail("%s: %s", name, errno ? strerror(errno) : "cannot write");
	unlinkat(dir, temporary, 0);
	return STATUS_FAILED;
}

static int write_key(int dir, const char *name, bool force, const struct pair *pair)
{
	const struct pair key = { .key = pair->key };

	return write_file(dir, name, KEY_MODE, force, &key, NULL);
}

static FILE *open_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? NULL : fdopen(fd, "r");
}

static int read_ca(int dir, struct pair *ca)
{
	FILE *f;

	f = open_file(dir, "ca.pem");
	if (!f)
		return fail("ca.pem: %s", strerror(errno));
	ca->cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	f = open_file(dir, "ca.key");
	if (!f)
		return fail("ca.key: %s", strerror(errno));
	ca->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	if (!ca->cert || !ca->key)
		return fail_openssl("the CA that is there cannot be read");
	if (!X509_check_private_key(ca->cert, ca->key))
		return fail("ca.key is not the key of ca.pem");
	if (X509_check_ca(ca->cert) != 1)
		return fail("ca.pem is no CA's certificate");
	if (X509_cmp_current_time(X509_get0_notAfter(ca->cert)) < 0)
		return fail("ca.pem has expired; move ca.pem and ca.key away for a new CA");
	return STATUS_OK;
}

static int make_ca(int dir, const struct keygen_options *o, struct pair *ca)
{
	ca->key = cert_key(o->type);
	if (ca->key)
		ca->cert = cert_ca(ca->key, o->ca_name, o->days > CA_DAYS ? o->days : CA_DAYS);
	if (!ca->cert)
		return fail_openssl("cannot make a CA");
	if (write_key(dir, "ca.key", false, ca))
		return STATUS_FAILED;
	if (write_file(dir, "ca.pem", CERT_MODE, false, ca, NULL)) {
		unlinkat(dir, "ca.key", 0);
		return STATUS_FAILED;
	}
	printf("made  %s/ca.pem    the CA, for those who are to trust it\n", o->directory);
	printf("made  %s/ca.key    its private key: keep it to yourself\n", o->directory);
	return STATUS_OK;
}

static int get_ca(int dir, const struct keygen_options *o, struct pair *ca)
{
	bool cert = exists(dir, "ca.pem"), key = exists(dir, "ca.key");
	int status;

	if (cert != key)
		return fail("%s has %s without %s", o->directory, cert ? "ca.pem" : "ca.key",
			    cert ? "ca.key" : "ca.pem");
	if (!cert)
		return make_ca(dir, o, ca);
	status = read_ca(dir, ca);
	if (!status)
		printf("using %s/ca.pem    the CA that is there\n", o->directory);
	return status;
}

static void print_result(const struct keygen_options *o, const X509 *cert)
{
	const ASN1_TIME *end = X509_get0_notAfter(cert);
	const char *d = o->directory;
	struct tm tm = { 0 };
	char day[16] = "?";
	int i;

	if (ASN1_TIME_to_tm(end, &tm))
		strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	printf("made  %s/cert.pem  until %s, for", d, day);
	for (i = 0; i < o->count; i++)
		printf(" %s", o->names[i]);
	printf("\nmade  %s/key.pem   its private key\n\n", d);
	printf("Next, the server:  kseald --cert %s/cert.pem --key %s/key.pem\n", d, d);
	printf("those who connect: trust %s/ca.pem, as in: curl --cacert %s/ca.pem\n", d, d);
}

static int make_leaf(int dir, const struct keygen_options *o, const struct pair *ca)
{
	struct pair leaf = { NULL, NULL };
	int status;

	leaf.key = cert_key(o->type);
	if (leaf.key)
		leaf.cert = cert_leaf(leaf.key, o->names, o->count, o->days, ca->cert, ca->key);
	if (!leaf.cert) {
		status = fail_openssl("cannot make a certificate");
		goto out;
	}
	status = write_key(dir, "key.pem", o->force, &leaf);
	if (status)
		goto out;
	status = write_file(dir, "cert.pem", CERT_MODE, o->force, &leaf, ca);
	if (status)
		unlinkat(dir, "key.pem", 0);
	else
		print_result(o, leaf.cert);
out:
	free_pair(&leaf);
	return status;
}

static int keygen(const struct keygen_options *o)
{
	struct pair ca = { NULL, NULL };
	int dir, status;

	if (mkdir(o->directory, 0755) && errno != EEXIST)
		return fail("%s: %s", o->directory, strerror(errno));
	dir = open(o->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail("%s: %s", o->directory, strerror(errno));
	if (!o->force && (exists(dir, "cert.pem") || exists(dir, "key.pem"))) {
		status = fail("%s has a cert.pem or key.pem already; --force replaces them",
			      o->directory);
	} else {
		status = get_ca(dir, o, &ca);
		if (!status)
			status = make_leaf(dir, o, &ca);
	}
	free_pair(&ca);
	close(dir);
	return status;
}

/* Returns 0 or -1. */
static int check(const struct keygen_options *o)
{
	int i;

	if (strcmp(o->type, "p256") && strcmp(o->type, "rsa") && strcmp(o->type, "ed25519")) {
		fail("there is no type '%s': p256, rsa or ed25519", o->type);
		return -1;
	}
	if (!*o->ca_name || strlen(o->ca_name) > 64) {
		fail("the CA's name has 1 to 64 bytes");
		return -1;
	}
	if (!o->count) {
		fail("a certificate for which name?");
		return -1;
	}
	for (i = 0; i < o->count; i++) {
		if (cert_name_valid(o->names[i]))
			continue;
		fail("'%s' is neither a DNS name (IDNs: as xn--...) nor an address", o->names[i]);
		return -1;
	}
	return 0;
}

int keygen_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "days", required_argument, NULL, OPT_DAYS },
		{ "type", required_argument, NULL, OPT_TYPE },
		{ "ca-name", required_argument, NULL, OPT_CA_NAME },
		{ "force", no_argument, NULL, OPT_FORCE },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	struct keygen_options o = {
		.directory = ".", .type = "p256", .ca_name = "kseal test CA", .days = 365,
	};
	int c;

	while ((c = getopt_long(argc, argv, "d:", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			o.directory = optarg;
			break;
		case OPT_DAYS:
			if (!parse_number(optarg, 1, DAYS_MAX, &o.days))
				break;
			fail("--days takes 1 to %d", DAYS_MAX);
			return command_misuse("keygen");
		case OPT_TYPE:
			o.type = optarg;
			break;
		case OPT_CA_NAME:
			o.ca_name = optarg;
			break;
		case OPT_FORCE:
			o.force = true;
			break;
		case OPT_HELP:
			return command_help("keygen");
		default:
			return command_misuse("keygen");
		}
	}
	o.names = argv + optind;
	o.count = argc - optind;
	return check(&o) ? command_misuse("keygen") : keygen(&o);
}
