// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The signer; see signer.h. One thread takes what the workers ask, several do it, so that
 * a slow key holds up nobody but itself; one loads keys. From above: answers, the queue,
 * those who do the work, who takes, who loads, the process.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include "clock.h"
#include "keyring.h"
#include "log.h"
#include "sign.h"
#include "signer.h"
#include "store.h"
#include "uri.h"

#define WAITING_MAX	8192	/* for each worker; kseald asks less (channel.c) */
#define STUCK_MS	60000	/* all threads wait for a store for so long: it hangs */
#define LOOK_MS		5000	/* between two looks whether that is so */
#define GIVE_UP_MS	1000	/* until a signer ends that cannot start */

struct request {
	TAILQ_ENTRY(request) link;
	int fd;			/* of who asked */
	size_t len;		/* bytes of data */
	struct sign_head head;
	uint8_t data[];
};

struct thread {
	struct signer *signer;
	pthread_t id;
	bool started;
	uint64_t since;		/* when it began with what it does, clock_now(); 0: nothing */
};

struct signer {
	const struct signer_setup *setup;
	struct conf conf;		/* of the thread that loads */
	struct keyring *keyring;
	pthread_mutex_t lock;
	pthread_cond_t some;
	TAILQ_HEAD(, request) waiting;
	size_t n_waiting;
	bool stop;
	struct thread *threads;
	unsigned int n_threads;
	struct pollfd *polled;
	struct sign_message taken, asked;	/* by who takes, and who loads */
};

/* ---- answers ---- */

static void answer(int fd, const struct sign_head *head, const void *data, size_t len)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)head, sizeof(*head) },
				{ (void *)(uintptr_t)data, len } };
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t ret;

	do {
		ret = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (ret < 0 && errno == EINTR);
	/* EPIPE: nobody is there any more */
	if (ret < 0 && errno != EPIPE && errno != ECONNRESET)
		log_error("signer: an answer was lost: %s", strerror(errno));
}

static void fail(int fd, const struct sign_head *asked, int error, const char *why)
{
	const struct sign_head head = {
		.type = SIGN_FAILED, .id = asked->id, .key = asked->key, .error = (uint32_t)error,
	};

	answer(fd, &head, why, strlen(why));
}

static void succeed(int fd, const struct sign_head *asked, bool can_decrypt, const void *data,
		    size_t len)
{
	const struct sign_head head = {
		.type = SIGN_DONE, .id = asked->id, .key = asked->key, .can_decrypt = can_decrypt,
	};

	answer(fd, &head, data, len);
}

/* ---- the queue ---- */

static void request_free(struct request *request)
{
	OPENSSL_clear_free(request, sizeof(*request) + request->len);
}

static void put(struct signer *signer, int fd, const struct sign_message *message, size_t len)
{
	struct request *request = NULL;
	const char *why = "the signer has too much to do";

	pthread_mutex_lock(&signer->lock);
	if (signer->n_waiting < (size_t)signer->setup->n_workers * WAITING_MAX) {
		request = OPENSSL_malloc(sizeof(*request) + len);
		why = "the signer is out of memory";
	}
	if (request) {
		request->fd = fd;
		request->len = len;
		request->head = message->head;
		memcpy(request->data, message->data, len);
		TAILQ_INSERT_TAIL(&signer->waiting, request, link);
		signer->n_waiting++;
		pthread_cond_signal(&signer->some);
	}
	pthread_mutex_unlock(&signer->lock);
	if (!request)
		fail(fd, &message->head, EBUSY, why);
}

static void cancel(struct signer *signer, int fd, uint64_t id)
{
	struct request *request;

	pthread_mutex_lock(&signer->lock);
	TAILQ_FOREACH(request, &signer->waiting, link) {
		if (request->fd == fd && request->head.id == id) {
			TAILQ_REMOVE(&signer->waiting, request, link);
			signer->n_waiting--;
			break;
		}
	}
	pthread_mutex_unlock(&signer->lock);
	/* else it is done, or being done, and answered as usual */
	if (!request)
		return;
	fail(fd, &request->head, ECANCELED, "cancelled");
	request_free(request);
}

/* ---- who does the work ---- */

static void work(struct signer *signer, const struct request *request)
{
	struct held *held = keyring_get(signer->keyring, request->head.key);
	uint8_t result[SIGN_RESULT_MAX];
	size_t len = sizeof(result);
	char why[256];
	int ret;

	if (!held) {
		fail(request->fd, &request->head, ENOKEY, "the signer has not got this key");
		return;
	}
	ret = keyring_use(signer->keyring, held, &request->head, request->data, request->len, result,
			  &len, why, sizeof(why));
	if (ret)
		fail(request->fd, &request->head, -ret, why);
	else
		succeed(request->fd, &request->head, false, result, len);
	keyring_put(signer->keyring, held);
	OPENSSL_cleanse(result, sizeof(result));
}

