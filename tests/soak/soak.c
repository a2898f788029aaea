/*
 * The long run: TLSF alone, as many operations as are asked for, in several mixes of sizes and alignments. Each is
 * checked as cheaply as a billion of them needs; now and then all invariants are.
 *
 * A byte per granule says whose it is (the *map*): what is handed out must belong to nobody, what is given back must
 * still be its owner's to the last granule. So an overlap shows at the first operation that touches it.
 *
 *     soak [OPERATIONS [SEED]]        shared out among the mixes; 1000000000 of them take some minutes
 */
#include "core/tlsf.h"

#include "../model/choices.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof(array)[0]))

enum {
    DEFAULT_OPERATIONS = 6000000,
    REGIONS = 6,
    SLOTS = 1 << 17,
    LOOK_EVERY = 1 << 22,    /* operations between two full checks, at most */
    CHURN_EVERY = 50000,     /* between two regions that come or go */
    TIDE = 1 << 20,          /* between filling and draining */
    LAST_SIZES = 1 << 12,    /* sizes are drawn beforehand, so that drawing them costs nothing */
    NODES_AT_A_TIME = 1 << 8 /* spare ones at hand, so that asking for them is rare */
};

struct mix {
    const char *name;
    uint32_t granule_log2, regions, region_size; /* in granules */
    uint32_t slots;                              /* allocations at a time, at most */
    uint32_t smallest, largest;                  /* in granules, every power of two as likely as the next */
    uint32_t alignments;                         /* powers of two above the granule, asked for by every fourth */
    enum { ANY_ORDER, FIRST_IN_FIRST_OUT, TIDES } order;
    bool churn; /* regions come and go */
};

static const struct mix mixes[] = {
    { "small ranges, a full pool", 4, 1, 1u << 20, 1u << 17, 1, 64, 6, ANY_ORDER, false },
    { "any size in several regions", 4, 4, 1u << 20, 1u << 14, 1, 4096, 10, ANY_ORDER, false },
    { "one size", 8, 1, 1u << 16, 40000, 1, 1, 0, ANY_ORDER, false },
    { "first in, first out", 4, 2, 1u << 20, 1u << 13, 16, 1024, 4, FIRST_IN_FIRST_OUT, false },
    { "tides, to the last granule", 0, 3, 1u << 18, 24000, 1, 256, 12, TIDES, false },
    { "regions come and go", 16, 3, 1u << 16, 1u << 12, 1, 512, 8, TIDES, true },
    { "one at a time, until nodes wear out", 4, 1, 64, 1, 1, 16, 3, ANY_ORDER, false },
};

struct slot {
    uint32_t node; /* 0: empty */
    uint32_t size, region, offset;
};

struct soak {
    const struct mix *mix;
    struct choices choices;
    uint64_t seed, operation;
    uint64_t allocated, freed, refused, looks, worn, live_granules;
    struct bda_host host;
    struct bda_nodes nodes;
    struct bda_store regions;
    struct bda_tlsf tlsf;
    uint32_t added[REGIONS], count;
    unsigned char *maps[REGIONS]; /* of the region of the same place in `added` */
    struct slot slots[SLOTS];
    uint32_t sizes[LAST_SIZES];
    bool filling;
};

