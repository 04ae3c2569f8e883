// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/worker.c as it runs, on io_uring and on poll: threads that read and
 * write netlink messages, here through pairs of datagram sockets with the test
 * as the kernel, see relay.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include "keeper.h"
#include "loader.h"
#include "relay.h"
#include "remote.h"
#include "tap.h"
#include "worker.h"

#define FAMILY	29
#define ENDS	16

static struct relay_files files;
static bool use_poll;
static char key_uri[128];
static struct keeper *signer;		/* NULL: the key is here */
static unsigned int n_signed;		/* helpers that use it */

/* A worker and the kernel's end of its socket. */
struct helper {
	struct profiles *profiles;
	struct worker *worker;
	int fd, worker_fd;
	struct relay_end *ends[ENDS];
	uint32_t seq;			/* of the last message received */
	bool in_order;
};

static struct helper *helper_new(void)
{
	struct helper *helper = calloc(1, sizeof(*helper));
	struct settings settings;
	char why[512];
	int fds[2], to_signer = signer ? signer->workers[n_signed++ % 2] : -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		abort();
	relay_settings(&settings, files.long_cert, signer ? key_uri : files.key, files.ca);
	helper->profiles = profiles_new();
	helper->fd = fds[0];
	helper->worker_fd = fds[1];
	helper->in_order = true;
	if (profiles_load(helper->profiles, &settings, 1, why, sizeof(why)) ||
	    worker_new(&helper->worker, helper->profiles, 100, fds[1], FAMILY, to_signer,
		       use_poll) ||
	    worker_start(helper->worker))
		abort();
	return helper;
}

/* What worker_stop() returned. */
static int helper_free(struct helper *helper)
{
	int ret = worker_stop(helper->worker);

	close(helper->fd);
	close(helper->worker_fd);
	profiles_free(helper->profiles);
	free(helper);
	return ret;
}

/* ---- messages to the worker ---- */

static uint8_t buf[256 * 1024] __attribute__((aligned(4)));

static struct nlmsghdr *start(uint8_t cmd, uint64_t cookie)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	nlh->nlmsg_type = FAMILY;
	genl->cmd = cmd;
	mnl_attr_put_u64(nlh, KSEAL_A_COOKIE, cookie);
	return nlh;
}

static void post(struct helper *helper, const void *data, size_t len)
{
	if (send(helper->fd, data, len, 0) != (ssize_t)len)
		abort();
}

static bool give(struct helper *helper, struct relay_end *end)
{
	struct helper_handshake message;
	struct nlmsghdr *nlh;

	if (!relay_next(end, &message))
		return false;
	nlh = start(KSEAL_CMD_HANDSHAKE, end->cookie);
	if (message.first) {
		mnl_attr_put_u8(nlh, KSEAL_A_ROLE, (uint8_t)message.role);
		mnl_attr_put_strz(nlh, KSEAL_A_PROFILE, message.profile);
		if (message.server_name[0])
			mnl_attr_put_strz(nlh, KSEAL_A_SERVER_NAME, message.server_name);
		mnl_attr_put_u32(nlh, KSEAL_A_TIMEOUT, message.timeout_ms);
	}
	if (message.len)
		mnl_attr_put(nlh, KSEAL_A_BYTES, message.len, message.bytes);
	free((void *)(uintptr_t)message.bytes);
	post(helper, nlh, nlh->nlmsg_len);
	return true;
}

/* ---- messages from the worker ---- */

static void take_keys(struct relay_keys *keys, const struct nlattr *nest)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		size_t len = mnl_attr_get_payload_len(attr);
		const void *data = mnl_attr_get_payload(attr);

		switch (mnl_attr_get_type(attr)) {
		case KSEAL_A_KEYS_KEY:
			memcpy(keys->key, data, len);
			keys->key_len = len;
			break;
		case KSEAL_A_KEYS_IV:
			memcpy(keys->iv, data, KSEAL_IV_LEN);
			break;
		case KSEAL_A_KEYS_SEQ:
			keys->seq = mnl_attr_get_u64(attr);
			break;
		case KSEAL_A_KEYS_SECRET:
			memcpy(keys->secret, data, len);
			keys->secret_len = len;
			break;
		}
	}
}

