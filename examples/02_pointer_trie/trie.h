/*
 * A trie in GPU memory: each node and each word's record is an allocation of its own, and they point at each other by
 * device address. The layout stands in pointer_trie.comp.
 *
 * A node is as large as its number of children wants. When it outgrows that, it moves to a larger allocation and the
 * old one is freed, so frees fall between allocations all through the building.
 */
#ifndef EXAMPLES_TRIE_H
#define EXAMPLES_TRIE_H

#include "upload.h"
#include "words.h"

/* The CPU's record of a node; what the GPU sees is made from it in trie_upload. */
struct trie_node {
    BdaAllocation memory;
    uint64_t letters;
    uint32_t *children; /* indices into nodes, in the order of the letters' bits */
    uint32_t record;    /* index into records, plus 1; 0: no word ends here */
};

struct trie_record {
    BdaAllocation memory;
    const struct entry *entry;
};

struct trie {
    BdaAllocator allocator;
    struct trie_node *nodes; /* 0 is the root */
    uint32_t node_count;
    uint32_t node_capacity;
    struct trie_record *records;
    uint32_t record_count;
    uint32_t moves; /* nodes that outgrew their allocation, which was freed */
};

/* What the pointers are like, counted over all of them. */
struct trie_survey {
    uint32_t pointers;
    uint32_t crossing; /* from one block into another */
    uint32_t blocks;   /* different VkBuffers */
};

void trie_build(struct trie *trie, BdaAllocator allocator, const struct words *words);
void trie_upload(const struct trie *trie, struct upload *upload);
struct trie_survey trie_survey(const struct trie *trie);

/* Frees every node and record, in one call. */
void trie_free(struct trie *trie);

#endif
