/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of handshakes that wait. OpenSSL gives each a buffer for the largest message
 * there may be, zeroes it, and uses two kilobytes of it; the pages of zeros can go back
 * to the system meanwhile, which makes them zeros again when they are touched.
 */
#ifndef KSEALD_IDLE_H
#define KSEALD_IDLE_H

#include <stdbool.h>
#include <openssl/bio.h>

/* The buffer of one handshake. Starts with zeros. */
struct idle {
	void *buffer;	/* NULL: there is none */
};

/*
 * Has OpenSSL's allocations come by from here on; before anything else of OpenSSL is
 * called. Returns false if it is too late: then nothing is ever given back.
 */
bool idle_watch(void);

/*
 * From here to idle_leave() this thread's buffer is this handshake's. It is freed in
 * between too, or never looked at again. Not nested.
 */
void idle_enter(struct idle *idle);
void idle_leave(void);

/*
 * Gives back whole pages of the buffer that are zeros. It stays what it is, to the byte.
 * For the thread that has the handshake.
 */
void idle_give_back(const struct idle *idle);

/*
 * Frees what a memory BIO with nothing in it has kept for more; the next bytes get it
 * anew. Without memory it stays as it is.
 */
void idle_empty(BIO *bio);

#endif
