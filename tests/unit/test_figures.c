/* The figures for overlays and panels: quick statistics and peaks, by intent, by prefix of names, budgets. */
#include "helper_support.h"

#include <stdio.h>

/* Whose blocks begin so that all of them can be handed out. */
static const struct fake_config round_blocks = { .base_alignment = 1 << 16 };

static BdaQuickStats quick(void) {
    BdaQuickStats stats;
    assert_int_equal(bda_get_quick_stats(bench.allocator, &stats), VK_SUCCESS);
    return stats;
}

static void next_frame(uint64_t frame) {
    bda_set_frame(bench.allocator, frame);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
}

/* ---- Fragmentation ---- */

static void one_free_piece_is_no_fragmentation(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(KIB(256), BDA_INTENT_DEVICE);
    const BdaUse use = bench_use();
    assert_true(use.scattered == 0 && use.fragmentation == 0 && use.empty == 0);
    give(a);
    bench_close();
}

static void holes_are_scattered_but_the_longest_piece_is_not(void **state) {
    (void)state;
    BdaAllocation all[16];
    bench_open(&round_blocks, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
    for (uint32_t i = 0; i < COUNT_OF(all); i++) /* 16 of 64 KiB fill the first block */
        all[i] = take_bytes(KIB(64), BDA_INTENT_DEVICE);
    for (uint32_t i = 1; i < COUNT_OF(all); i += 4)
        give(all[i]);
    const BdaUse use = bench_use();
    assert_true(use.block_count == 1 && use.free == KIB(256) && use.largest_free == KIB(64));
    assert_int_equal(use.scattered, KIB(192));
    assert_true(use.fragmentation == 0.75);
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        if (i % 4 != 1)
            give(all[i]);
    bench_close();
}

static void spare_empty_blocks_are_no_fragmentation(void **state) {
    (void)state;
    bench_open(&round_blocks, &(BdaAllocatorInfo){ .max_block_size = MIB(1), .keep_empty = MIB(64) });
    BdaAllocation all[40];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take_bytes(KIB(256), BDA_INTENT_DEVICE);
    give_all(all, COUNT_OF(all));
    const BdaUse use = bench_use();
    assert_true(use.empty_count == 10 && use.empty == MIB(10) && use.free == MIB(10));
    assert_true(use.scattered == 0 && use.fragmentation == 0);
    bench_close();
}

/* Where the driver's bases are not aligned, a block has less than its bytes to give, and no hole is missed for that. */
static void holes_beside_empty_blocks_are_counted_to_the_byte(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT, .max_block_size = MIB(1) });
    BdaAllocation all[27];
    for (uint32_t i = 0; i < COUNT_OF(all); i++) /* nine to a block */
        all[i] = take_bytes(KIB(112), BDA_INTENT_DEVICE);
    give(all[3]);
    give_all(all + 9, 18);
    const BdaUse use = bench_use();
    assert_true(use.empty_count == 2 && use.rest != 0);
    assert_int_equal(use.reserved, use.used + use.wasted + use.free + use.rest);
    assert_int_equal(use.scattered, use.free - 2 * use.largest_free);
    give_all(all, 3);
    give_all(all + 4, 5);
    bench_close();
}

/* ---- Quick ---- */

static void what_is_reserved_is_told_at_once(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaQuickStats stats = quick();
    assert_true(stats.reserved == 0 && stats.block_count == 0 && stats.peak_reserved.bytes == 0);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE), b = take_bytes(100, BDA_INTENT_UPLOAD);
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    stats = quick();
    assert_true(stats.reserved == MIB(2) && stats.block_count == 2 && stats.peak_reserved.bytes == MIB(2));
    assert_int_equal(stats.host_bytes, bench_stats().host_bytes);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    give(a);
    give(b);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    stats = quick();
    assert_true(stats.reserved == 0 && stats.block_count == 0 && stats.peak_reserved.bytes == MIB(2));
    bench_close();
}

/* Asked for in each frame, they are those of the frame's bda_collect. */
static void what_is_used_is_as_the_last_collect_saw_it(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    next_frame(1);
    assert_true(quick().used == 0 && quick().seen_frame == 1);
    BdaAllocation a = take_bytes(1000, BDA_INTENT_DEVICE);
    assert_true(quick().used == 0 && quick().seen_frame == 1);
    next_frame(2);
    BdaQuickStats stats = quick();
    const BdaUse use = bench_use();
    assert_true(stats.used == 1000 && stats.allocation_count == 1 && stats.seen_frame == 2 && stats.frame == 2);
    assert_true(stats.free == use.free && stats.wasted == use.wasted && stats.cached == use.cached);
    give(a);
    bench_close();
}

