// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counters; see metrics.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>
#include "alert.h"
#include "metrics.h"
#include "tls.h"

#define FAILURES_MAX	128	/* kinds: an errno with an alert */
#define ALERT_UNKNOWN	255	/* RFC 8446 6: none has this number */

struct failures {
	int error;		/* positive errno */
	int alert;		/* -1: none */
	uint64_t count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t begun[2];		/* client, server */
static uint64_t done[2][2][2];		/* likewise; TLS 1.2, 1.3; in full, resumed */
static uint64_t ended;			/* of those that were begun */
static uint64_t cancelled;
static uint64_t reloads[2];		/* refused, taken */
static struct failures failures[FAILURES_MAX];
static size_t kinds;
static uint64_t others;			/* beyond these */

/* ---- counting ---- */

void metrics_begun(enum kseal_role role)
{
	pthread_mutex_lock(&lock);
	begun[role == KSEAL_ROLE_SERVER]++;
	pthread_mutex_unlock(&lock);
}

void metrics_ended(void)
{
	pthread_mutex_lock(&lock);
	ended++;
	pthread_mutex_unlock(&lock);
}

void metrics_done(enum kseal_role role, const struct tls_session *session)
{
	pthread_mutex_lock(&lock);
	done[role == KSEAL_ROLE_SERVER][session->version == KSEAL_VERSION_1_3]
	    [session->resumed]++;
	pthread_mutex_unlock(&lock);
}

static void count_failure(const struct tls_failure *failure)
{
	int alert = failure->has_alert ? failure->alert : -1;
	size_t i;

	/* those without a name are one kind, however many a peer thinks of */
	if (alert >= 0 && !kseal_alert_name((uint8_t)alert))
		alert = ALERT_UNKNOWN;
	for (i = 0; i < kinds; i++)
		if (failures[i].error == failure->error && failures[i].alert == alert)
			break;
	if (i == FAILURES_MAX) {
		others++;
		return;
	}
	if (i == kinds)
		failures[kinds++] = (struct failures){ failure->error, alert, 0 };
	failures[i].count++;
}

void metrics_failed(const struct tls_failure *failure)
{
	pthread_mutex_lock(&lock);
	count_failure(failure);
	pthread_mutex_unlock(&lock);
}

void metrics_cancelled(void)
{
	pthread_mutex_lock(&lock);
	cancelled++;
	pthread_mutex_unlock(&lock);
}

void metrics_reloaded(bool taken)
{
	pthread_mutex_lock(&lock);
	reloads[taken]++;
	pthread_mutex_unlock(&lock);
}

/* ---- as text ---- */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP kseald_%s %s\n# TYPE kseald_%s %s\n", name, help, name, type);
}

static void value(FILE *out, const char *name, const char *labels, uint64_t n)
{
	fprintf(out, "kseald_%s%s %llu\n", name, labels, (unsigned long long)n);
}

static void print_done(FILE *out)
{
	static const char *const roles[] = { "client", "server" };
	static const char *const versions[] = { "1.2", "1.3" };
	static const char *const resumed[] = { "no", "yes" };
	char labels[96];

	for (int i = 0; i < 8; i++) {
		int role = i >> 2, version = i >> 1 & 1, again = i & 1;

		snprintf(labels, sizeof(labels), "{role=\"%s\",version=\"%s\",resumed=\"%s\"}",
			 roles[role], versions[version], resumed[again]);
		value(out, "handshakes_done_total", labels, done[role][version][again]);
	}
}

static void print_failures(FILE *out)
{
	char labels[96];

	for (size_t i = 0; i < kinds; i++) {
		const char *error = strerrorname_np(failures[i].error);

		snprintf(labels, sizeof(labels), "{error=\"%s\",alert=\"%s\"}", error ?: "unknown",
			 failures[i].alert < 0 ? "" : alert_name((uint8_t)failures[i].alert));
		value(out, "handshakes_failed_total", labels, failures[i].count);
	}
	if (others)
		value(out, "handshakes_failed_total", "{error=\"other\",alert=\"\"}", others);
}

void metrics_print(FILE *out)
{
	pthread_mutex_lock(&lock);
	head(out, "handshakes_started_total", "counter", "Handshakes that were begun.");
	value(out, "handshakes_started_total", "{role=\"client\"}", begun[0]);
	value(out, "handshakes_started_total", "{role=\"server\"}", begun[1]);
	head(out, "handshakes_done_total", "counter", "Handshakes that ended with keys, or needed but the client's Finished.");
	print_done(out);
	head(out, "handshakes_failed_total", "counter",
	     "Handshakes that failed, by the errno of the socket and the alert sent or received.");
	print_failures(out);
	head(out, "handshakes_cancelled_total", "counter",
	     "Handshakes whose socket was closed or reset before their end.");
	value(out, "handshakes_cancelled_total", "", cancelled);
	head(out, "handshakes_in_flight", "gauge", "Handshakes that are under way.");
	value(out, "handshakes_in_flight", "", begun[0] + begun[1] - ended);
	head(out, "reloads_total", "counter", "Times that the configuration was read again.");
	value(out, "reloads_total", "{result=\"taken\"}", reloads[1]);
	value(out, "reloads_total", "{result=\"refused\"}", reloads[0]);
	pthread_mutex_unlock(&lock);
}

/* Replaces what is there. */
static int put(const char *path, const char *text, size_t len)
{
	char beside[PATH_MAX];
	FILE *out;
	int ret = 0, fd;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	/* nobody else's file, and nobody's link */
	if (unlink(beside) && errno != ENOENT)
		return -errno;
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	/* whoever collects them is somebody else */
	if (fwrite(text, 1, len, out) != len || fchmod(fileno(out), 0644))
		ret = -EIO;
	if (fclose(out) && !ret)
		ret = -errno;
	if (!ret && rename(beside, path))
		ret = -errno;
	if (ret)
		unlink(beside);
	return ret;
}

int metrics_write(const char *path)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);
	int ret;

	if (!memory)
		return -errno;
	/* in memory first: workers, who count, do not wait for a disk */
	metrics_print(memory);
	ret = fclose(memory) ? -errno : put(path, text, len);
	free(text);
	return ret;
}
