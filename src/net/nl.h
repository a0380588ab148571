/* nl.h - raw netlink: messages put together in a buffer, sent in one call, answers read strictly.
 *
 * A batch holds any number of requests; each has a label for errors. The kernel works on a send
 * synchronously, so the answers wait in the socket when nl_send() reads them. Only the last request asks
 * for an answer; those that fail answer anyway.
 *
 *	auto_nl struct nl_batch b = NL_BATCH;
 *	nl_msg(&b, "set lo up", RTM_NEWLINK, 0, &body, sizeof body);
 *	nl_str(&b, IFLA_IFNAME, "lo");
 *	r = nl_send(fd, &b, e);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>

#include "base/buf.h"
#include "base/err.h"

#define NL_BATCH_BYTES ((size_t)4 << 20)
#define NL_LABELS 64

struct nl_batch {
	struct buf b;
	size_t at;                      /* of the message being made */
	uint32_t n;                     /* messages; the i-th (from 0) has the sequence number base + i */
	const char *labels[NL_LABELS];  /* of the first messages; constants or living as long as the batch */
	uint32_t asked;                 /* 1 + the message that asks for an answer; 0: the last will */
	int sys;                        /* after a failed send: the errno, and which message it was */
	uint32_t failed;
};
#define NL_BATCH ((struct nl_batch){ .b = BUF_INIT(NL_BATCH_BYTES) })
void nl_batch_done(struct nl_batch *b);
#define auto_nl __attribute__((cleanup(nl_batch_done)))

/* A socket of this protocol (NETLINK_ROUTE, NETLINK_NETFILTER), in our network namespace or in the one of
 * netns_fd (-1: ours), which the calling thread visits for a moment. */
int nl_open(int protocol, int netns_fd, int *ret_fd, struct dv_err *e) DV_MUST_USE;

/* Begin a message with its fixed body; NLM_F_REQUEST is added. */
void nl_msg(struct nl_batch *b, const char *label, unsigned type, unsigned flags, const void *body, size_t len);
void nl_attr(struct nl_batch *b, unsigned type, const void *data, size_t len);
void nl_u8(struct nl_batch *b, unsigned type, uint8_t v);
void nl_u16(struct nl_batch *b, unsigned type, uint16_t v);
void nl_u32(struct nl_batch *b, unsigned type, uint32_t v);
void nl_be16(struct nl_batch *b, unsigned type, uint16_t v);
void nl_be32(struct nl_batch *b, unsigned type, uint32_t v);
void nl_be64(struct nl_batch *b, unsigned type, uint64_t v);
void nl_str(struct nl_batch *b, unsigned type, const char *s);
/* Raw bytes inside an attribute that is open (the body of a nested interface). */
void nl_raw(struct nl_batch *b, const void *data, size_t len);
size_t nl_nest(struct nl_batch *b, unsigned type);
void nl_nest_end(struct nl_batch *b, size_t nest);

/* The message being made is the one that asks for the answer: where the last cannot (the end of a transaction). */
void nl_ask(struct nl_batch *b);

/* Sends all and waits for the answer of the last. The errno of the first that failed is in e->sys and b->sys. */
int nl_send(int fd, struct nl_batch *b, struct dv_err *e) DV_MUST_USE;
/* One request with an answer of any number of messages, each handed to take(); a negative result ends it. */
typedef int nl_take(void *ctx, const struct nlmsghdr *h, const void *body, size_t len, struct dv_err *e);
int nl_dump(int fd, struct nl_batch *b, nl_take *take, void *ctx, struct dv_err *e) DV_MUST_USE;

/* --- answers: what is not well-formed is CORRUPT --- */

struct nl_attrs {
	const void *data;
	size_t len;
};
/* ret[type] for every attribute of a type up to max (the last one of a type wins; larger types are skipped). */
struct nl_value {
	const void *p;                  /* NULL: absent */
	size_t len;
};
int nl_parse(const void *data, size_t len, struct nl_value *ret, unsigned max, struct dv_err *e) DV_MUST_USE;
/* The next attribute of a list: 1, or 0 at the end. */
int nl_next(struct nl_attrs *rest, unsigned *ret_type, struct nl_value *ret, struct dv_err *e) DV_MUST_USE;
/* Through the messages of one datagram: calls take(); 1 when it was the end of a dump or an answer, *ret_sys its errno. */
int nl_walk(const void *data, size_t len, uint32_t seq, nl_take *take, void *ctx, int *ret_sys,
	    struct dv_err *e) DV_MUST_USE;
uint32_t nl_get_u32(const struct nl_value *v);          /* 0 when absent or of another length */
uint32_t nl_get_be32(const struct nl_value *v);
uint64_t nl_get_be64(const struct nl_value *v);
/* The text, cut at the first NUL; false when it does not fit with its end. */
bool nl_get_str(const struct nl_value *v, char *out, size_t size);