static void *work_on(void *arg)
{
	struct thread *thread = arg;
	struct signer *signer = thread->signer;

	pthread_mutex_lock(&signer->lock);
	for (;;) {
		struct request *request;

		while (!signer->stop && !signer->n_waiting)
			pthread_cond_wait(&signer->some, &signer->lock);
		if (signer->stop)
			break;
		request = TAILQ_FIRST(&signer->waiting);
		TAILQ_REMOVE(&signer->waiting, request, link);
		signer->n_waiting--;
		thread->since = clock_now();
		pthread_mutex_unlock(&signer->lock);

		work(signer, request);
		request_free(request);

		pthread_mutex_lock(&signer->lock);
		thread->since = 0;
	}
	pthread_mutex_unlock(&signer->lock);
	return NULL;
}

/* ---- who takes ---- */

/* One message, if there is one; false: the other end is closed. */
static bool take(struct signer *signer, int fd)
{
	struct sign_message *message = &signer->taken;
	ssize_t len = recv(fd, message, sizeof(*message), MSG_DONTWAIT | MSG_TRUNC);
	size_t data;

	if (len <= 0)
		return len < 0 && (errno == EAGAIN || errno == EINTR);
	if ((size_t)len < sizeof(message->head) || (size_t)len > sizeof(*message)) {
		log_error("signer: a message of %zd bytes is none", len);
		return true;
	}
	data = (size_t)len - sizeof(message->head);
	switch (message->head.type) {
	case SIGN_SIGN:
	case SIGN_DECRYPT:
		put(signer, fd, message, data);
		break;
	case SIGN_CANCEL:
		cancel(signer, fd, message->head.id);
		break;
	default:
		log_error("signer: a worker asked for %u", message->head.type);
		fail(fd, &message->head, EPROTO, "workers may not ask for that");
	}
	OPENSSL_cleanse(message->data, data);
	return true;
}

/* Whether nobody will ever be free again. */
static bool stuck(struct signer *signer)
{
	bool is = true;

	pthread_mutex_lock(&signer->lock);
	for (unsigned int i = 0; i < signer->n_threads; i++)
		is = is && signer->threads[i].since &&
		     signer->threads[i].since + STUCK_MS < clock_now();
	pthread_mutex_unlock(&signer->lock);
	return is;
}

/* The last of those that are polled is the loader's, which somebody else reads. */
static int take_all(struct signer *signer)
{
	unsigned int n = signer->setup->n_workers;

	for (;;) {
		int ready = poll(signer->polled, n + 1, LOOK_MS);

		for (unsigned int i = 0; ready > 0 && i < n; i++)
			if (signer->polled[i].revents && !take(signer, signer->polled[i].fd))
				signer->polled[i].fd = -1;
		if (ready > 0 && signer->polled[n].revents)
			return 0;
		if (stuck(signer)) {
			log_error("signer: all threads have waited for a store for %d s: it starts anew",
				  STUCK_MS / 1000);
			return -1;
		}
	}
}

/* ---- who loads ---- */

