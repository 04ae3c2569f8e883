// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kseald-keys: keeps the keys of session tickets in kseald's directory the same on all hosts
 * of a fleet, by way of a Redis server. No host leads: whoever finds that an epoch has no key
 * offers one, and the server takes the first offer (SET with NX). rotation.h says when a key
 * is used.
 */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include "clock.h"
#include "filter.h"
#include "fleet_options.h"
#include "keydir.h"
#include "log.h"
#include "notify.h"
#include "redis.h"
#include "rotation.h"
#include "sandbox.h"

#define WAIT_MS		1000	/* after the first failure; twice as long after each other */
#define NAME_SIZE	192	/* of a key's name on the server */

struct fetched {
	int64_t epoch;
	int64_t since;
	uint8_t key[TICKETS_FILE_LEN];
};

/* What went wrong in a round. */
struct complaint {
	char text[1024];
	size_t len;
};

struct fleet {
	struct fleet_options options;
	int signals;			/* signalfd(2); -1: the signals have their default */
	struct fetched fetched[ROTATION_KEYS_MAX];
	size_t count;
	bool seals;			/* there is a key that does */
	bool interrupted;		/* the last round, by a signal */
	int64_t reached;		/* for how long the server answers, as in rotation.h */
	int64_t since, last;		/* when it began to, and did last; monotonic ms, 0: never */
	struct complaint said;		/* in the round before */
	char stranger[NAME_MAX + 1];	/* a file that was warned of */
};

static void __attribute__((format(printf, 2, 3))) complain(struct complaint *complaint,
							    const char *fmt, ...)
{
	size_t left = sizeof(complaint->text) - complaint->len;
	va_list args;
	int len;

	va_start(args, fmt);
	len = snprintf(complaint->text + complaint->len, left, "%s", complaint->len ? "; " : "");
	if ((size_t)len < left)
		len += vsnprintf(complaint->text + complaint->len + len, left - (size_t)len, fmt, args);
	va_end(args);
	complaint->len += (size_t)len < left ? (size_t)len : left - 1;
}

/* since 1970 */
static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- from the server ---- */

static void name_of(const struct fleet_options *options, int64_t epoch, char name[NAME_SIZE])
{
	/* hosts with another rotation have other epochs */
	snprintf(name, NAME_SIZE, "%s:%" PRId64 ":%" PRId64, options->prefix,
		 options->rotation.period / 1000, epoch);
}

/*
 * Offers a key for an epoch that has none: ours, if the server forgot it, or for one that has
 * yet to seal a new one. Returns 1, 0 if there is none to offer, or -1.
 */
static int offer(const struct fleet *fleet, struct redis *redis, const struct keydir *dir,
		 int64_t epoch, const char *name)
{
	const struct rotation *rotation = &fleet->options.rotation;
	uint8_t key[TICKETS_FILE_LEN];
	int ret = 1;

	if (!keydir_find(dir, epoch, key)) {
		if (epoch < rotation_epoch(rotation, now_ms()))
			return 0;
		if (RAND_priv_bytes(key, sizeof(key)) != 1) {
			snprintf(redis->why, sizeof(redis->why), "there are no random numbers");
			return -1;
		}
	}
	if (redis_add(redis, name, key, sizeof(key), rotation_ttl(rotation)))
		ret = -1;
	OPENSSL_cleanse(key, sizeof(key));
	if (ret > 0)
		log_debug("key %" PRId64 ": offered", epoch);
	return ret;
}

/* Adds the epoch's key to those that were fetched. Returns 0, also if there is none that is
 * good, or -1 when the server is not worth asking further.
 */
static int fetch_key(struct fleet *fleet, struct redis *redis, const struct keydir *dir,
		     int64_t epoch, struct complaint *complaint)
{
	struct fetched *to = &fleet->fetched[fleet->count];
	char name[NAME_SIZE];
	int64_t left = 0;
	size_t len;
	int ret;

	name_of(&fleet->options, epoch, name);
	ret = redis_get(redis, name, to->key, sizeof(to->key), &len);
	if (!ret) {
		ret = offer(fleet, redis, dir, epoch, name);
		if (ret <= 0)
			return ret;
		/* somebody else may have been faster */
		ret = redis_get(redis, name, to->key, sizeof(to->key), &len);
	}
	if (ret < 0)
		return -1;
	if (!ret) {
		complain(complaint, "%s was gone as soon as it was there: see that the server has memory and evicts nothing",
			 name);
		return 0;
	}
	if (len != sizeof(to->key)) {
		complain(complaint, "%s is no key of %d bytes, skipped: remove it on the server, and there will be a new one",
			 name, TICKETS_FILE_LEN);
		return 0;
	}
	if (redis_left(redis, name, &left))
		return -1;
	to->epoch = epoch;
	to->since = rotation_since(&fleet->options.rotation, left, now_ms());
	fleet->count++;
	return 0;
}