/* So bda_collect costs no more where nobody asks, and who asks again after a while is told nothing old. */
static void who_has_not_asked_for_a_while_is_told_what_is_now(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(1000, BDA_INTENT_DEVICE);
    assert_true(quick().used == 1000); /* the first */
    for (uint64_t frame = 1; frame <= 3; frame++)
        next_frame(frame);
    BdaAllocation b = take_bytes(500, BDA_INTENT_DEVICE);
    BdaQuickStats stats = quick();
    assert_true(stats.used == 1500 && stats.seen_frame == 3);
    give(b);
    assert_true(quick().used == 1500); /* until the next bda_collect */
    next_frame(4);
    assert_true(quick().used == 1000);
    give(a);
    bench_close();
}

static void peaks_keep_their_frames(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation all[5] = { { .handle = 0 } };
    for (uint64_t frame = 1; frame <= 9; frame++) { /* up to five, then down */
        if (frame <= 5)
            all[frame - 1] = take_bytes(MIB(1), BDA_INTENT_DEVICE);
        else
            give(all[9 - frame]);
        next_frame(frame);
    }
    const BdaQuickStats stats = quick();
    assert_true(stats.peak_used.bytes == MIB(5) && stats.peak_used.frame == 5);
    assert_true(stats.peak_reserved.bytes >= MIB(5) && stats.peak_reserved.frame >= 1 &&
                stats.peak_reserved.frame <= 5);
    assert_int_equal(stats.used, MIB(1));
    give(all[4]);
    bench_close();
}

/* ---- Peaks of parts ---- */

static bool is_peak(BdaPeak peak, VkDeviceSize bytes, uint64_t frame) {
    return peak.bytes == bytes && peak.frame == frame;
}

static void each_part_of_the_memory_has_its_peak(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_DEVICE });
    BdaAllocation ours = take_bytes(1000, BDA_INTENT_DEVICE), up = take_bytes(300, BDA_INTENT_UPLOAD);
    next_frame(1); /* nobody asks */
    give(ours);
    BdaAllocation theirs = take((BdaAllocInfo){ .size = 700, .pool = pool });
    next_frame(2);
    give(theirs);
    give(up);
    next_frame(3);
    const BdaStats stats = bench_stats();
    BdaIntentUse device, upload;
    assert_int_equal(bda_get_intent_stats(bench.allocator, BDA_INTENT_DEVICE, &device), VK_SUCCESS);
    assert_int_equal(bda_get_intent_stats(bench.allocator, BDA_INTENT_UPLOAD, &upload), VK_SUCCESS);
    assert_true(is_peak(stats.total.peak_used, 1300, 1) && is_peak(quick().peak_used, 1300, 1));
    assert_true(is_peak(device.use.peak_used, 1000, 1) && is_peak(upload.use.peak_used, 300, 1));
    assert_true(is_peak(stats.heaps[0].use.peak_used, 1000, 1));
    assert_true(is_peak(bench_pool_use(pool).peak_used, 700, 2));
    bench_close();
}

/* What moves from one part of a pool to the other is not counted twice. */
static void a_pool_of_two_parts_has_one_peak(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_DEVICE });
    for (uint64_t frame = 1; frame <= 6; frame++) {
        const BdaAllocInfo info = { .size = frame % 2 == 0 ? 0 : MIB(1), .pool = pool };
        BdaAllocation a = frame % 2 == 0 ? take_buffer(MIB(1), PLAIN_USAGE, info) : take(info);
        next_frame(frame);
        give(a);
    }
    assert_true(is_peak(bench_pool_use(pool).peak_used, MIB(1), 1));
    BdaAllocation a = take_buffer(MIB(1), PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    BdaAllocation b = take((BdaAllocInfo){ .size = MIB(2), .pool = pool });
    next_frame(7);
    assert_true(is_peak(bench_pool_use(pool).peak_used, MIB(3), 7));
    give(a);
    give(b);
    bench_close();
}

