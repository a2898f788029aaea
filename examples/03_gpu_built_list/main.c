/*
 * 03_gpu_built_list: the GPU itself writes pointers.
 *
 * The CPU allocates some thousand nodes, one bda_alloc each, and tells the GPU where they are. One dispatch links them
 * into the chains of a hash table, by a 64-bit atomicExchange of device addresses; a second dispatch walks the chains.
 * The CPU never writes a link. It checks each look-up, and the length of each chain through keys that are absent.
 */
#include "example.h"

#include "build_list.h"
#include "walk_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ITEMS = 20000, BUCKETS = 1024, QUERIES = 2 * ITEMS, NODE_SIZE = 16, GROUP = 64 };

/* The layouts of list.glsl. */
struct item {
    VkDeviceAddress node;
    uint32_t key;
    uint32_t value;
};

struct answer {
    uint32_t value;
    uint32_t steps;
};

struct push {
    VkDeviceAddress table;
    VkDeviceAddress items;
    VkDeviceAddress queries;
    VkDeviceAddress answers;
    uint32_t bucket_mask;
    uint32_t item_count;
    uint32_t query_count;
};

struct memory {
    BdaAllocator allocator;
    BdaAllocation nodes[ITEMS];
    BdaAllocation table;
    BdaAllocation items;
    BdaAllocation queries;
    BdaAllocation answers;
};

static uint32_t find_bucket(uint32_t key) {
    return (key * 2654435769u >> 12) & (BUCKETS - 1);
}

/* The first ITEMS keys are in the table, the others are not. Each step can be undone, so all keys are different. */
static uint32_t make_key(uint32_t i) {
    uint32_t key = (i + 1) * 747796405u;
    key ^= key >> 15;
    key *= 2246822519u;
    return key ^ key >> 13;
}

static uint32_t make_value(uint32_t i) {
    return 1000000 + i; /* never 0, which means absent */
}

/* All of them or none: one call for many allocations. */
static void allocate_nodes(struct memory *memory) {
    BdaAllocInfo *infos = calloc(ITEMS, sizeof *infos);
    if (!infos)
        ex_fail("out of memory");
    for (uint32_t i = 0; i < ITEMS; i++)
        infos[i] = (BdaAllocInfo){ .size = NODE_SIZE, .intent = BDA_INTENT_DEVICE, .name = "list node" };
    EX_CHECK(bda_alloc_many(memory->allocator, ITEMS, infos, memory->nodes));
    free(infos);
}

static BdaAllocation allocate(struct memory *memory, VkDeviceSize size, BdaIntent intent, const char *name) {
    BdaAllocInfo info = { .size = size, .intent = intent, .name = name };
    BdaAllocation allocation;
    EX_CHECK(bda_alloc(memory->allocator, &info, &allocation));
    return allocation;
}

static void allocate_all(struct memory *memory) {
    allocate_nodes(memory);
    memory->table = allocate(memory, BUCKETS * sizeof(VkDeviceAddress), BDA_INTENT_DEVICE, "buckets");
    memory->items = allocate(memory, ITEMS * sizeof(struct item), BDA_INTENT_UPLOAD, "items");
    memory->queries = allocate(memory, QUERIES * sizeof(uint32_t), BDA_INTENT_UPLOAD, "queries");
    memory->answers = allocate(memory, QUERIES * sizeof(struct answer), BDA_INTENT_READBACK, "answers");
}

static void free_all(struct memory *memory) {
    BdaHandle rest[] = { memory->table.handle, memory->items.handle, memory->queries.handle, memory->answers.handle };
    EX_CHECK(bda_free_many(memory->allocator, 4, rest));
    for (uint32_t i = 0; i < ITEMS; i++)
        EX_CHECK(bda_free(memory->allocator, memory->nodes[i].handle));
}

static void write_input(const struct memory *memory) {
    struct item *items = memory->items.mapped;
    uint32_t *queries = memory->queries.mapped;
    for (uint32_t i = 0; i < ITEMS; i++)
        items[i] = (struct item){ .node = memory->nodes[i].address, .key = make_key(i), .value = make_value(i) };
    for (uint32_t i = 0; i < QUERIES; i++)
        queries[i] = make_key(i);
    EX_CHECK(bda_flush(memory->allocator, memory->items.handle, 0, VK_WHOLE_SIZE));
    EX_CHECK(bda_flush(memory->allocator, memory->queries.handle, 0, VK_WHOLE_SIZE));
}