/* As kseald does; where that cannot be read, what was read before counts. Returns 0 or -errno. */
static int read_again(struct signer *signer, char *why, size_t size)
{
	struct conf conf;

	if (config_read(signer->setup->config, &conf, why, size))
		return -EPROTO;
	conf_free(&signer->conf);
	signer->conf = conf;
	log_set_level(conf.log);
	return 0;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool is_configured(const struct conf *conf, const char *uri, const char *pin_file)
{
	for (size_t i = 0; i < conf->n_profiles; i++) {
		const struct settings *settings = &conf->profiles[i];

		for (size_t k = 0; k < settings->n_certs; k++)
			if (same(settings->certs[k].key, uri) &&
			    same(settings->certs[k].pin, pin_file))
				return true;
	}
	return false;
}

static int load(struct signer *signer, const struct sign_message *message, size_t len,
		bool *can_decrypt, char *why, size_t size)
{
	const char *uri = (const char *)message->data, *pin_file = uri + strnlen(uri, len) + 1;
	const char *end = uri + len, *public = pin_file;
	char shown[256];

	if (pin_file < end)
		public = pin_file + strnlen(pin_file, (size_t)(end - pin_file)) + 1;
	if (pin_file >= end || public >= end) {
		snprintf(why, size, "the signer was asked for a key in a way it does not understand");
		return -EPROTO;
	}
	if (!*pin_file)
		pin_file = NULL;
	if (!uri_is(uri) || !is_configured(&signer->conf, uri, pin_file)) {
		uri_show(uri, shown, sizeof(shown));
		snprintf(why, size, "%s: the signer does not find this key in the configuration: let its user read that, or restart kseald",
			 shown);
		return -EPROTO;
	}
	return keyring_load(signer->keyring, message->head.key, uri, pin_file,
			    (const uint8_t *)public, (size_t)(end - public), can_decrypt, why, size);
}

static void tell_workers(const struct signer *signer)
{
	const struct sign_head head = { .type = SIGN_SERVES };

	for (unsigned int i = 0; i < signer->setup->n_workers; i++)
		answer(signer->setup->workers[i], &head, NULL, 0);
}

static void *load_on(void *arg)
{
	struct signer *signer = arg;
	struct sign_message *message = &signer->asked;
	int fd = signer->setup->loader;
	ssize_t len;

	while ((len = recv(fd, message, sizeof(*message), MSG_TRUNC))) {
		char why[1024] = "the signer was asked for something it does not know";
		bool can_decrypt = false;
		int ret = -EPROTO;

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			break;
		if ((size_t)len < sizeof(message->head) || (size_t)len > sizeof(*message)) {
			log_error("signer: a message of %zd bytes is none", len);
			continue;
		}
		switch (message->head.type) {
		case SIGN_READ:
			ret = read_again(signer, why, sizeof(why));
			break;
		case SIGN_LOAD:
			ret = load(signer, message, (size_t)len - sizeof(message->head),
				   &can_decrypt, why, sizeof(why));
			break;
		case SIGN_SERVE:
			tell_workers(signer);
			ret = 0;
			break;
		case SIGN_UNLOAD:
			keyring_drop(signer->keyring, message->head.key);
			continue;
		}
		/* which may have a PIN */
		OPENSSL_cleanse(message->data, sizeof(message->data));
		if (ret)
			fail(fd, &message->head, -ret, why);
		else
			succeed(fd, &message->head, can_decrypt, NULL, 0);
	}
	return NULL;
}

/* ---- the process ---- */

static int prepare(struct signer *signer, char *why, size_t size)
{
	const struct signer_setup *setup = signer->setup;
	unsigned int i;

	if (store_init(&signer->conf.signer_providers, why, size))
		return -1;
	snprintf(why, size, "no memory for the signer");
	signer->keyring = keyring_new();
	signer->n_threads = signer->conf.signer_threads;
	signer->threads = calloc(signer->n_threads, sizeof(*signer->threads));
	signer->polled = calloc(setup->n_workers + 1, sizeof(*signer->polled));
	if (!signer->keyring || !signer->threads || !signer->polled)
		return -1;
	pthread_mutex_init(&signer->lock, NULL);
	pthread_cond_init(&signer->some, NULL);
	TAILQ_INIT(&signer->waiting);
	for (i = 0; i < setup->n_workers; i++)
		signer->polled[i] = (struct pollfd){ setup->workers[i], POLLIN, 0 };
	/* of a closed one is told in any case */
	signer->polled[i] = (struct pollfd){ setup->loader, 0, 0 };
	for (i = 0; i < signer->n_threads; i++)
		signer->threads[i].signer = signer;
	return 0;
}

/* False: one hangs in a store; it can only be left behind. */
static bool join(pthread_t thread)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec++;
	return !pthread_timedjoin_np(thread, NULL, &limit);
}

static bool stop(struct signer *signer, pthread_t loader)
{
	bool all = join(loader);

	pthread_mutex_lock(&signer->lock);
	signer->stop = true;
	pthread_cond_broadcast(&signer->some);
	pthread_mutex_unlock(&signer->lock);
	for (unsigned int i = 0; all && i < signer->n_threads; i++)
		if (signer->threads[i].started)
			all = join(signer->threads[i].id);
	return all;
}

static void free_all(struct signer *signer)
{
	struct request *request;

	while ((request = TAILQ_FIRST(&signer->waiting))) {
		TAILQ_REMOVE(&signer->waiting, request, link);
		request_free(request);
	}
	keyring_free(signer->keyring);
	free(signer->threads);
	free(signer->polled);
	conf_free(&signer->conf);
}

/* It may be kseald that ends for this; else the keeper is in no hurry. */
static int give_up(const struct signer_setup *setup, const struct sign_head *head, const char *why)
{
	struct pollfd fd = { setup->loader, 0, 0 };

	fail(setup->loader, head, EPROTO, why);
	poll(&fd, 1, GIVE_UP_MS);
	return -1;
}

int signer_run(const struct signer_setup *setup)
{
	static struct signer signer;
	struct sign_head head = { .type = SIGN_STARTED };
	pthread_t loader;
	char why[512];
	int ret;

	signer.setup = setup;
	signer.conf = *setup->conf;
	memset(setup->conf, 0, sizeof(*setup->conf));
	if (prepare(&signer, why, sizeof(why)))
		return give_up(setup, &head, why);
	ret = pthread_create(&loader, NULL, load_on, &signer);
	for (unsigned int i = 0; !ret && i < signer.n_threads; i++) {
		ret = pthread_create(&signer.threads[i].id, NULL, work_on, &signer.threads[i]);
		signer.threads[i].started = !ret;
	}
	if (ret) {
		snprintf(why, sizeof(why), "the signer's threads could not be started: %s", strerror(ret));
		return give_up(setup, &head, why);
	}
	answer(setup->loader, &head, NULL, 0);
	ret = take_all(&signer);
	if (!ret && stop(&signer, loader))
		free_all(&signer);
	else
		_exit(ret ? EXIT_FAILURE : EXIT_SUCCESS);
	return ret;
}
