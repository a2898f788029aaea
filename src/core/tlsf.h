/*
 * TLSF, two-level segregated fit (Masmano, Ripoll, Crespo, Real, ECRTS 2004), with its nodes outside of the managed
 * memory.
 *
 * Words: a *granule* is the unit that sizes and offsets count in (a power of two of bytes); a *region* is a stretch of
 * addresses that one instance hands out pieces of, and an instance has any number of them; a *class* is a range of
 * sizes, 16 classes to a power of two; a *zone* is a stretch of positions: the first eighth of all granules (rounded
 * down to a power of two), up to a quarter, up to a half, the rest. Free ranges lie in *lists*, one for each class and
 * zone; a range keeps the zone that was found when it was cut; empty regions learn theirs when regions come or go.
 *
 * Sizes decide where a request goes as long as something of about its size is free. A request that has to break a
 * range far larger than itself takes it from the lowest zone, so small allocations gather at low addresses and
 * leave the large ranges elsewhere whole.
 *
 * Allocating and freeing are bounded by a constant, whatever the state of the regions (bda_tlsf_alloc_at, which is for
 * replay, walks one region). Nothing here allocates: the caller keeps BDA_TLSF_NODES_PER_ALLOC spare nodes at hand
 * before it allocates or adds a region, and freeing needs none. One thread at a time (the lock of the pool).
 */
#ifndef BDA_CORE_TLSF_H
#define BDA_CORE_TLSF_H

#include "core/bits.h"
#include "core/node.h"

enum {
    BDA_TLSF_CLASSES_LOG2 = 4, /* second-level classes per power of two */
    BDA_TLSF_CLASSES = 1 << BDA_TLSF_CLASSES_LOG2,
    BDA_TLSF_LEVELS =
        32 - BDA_TLSF_CLASSES_LOG2 + 1, /* the first level holds the sizes below BDA_TLSF_CLASSES, exactly */
    BDA_TLSF_ZONES_LOG2 = 2,
    BDA_TLSF_ZONES = 1 << BDA_TLSF_ZONES_LOG2,
    BDA_TLSF_LISTS = BDA_TLSF_LEVELS * BDA_TLSF_CLASSES * BDA_TLSF_ZONES,
    BDA_TLSF_WORDS = (BDA_TLSF_LISTS + 63) / 64,
    BDA_TLSF_SMALL = 1 << 12,     /* the largest size that gathers in the lowest zone, see bda_tlsf_take */
    BDA_TLSF_NODES_PER_ALLOC = 2, /* what lies in front of an aligned range, and the range */
    BDA_TLSF_NEAR_TRIES = 8,      /* lists near a size that are looked into */
    BDA_TLSF_EXACT_TRIES = 4,     /* ranges looked at before "no space" */
    BDA_TLSF_LARGEST_TRIES = 256, /* ranges compared to tell the longest */
    BDA_TLSF_SLIVER_LOG2 = 5,     /* a rest of so small a share of a request is not worth a cut, see bda_tlsf_take */
    BDA_TLSF_SLIVER_MOST = 1 << 10,
};

/* The first member of whatever record the owner keeps for a stretch of addresses. */
struct bda_region {
    uint64_t base;  /* address of its first byte, a multiple of the granule */
    uint32_t first; /* node with the lowest address */
    uint32_t size;  /* in granules */
    uint64_t start; /* where it lies in the instance, in granules: behind the older regions */
    uint32_t older; /* the region before it, 0 none */
};

struct bda_tlsf {
    struct bda_nodes *nodes;
    struct bda_store *regions; /* of records that begin with a struct bda_region */
    struct bda_node_list spare;
    uint32_t granule_log2;
    uint32_t newest_region;
    _Atomic uint32_t empty_regions; /* regions that are one free range; may be read without the lock */
    uint64_t free_granules;
    uint64_t granules;   /* of all regions */
    uint32_t zone_shift; /* positions in granules to eighths of them */
    uint64_t bases; /* every bit that is set in the base of a region, ever: alignments below are the offset's alone */
    uint32_t words_of_zone[BDA_TLSF_ZONES]; /* words of `filled` where a list of that zone may be filled */
    uint64_t filled[BDA_TLSF_WORDS];        /* lists that are not empty, one bit each; a word to a power of two */
    struct bda_tlsf_list {
        uint32_t first; /* node */
        uint32_t size;  /* of that range, so that one too small is passed over without a look at it */
    } lists[BDA_TLSF_LISTS];
};

/* A range that was handed out: who wants to write to its node need not look it up again. */
struct bda_taken {
    struct bda_node *node;
    uint64_t index; /* 0: none; as wide as a register, or compilers put the two together in memory */
};

void bda_tlsf_init(struct bda_tlsf *tlsf, struct bda_nodes *nodes, struct bda_store *regions, uint32_t granule_log2);

/* Adds a region, all of it free; its base and size are set, size is not zero. Takes one spare node. Linear in the
 * regions, if another one is empty. */
void bda_tlsf_add_region(struct bda_tlsf *tlsf, uint32_t region);

/* Takes an entirely free region out; its node becomes spare. Linear in the regions. */
void bda_tlsf_remove_region(struct bda_tlsf *tlsf, uint32_t region);

