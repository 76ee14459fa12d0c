/* An intrusive circular list: the node lives in the thing that is listed, the list owns nothing.
 *
 * A head is a node that stands for the list; an unlinked node points at itself, so unlinking twice is
 * nothing and `evg_list_linked_p` needs no flag. */
#ifndef EVG_BASE_LIST_H
#define EVG_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct evg_list {
    struct evg_list *prev, *next;
} evg_list_t;

/* The struct that holds `node` as its member. */
#define evg_container(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void evg_list_init(evg_list_t *node)
{
    node->prev = node->next = node;
}

static inline bool evg_list_linked_p(const evg_list_t *node)
{
    return node->next != node;
}

static inline bool evg_list_empty_p(const evg_list_t *head)
{
    return head->next == head;
}

/* Puts an unlinked node in front of `where`; with a head that is the end of its list. */
static inline void evg_list_insert(evg_list_t *where, evg_list_t *node)
{
    node->prev = where->prev;
    node->next = where;
    where->prev->next = node;
    where->prev = node;
}

static inline void evg_list_append(evg_list_t *head, evg_list_t *node)
{
    evg_list_insert(head, node);
}

static inline void evg_list_prepend(evg_list_t *head, evg_list_t *node)
{
    evg_list_insert(head->next, node);
}

/* An unlinked node stays as it is. */
static inline void evg_list_unlink(evg_list_t *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    evg_list_init(node);
}

/* First node, or NULL. */
static inline evg_list_t *evg_list_first(const evg_list_t *head)
{
    return evg_list_empty_p(head) ? NULL : head->next;
}

/* Takes the first node out, or NULL. */
static inline evg_list_t *evg_list_shift(evg_list_t *head)
{
    evg_list_t *node = evg_list_first(head);
    if (node) evg_list_unlink(node);
    return node;
}

/* Takes all nodes out. */
static inline void evg_list_clear(evg_list_t *head)
{
    while (evg_list_shift(head)) {}
}

/* Moves all nodes of `from` to the end of `to`; `from` is empty afterwards. */
static inline void evg_list_join(evg_list_t *to, evg_list_t *from)
{
    if (evg_list_empty_p(from)) return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    evg_list_init(from);
}

#endif
