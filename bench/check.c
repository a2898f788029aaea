/*
 * The checker, see check.h: a balanced tree of the C library's, in which two ranges that share a byte compare as equal.
 * So a new range that finds an equal one has found the overlap.
 */
#include "check.h"

#include <inttypes.h>
#include <search.h>
#include <stdlib.h>

struct extent {
    uint64_t begin, end;
};

static int compare(const void *a, const void *b) {
    const struct extent *x = a, *y = b;
    if (x->end <= y->begin)
        return -1;
    return x->begin >= y->end ? 1 : 0;
}

void bench_check_take(struct bench_check *check, uint64_t address, uint64_t size, uint64_t alignment) {
    if (address % alignment != 0)
        bench_fail("%s answered 0x%" PRIx64 ", which %" PRIu64 " does not divide", check->who, address, alignment);
    struct extent *extent = bench_memory(1, sizeof *extent);
    *extent = (struct extent){ address, address + size };
    struct extent *const *found = tsearch(extent, &check->ranges, compare);
    if (found == NULL)
        bench_fail("out of memory");
    if (*found != extent)
        bench_fail("%s answered 0x%" PRIx64 " to 0x%" PRIx64 ", but 0x%" PRIx64 " to 0x%" PRIx64 " is taken",
                   check->who, extent->begin, extent->end, (*found)->begin, (*found)->end);
    check->checked++;
}

void bench_check_give(struct bench_check *check, uint64_t address) {
    const struct extent first_byte = { address, address + 1 };
    struct extent *const *found = tfind(&first_byte, &check->ranges, compare);
    if (found == NULL || (*found)->begin != address)
        bench_fail("%s: 0x%" PRIx64 " is freed, but no range begins there", check->who, address);
    struct extent *extent = *found;
    (void)tdelete(extent, &check->ranges, compare);
    free(extent);
}

void bench_check_release(struct bench_check *check) {
    tdestroy(check->ranges, free);
    check->ranges = NULL;
}

/* ---- After a script ---- */

void bench_check_holdings(struct bench_check *check, const struct bench_player *player,
                          const struct bench_script *script) {
    uint32_t *sizes = bench_memory(script->live, sizeof *sizes);
    for (uint32_t i = 0; i < script->live; i++)
        sizes[i] = script->fill[i];
    for (uint64_t i = 0; i < script->count; i++)
        sizes[script->pairs[i].slot] = script->pairs[i].size;
    /* VMA aligns a buffer's offset; how a driver aligns the memory below it is not VMA's to say. */
    uint64_t alignment = player->contender->makes_buffers ? 1 : script->mix->alignment;
    for (uint32_t i = 0; i < script->live; i++)
        if (player->ranges[i].handle != 0)
            bench_check_take(check, player->ranges[i].address, sizes[i], alignment);
    free(sizes);
}

void bench_check_players(const struct bench_players *players, const struct bench_script *script) {
    for (uint32_t i = 0; i < players->count; i++) {
        struct bench_check check = { .who = players->all[i].contender->name };
        if (players->all[i].contender->has_pool)
            bench_check_holdings(&check, &players->all[i], script);
        bench_check_release(&check);
    }
}
