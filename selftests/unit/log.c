// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The log, and who does not read it.
 */
#include <fcntl.h>
#include <stdint.h>
#include "../../helper/log.c"
#include "../../helper/clock.h"
#include "tap.h"

#define LINES	20000

static char got[4 << 20];
static int reading, own;	/* the pipe's end; stderr as it was */

/* A pipe instead of stderr. */
static void begin(void)
{
	int ends[2];

	fflush(stdout);
	if (own <= 0)
		own = dup(STDERR_FILENO);
	if (pipe2(ends, O_CLOEXEC) || dup2(ends[1], STDERR_FILENO) < 0)
		abort();
	close(ends[1]);
	reading = ends[0];
}

/* What is in it, once nobody has its other end. */
static size_t end(void)
{
	size_t len = 0;
	ssize_t n;

	dup2(own, STDERR_FILENO);
	while ((n = read(reading, got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	got[len] = '\0';
	close(reading);
	return len;
}

static void printed(bool threaded)
{
	const char *how = threaded ? "by a thread" : "at once";

	begin();
	if (threaded && log_start())
		abort();
	log_info("one %d", 1);
	log_debug("two");
	log_error("three");
	log_stop();
	end();
	ok(!strcmp(got, "kseald: one 1\nkseald: three\n"), "lines are printed %s", how);

	setenv("JOURNAL_STREAM", "8:1", 1);
	log_init("kseald");
	begin();
	if (threaded && log_start())
		abort();
	log_info("one");
	log_error("three");
	log_stop();
	end();
	ok(!strcmp(got, "<6>kseald: one\n<3>kseald: three\n"), "with priorities for the journal, %s", how);
	unsetenv("JOURNAL_STREAM");
	log_init("kseald");
}

static void *drain(void *arg)
{
	size_t *len = arg;
	ssize_t n;

	while ((n = read(reading, got + *len, sizeof(got) - 1 - *len)) > 0)
		*len += (size_t)n;
	return NULL;
}

/* The lines that are there, whole, in order, each once; 0: they are not. lost: how many are
 * said not to be.
 */
static unsigned long check(unsigned long *lost)
{
	unsigned long n = 0, i, last = 0;
	char *line, *rest = got;

	*lost = 0;
	while ((line = strsep(&rest, "\n")) && *line) {
		int end = 0;

		if (sscanf(line, "kseald: line %lu of a log that nobody reads%n", &i, &end) == 1 &&
		    end && !line[end] && i > last) {
			last = i;
			n++;
		} else if (sscanf(line, "kseald: %lu line%*[s] of the log w", &i) == 1 ||
			   sscanf(line, "kseald: %lu line of the log w", &i) == 1) {
			*lost += i;
		} else {
			note("not such a line: %s", line);
			return 0;
		}
	}
	return n;
}

static void nobody_reads(void)
{
	unsigned long lost, n;
	uint64_t start = clock_now();
	size_t len = 0;
	pthread_t reader;

	begin();
	if (log_start())
		abort();
	for (unsigned long i = 1; i <= LINES; i++)
		log_info("line %lu of a log that nobody reads", i);
	ok(clock_now() - start < 5000, "nobody waits for who does not read");
	if (pthread_create(&reader, NULL, drain, &len))
		abort();
	log_stop();
	dup2(own, STDERR_FILENO);
	pthread_join(reader, NULL);
	close(reading);
	got[len] = '\0';
	n = check(&lost);
	ok(n > 1000 && n < LINES, "what waits is bounded: %lu of %d lines", n, LINES);
	ok(n && n + lost == LINES, "and how many were dropped is said: %lu", lost);
}

static void never_reads(void)
{
	uint64_t start = clock_now();
	pthread_t reader;
	size_t len = 0;

	begin();
	if (log_start())
		abort();
	for (unsigned long i = 1; i <= LINES; i++)
		log_info("line %lu of a log that nobody reads", i);
	log_stop();
	ok(clock_now() - start < 5000, "nor does the end wait for ever");
	/* the thread is in write(2) still */
	log_info("a line behind the end");
	ok(clock_now() - start < 5000, "nor what comes behind it");
	if (pthread_create(&reader, NULL, drain, &len))
		abort();
	pthread_join(waiting.thread, NULL);
	waiting.running = false;
	dup2(own, STDERR_FILENO);
	pthread_join(reader, NULL);
	close(reading);
}

static void nobody_is_there(void)
{
	begin();
	close(reading);
	if (log_start())
		abort();
	log_info("into a pipe that is closed");
	log_stop();
	ok(!waiting.running, "a pipe that nobody has kills nobody");
	dup2(own, STDERR_FILENO);
}

int main(void)
{
	printed(false);
	printed(true);
	nobody_reads();
	never_reads();
	nobody_is_there();
	return done_testing();
}