static void take_message(struct helper *helper, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *bytes = NULL, *tx = NULL, *rx = NULL;
	struct relay_end *end = NULL;
	uint32_t consumed = 0;
	bool more = false;

	helper->in_order &= nlh->nlmsg_seq == helper->seq + 1 && nlh->nlmsg_type == FAMILY;
	helper->seq = nlh->nlmsg_seq;
	mnl_attr_for_each(attr, nlh, sizeof(*genl)) {
		switch (mnl_attr_get_type(attr)) {
		case KSEAL_A_COOKIE:
			for (size_t i = 0; i < ENDS; i++)
				if (helper->ends[i] &&
				    helper->ends[i]->cookie == mnl_attr_get_u64(attr))
					end = helper->ends[i];
			if (!end)
				abort();
			break;
		case KSEAL_A_CONSUMED: consumed = mnl_attr_get_u32(attr); break;
		case KSEAL_A_MORE: more = true; break;
		case KSEAL_A_BYTES: bytes = attr; break;
		case KSEAL_A_TX: tx = attr; break;
		case KSEAL_A_RX: rx = attr; break;
		case KSEAL_A_ERROR: end->error = (int)mnl_attr_get_u32(attr); break;
		case KSEAL_A_VERSION: end->version = mnl_attr_get_u16(attr); break;
		case KSEAL_A_CIPHER: end->cipher = mnl_attr_get_u16(attr); break;
		case KSEAL_A_REASON:
			snprintf(end->reason, sizeof(end->reason), "%s", mnl_attr_get_str(attr));
			break;
		}
	}
	if (end->error == ETIMEDOUT)
		end->asked = true;
	relay_answer(end, consumed, bytes ? mnl_attr_get_payload(bytes) : NULL,
		     bytes ? mnl_attr_get_payload_len(bytes) : 0, more);
	if (genl->cmd != KSEAL_CMD_DONE)
		return;
	if (tx && rx) {
		take_keys(&end->tx, tx);
		take_keys(&end->rx, rx);
	}
	relay_done(end);
}

/* One datagram of the worker; false: none within ms. */
static bool take(struct helper *helper, int ms)
{
	struct pollfd fd = { helper->fd, POLLIN, 0 };
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	int left;

	if (poll(&fd, 1, ms) != 1)
		return false;
	left = (int)recv(helper->fd, buf, sizeof(buf), 0);
	if (left <= 0 || left > 212992)
		abort();
	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		take_message(helper, nlh);
	return true;
}

/* ---- tests ---- */

static bool all_done(const struct helper *clients, const struct helper *servers)
{
	for (size_t i = 0; i < ENDS; i++)
		if (!clients->ends[i]->done || !servers->ends[i]->done)
			return false;
	return true;
}

static void handshakes(void)
{
	struct helper *clients = helper_new(), *servers = helper_new();
	bool agree = true, parts = true;

	for (size_t i = 0; i < ENDS; i++) {
		clients->ends[i] = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");
		servers->ends[i] = relay_new(KSEAL_ROLE_SERVER, NULL);
		relay_connect(clients->ends[i], servers->ends[i]);
	}
	for (size_t i = 0; i < ENDS; i++)
		give(clients, clients->ends[i]);
	/* both threads work at once; what is lost would be missed for long */
	for (int idle = 0; idle < 100 && !all_done(clients, servers);) {
		idle = take(clients, 50) | take(servers, 50) ? 0 : idle + 1;
		for (size_t i = 0; i < ENDS; i++) {
			give(clients, clients->ends[i]);
			give(servers, servers->ends[i]);
		}
	}
	for (size_t i = 0; i < ENDS; i++) {
		agree &= relay_agrees(clients->ends[i], servers->ends[i]);
		parts &= servers->ends[i]->parts > 0;
	}
	ok(agree, "%d handshakes between two workers, on %s: keys agree crosswise", ENDS,
	   worker_backend(clients->worker));
	ok(parts, "their long flights come in parts");
	ok(clients->in_order && servers->in_order, "all messages come in order");
	for (size_t i = 0; i < ENDS; i++) {
		relay_free(clients->ends[i]);
		relay_free(servers->ends[i]);
	}
	ok(!helper_free(clients) && !helper_free(servers), "both stop when told");
}

/* The keeper's only child. */
static void stop_signer(int signal)
{
	char command[64], text[32] = "";
	FILE *ps;

	snprintf(command, sizeof(command), "ps -o pid= --ppid %d", signer->pid);
	ps = popen(command, "r");
	if (!ps || !fgets(text, sizeof(text), ps) || kill(atoi(text), signal))
		abort();
	pclose(ps);
}

/* Workers go while their handshakes wait: the signer is stopped. */
static void waiting(void)
{
	for (use_poll = false;; use_poll = true) {
		struct helper *helper = helper_new();
		struct relay_end *server = relay_new(KSEAL_ROLE_SERVER, NULL);
		struct relay_end *client = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");

		stop_signer(SIGSTOP);
		helper->ends[0] = client;
		helper->ends[1] = server;
		relay_connect(client, server);
		give(helper, client);
		take(helper, 1000);
		give(helper, server);
		ok(!take(helper, 100) && server->asked, "a handshake waits, on %s",
		   worker_backend(helper->worker));
		ok(!helper_free(helper), "and its worker stops");
		stop_signer(SIGCONT);
		relay_free(server);
		relay_free(client);
		if (use_poll)
			break;
	}
}

static void refuse(struct helper *helper, uint32_t seq, int error, const char *text)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlmsgerr *err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));

	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
	err->error = error;
	err->msg.nlmsg_seq = seq;
	mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	post(helper, nlh, nlh->nlmsg_len);
}

