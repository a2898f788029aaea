/*
 * 02_pointer_trie: a shader walks tens of thousands of raw pointers, and a sorted list on the CPU checks every step's
 * end.
 *
 *     02_pointer_trie [--flip] [--staging] [text]
 *
 * The words of a text become a trie whose nodes are allocations of their own and point at each other by device address,
 * over several blocks. A compute shader looks up each word of the text and as many that are not in it; each answer must
 * be the CPU's. --flip turns one pointer in GPU memory to another node after the upload: the check then must fail,
 * which shows that it would notice. --staging uploads by copy commands even where the memory is mapped.
 */
#include "trie.h"

#include "pointer_trie.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Promised of the default text; another text has as many nodes as it has. */
enum { WANTED_LIVE = 50000, WANTED_BLOCKS = 2 };

struct options {
    const char *text;
    bool own_text;
    bool flip;
    bool staging;
};

struct push {
    VkDeviceAddress root;
    VkDeviceAddress text;
    VkDeviceAddress queries;
    VkDeviceAddress answers;
    uint32_t count;
};

/* As the shader writes it: the first occurrence plus 1, and the number of occurrences. */
struct answer {
    uint32_t first;
    uint32_t count;
};

/* What took how long. */
struct phases {
    double last;
    uint32_t count;
    const char *names[8];
    double seconds[8];
};

static void end_phase(struct phases *phases, const char *name) {
    double now = ex_seconds();
    phases->names[phases->count] = name;
    phases->seconds[phases->count++] = now - phases->last;
    phases->last = now;
}

static void print_phases(const struct phases *phases) {
    printf("ms        ");
    for (uint32_t i = 0; i < phases->count; i++)
        printf(" %s %.2f", phases->names[i], phases->seconds[i] * 1e3);
    printf("\n");
}

static struct options parse_options(int argc, char **argv) {
    struct options options = { .text = EXAMPLE_TEXT };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--flip") == 0)
            options.flip = true;
        else if (strcmp(argv[i], "--staging") == 0)
            options.staging = true;
        else if (argv[i][0] == '-')
            ex_fail("usage: %s [--flip] [--staging] [text]", argv[0]);
        else
            options.text = argv[i];
    }
    options.own_text = strcmp(options.text, EXAMPLE_TEXT) != 0;
    return options;
}

static BdaAllocator create_allocator(struct ex *ex) {
    BdaAllocatorInfo info = ex_allocator_info(ex);
    BdaAllocator allocator;
    EX_CHECK(bda_create_allocator(&info, &allocator));
    ex_use_checks(ex, allocator);
    return allocator;
}

/* Says what was built, and whether it is what this example promises. */
static bool report_trie(BdaAllocator allocator, const struct trie *trie, bool own_text) {
    BdaStats stats = { .next = NULL };
    BdaAllocationInfo root = { .next = NULL };
    EX_CHECK(bda_get_stats(allocator, &stats));
    EX_CHECK(bda_get_info(allocator, trie->nodes[0].memory.handle, &root));
    struct trie_survey survey = trie_survey(trie);
    printf("trie       %u nodes + %u word records; %u nodes outgrew their memory and moved, the old one was freed\n",
           trie->node_count, trie->record_count, trie->moves);
    printf("live       %" PRIu64 " allocations of %" PRIu64 " bytes in %" PRIu64 " blocks of %" PRIu64
           " bytes (bda_get_stats)\n",
           stats.total.allocation_count, stats.total.used, stats.total.block_count, stats.total.reserved);
    printf("pointers   %u, of which %u lead from one of %u blocks into another\n", survey.pointers, survey.crossing,
           survey.blocks);
    printf("root       GPU 0x%016" PRIx64 ", %s, memory type %u, %s\n", root.allocation.address,
           root.properties & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT ? "device-local" : "host memory", root.memory_type,
           root.allocation.mapped ? "mapped: written in place" : "not mapped: written by copy commands");
    return own_text ||
           (stats.total.allocation_count >= WANTED_LIVE && survey.blocks >= WANTED_BLOCKS && survey.crossing > 0);
}

static BdaAllocation allocate(BdaAllocator allocator, size_t size, BdaIntent intent, const char *name) {
    BdaAllocation allocation;
    EX_CHECK(bda_alloc(allocator, &(BdaAllocInfo){ .size = size, .intent = intent, .name = name }, &allocation));
    return allocation;
}

/* Turns the root's first child pointer to the root's second child, or to the root itself where there is no second: a
 * valid node in both cases, so the shader goes astray without leaving the trie. */
static void flip_pointer(const struct trie *trie, struct upload *upload) {
    const struct trie_node *root = &trie->nodes[0];
    bool has_second = (root->letters & (root->letters - 1)) != 0;
    uint64_t from = trie->nodes[root->children[0]].memory.address;
    uint64_t to = has_second ? trie->nodes[root->children[1]].memory.address : root->memory.address;
    VkDeviceSize offset = 2 * sizeof(uint64_t);
    upload_write(upload, &root->memory, offset, &to, sizeof to);
    upload_flush(upload);
    printf("flipped    the pointer at 0x%016" PRIx64 " from 0x%016" PRIx64 " to 0x%016" PRIx64 "\n",
           root->memory.address + offset, from, to);
}

