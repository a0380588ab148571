/* list.h - intrusive doubly linked list with a sentinel head. */
#pragma once

#include <stdbool.h>

#include "base/mem.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *head) { head->prev = head->next = head; }
static inline bool list_empty(const struct list *head) { return head->next == head; }
static inline void list_insert_(struct list *prev, struct list *n)
{
	n->prev = prev;
	n->next = prev->next;
	prev->next->prev = n;
	prev->next = n;
}
static inline void list_add_tail(struct list *head, struct list *n) { list_insert_(head->prev, n); }
static inline void list_add_head(struct list *head, struct list *n) { list_insert_(head, n); }
/* Unlink; n is a list of its own afterwards, so unlinking twice is harmless. */
static inline void list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}
#define LIST_EACH(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
#define LIST_EACH_SAFE(it, head) \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head); it = it##_next, it##_next = it->next)