static void refusals(void)
{
	struct helper *helper = helper_new();
	struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");

	helper->ends[0] = end;
	give(helper, end);
	ok(take(helper, 1000) && !end->done, "a client's first answer");
	refuse(helper, helper->seq + 1, -EINVAL, "of something never sent");
	refuse(helper, helper->seq, 0, "an acknowledgement");
	ok(!take(helper, 50), "nothing comes of refusals that are not for us");
	end->asked = true;
	refuse(helper, helper->seq, -EINVAL, "BYTES: too green");
	ok(take(helper, 1000) && end->done && end->error == EPROTO &&
	   strstr(end->reason, "BYTES: too green"), "a refusal ends the request: %s", end->reason);
	refuse(helper, helper->seq, -EINVAL, "that too");
	ok(!take(helper, 50), "the refusal of the failure itself is the end of it");

	end->done = end->begun = false;
	end->error = 0;
	give(helper, end);
	ok(take(helper, 1000), "another request");
	refuse(helper, helper->seq, -ESTALE, "gone");
	ok(!take(helper, 50), "a stale one is dropped in silence");
	relay_free(end);
	helper_free(helper);
}

static void bad_messages(void)
{
	struct helper *helper = helper_new();
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct nlmsghdr *nlh;

	helper->ends[0] = end;
	nlh = start(KSEAL_CMD_HANDSHAKE, end->cookie);
	mnl_attr_put_u32(nlh, KSEAL_A_ROLE, KSEAL_ROLE_SERVER);
	post(helper, nlh, nlh->nlmsg_len);
	end->asked = true;
	ok(take(helper, 1000) && end->done && end->error == EPROTO &&
	   strstr(end->reason, "of one version"), "a message that cannot be read fails the request");

	nlh = start(KSEAL_CMD_STATS_GET, end->cookie);
	post(helper, nlh, nlh->nlmsg_len);
	nlh = start(KSEAL_CMD_HANDSHAKE, end->cookie);
	nlh->nlmsg_type = FAMILY + 1;
	post(helper, nlh, nlh->nlmsg_len);
	nlh->nlmsg_len = 0xffff;
	post(helper, nlh, 40);
	post(helper, "abc", 3);
	memset(buf, 0, 140000);
	post(helper, buf, 140000);
	ok(!take(helper, 50), "other commands and families, cut, short and long ones are passed over");

	end->done = false;
	end->error = 0;
	end->chunk = 5;
	relay_receive(end, "GET /", 5);
	give(helper, end);
	ok(take(helper, 1000) && end->done && end->error == EPROTO, "it goes on after that: %s",
	   end->reason);
	relay_free(end);
	helper_free(helper);
}

static void deadline(void)
{
	struct helper *helper = helper_new();
	struct relay_end *slow = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");
	struct relay_end *quick = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");
	struct timeval before, after, spent;

	helper->ends[0] = slow;
	helper->ends[1] = quick;
	slow->timeout_ms = 60000;
	quick->timeout_ms = 150;
	gettimeofday(&before, NULL);
	give(helper, slow);
	give(helper, quick);
	ok(take(helper, 1000) && take(helper, 1000) && !quick->done, "two clients' first answers");
	ok(take(helper, 3000) && quick->done && quick->error == ETIMEDOUT, "one is told: %s",
	   quick->reason);
	gettimeofday(&after, NULL);
	timersub(&after, &before, &spent);
	ok(spent.tv_sec == 0 && spent.tv_usec >= 149000 && !slow->done, "after %ld ms, it alone",
	   (long)spent.tv_usec / 1000);
	relay_free(slow);
	relay_free(quick);
	helper_free(helper);
}

/* The socket fails under the worker: it says so to the process and to who stops it. */
static void failing(void)
{
	struct helper *helper;
	sigset_t set;
	const struct timespec limit = { 20, 0 };

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	helper = helper_new();
	shutdown(helper->fd, SHUT_RDWR);
	ok(sigtimedwait(&set, NULL, &limit) == SIGTERM, "a worker without socket ends the process");
	ok(helper_free(helper) < 0, "and its result says so");
}

/* With the key in another process, and two ways to it. */
static void with_signer(void)
{
	struct config config = { .workers = 2 };
	struct keeper keeper;
	struct conf conf;
	char why[512];

	snprintf(key_uri, sizeof(key_uri), "file:%s", files.key);
	relay_settings(&config.settings, files.long_cert, key_uri, files.ca);
	if (config_read(&config, &conf, why, sizeof(why)) || keeper_start(&keeper, &config, &conf) ||
	    loader_open(keeper.loader, why, sizeof(why)))
		abort();
	conf_free(&conf);
	signer = &keeper;
	for (int i = 0; i < 4; i++) {
		use_poll = i % 2;
		handshakes();
	}
	waiting();
	signer = NULL;
	loader_close();
	remote_end();
	ok(!keeper_end(&keeper), "the signer ends when it is told to");
	settings_free(&config.settings);
}

int main(void)
{
	relay_files_new(&files, "DNS:www.example.org");
	/* before there are threads */
	with_signer();
	for (int i = 0; i < 2; i++) {
		use_poll = i;
		handshakes();
		refusals();
		bad_messages();
		deadline();
		failing();
	}
	relay_files_free(&files);
	return done_testing();
}