/* Counts the answers that are not the sorted list's, and shows the first. */
static uint32_t count_mismatches(const struct words *words, const struct answer *answers) {
    uint32_t mismatches = 0;
    for (uint32_t i = 0; i < words->count; i++) {
        struct word word = words->queries[i];
        const struct entry *entry = find_entry(words, word);
        struct answer right = { entry ? entry->first + 1 : 0, entry ? entry->count : 0 };
        if (answers[i].first == right.first && answers[i].count == right.count)
            continue;
        if (mismatches++ == 0)
            printf("mismatch   '%.*s': the CPU knows it %u times, the GPU %u times\n", (int)word.length,
                   words->bytes + word.offset, right.count, answers[i].count);
    }
    return mismatches;
}

static uint32_t read_and_compare(BdaAllocator allocator, const struct words *words, const BdaAllocation *answers) {
    struct answer *copy = malloc((size_t)answers->size);
    if (!copy)
        ex_fail("out of memory");
    EX_CHECK(bda_read(allocator, answers->handle, 0, copy, answers->size));
    uint32_t mismatches = count_mismatches(words, copy);
    free(copy);
    return mismatches;
}

/* Uploads trie and questions, asks the GPU, and compares; returns the number of wrong answers. */
static uint32_t look_up_all(struct upload *upload, const struct trie *trie, const struct words *words, bool flip,
                            struct phases *phases) {
    BdaAllocator allocator = upload->allocator;
    size_t text_size = (words->size + 3u) & ~(size_t)3; /* the shader reads whole words */
    size_t query_size = words->count * sizeof(struct word);
    BdaAllocation text = allocate(allocator, text_size, BDA_INTENT_DEVICE, "text");
    BdaAllocation queries = allocate(allocator, query_size, BDA_INTENT_DEVICE, "queries");
    BdaAllocation answers = allocate(allocator, words->count * sizeof(struct answer), BDA_INTENT_READBACK, "answers");
    trie_upload(trie, upload);
    upload_write(upload, &text, 0, words->bytes, text_size);
    upload_write(upload, &queries, 0, words->queries, query_size);
    size_t staged = upload_flush(upload);
    printf("upload     %zu bytes through staging\n", staged);
    if (flip)
        flip_pointer(trie, upload);
    end_phase(phases, "upload");

    struct ex_pipeline pipeline;
    ex_create_pipeline(upload->ex, pointer_trie_spv, sizeof pointer_trie_spv, sizeof(struct push), &pipeline);
    struct push push = { trie->nodes[0].memory.address, text.address, queries.address, answers.address, words->count };
    uint32_t groups = (words->count + 63) / 64;
    end_phase(phases, "pipeline");
    double before = ex_seconds();
    double device_seconds = ex_time_dispatch(upload->ex, &pipeline, &push, groups < 65535 ? groups : 65535);
    double seconds = device_seconds > 0 ? device_seconds : ex_seconds() - before;
    printf("look-ups   %u words of the text + %u absent ones: %.1f million a second\n", words->present,
           words->count - words->present, words->count / seconds * 1e-6);
    printf("timed      %.3f ms, the dispatch by itself\n", seconds * 1e3);
    end_phase(phases, "look-ups");

    uint32_t mismatches = read_and_compare(allocator, words, &answers);
    end_phase(phases, "check");
    ex_destroy_pipeline(upload->ex, &pipeline);
    EX_CHECK(bda_free_many(allocator, 3, (BdaHandle[]){ text.handle, queries.handle, answers.handle }));
    return mismatches;
}

int main(int argc, char **argv) {
    struct options options = parse_options(argc, argv);
    struct ex ex;
    ex_start(&ex, "02_pointer_trie: a shader walks raw pointers through a trie", 0);
    struct phases phases = { .last = ex_seconds() };

    struct words words;
    read_words(&words, options.text);
    printf("text       %s: %u bytes, %u words, %u different ones\n", options.text, words.text_size, words.present,
           words.entry_count);
    end_phase(&phases, "read");

    BdaAllocator allocator = create_allocator(&ex);
    struct trie trie;
    trie_build(&trie, allocator, &words);
    end_phase(&phases, "build");
    bool as_promised = report_trie(allocator, &trie, options.own_text);
    if (!as_promised)
        printf("missed     %d live allocations, %d blocks and pointers across them are wanted\n", WANTED_LIVE,
               WANTED_BLOCKS);

    struct upload upload = { .ex = &ex, .allocator = allocator, .always_stage = options.staging };
    uint32_t mismatches = look_up_all(&upload, &trie, &words, options.flip, &phases);
    if (mismatches == 0)
        printf("proved     all %u answers of the GPU equal the CPU's, word for word\n", words.count);
    else
        printf("mismatch   %u of %u answers of the GPU differ from the CPU's\n", mismatches, words.count);

    ex_report_checks(&ex, allocator);
    trie_free(&trie);
    EX_CHECK(bda_destroy_allocator(allocator)); /* VK_INCOMPLETE if one of them were still live */
    end_phase(&phases, "free");
    print_phases(&phases);
    free_words(&words);
    return ex_finish(&ex, as_promised && mismatches == 0);
}
