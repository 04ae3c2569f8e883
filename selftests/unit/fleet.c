// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two hosts with directories that kseald-keys fills, from a Redis server of the test's own: who
 * got a ticket from one is resumed by the other, also while keys change. Whole handshakes, by
 * what kseald does them with. keys.sh tests the program itself.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include "profile.h"
#include "visitor.h"

#define PERIOD	4	/* s, the least there is; tickets live as long */

static const uint16_t versions[] = { TLS1_3_VERSION, TLS1_2_VERSION };

/* ---- clients ---- */

/* A client with this session, or NULL, comes to the host; it leaves with the session in got.
 * Returns whether it was resumed.
 */
static bool visit(const char *host, uint16_t version, SSL_SESSION *session)
{
	struct settings settings = profile("ec");
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	/* OpenSSL uses none again that was replaced */
	SSL_SESSION *copy = session ? SSL_SESSION_dup(session) : NULL;
	struct plain plain = plain_new(false);
	struct helper *helper;
	bool resumed;

	settings.tickets = true;
	settings.ticket_keys = strdup(path_of(host, ""));
	helper = helper_with(&settings);
	resumed = come(&plain, helper, end, version, copy) && end->done && !end->error;
	SSL_SESSION_free(copy);
	SSL_set_shutdown(plain.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
	return resumed;
}

/* A new ticket of the host's. */
static SSL_SESSION *ticket_of(const char *host, uint16_t version)
{
	SSL_SESSION *session;

	visit(host, version, NULL);
	session = got;
	got = NULL;
	return session;
}

static bool is_resumed(const char *host, SSL_SESSION *session)
{
	return session && visit(host, (uint16_t)SSL_SESSION_get_protocol_version(session), session);
}

/* ---- hosts ---- */

static char program[PATH_MAX];	/* kseald-keys */

static pid_t start_server(void)
{
	char socket_path[160];
	char *const argv[] = { (char *)"redis-server", (char *)"--port", (char *)"0",
			       (char *)"--unixsocket", socket_path, (char *)"--save", (char *)"",
			       (char *)"--logfile", (char *)"/dev/null", NULL };
	struct stat st;
	pid_t pid;

	snprintf(socket_path, sizeof(socket_path), "%s", path_of("redis", ""));
	pid = fork();
	if (!pid) {
		execvp("redis-server", argv);
		/* the same program by another name, which needs no service */
		execvp("redis-check-rdb", argv);
		_exit(127);
	}
	for (int i = 0; i < 100 && stat(socket_path, &st); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	return pid;
}

static bool fetches(const char *host)
{
	char command[PATH_MAX + 600];

	snprintf(command, sizeof(command),
		 "%s --server %s --directory %s --rotation %d --lifetime %d --once 2>%s", program,
		 path_of("redis", ""), path_of(host, ""), PERIOD, PERIOD, path_of(host, ".log"));
	return !system(command);
}

/* Whether the key of the epoch that now is seals. */
static bool is_up_to_date(const char *host)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/kseald-keys-seals-%012lld", host,
		 (long long)time(NULL) / PERIOD);
	return !access(path_of(name, ""), F_OK);
}

/* Sleeps until so many epochs have begun after that of since. */
static void wait_for_epoch(time_t since, int n)
{
	struct timespec until = { .tv_sec = (since / PERIOD + n) * PERIOD, .tv_nsec = 100000000 };

	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
}

/* ---- tests ---- */

static void fleet(void)
{
	SSL_SESSION *first[2], *ahead[2];
	time_t start;

	wait_for_epoch(time(NULL), 1);
	start = time(NULL);
	ok(fetches("a") && fetches("b"), "two hosts get their keys");
	for (int i = 0; i < 2; i++) {
		first[i] = ticket_of("a", versions[i]);
		ok(is_resumed("b", first[i]), "a's ticket is taken by b");
		ok(!is_resumed("b", NULL), "without one the handshake is a full one");
	}

	wait_for_epoch(start, 1);
	ok(fetches("a") && is_up_to_date("a") && !is_up_to_date("b"),
	   "an epoch later: a seals with a new key, b has not looked yet");
	for (int i = 0; i < 2; i++) {
		SSL_SESSION *late = ticket_of("b", versions[i]);

		ahead[i] = ticket_of("a", versions[i]);
		ok(is_resumed("b", ahead[i]), "a's new ticket is taken by b");
		ok(is_resumed("a", late), "b's old one by a");
		SSL_SESSION_free(late);
	}
	ok(fetches("b") && is_up_to_date("b"), "now b has looked");
	for (int i = 0; i < 2; i++)
		ok(is_resumed("b", first[i]) && is_resumed("a", first[i]) && is_resumed("b", ahead[i]),
		   "both take tickets of both keys");

	/* as long as a ticket lives, and an epoch for clocks that differ */
	wait_for_epoch(start, 3);
	ok(fetches("a") && fetches("b"), "three epochs later");
	ok(!is_resumed("a", first[0]) && !is_resumed("b", first[0]), "the first key is gone");
	for (int i = 0; i < 2; i++) {
		SSL_SESSION_free(first[i]);
		SSL_SESSION_free(ahead[i]);
	}
	SSL_SESSION_free(got);
}

int main(void)
{
	char self[PATH_MAX - 64];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t server;

	if (len < 0)
		return 1;
	self[len] = '\0';
	snprintf(program, sizeof(program), "%s/../../../helper/kseald-keys", dirname(self));
	make_files();
	mkdir(path_of("a", ""), 0700);
	mkdir(path_of("b", ""), 0700);
	server = start_server();
	fleet();
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	return remove_files() || done_testing();
}
