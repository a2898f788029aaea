/*
 * Nodes: TLSF's records of ranges, kept in host memory since the managed memory may be out of the CPU's reach.
 *
 * A node is half a cache line. Every pool of an allocator takes its nodes from one store, in batches, and a handle
 * is a node's index and generation: there is no other table between a handle and its range.
 *
 * The fields of a node belong to the pool that holds it, under its lock; those of a cached node to the cache that keeps
 * it, and a live one may become that at any time without the lock. `tag` and `region` may be read by anyone at any
 * time: that is how a handle finds out which lock to take, and a stale one that it is stale. (What else a stale one
 * reads under the wrong lock is atomic, too.)
 */
#ifndef BDA_CORE_NODE_H
#define BDA_CORE_NODE_H

#include "core/bits.h"
#include "core/store.h"

enum bda_node_state {
    BDA_NODE_UNUSED,      /* in a list of spare nodes */
    BDA_NODE_FREE,        /* a free range, in TLSF's lists */
    BDA_NODE_LIVE,        /* an allocation */
    BDA_NODE_RETIRED,     /* freed, its handle is dead, on its way back to TLSF */
    BDA_NODE_PENDING,     /* freed, waiting for a timeline semaphore */
    BDA_NODE_CACHED,      /* freed, kept for the next request of its size */
    BDA_NODE_QUARANTINED, /* freed, kept from reuse to catch late accesses */
};

enum {
    BDA_NODE_CHUNK_LOG2 = 9, /* 16 KiB a chunk: a growth step of a few microseconds */
    BDA_NODE_STATE_BITS = 4, /* of a tag, the lowest; above them the zone, above that the generation */
    BDA_NODE_ZONE_BITS = 4,
    BDA_NODE_GENERATION_SHIFT = BDA_NODE_STATE_BITS + BDA_NODE_ZONE_BITS,
};

/* Links to neighbours have a bit less than 32 for an index. */
#define BDA_NODES_MOST (UINT32_MAX >> 1)

#define BDA_NODE_STATE_MASK ((1u << BDA_NODE_STATE_BITS) - 1)
#define BDA_NODE_ZONE_MASK  (((1u << BDA_NODE_ZONE_BITS) - 1) << BDA_NODE_STATE_BITS)

#define BDA_GENERATION_SPENT 0xFFFFFFu

/* Leads to a neighbour by address: its index, and in the lowest bit whether it is a free range. So a range that is
 * freed between two live ones reads no cache line but its own. */
typedef uint32_t bda_link;

struct bda_node {
    _Atomic uint32_t offset;         /* in granules from the start of its region */
    _Atomic uint32_t size;           /* in granules */
    _Atomic bda_link previous, next; /* 0 at the region's ends; atomic for who walks without the lock */
    union {
        struct { /* free: its list. Atomic for who still reads the words below by a stale handle */
            _Atomic uint32_t previous, next;
        } list;
        struct { /* taken */
            /* live and retired: bytes of the range beyond what was asked for, written by who took it; pending, cached,
             * quarantined: the next one of their list */
            _Atomic uint32_t slack_or_link;
            _Atomic uint32_t record_or_home;
        } taken;
        _Atomic uint32_t spare; /* unused: the next spare node */
    } as;
    _Atomic uint32_t tag;    /* generation, zone (see tlsf.h), state */
    _Atomic uint32_t region; /* which block it lies in; spare: one of its pool's that it lay in, or none */
};

_Static_assert(sizeof(struct bda_node) == 32, "two nodes to a cache line");

static inline uint32_t bda_link_index(bda_link link) {
    return link >> 1;
}

static inline bool bda_link_is_free(bda_link link) {
    return (link & 1u) != 0;
}

static inline bda_link bda_link_to(uint32_t index, bool is_free) {
    return index << 1 | (bda_link)is_free;
}

/* The links to the neighbours of a range, and the neighbours, 0 where it ends its region. */
static inline bda_link bda_node_previous_link(const struct bda_node *node) {
    return atomic_load_explicit(&node->previous, memory_order_relaxed);
}