static void a_pool_knows_no_peak_of_the_one_before(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < 2; i++) {
        BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_DEVICE });
        BdaAllocation a = take((BdaAllocInfo){ .size = i == 0 ? 9000 : 10, .pool = pool });
        next_frame(i + 1);
        assert_true(is_peak(bench_pool_use(pool).peak_used, i == 0 ? 9000 : 10, i + 1));
        give(a);
        assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    }
    bench_close();
}

/* What the present call sees counts, too, whether or not a bda_collect came by. */
static void a_peak_is_no_less_than_what_is_used(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    bda_set_frame(bench.allocator, 9);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_DEVICE });
    BdaAllocation a = take((BdaAllocInfo){ .size = 700, .pool = pool });
    assert_true(is_peak(bench_pool_use(pool).peak_used, 700, 9));
    assert_true(is_peak(quick().peak_used, 700, 9));
    assert_true(is_peak(bench_use().peak_used, 700, 9));
    give(a);
    bench_close();
}

/* Guards against peaks that were told once, and lower ones the next time. */
static void a_peak_that_was_told_never_falls(void **state) {
    (void)state;
    for (uint32_t who = 0; who < 4; who++) { /* each sees it alone */
        bench_open(NULL, NULL);
        bda_set_frame(bench.allocator, 9);
        BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_DEVICE });
        for (uint32_t i = 0; i < 2; i++) {
            BdaAllocation a = { .handle = 0 };
            BdaIntentUse intent;
            BdaPeak peak = { 0, 0 };
            if (i == 0)
                a = take((BdaAllocInfo){ .size = 700, .pool = pool });
            if (who == 0)
                peak = bench_pool_use(pool).peak_used;
            else if (who == 1)
                peak = quick().peak_used;
            else if (who == 2)
                peak = bench_use().peak_used;
            else if (bda_get_intent_stats(bench.allocator, BDA_INTENT_DEVICE, &intent) == VK_SUCCESS)
                peak = intent.use.peak_used;
            assert_true(is_peak(peak, 700, 9));
            if (i == 0)
                give(a);
            bda_set_frame(bench.allocator, 10);
        }
        bench_close();
    }
}

enum { ROUNDS = 200 };

/* Moves a piece of memory from one part of a pool to the other and back. */
static void move_to_and_fro(struct helper *helper) {
    const VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                        .size = helper->wish.size,
                                        .usage = PLAIN_USAGE };
    const BdaAllocInfo info = { .pool = helper->wish.pool };
    for (uint32_t i = 0; i < ROUNDS; i++) {
        BdaAllocation a = { .handle = 0 };
        VkResult result = i % 2 == 0 ? bda_alloc(helper->allocator, &helper->wish, &a)
                                     : bda_alloc_buffer(helper->allocator, &buffer, &info, &a);
        helper->wrong += result != VK_SUCCESS || bda_free(helper->allocator, a.handle) != VK_SUCCESS ? 1 : 0;
    }
}

static void look_often(struct helper *helper) {
    BdaStats stats;
    BdaQuickStats quick_stats;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        helper->wrong += bda_collect(helper->allocator) != VK_SUCCESS ? 1 : 0;
        helper->wrong += bda_get_stats(helper->allocator, &stats) != VK_SUCCESS ? 1 : 0;
        helper->wrong += bda_get_quick_stats(helper->allocator, &quick_stats) != VK_SUCCESS ? 1 : 0;
    }
}

/* A look comes to one part after the other, so it may see what moves meanwhile in both; but two looks that go on at a
 * time never add up. */
static void looks_at_a_time_do_not_add_up(void **state) {
    (void)state;
    static struct helper mover, watcher;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_DEVICE });
    hire(&mover);
    hire(&watcher);
    mover.wish = (BdaAllocInfo){ .size = MIB(1), .pool = pool };
    uint32_t moved = begin(&mover, move_to_and_fro), watched = begin(&watcher, look_often);
    for (uint32_t i = 0; i < ROUNDS; i++)
        next_frame(i + 1);
    await(&mover, moved);
    await(&watcher, watched);
    assert_true(mover.wrong == 0 && watcher.wrong == 0);
    assert_true(bench_pool_use(pool).peak_used.bytes <= MIB(2) && bench_use().peak_used.bytes <= MIB(2));
    dismiss(&mover);
    dismiss(&watcher);
    bench_close();
}

/* ---- Intents ---- */

static BdaIntentUse intent_use(BdaIntent intent) {
    BdaIntentUse use;
    assert_int_equal(bda_get_intent_stats(bench.allocator, intent, &use), VK_SUCCESS);
    return use;
}