#define promise(soak, holds)                                                                                           \
    do {                                                                                                               \
        if (!(holds))                                                                                                  \
            broken(soak, #holds);                                                                                      \
    } while (0)

_Noreturn static void broken(const struct soak *soak, const char *what) {
    (void)fprintf(stderr, "seed %" PRIu64 ", %s, operation %" PRIu64 ": broken: %s\n", soak->seed, soak->mix->name,
                  soak->operation, what);
    exit(EXIT_FAILURE);
}

/* ---- The map ----------------------------------------------------------------------------------------------------- */

/* Slots that are neighbours by chance have different owners nearly always; 0 is nobody. */
static unsigned char owner_of(const struct soak *soak, const struct slot *slot) {
    return (unsigned char)(1 + (slot - soak->slots) % 251);
}

static unsigned char *map_of(struct soak *soak, const struct slot *slot) {
    uint32_t i = 0;
    while (i < soak->count && soak->added[i] != slot->region)
        i++;
    promise(soak, i < soak->count);
    promise(soak, (uint64_t)slot->offset + slot->size <= soak->mix->region_size);
    return soak->maps[i] + slot->offset;
}

/* All the same, if each is the same as the one after it. */
static bool is_all(const unsigned char *map, uint32_t size, unsigned char owner) {
    return map[0] == owner && memcmp(map, map + 1, size - 1) == 0;
}

/* ---- Operations -------------------------------------------------------------------------------------------------- */

static void secure_nodes(struct soak *soak) {
    if (soak->tlsf.spare.count < BDA_TLSF_NODES_PER_ALLOC)
        promise(soak, bda_nodes_take(&soak->nodes, &soak->tlsf.spare, NODES_AT_A_TIME));
    if (soak->tlsf.spare.count > 4 * NODES_AT_A_TIME)
        bda_nodes_give(&soak->nodes, &soak->tlsf.spare, 2 * NODES_AT_A_TIME);
}

/* No range can have been sure to hold it. */
static void note_refusal(struct soak *soak, uint32_t size, uint64_t alignment) {
    uint64_t padded = size + (alignment >> soak->mix->granule_log2) - 1;
    soak->refused++;
    promise(soak, bda_tlsf_largest_free(&soak->tlsf) < bda_tlsf_round_up(padded));
}

static void note_range(struct soak *soak, struct slot *slot, uint32_t size, uint64_t alignment) {
    struct bda_node *node = bda_node_at(&soak->nodes, slot->node);
    const struct bda_region *region = bda_store_at(&soak->regions, bda_node_region(node));
    slot->region = bda_node_region(node);
    slot->offset = node->offset;
    slot->size = node->size;
    promise(soak, node->size >= size && node->size - size <= bda_tlsf_sliver(size));
    promise(soak, bda_node_state(node) == BDA_NODE_LIVE && !bda_node_is_spent(node));
    promise(soak, ((region->base + ((uint64_t)node->offset << soak->mix->granule_log2)) & (alignment - 1)) == 0);
    unsigned char *map = map_of(soak, slot);
    promise(soak, is_all(map, slot->size, 0));
    memset(map, owner_of(soak, slot), slot->size);
    soak->live_granules += slot->size;
    soak->allocated++;
}

static void allocate(struct soak *soak, struct slot *slot) {
    uint64_t chance = choose_by_chance(&soak->choices);
    uint32_t size = soak->sizes[chance % LAST_SIZES];
    uint32_t above = (chance >> 16) % 4 == 0 ? (uint32_t)(chance >> 32) % (soak->mix->alignments + 1) : 0;
    uint64_t alignment = (uint64_t)1 << (soak->mix->granule_log2 + above);
    secure_nodes(soak);
    slot->node = (uint32_t)bda_tlsf_take(&soak->tlsf, size, alignment).index;
    if (slot->node == 0)
        note_refusal(soak, size, alignment);
    else
        note_range(soak, slot, size, alignment);
}

static void give_back(struct soak *soak, struct slot *slot) {
    struct bda_node *node = bda_node_at(&soak->nodes, slot->node);
    unsigned char *map = map_of(soak, slot);
    promise(soak, node->offset == slot->offset && node->size == slot->size);
    promise(soak, is_all(map, slot->size, owner_of(soak, slot)));
    memset(map, 0, slot->size);
    bda_node_retire(node, BDA_NODE_RETIRED);
    soak->worn += bda_node_is_spent(node);
    bda_tlsf_free(&soak->tlsf, slot->node);
    soak->live_granules -= slot->size;
    soak->freed++;
    slot->node = 0;
}

/* ---- Full checks ------------------------------------------------------------------------------------------------- */

static void look(struct soak *soak) {
    uint64_t total = (uint64_t)soak->count * soak->mix->region_size;
    const char *what = bda_tlsf_check(&soak->tlsf, soak->added, soak->count);
    if (what != NULL)
        broken(soak, what);
    promise(soak, soak->tlsf.free_granules + soak->live_granules == total);
    uint64_t taken = 0;
    for (uint32_t i = 0; i < soak->count; i++)
        for (uint32_t k = 0; k < soak->mix->region_size; k++)
            taken += soak->maps[i][k] != 0;
    promise(soak, taken == soak->live_granules);
    soak->looks++;
}

/* ---- Regions ----------------------------------------------------------------------------------------------------- */

static void add_region(struct soak *soak) {
    uint32_t index = 0;
    promise(soak, soak->count < REGIONS && bda_store_grow(&soak->regions, 1, &index) == 1);
    struct bda_region *region = bda_store_at(&soak->regions, index);
    memset(region, 0, sizeof *region);
    uint64_t base = choose_by_chance(&soak->choices) >> 18;
    region->base = bda_align_down(base, (uint64_t)1 << soak->mix->granule_log2);
    region->size = soak->mix->region_size;
    secure_nodes(soak);
    bda_tlsf_add_region(&soak->tlsf, index);
    soak->maps[soak->count] = calloc(soak->mix->region_size, 1);
    promise(soak, soak->maps[soak->count] != NULL);
    soak->added[soak->count++] = index;
}

static void remove_region(struct soak *soak, uint32_t i) {
    promise(soak, is_all(soak->maps[i], soak->mix->region_size, 0));
    bda_tlsf_remove_region(&soak->tlsf, soak->added[i]);
    free(soak->maps[i]);
    soak->count--;
    soak->added[i] = soak->added[soak->count];
    soak->maps[i] = soak->maps[soak->count];
}

/* An empty region goes; where there is none, one comes. */
static void churn(struct soak *soak) {
    for (uint32_t i = 0; i < soak->count && soak->count > 1; i++) {
        if (bda_tlsf_region_is_empty(&soak->tlsf, soak->added[i])) {
            remove_region(soak, i);
            return;
        }
    }
    if (soak->count < REGIONS)
        add_region(soak);
}

/* ---- A mix ------------------------------------------------------------------------------------------------------- */

static struct slot *some_slot(struct soak *soak) {
    return &soak->slots[choose_by_chance(&soak->choices) % soak->mix->slots];
}

/* What is empty is filled, what is full is emptied. */
static void turn(struct soak *soak, struct slot *slot) {
    if (slot->node != 0)
        give_back(soak, slot);
    else
        allocate(soak, slot);
}

/* A slot that is as the tide wants it already is passed over once; one time in eight it is the other way round. */
static void step_with_tide(struct soak *soak) {
    struct slot *slot = some_slot(soak);
    if (soak->operation % TIDE == 0)
        soak->filling = !soak->filling;
    bool against = choose_by_chance(&soak->choices) % 8 == 0;
    if ((slot->node != 0) == (soak->filling != against))
        slot = some_slot(soak);
    turn(soak, slot);
}

static void step(struct soak *soak) {
    soak->operation++;
    if (soak->mix->order == FIRST_IN_FIRST_OUT)
        turn(soak, &soak->slots[soak->operation % soak->mix->slots]);
    else if (soak->mix->order == TIDES)
        step_with_tide(soak);
    else
        turn(soak, some_slot(soak));
    if (soak->mix->churn && soak->operation % CHURN_EVERY == 0)
        churn(soak);
}

/* Every power of two is as likely as the next. */
static uint32_t some_size(struct soak *soak) {
    const struct mix *mix = soak->mix;
    uint32_t powers = bda_floor_log2(mix->largest) - bda_floor_log2(mix->smallest);
    uint64_t chance = choose_by_chance(&soak->choices);
    uint32_t power = bda_floor_log2(mix->smallest) + (uint32_t)(chance >> 32) % (powers + 1);
    uint32_t size = (1u << power) + (uint32_t)chance % (1u << power);
    return size < mix->smallest ? mix->smallest : size > mix->largest ? mix->largest : size;
}

static void open_mix(struct soak *soak, const struct mix *mix, uint64_t seed) {
    memset(soak, 0, sizeof *soak);
    soak->mix = mix;
    soak->seed = seed;
    soak->choices.random = seed * 1000 + (uint64_t)(mix - mixes);
    bda_nodes_init(&soak->nodes, &soak->host);
    bda_store_init(&soak->regions, &soak->host, sizeof(struct bda_region), 4);
    bda_tlsf_init(&soak->tlsf, &soak->nodes, &soak->regions, mix->granule_log2);
    for (uint32_t i = 0; i < LAST_SIZES; i++)
        soak->sizes[i] = some_size(soak);
    for (uint32_t i = 0; i < mix->regions; i++)
        add_region(soak);
}

/* Nothing is left: no range, no node but those that wore out, no host memory. */
static void close_mix(struct soak *soak) {
    look(soak);
    for (uint32_t i = 0; i < soak->mix->slots; i++)
        if (soak->slots[i].node != 0)
            give_back(soak, &soak->slots[i]);
    look(soak);
    promise(soak, soak->tlsf.empty_regions == soak->count);
    while (soak->count != 0)
        remove_region(soak, 0);
    look(soak);
    uint32_t made = soak->nodes.store.length - 1;
    promise(soak, made == soak->nodes.spare.count + soak->tlsf.spare.count + soak->worn);
    bda_nodes_destroy(&soak->nodes);
    bda_store_destroy(&soak->regions);
    promise(soak, soak->host.bytes == 0);
}

/* Of the processor: others may use the machine too. */
static double seconds(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

static void run_mix(struct soak *soak, uint64_t operations) {
    uint64_t look_every = operations / 8 < LOOK_EVERY ? operations / 8 + 1 : LOOK_EVERY;
    double begun = seconds();
    while (soak->operation < operations) {
        step(soak);
        if (soak->operation % look_every == 0)
            look(soak);
    }
    close_mix(soak);
    printf("%-34s %11" PRIu64 " allocated %11" PRIu64 " refused %6" PRIu64 " worn %5" PRIu64
           " looks %7.1f s %6.1f ns\n",
           soak->mix->name, soak->allocated, soak->refused, soak->worn, soak->looks, seconds() - begun,
           (seconds() - begun) * 1e9 / (double)operations);
    (void)fflush(stdout);
}

int main(int count, char **arguments) {
    static struct soak soak;
    uint64_t operations = count > 1 ? strtoull(arguments[1], NULL, 0) : DEFAULT_OPERATIONS;
    uint64_t seed = count > 2 ? strtoull(arguments[2], NULL, 0) : 1;
    uint64_t each = (operations + COUNT_OF(mixes) - 1) / COUNT_OF(mixes);
    printf("seed %" PRIu64 ", %" PRIu64 " operations in each of %u mixes\n", seed, each, COUNT_OF(mixes));
    for (uint32_t i = 0; i < COUNT_OF(mixes); i++) {
        open_mix(&soak, &mixes[i], seed);
        run_mix(&soak, each);
    }
    return EXIT_SUCCESS;
}