static inline bda_link bda_node_next_link(const struct bda_node *node) {
    return atomic_load_explicit(&node->next, memory_order_relaxed);
}

static inline uint32_t bda_node_previous(const struct bda_node *node) {
    return bda_link_index(bda_node_previous_link(node));
}

static inline uint32_t bda_node_next(const struct bda_node *node) {
    return bda_link_index(bda_node_next_link(node));
}

struct bda_node_list {
    uint32_t first;
    uint32_t count;
};

struct bda_nodes {
    struct bda_store store;
    struct bda_node_list spare;
};

void bda_nodes_init(struct bda_nodes *nodes, struct bda_host *host);
void bda_nodes_destroy(struct bda_nodes *nodes);

/* Sees to it that `list` holds at least `count` nodes; when it has to take any it takes a batch, so that the next call
 * is far away. False when host memory is refused; what the list held it still holds. One thread at a time. */
bool bda_nodes_take(struct bda_nodes *nodes, struct bda_node_list *list, uint32_t count);

/* Moves `count` nodes of `list` back, from its top. What is taken together later comes in the order in which `list`
 * would have given it: both ways turn it around. One thread at a time. */
void bda_nodes_give(struct bda_nodes *nodes, struct bda_node_list *list, uint32_t count);

/* The chunks of the store as they are now: an operation that looks up many nodes asks for them once. They name every
 * node that was there when they were asked for. */
typedef const uintptr_t *bda_node_chunks;

static inline bda_node_chunks bda_nodes_chunks(struct bda_nodes *nodes) {
    return atomic_load_explicit(&nodes->store.directory, memory_order_acquire)->origins;
}

static inline struct bda_node *bda_node_in(bda_node_chunks chunks, uint32_t index) {
    return (struct bda_node *)(chunks[index >> BDA_NODE_CHUNK_LOG2] + index * sizeof(struct bda_node));
}

/* The neighbour that a link leads to, which is known to be free or not: a multiplication of the link as it is. */
static inline struct bda_node *bda_node_behind(bda_node_chunks chunks, bda_link link, bool is_free) {
    uintptr_t origin = chunks[link >> (BDA_NODE_CHUNK_LOG2 + 1)];
    return (struct bda_node *)(origin + ((size_t)link - (size_t)is_free) * (sizeof(struct bda_node) / 2));
}

static inline struct bda_node *bda_node_at(struct bda_nodes *nodes, uint32_t index) {
    return bda_node_in(bda_nodes_chunks(nodes), index);
}

/* Every word of a node but its tag is written like this. Who looks at one without the lock (alloc/locate_live.h) reads
 * its tag, its words, and its tag again: a word of another life brings along that the tag has changed. */
static inline void bda_node_write(_Atomic uint32_t *word, uint32_t value) {
    atomic_store_explicit(word, value, memory_order_release);
}

static inline uint32_t bda_node_offset(const struct bda_node *node) {
    return atomic_load_explicit(&node->offset, memory_order_relaxed);
}

static inline uint32_t bda_node_size(const struct bda_node *node) {
    return atomic_load_explicit(&node->size, memory_order_relaxed);
}

static inline void bda_node_set_offset(struct bda_node *node, uint32_t granules) {
    bda_node_write(&node->offset, granules);
}

static inline void bda_node_set_size(struct bda_node *node, uint32_t granules) {
    bda_node_write(&node->size, granules);
}

static inline void bda_node_set_previous(struct bda_node *node, bda_link link) {
    bda_node_write(&node->previous, link);
}

static inline void bda_node_set_next(struct bda_node *node, bda_link link) {
    bda_node_write(&node->next, link);
}

/* Who sees a live one sees what its owner wrote before (bda_node_publish), also of the record, without its lock. */
static inline uint32_t bda_node_tag(struct bda_node *node) {
    return atomic_load_explicit(&node->tag, memory_order_acquire);
}

static inline void bda_node_set_tag(struct bda_node *node, uint32_t tag) {
    atomic_store_explicit(&node->tag, tag, memory_order_relaxed);
}

/* Makes a range live: what was written of it before is seen by whoever sees that. */
static inline void bda_node_publish(struct bda_node *node, uint32_t tag) {
    atomic_store_explicit(&node->tag, tag, memory_order_release);
}