static void intents_of_different_types_are_told_apart(void **state) {
    (void)state;
    bench_open(NULL, NULL); /* discrete: each intent has a type of its own */
    BdaAllocation all[4];
    for (uint32_t i = 0; i < 4; i++)
        all[i] = take_bytes(100 * (i + 1), (BdaIntent)i);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD });
    BdaAllocation in_pool = take((BdaAllocInfo){ .size = 7, .pool = pool });
    for (uint32_t i = 0; i < 4; i++) {
        const BdaIntentUse use = intent_use((BdaIntent)i);
        assert_true(use.served == VK_TRUE && use.intents == 1u << i);
        assert_int_equal(use.memory_type, info_of(all[i].handle).memory_type);
        assert_int_equal(use.use.used, 100 * (i + 1) + (i == BDA_INTENT_UPLOAD ? 7 : 0));
        give(all[i]);
    }
    give(in_pool);
    bench_close();
}

static void intents_of_one_type_are_told_together(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE), b = take_bytes(50, BDA_INTENT_READBACK);
    const BdaIntentUse use = intent_use(BDA_INTENT_UPLOAD);
    assert_true(use.intents == 15 && use.use.used == 150 && use.use.allocation_count == 2);
    give(a);
    give(b);
    bench_close();
}

static void an_intent_that_nothing_serves_has_no_use(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNMAPPABLE }, NULL);
    const BdaIntentUse use = intent_use(BDA_INTENT_UPLOAD);
    assert_is_zeroed(&use, sizeof use);
    assert_int_equal(intent_use(BDA_INTENT_DEVICE).served, VK_TRUE);
    bench_close();
}

/* ---- Prefixes ---- */

static const BdaPrefixUse *find_prefix(const BdaPrefixUse *uses, uint32_t count, const char *prefix) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(uses[i].prefix, prefix) == 0)
            return &uses[i];
    return NULL;
}

static void names_are_counted_by_what_they_begin_with(void **state) {
    (void)state;
    static const struct {
        VkDeviceSize size;
        const char *name;
    } wishes[] = {
        { 1000, "mesh/rock" }, { 2000, "mesh/tree" }, { 300, "texture" }, { 40, NULL }, { 5000, "terrain:mesh/3" }
    };
    bench_open(NULL, NULL);
    BdaAllocation all[COUNT_OF(wishes)];
    for (uint32_t i = 0; i < COUNT_OF(wishes); i++)
        all[i] = take((BdaAllocInfo){ .size = wishes[i].size, .name = wishes[i].name });
    BdaPrefixUse uses[8];
    uint32_t count = COUNT_OF(uses);
    assert_int_equal(bda_get_prefix_stats(bench.allocator, 0, &count, uses), VK_SUCCESS);
    assert_int_equal(count, 4);
    assert_string_equal(uses[0].prefix, "terrain:mesh");
    const BdaPrefixUse *mesh = find_prefix(uses, count, "mesh");
    assert_true(mesh != NULL && mesh->allocation_count == 2 && mesh->used == 3000 && mesh->held >= 3000);
    const BdaPrefixUse *unnamed = find_prefix(uses, count, "");
    assert_true(unnamed != NULL && unnamed->allocation_count == 1 && unnamed->used == 40);
    for (uint32_t i = 1; i < count; i++)
        assert_true(uses[i].held <= uses[i - 1].held);
    count = COUNT_OF(uses);
    assert_int_equal(bda_get_prefix_stats(bench.allocator, ':', &count, uses), VK_SUCCESS);
    assert_non_null(find_prefix(uses, count, "terrain"));
    assert_non_null(find_prefix(uses, count, "mesh/rock"));
    give_all(all, COUNT_OF(all));
    bench_close();
}

static void what_finds_no_room_comes_last_and_together(void **state) {
    (void)state;
    BdaAllocation all[20];
    char name[16];
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < COUNT_OF(all); i++) {
        (void)snprintf(name, sizeof name, "kind%u/%u", i, i);
        all[i] = take((BdaAllocInfo){ .size = 100, .name = name });
    }
    BdaPrefixUse uses[5];
    uint32_t count = COUNT_OF(uses);
    assert_int_equal(bda_get_prefix_stats(bench.allocator, '/', &count, uses), VK_INCOMPLETE);
    assert_int_equal(count, 5);
    assert_string_equal(uses[4].prefix, "");
    assert_true(uses[4].allocation_count == 16 && uses[4].used == 1600);
    count = 1;
    assert_int_equal(bda_get_prefix_stats(bench.allocator, '/', &count, uses), VK_INCOMPLETE);
    assert_true(count == 1 && uses[0].allocation_count == 20);
    give_all(all, COUNT_OF(all));
    count = COUNT_OF(uses);
    assert_int_equal(bda_get_prefix_stats(bench.allocator, '/', &count, uses), VK_SUCCESS);
    assert_int_equal(count, 0);
    bench_close();
}