static void build_and_walk(struct ex *ex, const struct memory *memory) {
    struct ex_pipeline build, walk;
    ex_create_pipeline(ex, build_list_spv, sizeof build_list_spv, sizeof(struct push), &build);
    ex_create_pipeline(ex, walk_list_spv, sizeof walk_list_spv, sizeof(struct push), &walk);
    struct push push = { .table = memory->table.address,
                         .items = memory->items.address,
                         .queries = memory->queries.address,
                         .answers = memory->answers.address,
                         .bucket_mask = BUCKETS - 1,
                         .item_count = ITEMS,
                         .query_count = QUERIES };
    VkCommandBuffer commands = ex_begin(ex);
    vkCmdFillBuffer(commands, memory->table.buffer, memory->table.offset, memory->table.size, 0);
    ex_record_barrier(commands);
    ex_record_dispatch(commands, &build, &push, (ITEMS + GROUP - 1) / GROUP);
    ex_end(ex, commands);
    double seconds = ex_time_dispatch(ex, &walk, &push, (QUERIES + GROUP - 1) / GROUP);
    printf("timed      %.3f ms, the walk by itself\n", seconds * 1e3);
    ex_destroy_pipeline(ex, &build);
    ex_destroy_pipeline(ex, &walk);
}

/* Present keys must have their value, within their chain's length; an absent key must have walked all of its chain. */
static uint32_t count_wrong(const struct answer *answers, uint32_t *longest) {
    static uint32_t lengths[BUCKETS];
    for (uint32_t i = 0; i < ITEMS; i++)
        lengths[find_bucket(make_key(i))]++;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < QUERIES; i++) {
        uint32_t length = lengths[find_bucket(make_key(i))];
        *longest = length > *longest ? length : *longest;
        if (i < ITEMS)
            wrong += answers[i].value != make_value(i) || answers[i].steps < 1 || answers[i].steps > length;
        else
            wrong += answers[i].value != 0 || answers[i].steps != length;
    }
    return wrong;
}

static void describe(const struct memory *memory) {
    BdaStats stats = { .next = NULL };
    EX_CHECK(bda_get_stats(memory->allocator, &stats));
    printf("live       %" PRIu64 " allocations in %" PRIu64 " blocks, %d of them nodes of %d bytes\n",
           stats.total.allocation_count, stats.total.block_count, ITEMS, NODE_SIZE);
    printf("nodes      GPU 0x%016" PRIx64 " … 0x%016" PRIx64 ", linked by the GPU alone\n", memory->nodes[0].address,
           memory->nodes[ITEMS - 1].address);
    printf("table      GPU 0x%016" PRIx64 ", %d buckets\n", memory->table.address, BUCKETS);
}

int main(void) {
    struct ex ex;
    ex_start(&ex, "03_gpu_built_list: a hash table whose links the GPU writes", EX_ATOMIC_INT64);
    static struct memory memory;
    BdaAllocatorInfo info = ex_allocator_info(&ex);
    EX_CHECK(bda_create_allocator(&info, &memory.allocator));
    ex_use_checks(&ex, memory.allocator);
    allocate_all(&memory);
    describe(&memory);
    write_input(&memory);
    build_and_walk(&ex, &memory);

    EX_CHECK(bda_invalidate(memory.allocator, memory.answers.handle, 0, VK_WHOLE_SIZE));
    uint32_t longest = 0;
    uint32_t wrong = count_wrong(memory.answers.mapped, &longest);
    printf("proved     %u of %d look-ups are right: each key has its value, each absent key saw its whole chain\n",
           QUERIES - wrong, QUERIES);
    printf("chains     up to %u nodes long\n", longest);

    ex_report_checks(&ex, memory.allocator);
    free_all(&memory);
    EX_CHECK(bda_destroy_allocator(memory.allocator));
    return ex_finish(&ex, wrong == 0);
}