static inline enum bda_node_state bda_node_state(struct bda_node *node) {
    return (enum bda_node_state)(bda_node_tag(node) & BDA_NODE_STATE_MASK);
}

static inline uint32_t bda_tag_zone(uint32_t tag) {
    return (tag & BDA_NODE_ZONE_MASK) >> BDA_NODE_STATE_BITS;
}

static inline uint32_t bda_node_zone(struct bda_node *node) {
    return bda_tag_zone(bda_node_tag(node));
}

static inline uint32_t bda_node_generation(struct bda_node *node) {
    return bda_node_tag(node) >> BDA_NODE_GENERATION_SHIFT;
}

/* Whether this is the tag of the allocation that a handle of this generation names. */
static inline bool bda_tag_is_live(uint32_t tag, uint32_t generation) {
    uint32_t live = generation << BDA_NODE_GENERATION_SHIFT | (uint32_t)BDA_NODE_LIVE;
    return (tag & ~BDA_NODE_ZONE_MASK) == live;
}

static inline bool bda_node_is_live(struct bda_node *node, uint32_t generation) {
    return bda_tag_is_live(bda_node_tag(node), generation);
}

/* The generation of one tag, the zone of another, and a state. */
static inline uint32_t bda_tag_of(uint32_t generation, uint32_t zone, enum bda_node_state state) {
    generation &= ~(BDA_NODE_STATE_MASK | BDA_NODE_ZONE_MASK);
    return generation | (zone & BDA_NODE_ZONE_MASK) | (uint32_t)state;
}

static inline bool bda_node_is_spent(struct bda_node *node) {
    return bda_node_tag(node) >= BDA_GENERATION_SPENT << BDA_NODE_GENERATION_SHIFT; /* the highest there is */
}

static inline uint32_t bda_node_region(struct bda_node *node) {
    return atomic_load_explicit(&node->region, memory_order_relaxed);
}

static inline void bda_node_set_region(struct bda_node *node, uint32_t region) {
    bda_node_write(&node->region, region);
}

BDA_INLINE void bda_node_set_state(struct bda_node *node, enum bda_node_state state) {
    bda_node_set_tag(node, (bda_node_tag(node) & ~BDA_NODE_STATE_MASK) | (uint32_t)state);
}

static inline void bda_node_set(struct bda_node *node, enum bda_node_state state, uint32_t zone) {
    uint32_t generation = bda_node_tag(node) & ~(BDA_NODE_STATE_MASK | BDA_NODE_ZONE_MASK);
    bda_node_set_tag(node, generation | zone << BDA_NODE_STATE_BITS | (uint32_t)state);
}

/* Ends a life: the generation moves, so every handle to it is stale, and the state is `state`. */
static inline void bda_node_retire(struct bda_node *node, enum bda_node_state state) {
    uint32_t tag = bda_node_tag(node) & ~BDA_NODE_STATE_MASK;
    bda_node_set_tag(node, (tag + (1u << BDA_NODE_GENERATION_SHIFT)) | (uint32_t)state);
}

/* The same of an allocation that was seen live, with this tag; false where it no longer is. `shared`: others may be
 * trying the same at this moment, and one alone succeeds. */
BDA_INLINE bool bda_node_retire_seen(struct bda_node *node, uint32_t tag, enum bda_node_state state, bool shared) {
    uint32_t next = tag - (uint32_t)BDA_NODE_LIVE + (1u << BDA_NODE_GENERATION_SHIFT) + (uint32_t)state;
    if (shared)
        return atomic_compare_exchange_strong_explicit(&node->tag, &tag, next, memory_order_seq_cst,
                                                       memory_order_relaxed);
    bda_node_set_tag(node, next);
    return true;
}

/* The same of the allocation that a handle of this generation names. */
BDA_INLINE bool bda_node_try_retire(struct bda_node *node, uint32_t generation, enum bda_node_state state,
                                    bool shared) {
    uint32_t tag = bda_node_tag(node);
    return bda_tag_is_live(tag, generation) && bda_node_retire_seen(node, tag, state, shared);
}