static void long_prefixes_are_cut_between_characters(void **state) {
    (void)state;
    char name[128] = "";
    for (uint32_t i = 0; i < 40; i++)
        (void)strcat(name, "\xc3\xa4");
    bench_open(NULL, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = name });
    BdaPrefixUse uses[2];
    uint32_t count = 2;
    assert_int_equal(bda_get_prefix_stats(bench.allocator, '/', &count, uses), VK_SUCCESS);
    assert_true(count == 1 && strlen(uses[0].prefix) == 62);
    give(a);
    bench_close();
}

/* Also where there are more than are first made room for. */
static void prefixes_are_counted(void **state) {
    (void)state;
    static BdaAllocation all[300];
    bench_open(NULL, NULL);
    uint32_t count = 1;
    assert_int_equal(bda_get_prefix_stats(bench.allocator, '/', &count, NULL), VK_SUCCESS);
    assert_int_equal(count, 0);
    for (uint32_t i = 0; i < COUNT_OF(all); i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%u/rock", (unsigned)(i / 2));
        all[i] = take((BdaAllocInfo){ .size = 16, .name = name });
        assert_int_equal(bda_get_prefix_stats(bench.allocator, '/', &count, NULL), VK_SUCCESS);
        assert_int_equal(count, i / 2 + 1);
    }
    give_all(all, COUNT_OF(all));
    bench_close();
}

/* ---- Budgets ---- */

static BdaHeapBudget budget_of(uint32_t heap) {
    BdaHeapBudget budgets[VK_MAX_MEMORY_HEAPS];
    uint32_t count = COUNT_OF(budgets);
    assert_int_equal(bda_get_budget(bench.allocator, &count, budgets), VK_SUCCESS);
    assert_true(heap < count);
    return budgets[heap];
}

static void the_budget_is_the_drivers_where_it_tells_one(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_MEMORY_BUDGET, .budgets = { MIB(100) }, .foreign_use = { MIB(10) } },
               NULL);
    assert_int_equal(bda_set_external_use(bench.allocator, 0, MIB(3), 2), VK_SUCCESS);
    BdaAllocation a = take_bytes(1000, BDA_INTENT_DEVICE);
    const BdaHeapBudget budget = budget_of(0);
    assert_true(budget.told == VK_TRUE && budget.budget == MIB(100) && budget.usage == MIB(11) &&
                budget.left == MIB(89));
    assert_true(budget.reserved == MIB(1) && budget.used == 1000 && budget.peak_reserved.bytes == MIB(1));
    assert_true(budget.external == MIB(3) && budget.external_count == 2);
    fake_set_budget(bench.driver, 0, MIB(5), MIB(20));
    assert_int_equal(budget_of(0).left, 0);
    give(a);
    bench_close();
}

static void without_the_driver_the_budget_is_a_share_of_the_heap(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    const BdaHeapBudget budget = budget_of(0);
    assert_true(budget.told == VK_FALSE && budget.budget == budget.size / 100 * 80 && budget.left == budget.budget);
    bench_close();
}

static VkDeviceSize trimmed(void) {
    VkDeviceSize released;
    assert_int_equal(bda_trim(bench.allocator, 0, &released), VK_SUCCESS);
    return released;
}

static void trimming_gives_back_what_was_foretold(void **state) {
    (void)state;
    bench_open(&round_blocks, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT, .max_block_size = MIB(1) });
    BdaAllocation all[12];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take_bytes(KIB(256), BDA_INTENT_DEVICE);
    give_all(&all[4], 4); /* the second of three blocks */
    BdaHeapBudget budget = budget_of(0);
    assert_true(budget.trim_least == MIB(1) && budget.trim_most == MIB(1));
    assert_int_equal(trimmed(), MIB(1));
    assert_true(budget_of(0).trim_least == 0 && budget_of(0).trim_most == 0);
    give_all(all, 4);
    give_all(&all[8], 4);
    bench_close();
}

