/* Builds the trie and writes it into GPU memory; see trie.h. */
#include "trie.h"

#include <stdlib.h>
#include <string.h>

/* Record, letters, then the children. */
enum { NODE_HEAD = 2 };

static uint32_t count_bits(uint64_t bits) {
    uint32_t count = 0;
    for (; bits; bits &= bits - 1)
        count++;
    return count;
}

/* Whole 16 bytes, which an allocation takes anyway: neighbours then touch, and copies to them merge. */
static size_t node_size(uint64_t letters) {
    return ((NODE_HEAD + count_bits(letters)) * sizeof(uint64_t) + 15) & ~(size_t)15;
}

static void *grow(void *memory, size_t bytes) {
    void *grown = realloc(memory, bytes);
    if (!grown)
        ex_fail("out of memory");
    return grown;
}

static BdaAllocation allocate(struct trie *trie, size_t size, const char *name) {
    BdaAllocInfo info = { .size = size, .intent = BDA_INTENT_DEVICE, .name = name };
    BdaAllocation allocation;
    EX_CHECK(bda_alloc(trie->allocator, &info, &allocation));
    return allocation;
}

static uint32_t add_node(struct trie *trie) {
    if (trie->node_count == trie->node_capacity) {
        trie->node_capacity = trie->node_capacity ? 2 * trie->node_capacity : 1024;
        trie->nodes = grow(trie->nodes, trie->node_capacity * sizeof *trie->nodes);
    }
    trie->nodes[trie->node_count] = (struct trie_node){ .memory = allocate(trie, node_size(0), "trie node") };
    return trie->node_count++;
}

/* To memory for one child more. Its content is written at the end, so there is nothing to copy. */
static void move_node(struct trie *trie, struct trie_node *node, size_t size) {
    BdaAllocation outgrown = node->memory;
    node->memory = allocate(trie, size, "trie node");
    EX_CHECK(bda_free(trie->allocator, outgrown.handle));
    trie->moves++;
}

static uint32_t add_child(struct trie *trie, uint32_t parent, uint64_t bit, uint32_t place) {
    uint32_t child = add_node(trie);
    struct trie_node *node = &trie->nodes[parent];
    uint32_t count = count_bits(node->letters);
    node->children = grow(node->children, (count + 1) * sizeof *node->children);
    memmove(node->children + place + 1, node->children + place, (count - place) * sizeof *node->children);
    node->children[place] = child;
    node->letters |= bit;
    if (node_size(node->letters) > node->memory.size)
        move_node(trie, node, node_size(node->letters));
    return child;
}

static uint32_t find_or_add_child(struct trie *trie, uint32_t parent, int letter) {
    uint64_t bit = 1ull << letter;
    const struct trie_node *node = &trie->nodes[parent];
    uint32_t place = count_bits(node->letters & (bit - 1));
    return node->letters & bit ? node->children[place] : add_child(trie, parent, bit, place);
}

static void insert(struct trie *trie, const struct words *words, struct word word) {
    uint32_t node = 0;
    for (uint32_t i = 0; i < word.length; i++)
        node = find_or_add_child(trie, node, letter_index(words->bytes[word.offset + i]));
    if (trie->nodes[node].record)
        return;
    trie->records[trie->record_count] =
        (struct trie_record){ .memory = allocate(trie, sizeof(struct entry), "word record"),
                              .entry = find_entry(words, word) };
    trie->nodes[node].record = ++trie->record_count;
}

void trie_build(struct trie *trie, BdaAllocator allocator, const struct words *words) {
    *trie = (struct trie){ .allocator = allocator };
    trie->records = grow(NULL, words->entry_count * sizeof *trie->records);
    add_node(trie);
    for (uint32_t i = 0; i < words->present; i++)
        insert(trie, words, words->queries[i]);
}

static void upload_node(const struct trie *trie, const struct trie_node *node, struct upload *upload) {
    uint64_t content[NODE_HEAD + LETTERS] = { node->record ? trie->records[node->record - 1].memory.address : 0,
                                              node->letters };
    for (uint32_t i = 0; i < count_bits(node->letters); i++)
        content[NODE_HEAD + i] = trie->nodes[node->children[i]].memory.address;
    upload_write(upload, &node->memory, 0, content, node_size(node->letters));
}

void trie_upload(const struct trie *trie, struct upload *upload) {
    for (uint32_t i = 0; i < trie->node_count; i++)
        upload_node(trie, &trie->nodes[i], upload);
    for (uint32_t i = 0; i < trie->record_count; i++)
        upload_write(upload, &trie->records[i].memory, 0, trie->records[i].entry, sizeof(struct entry));
}

/* Blocks are few: a handful even for a million nodes. */
static uint32_t count_block(VkBuffer *seen, uint32_t count, uint32_t capacity, VkBuffer buffer) {
    for (uint32_t i = 0; i < count; i++)
        if (seen[i] == buffer)
            return count;
    if (count == capacity)
        return count;
    seen[count] = buffer;
    return count + 1;
}

static void survey_pointer(struct trie_survey *survey, const BdaAllocation *from, const BdaAllocation *to) {
    survey->pointers++;
    survey->crossing += from->buffer != to->buffer;
}

struct trie_survey trie_survey(const struct trie *trie) {
    enum { CAPACITY = 64 };
    VkBuffer seen[CAPACITY];
    struct trie_survey survey = { 0, 0, 0 };
    for (uint32_t i = 0; i < trie->node_count; i++) {
        const struct trie_node *node = &trie->nodes[i];
        survey.blocks = count_block(seen, survey.blocks, CAPACITY, node->memory.buffer);
        for (uint32_t k = 0; k < count_bits(node->letters); k++)
            survey_pointer(&survey, &node->memory, &trie->nodes[node->children[k]].memory);
        if (node->record)
            survey_pointer(&survey, &node->memory, &trie->records[node->record - 1].memory);
    }
    return survey;
}

void trie_free(struct trie *trie) {
    uint32_t count = trie->node_count + trie->record_count;
    BdaHandle *handles = grow(NULL, count * sizeof *handles);
    for (uint32_t i = 0; i < trie->node_count; i++) {
        handles[i] = trie->nodes[i].memory.handle;
        free(trie->nodes[i].children);
    }
    for (uint32_t i = 0; i < trie->record_count; i++)
        handles[trie->node_count + i] = trie->records[i].memory.handle;
    EX_CHECK(bda_free_many(trie->allocator, count, handles));
    free(handles);
    free(trie->nodes);
    free(trie->records);
}