/* Takes a retirement back, before anything was made of it. */
static inline void bda_node_revive(struct bda_node *node) {
    uint32_t tag = bda_node_tag(node) & ~BDA_NODE_STATE_MASK;
    tag = (tag - (1u << BDA_NODE_GENERATION_SHIFT)) | (uint32_t)BDA_NODE_LIVE;
    atomic_store_explicit(&node->tag, tag, memory_order_release); /* who retires it next comes after us */
}

/* Its neighbours in its list, of a free node. */
static inline uint32_t bda_node_list_previous(const struct bda_node *node) {
    return atomic_load_explicit(&node->as.list.previous, memory_order_relaxed);
}

static inline uint32_t bda_node_list_next(const struct bda_node *node) {
    return atomic_load_explicit(&node->as.list.next, memory_order_relaxed);
}

static inline void bda_node_set_list_previous(struct bda_node *node, uint32_t previous) {
    bda_node_write(&node->as.list.previous, previous);
}

static inline void bda_node_set_list_next(struct bda_node *node, uint32_t next) {
    bda_node_write(&node->as.list.next, next);
}

/* The slack of what TLSF has just made live, until whoever took it has written all words: that of no other. */
#define BDA_SLACK_UNKNOWN UINT32_MAX

static inline uint32_t bda_node_slack(const struct bda_node *node) {
    return atomic_load_explicit(&node->as.taken.slack_or_link, memory_order_relaxed);
}

static inline void bda_node_set_slack(struct bda_node *node, uint32_t bytes) {
    bda_node_write(&node->as.taken.slack_or_link, bytes);
}

static inline uint32_t bda_node_link(const struct bda_node *node) {
    return bda_node_slack(node);
}

/* Who reads the link for the slack of what was live a moment ago finds out, see bda_node_lives_on. */
static inline void bda_node_set_link(struct bda_node *node, uint32_t next) {
    bda_node_set_slack(node, next);
}

/* Whether what was read of a live node, under its pool's lock, was read of the allocation that a handle of this
 * generation names: it may have been retired without that lock meanwhile, and be in a cache. */
static inline bool bda_node_lives_on(struct bda_node *node, uint32_t generation) {
    (void)atomic_load_explicit(&node->as.taken.slack_or_link, memory_order_acquire);
    return bda_node_is_live(node, generation);
}

/* What a link to one side says to who has no lock: the node is there, wherever it lies by now. */
BDA_INLINE uint32_t bda_node_neighbour(const struct bda_node *node, bool back) {
    return bda_link_index(atomic_load_explicit(back ? &node->previous : &node->next, memory_order_acquire));
}

/* Asks for the nodes on both sides, without the lock: so the chunks are asked for anew behind each link, which may lead
 * to a node of a chunk that has just come. */
BDA_INLINE void bda_node_prefetch_neighbours(struct bda_nodes *nodes, const struct bda_node *node) {
    bda_prefetch(bda_node_at(nodes, bda_node_neighbour(node, true)));
    bda_prefetch(bda_node_at(nodes, bda_node_neighbour(node, false)));
}

/* What is read of a live range by who has no lock. */
struct bda_node_view {
    uint32_t tag, offset, size, slack;
    uint32_t record_or_home;
};

/* Reads a live range of a region: all words are of one life, since its tag is the same before and after. False: it is
 * none, or is being made or freed at this moment. */
BDA_INLINE bool bda_node_view(struct bda_node *node, uint32_t region, struct bda_node_view *view) {
    view->tag = atomic_load_explicit(&node->tag, memory_order_acquire);
    uint32_t lies_in = atomic_load_explicit(&node->region, memory_order_acquire);
    if ((view->tag & BDA_NODE_STATE_MASK) != (uint32_t)BDA_NODE_LIVE || lies_in != region)
        return false;
    view->offset = atomic_load_explicit(&node->offset, memory_order_acquire);
    view->size = atomic_load_explicit(&node->size, memory_order_acquire);
    view->slack = atomic_load_explicit(&node->as.taken.slack_or_link, memory_order_acquire);
    view->record_or_home = atomic_load_explicit(&node->as.taken.record_or_home, memory_order_acquire);
    return view->slack != BDA_SLACK_UNKNOWN && bda_node_tag(node) == view->tag;
}