/* What waits and what is kept may go, too, but need not. */
static void what_may_become_empty_is_foretold_as_such(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .max_block_size = MIB(1) });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation waits = take_bytes(KIB(512), BDA_INTENT_DEVICE);
    BdaAllocation alone = take((BdaAllocInfo){ .size = MIB(3), .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bda_free_after(bench.allocator, waits.handle, timeline, 1), VK_SUCCESS);
    BdaHeapBudget budget = budget_of(0);
    assert_true(budget.trim_least == 0 && budget.trim_most == MIB(1));
    assert_int_equal(trimmed(), 0); /* the semaphore has not come so far */
    assert_int_equal(bda_free_after(bench.allocator, alone.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(budget_of(0).trim_most, MIB(4));
    give(take_bytes(100, BDA_INTENT_DEVICE)); /* kept by this thread, perhaps */
    budget = budget_of(0);
    assert_true(budget.trim_most >= budget.trim_least && budget.trim_most <= budget.reserved);
    bench_close();
}

/* Of what goes in a trim, some goes with its own collecting: ranges that were pending or kept leave blocks empty, and
 * dedicated blocks go at once. */
static void all_that_a_trim_gives_back_is_told(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .max_block_size = MIB(1) });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation waits = take_bytes(KIB(512), BDA_INTENT_DEVICE);
    BdaAllocation alone = take((BdaAllocInfo){ .size = MIB(3), .flags = BDA_ALLOC_DEDICATED_BIT });
    BdaAllocation buffer = take_buffer(MIB(5), PLAIN_USAGE, (BdaAllocInfo){ .flags = BDA_ALLOC_DEDICATED_BIT });
    give(take_bytes(100, BDA_INTENT_UPLOAD)); /* kept by this thread */
    const BdaHandle handles[] = { waits.handle, alone.handle, buffer.handle };
    for (uint32_t i = 0; i < COUNT_OF(handles); i++)
        assert_int_equal(bda_free_after(bench.allocator, handles[i], timeline, 1), VK_SUCCESS);
    fake_signal(bench.driver, timeline, 1);
    const VkDeviceSize reserved = bench_use().reserved;
    assert_true(reserved >= MIB(10) && budget_of(0).trim_most <= reserved);
    assert_int_equal(trimmed(), reserved);
    assert_int_equal(bench_use().reserved, 0);
    assert_int_equal(trimmed(), 0);
    bench_close();
}

/* What a checking mode gives up for what comes new has gone, too. */
static void what_a_trim_pushes_out_of_the_quarantine_is_told(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT, .quarantine_bytes = MIB(4) });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 1);
    BdaAllocation oldest = take((BdaAllocInfo){ .size = MIB(3), .flags = BDA_ALLOC_DEDICATED_BIT });
    BdaAllocation newest = take((BdaAllocInfo){ .size = MIB(2), .flags = BDA_ALLOC_DEDICATED_BIT });
    give(oldest);
    assert_int_equal(bda_free_after(bench.allocator, newest.handle, timeline, 1), VK_SUCCESS);
    const VkDeviceSize reserved = bench_use().reserved;
    assert_true(budget_of(0).trim_least == 0 && budget_of(0).trim_most == MIB(5)); /* either, for all that is known */
    assert_int_equal(trimmed(), MIB(3));
    assert_int_equal(budget_of(0).trim_most, 0);
    assert_int_equal(bench_use().reserved, reserved - MIB(3));
    bench_close();
}

/* bda_trim leaves the quarantine as it is. */
static void what_is_quarantined_keeps_its_block(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT });
    BdaAllocation a = take_bytes(1000, BDA_INTENT_DEVICE);
    give(a);
    const BdaHeapBudget budget = budget_of(0);
    assert_true(budget.reserved != 0 && budget.trim_least == 0 && budget.trim_most == 0);
    assert_int_equal(trimmed(), 0);
    bench_close();
}

static void a_budget_can_be_asked_for_in_part(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaHeapBudget budgets[2];
    uint32_t count = 0;
    assert_int_equal(bda_get_budget(bench.allocator, &count, NULL), VK_SUCCESS);
    assert_int_equal(count, 3);
    count = 2;
    assert_int_equal(bda_get_budget(bench.allocator, &count, budgets), VK_INCOMPLETE);
    assert_int_equal(count, 2);
    bench_close();
}

/* ---- Misuse ---- */

