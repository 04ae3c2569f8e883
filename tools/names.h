/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of the contract as words. NULL: the number is not known here. */
#ifndef NAMES_H
#define NAMES_H

const char *name_state(unsigned int state);
const char *name_role(unsigned int role);
const char *name_version(unsigned int version);
const char *name_cipher(unsigned int cipher);
const char *name_alert(unsigned int alert);

#endif
