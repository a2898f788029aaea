/* Dumps taken by tests: their text, whether it is JSON at all, and what it says of ranges. */
#ifndef TEST_DUMP_SUPPORT_H
#define TEST_DUMP_SUPPORT_H

#include "alloc_support.h"

struct dump {
    char *text;
    size_t length, room;
    uint32_t pieces, most_pieces; /* callbacks; after so many (0: no end) it answers VK_FALSE */
    unsigned under_lock;
};

/* One line of a block's ranges. */
struct dumped {
    VkDeviceAddress address, block;
    VkDeviceSize size, asked, cut, behind;
    VkDeviceSize before; /* of its block */
    BdaHandle handle;
    uint64_t frame;            /* 0: null or absent */
    char state[16], name[512]; /* the name as it stands there, with its escapes; empty: null or absent */
};

/* Writes a dump; `info` may be NULL. Its text is freed by dump_free. */
VkResult dump_take(struct dump *dump, const BdaJsonInfo *info);
void dump_free(struct dump *dump);

/* A BdaWriteText that collects. */
VkBool32 dump_collect(void *user, const char *text, size_t size);

/* Whether the text is one value of JSON's grammar (RFC 8259), in UTF-8, and nothing behind it. */
bool dump_is_json(const char *text, size_t length);

/* Goes through the ranges in order: `at` is NULL at first. False: there is none left. */
bool dump_next(const struct dump *dump, const char **at, struct dumped *range);

/* The promise of each dump: every block's ranges tile it. True where that holds. */
bool dump_tiles(const struct dump *dump);

/* And that of one while nothing happens: its sums, which docs/heap-dump.md names, hold to the byte. */
void dump_assert_adds_up(const struct dump *dump);

#endif