static void misuse_is_refused(void **state) {
    (void)state;
    const VkResult refused = VK_ERROR_VALIDATION_FAILED_EXT;
    BdaQuickStats stats;
    BdaIntentUse use;
    BdaPrefixUse uses[1];
    BdaHeapBudget budgets[1];
    uint32_t count = 1;
    bench_open(NULL, NULL);
    assert_int_equal(bda_get_quick_stats(NULL, &stats), refused);
    assert_int_equal(bda_get_intent_stats(NULL, BDA_INTENT_DEVICE, &use), refused);
    assert_int_equal(bda_get_prefix_stats(NULL, 0, &count, uses), refused);
    assert_int_equal(count, 0);
    count = 1;
    assert_int_equal(bda_get_budget(NULL, &count, budgets), refused);
    assert_int_equal(count, 0);
    assert_refusal(refused, bda_get_quick_stats(bench.allocator, NULL), "bda_get_quick_stats", "NULL");
    assert_refusal(refused, bda_get_intent_stats(bench.allocator, BDA_INTENT_DEVICE, NULL), "bda_get_intent_stats",
                   "NULL");
    assert_refusal(refused, bda_get_intent_stats(bench.allocator, (BdaIntent)4, &use), "bda_get_intent_stats",
                   "unknown intent, 4 (");
    assert_is_zeroed(&use, sizeof use);
    assert_refusal(refused, bda_get_prefix_stats(bench.allocator, 0, NULL, uses), "bda_get_prefix_stats", "count");
    count = 0;
    assert_refusal(refused, bda_get_prefix_stats(bench.allocator, 0, &count, uses), "bda_get_prefix_stats", "no room");
    fake_host_fail(&bench.host, 1, false);
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY, bda_get_prefix_stats(bench.allocator, 0, &count, NULL),
                   "bda_get_prefix_stats", "host memory");
    fake_host_fail(&bench.host, 0, false);
    assert_refusal(refused, bda_get_budget(bench.allocator, NULL, budgets), "bda_get_budget", "count");
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_free_piece_is_no_fragmentation),
        cmocka_unit_test(holes_are_scattered_but_the_longest_piece_is_not),
        cmocka_unit_test(spare_empty_blocks_are_no_fragmentation),
        cmocka_unit_test(holes_beside_empty_blocks_are_counted_to_the_byte),
        cmocka_unit_test(what_is_reserved_is_told_at_once),
        cmocka_unit_test(what_is_used_is_as_the_last_collect_saw_it),
        cmocka_unit_test(who_has_not_asked_for_a_while_is_told_what_is_now),
        cmocka_unit_test(peaks_keep_their_frames),
        cmocka_unit_test(each_part_of_the_memory_has_its_peak),
        cmocka_unit_test(a_pool_of_two_parts_has_one_peak),
        cmocka_unit_test(a_pool_knows_no_peak_of_the_one_before),
        cmocka_unit_test(a_peak_is_no_less_than_what_is_used),
        cmocka_unit_test(a_peak_that_was_told_never_falls),
        cmocka_unit_test(looks_at_a_time_do_not_add_up),
        cmocka_unit_test(intents_of_different_types_are_told_apart),
        cmocka_unit_test(intents_of_one_type_are_told_together),
        cmocka_unit_test(an_intent_that_nothing_serves_has_no_use),
        cmocka_unit_test(names_are_counted_by_what_they_begin_with),
        cmocka_unit_test(what_finds_no_room_comes_last_and_together),
        cmocka_unit_test(long_prefixes_are_cut_between_characters),
        cmocka_unit_test(prefixes_are_counted),
        cmocka_unit_test(the_budget_is_the_drivers_where_it_tells_one),
        cmocka_unit_test(without_the_driver_the_budget_is_a_share_of_the_heap),
        cmocka_unit_test(trimming_gives_back_what_was_foretold),
        cmocka_unit_test(all_that_a_trim_gives_back_is_told),
        cmocka_unit_test(what_a_trim_pushes_out_of_the_quarantine_is_told),
        cmocka_unit_test(what_may_become_empty_is_foretold_as_such),
        cmocka_unit_test(what_is_quarantined_keeps_its_block),
        cmocka_unit_test(a_budget_can_be_asked_for_in_part),
        cmocka_unit_test(misuse_is_refused),
    };
    return cmocka_run_group_tests_name("figures", tests, NULL, NULL);
}