/* What the owner of a taken range writes to it and keeps with it: a record (name, user value, stack), or with the
 * highest bit set where caches keep it (alloc/shelf.h), or of a pending one what its slack was (alloc/free.c); 0: none
 * of them. Its own buffer stands beside the node (words.h). */
#define BDA_NODE_HOME ((uint32_t)1 << 31)

/* It may change under one's eyes: who gives a node a record that has just been freed puts that there for a moment, also
 * where the node is kept (bda_node_try_set_record). */
static inline uint32_t bda_node_home(const struct bda_node *node) {
    return atomic_load_explicit(&node->as.taken.record_or_home, memory_order_relaxed);
}

static inline bool bda_node_has_home(const struct bda_node *node, uint32_t home) {
    return atomic_load_explicit(&node->as.taken.record_or_home, memory_order_seq_cst) == home;
}

BDA_INLINE uint32_t bda_record_in(uint32_t record_or_home) {
    return (record_or_home & BDA_NODE_HOME) != 0 ? 0 : record_or_home;
}

static inline uint32_t bda_node_record(const struct bda_node *node) {
    return bda_record_in(bda_node_home(node));
}

static inline void bda_node_set_record(struct bda_node *node, uint32_t record_or_home) {
    bda_node_write(&node->as.taken.record_or_home, record_or_home);
}

/* Gives a live node its first record, under its pool's lock. Somebody may be retiring it at this moment without that
 * lock, and looks for a record afterwards (bda_node_last_record): one of the two sees the other. False: it has been
 * retired, and got none. */
static inline bool bda_node_try_set_record(struct bda_node *node, uint32_t generation, uint32_t record) {
    uint32_t before = atomic_exchange_explicit(&node->as.taken.record_or_home, record, memory_order_seq_cst);
    if (bda_tag_is_live(atomic_load_explicit(&node->tag, memory_order_seq_cst), generation))
        return true;
    (void)atomic_compare_exchange_strong_explicit(&node->as.taken.record_or_home, &record, before, memory_order_relaxed,
                                                  memory_order_relaxed);
    return false; /* and whoever has it now may have written there already */
}

static inline uint32_t bda_node_last_record(struct bda_node *node) {
    return bda_record_in(atomic_load_explicit(&node->as.taken.record_or_home, memory_order_seq_cst));
}

/* Pops the first node of a list, which `first` is. */
static inline void bda_node_pop_first(struct bda_node_list *list, struct bda_node *first) {
    list->first = atomic_load_explicit(&first->as.spare, memory_order_relaxed);
    list->count--;
}

/* Pops a node; the list is not empty. */
static inline uint32_t bda_node_pop(bda_node_chunks chunks, struct bda_node_list *list) {
    uint32_t index = list->first;
    bda_node_pop_first(list, bda_node_in(chunks, index));
    return index;
}

/* Pushes a node that nothing refers to any more. One whose generation is spent is left out of every list for good:
 * 32 bytes are lost once in sixteen million frees, and no stale handle ever becomes valid again. */
static inline void bda_node_push(struct bda_node_list *list, uint32_t index, struct bda_node *node) {
    uint32_t tag = bda_node_tag(node) & ~BDA_NODE_STATE_MASK;
    bda_node_set_tag(node, tag | (uint32_t)BDA_NODE_UNUSED);
    if (tag >= BDA_GENERATION_SPENT << BDA_NODE_GENERATION_SHIFT)
        return;
    bda_node_write(&node->as.spare, list->first);
    list->first = index;
    list->count++;
}

/* The same by index alone. */
static inline uint32_t bda_node_list_pop(struct bda_nodes *nodes, struct bda_node_list *list) {
    return bda_node_pop(bda_nodes_chunks(nodes), list);
}

static inline void bda_node_list_push(struct bda_nodes *nodes, struct bda_node_list *list, uint32_t index) {
    bda_node_push(list, index, bda_node_at(nodes, index));
}

#endif