/* Whether SIGTERM ends us where we stand: where name servers, or a lock, may take their time, and
 * there is nothing to tidy up.
 */
static void let_end(const struct fleet *fleet, bool let)
{
	sigset_t set;

	if (fleet->signals < 0)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(let ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

/* The server has answered. */
static int64_t reach(struct fleet *fleet)
{
	int64_t now = (int64_t)clock_now();

	if (!fleet->last || now - fleet->last > rotation_gap(&fleet->options.rotation))
		fleet->since = now;
	fleet->last = now;
	/* who is asked but once cannot know, and supposes the best */
	return fleet->options.once ? INT64_MAX : now - fleet->since;
}

static void fetch(struct fleet *fleet, const struct keydir *dir, struct complaint *complaint)
{
	const struct rotation *rotation = &fleet->options.rotation;
	int64_t now = now_ms();
	struct redis redis;
	int ret;

	let_end(fleet, true);
	ret = redis_open(&redis, &fleet->options.redis, fleet->signals);
	let_end(fleet, false);
	/* a clock may stand near 1970 until it is set */
	for (int64_t epoch = rotation_oldest(rotation, now) > 0 ? rotation_oldest(rotation, now) : 0;
	     !ret && epoch <= rotation_newest(rotation, now); epoch++)
		ret = fetch_key(fleet, &redis, dir, epoch, complaint);
	redis_close(&redis);
	fleet->interrupted = redis.interrupted;
	fleet->reached = ret ? -1 : reach(fleet);
	if (ret)
		complain(complaint, "%s", redis.why);
}

/* ---- into the directory ---- */

static void warn_of_stranger(struct fleet *fleet, const struct keydir *dir)
{
	if (dir->stranger[0] && strcmp(dir->stranger, fleet->stranger))
		log_warning("%s/%s is not of kseald-keys and the last by name, so it seals: remove it, or rename it",
			    dir->path, dir->stranger);
	memcpy(fleet->stranger, dir->stranger, sizeof(fleet->stranger));
}

static void keep(struct fleet *fleet, struct keydir *dir, struct complaint *complaint)
{
	const struct rotation *rotation = &fleet->options.rotation;
	char why[512];
	int ret;

	/* who reads the directory can keep us waiting */
	let_end(fleet, true);
	ret = keydir_lock(dir, why, sizeof(why));
	let_end(fleet, false);
	for (size_t i = 0; i < fleet->count && ret >= 0; i++)
		ret = keydir_put(dir, fleet->fetched[i].epoch, fleet->fetched[i].since,
				 fleet->fetched[i].key, why, sizeof(why));
	if (ret >= 0)
		ret = keydir_tend(dir, rotation, now_ms(), fleet->reached, why,
				  sizeof(why));
	if (ret < 0)
		complain(complaint, "%s", why);
	fleet->seals = rotation_sealing(rotation, dir->files, dir->count, now_ms()) >= 0;
	warn_of_stranger(fleet, dir);
}

/* All that is to be done at one time. Returns 0, or -1 if something went wrong. */
static int do_round(struct fleet *fleet)
{
	struct complaint complaint = { .len = 0 };
	struct keydir dir;
	char why[512];

	fleet->count = 0;
	fleet->interrupted = false;
	if (keydir_open(&dir, fleet->options.directory, why, sizeof(why))) {
		complain(&complaint, "%s", why);
	} else {
		fetch(fleet, &dir, &complaint);
		keep(fleet, &dir, &complaint);
		keydir_close(&dir);
	}
	OPENSSL_cleanse(fleet->fetched, sizeof(fleet->fetched));
	if (fleet->interrupted)
		return 0;
	if (complaint.len && strcmp(complaint.text, fleet->said.text))
		log_error("%s; %s", complaint.text,
			  fleet->seals ? "the keys that are there stay" : "there is no key yet");
	else if (!complaint.len && fleet->said.len)
		log_notice("all is well again");
	fleet->said = complaint;
	return complaint.len ? -1 : 0;
}

/* ---- life ---- */

/* Half of it to all of it, so that hosts do not come at once. */
static int jitter(int64_t ms)
{
	uint32_t chance = 0;

	RAND_bytes((uint8_t *)&chance, sizeof(chance));
	return (int)(ms / 2 + chance % (uint64_t)(ms / 2 + 1));
}

static int wait_after(const struct fleet *fleet, unsigned int failures)
{
	int64_t most = rotation_interval(&fleet->options.rotation);
	int64_t ms = failures && failures < 16 ? (int64_t)WAIT_MS << (failures - 1) : most;

	return jitter(ms < most ? ms : most);
}

static int serve(struct fleet *fleet)
{
	int notify = notify_open();
	struct signalfd_siginfo info;
	unsigned int failures = 0;
	bool ready = false;

	for (;;) {
		struct pollfd signals = { .fd = fleet->signals, .events = POLLIN };

		failures = do_round(fleet) ? failures + 1 : 0;
		if (!ready && fleet->seals) {
			log_notice("ready, keys are in %s", fleet->options.directory);
			notify_ready(notify);
			ready = true;
		}
		if (poll(&signals, 1, wait_after(fleet, failures)) > 0 &&
		    read(fleet->signals, &info, sizeof(info)) == sizeof(info) &&
		    info.ssi_signo != SIGHUP)
			return 0;
	}
}

static int once(struct fleet *fleet)
{
	return do_round(fleet) || !fleet->seals ? -1 : 0;
}

static int check(struct fleet *fleet)
{
	const struct fleet_options *o = &fleet->options;
	int sealing, ret = 0;
	struct redis redis;
	struct keydir dir;
	char why[512];

	printf("server: %s", o->redis.host);
	if (o->redis.host[0] != '/')
		printf(" port %d", o->redis.port);
	printf("%s%s, database %u, keys %s:%" PRId64 ":*\n", o->redis.tls ? ", TLS" : "",
	       o->redis.auth ? ", with password" : "", o->redis.db, o->prefix,
	       o->rotation.period / 1000);
	printf("rotation: %" PRId64 " s, tickets live %" PRId64 " s: %zu keys; now is epoch %" PRId64 "\n",
	       o->rotation.period / 1000, o->rotation.lifetime / 1000,
	       rotation_count(&o->rotation), rotation_epoch(&o->rotation, now_ms()));
	if (keydir_open(&dir, o->directory, why, sizeof(why))) {
		log_error("%s", why);
		ret = -1;
	} else {
		sealing = rotation_sealing(&o->rotation, dir.files, dir.count, now_ms());
		printf("directory: %s, keys: %zu, ", o->directory, dir.count);
		if (sealing >= 0)
			printf("%" PRId64 " seals\n", dir.files[sealing].epoch);
		else
			printf("none seals\n");
		warn_of_stranger(fleet, &dir);
		keydir_close(&dir);
	}
	if (redis_open(&redis, &o->redis, -1) || redis_ping(&redis)) {
		log_error("%s", redis.why);
		ret = -1;
	} else {
		printf("the server answers\n");
	}
	redis_close(&redis);
	return ret;
}

static void on_end(int signal)
{
	(void)signal;
	_exit(EXIT_SUCCESS);
}

/* They are read from a descriptor; where one is let through there is nothing to tidy up. */
static int block_signals(struct fleet *fleet)
{
	const struct sigaction end = { .sa_handler = on_end };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	fleet->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (fleet->signals >= 0 && !sigprocmask(SIG_BLOCK, &set, NULL) &&
	    !sigaction(SIGTERM, &end, NULL) && !sigaction(SIGINT, &end, NULL))
		return 0;
	log_error("signals cannot be waited for: %s", strerror(errno));
	return -1;
}

/* What is loaded on first use could not be once memory cannot be made executable: OpenSSL's
 * modules, and those that look up names.
 */
static void warm_up(const struct fleet *fleet)
{
	const char *host = fleet->options.redis.host;
	struct addrinfo *found = NULL;

	OPENSSL_init_ssl(0, NULL);
	let_end(fleet, true);
	if (host[0] != '/' && !getaddrinfo(host, NULL, NULL, &found))
		freeaddrinfo(found);
	let_end(fleet, false);
}

int main(int argc, char **argv)
{
	static struct fleet fleet;
	const struct fleet_options *options = &fleet.options;
	int ret;

	switch (fleet_options_parse(&fleet.options, argc, argv)) {
	case FLEET_EXIT: return EXIT_SUCCESS;
	case FLEET_WRONG: return 2;
	case FLEET_RUN: break;
	}
	log_init("kseald-keys");
	if (options->verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	sandbox_harden();
	if (!options->check)
		sandbox_lock_memory();
	if (sandbox_drop(NULL))
		return EXIT_FAILURE;
	/* a name server that does not answer must not take minutes; resolv.conf(5) */
	setenv("RES_OPTIONS", "timeout:2 attempts:2", 0);
	fleet.signals = -1;
	if (!options->check && !options->once && block_signals(&fleet))
		return EXIT_FAILURE;
	warm_up(&fleet);
	filter_install(FILTER_KSEALD_KEYS);
	if (options->check)
		ret = check(&fleet);
	else if (options->once)
		ret = once(&fleet);
	else
		ret = serve(&fleet);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