/*
 * Takes a range of `size` granules (not zero) whose address, base + offset, is a multiple of `alignment` bytes (a power
 * of two, at least a granule). Returns its node, in state live, or none. A free range that is larger by no more than
 * bda_tlsf_sliver(size) may be handed out as it is: a thirty-second of the request, 1024 granules at most. What its
 * owner keeps with it (slack and record, see node.h) is for the owner to write. The search, in this order:
 *
 * - near: the lists of the class of `size` and of the classes above it, up to the next power of two (their bits share a
 *   word), lowest class first, lowest zone first within a class: the first range of at most BDA_TLSF_NEAR_TRIES of
 *   these lists, if it holds the request. (Where no alignment is in the way, a first list that does not serve is
 *   followed by those of the classes above, which do, before others of its class.)
 * - low: what surely holds it. The lowest zone with a range of at least size + alignment - granule, rounded up to where
 *   a class begins (bda_tlsf_round_up), and there the lowest class. (With nothing near, a range from the next power of
 *   two on is looked for first in the same way, and taken if it is aligned as it lies.)
 *   For a size of at most BDA_TLSF_SMALL both are tried in the lowest zone alone before: so what is small gathers
 *   there, and the other zones are left to what is large.
 * - last: the first BDA_TLSF_EXACT_TRIES ranges in the lists from the class of `size` upwards.
 *
 * So a refusal means: no free range is as large as `low` asks for, and none of the few that `near` and `last` looked at
 * holds the request. A smaller range that would hold it may be free further down a list: that is the price of the
 * bound.
 */
struct bda_taken bda_tlsf_take(struct bda_tlsf *tlsf, uint32_t size, uint64_t alignment);

/* Takes exactly [offset, offset + size) of a region, or returns 0 if any of it is taken. Linear in the region. */
uint32_t bda_tlsf_alloc_at(struct bda_tlsf *tlsf, uint32_t region, uint32_t offset, uint32_t size);

/* Gives a range back, whatever its state but free, and merges it with its free neighbours. Who has looked at its node
 * passes the address on: what the neighbours are is then known a few look-ups earlier, and branches hang on that. */
void bda_tlsf_free_node(struct bda_tlsf *tlsf, uint32_t index, struct bda_node *node);

static inline void bda_tlsf_free(struct bda_tlsf *tlsf, uint32_t index) {
    bda_tlsf_free_node(tlsf, index, bda_node_at(tlsf->nodes, index));
}

/*
 * Gives many ranges back, in the order given; no node twice. The same results as one call after another, faster where
 * there are more nodes than caches hold: the lines of those that follow are on their way while one is freed. (An
 * allocation needs no such help: it mostly finds what was freed last.)
 */
void bda_tlsf_free_many(struct bda_tlsf *tlsf, uint32_t count, const uint32_t *nodes);

/* How many regions are one free range, and whether one is. Without the lock the first is what was so lately. */
static inline uint32_t bda_tlsf_empty_regions(const struct bda_tlsf *tlsf) {
    return atomic_load_explicit(&tlsf->empty_regions, memory_order_relaxed);
}
bool bda_tlsf_region_is_empty(struct bda_tlsf *tlsf, uint32_t region);

/* The longest free range, in granules. Where more than BDA_TLSF_LARGEST_TRIES ranges share the highest class it is the
 * longest of so many, less than a sixteenth below the truth. */
uint32_t bda_tlsf_largest_free(struct bda_tlsf *tlsf);

/*
 * The invariants, executable. Region: the ranges tile [0, size) in order, links agree both ways, no two free
 * neighbours, every free range is in the list of its class. Lists: bitmaps tell the truth, every range in a list is
 * free and of that class, and the sums agree. Spare nodes are unused, and as many as counted. NULL, or which invariant
 * is broken. Linear; `regions` are all the instance has.
 */
const char *bda_tlsf_check(struct bda_tlsf *tlsf, const uint32_t *regions, uint32_t count);

/* The class of free ranges that a size belongs to, and the lowest class whose every member holds `size` (which may be
 * one too many for the tables: then no range can be that large). */
static inline uint32_t bda_tlsf_class_of(uint32_t size) {
    uint32_t shift = bda_floor_log2(size | BDA_TLSF_CLASSES) - BDA_TLSF_CLASSES_LOG2;
    return (shift << BDA_TLSF_CLASSES_LOG2) + (size >> shift);
}

static inline uint32_t bda_tlsf_class_above(uint32_t size) {
    return bda_tlsf_class_of(size - 1) + 1;
}

/* Granules that a range may have beyond a request of `size` and still be handed out whole. */
static inline uint32_t bda_tlsf_sliver(uint32_t size) {
    return (uint32_t)bda_min(size >> BDA_TLSF_SLIVER_LOG2, BDA_TLSF_SLIVER_MOST);
}

/* The least size that the good-fit search is sure to find room in for `size`: where the class above it begins. */
static inline uint64_t bda_tlsf_round_up(uint64_t size) {
    if (size <= BDA_TLSF_CLASSES || size > UINT32_MAX)
        return size;
    uint64_t step = (uint64_t)1 << (bda_floor_log2((uint32_t)size - 1) - BDA_TLSF_CLASSES_LOG2);
    return bda_align_up(size, step);
}

#endif
