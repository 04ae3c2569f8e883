/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who listens on a port. */
#ifndef LISTENING_H
#define LISTENING_H

#include <stddef.h>
#include <stdint.h>

/* The addresses that are listened on at this port, "0.0.0.0:80, [::1]:80"; "": none, or not known. */
void listening_text(uint16_t port, char *text, size_t size);

#endif
