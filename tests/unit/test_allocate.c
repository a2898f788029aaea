/* src/alloc/allocate.c: from a request to a live range: where it comes from, what is told of it, and what is tried. */
#include "alloc_support.h"

#include "alloc/allocator.h"

/* ---- The hot path ---- */

static void alloc_calls_no_driver_while_a_block_has_room(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation first = take_bytes(100, BDA_INTENT_DEVICE);
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    BdaAllocation taken[200];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = take((BdaAllocInfo){ .size = 1 + i * 17, .alignment = (VkDeviceSize)1 << i % 9, .name = "n" });
    give_all(taken, COUNT_OF(taken));
    give(first);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    bench_close();
}

static void an_unnamed_range_takes_no_host_memory_of_its_own(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation first = take_bytes(100, BDA_INTENT_DEVICE);
    give(take_bytes(64, BDA_INTENT_DEVICE)); /* what the thread's cache takes, once */
    give(take_bytes(64, BDA_INTENT_DEVICE));
    size_t calls = bench.host.calls;
    for (uint32_t i = 0; i < 1000; i++)
        give(take_bytes(64, BDA_INTENT_DEVICE));
    assert_int_equal(bench.host.calls, calls);
    give(first);
    bench_close();
}

/* ---- What is told ---- */

static void ranges_are_sound_on(enum fake_machine machine, BdaIntent intent) {
    bench_open(&(struct fake_config){ .machine = machine }, NULL);
    BdaAllocation small = take((BdaAllocInfo){ .size = 1, .intent = intent });
    BdaAllocation odd = take((BdaAllocInfo){ .size = 1001, .intent = intent, .alignment = 64 });
    BdaAllocation dedicated = take((BdaAllocInfo){ .size = 999, .intent = intent, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_is_sound(&small);
    assert_is_sound(&odd);
    assert_is_sound(&dedicated);
    give(odd);
    give(small);
    give(dedicated);
    bench_close();
}

static void address_buffer_offset_and_mapping_name_the_same_bytes(void **state) {
    (void)state;
    for (int intent = BDA_INTENT_DEVICE; intent <= BDA_INTENT_SHARED; intent++) {
        ranges_are_sound_on(FAKE_MACHINE_DISCRETE, (BdaIntent)intent);
        ranges_are_sound_on(FAKE_MACHINE_REBAR, (BdaIntent)intent);
        ranges_are_sound_on(FAKE_MACHINE_UNIFIED, (BdaIntent)intent);
        ranges_are_sound_on(FAKE_MACHINE_NON_COHERENT, (BdaIntent)intent);
    }
    ranges_are_sound_on(FAKE_MACHINE_UNMAPPABLE, BDA_INTENT_DEVICE);
}

static void addresses_are_whole_beyond_bit_47(void **state) {
    (void)state;
    const VkDeviceAddress high[] = { FAKE_ADDRESS_BIT_47, FAKE_ADDRESS_SIGN_EXTENDED };
    for (uint32_t i = 0; i < COUNT_OF(high); i++) {
        bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .first_address = high[i] }, NULL);
        BdaAllocation range = take_bytes(100, BDA_INTENT_SHARED);
        BdaAllocation own = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" });
        assert_true(range.address >= high[i] && own.address >= high[i]);
        assert_is_sound(&range);
        assert_is_sound(&own);
        give(range);
        give(own);
        bench_close();
    }
}

static void live_ranges_share_no_byte(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
    BdaAllocation taken[300];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++) {
        taken[i] = take_bytes(1 + i * i % 5000, BDA_INTENT_SHARED);
        memset(taken[i].mapped, (int)(i & 0xFF), (size_t)taken[i].size);
    }
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        for (size_t at = 0; at < taken[i].size; at++)
            assert_int_equal(((unsigned char *)taken[i].mapped)[at], i & 0xFF);
    give_all(taken, COUNT_OF(taken));
    bench_close();
}

/* ---- Which memory ---- */

struct choice {
    enum fake_machine machine;
    uint32_t types[4]; /* by intent */
};

static void each_intent_comes_from_its_best_memory_type(void **state) {
    (void)state;
    static const struct choice choices[] = { { FAKE_MACHINE_DISCRETE, { 1, 2, 3, 4 } },
                                             { FAKE_MACHINE_REBAR, { 1, 2, 3, 4 } },
                                             { FAKE_MACHINE_UNIFIED, { 0, 0, 0, 0 } },
                                             { FAKE_MACHINE_NON_COHERENT, { 0, 1, 2, 3 } } };
    for (uint32_t i = 0; i < COUNT_OF(choices); i++) {
        bench_open(&(struct fake_config){ .machine = choices[i].machine }, NULL);
        for (int intent = 0; intent < 4; intent++) {
            BdaAllocation range = take_bytes(256, (BdaIntent)intent);
            BdaAllocation own = take_buffer(256, PLAIN_USAGE, (BdaAllocInfo){ .intent = (BdaIntent)intent });
            assert_int_equal(info_of(range.handle).memory_type, choices[i].types[intent]);
            assert_int_equal(info_of(own.handle).memory_type, choices[i].types[intent]);
            give(range);
            give(own);
        }
        bench_close();
    }
}

static void an_intent_that_no_type_serves_is_refused(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNMAPPABLE }, NULL);
    const struct bench_state before = bench_look();
    refuse(VK_ERROR_FEATURE_NOT_PRESENT, (BdaAllocInfo){ .size = 16, .intent = BDA_INTENT_UPLOAD });
    refuse(VK_ERROR_FEATURE_NOT_PRESENT, (BdaAllocInfo){ .size = 16, .intent = BDA_INTENT_READBACK });
    refuse(VK_ERROR_FEATURE_NOT_PRESENT,
           (BdaAllocInfo){ .size = 16, .intent = BDA_INTENT_SHARED, .flags = BDA_ALLOC_HOST_FALLBACK_BIT });
    assert_int_equal(bench_heard("bda_alloc, 16 bytes: no memory type serves the intent"), 3);
    refuse(VK_ERROR_FEATURE_NOT_PRESENT, (BdaAllocInfo){ .size = 16, .flags = BDA_ALLOC_ZERO_BIT });
    assert_int_equal(bench_heard("BDA_ALLOC_ZERO_BIT"), 1);
    assert_unchanged(&before);
    bench_close();
}

static void a_full_heap_leads_to_the_next_memory_type(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .heap_size = MIB(64), .foreign_use = { MIB(64) } }, NULL);
    BdaAllocation range = take_bytes(KIB(4), BDA_INTENT_DEVICE);
    BdaAllocation own = take_buffer(KIB(4), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    BdaAllocation large = take((BdaAllocInfo){ .size = MIB(3), .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(info_of(range.handle).memory_type, 4);
    assert_int_equal(info_of(own.handle).memory_type, 4);
    assert_int_equal(info_of(large.handle).memory_type, 4);
    give(range);
    give(own);
    give(large);
    bench_close();
}

/* Guards against asking a small heap for more than it has when a large one is full (VUID 01713). */
static void a_request_larger_than_the_next_types_heap_never_asks_for_it(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .heap_size = MIB(64) }, NULL);
    BdaAllocation first = take_bytes(MIB(40), BDA_INTENT_UPLOAD);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = MIB(40), .intent = BDA_INTENT_UPLOAD });
    give(first);
    bench_close();
}

static void host_memory_serves_the_device_only_by_the_flag(void **state) {
    (void)state;
    const struct fake_config full = { .heap_size = MIB(64), .foreign_use = { MIB(64), 0, MIB(64) } };
    const BdaIntent intents[] = { BDA_INTENT_DEVICE, BDA_INTENT_SHARED };
    for (uint32_t i = 0; i < COUNT_OF(intents); i++) {
        bench_open(&full, NULL);
        const struct bench_state before = bench_look();
        refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 64, .intent = intents[i] });
        assert_as_before(&before);
        BdaAllocation host =
            take((BdaAllocInfo){ .size = 64, .intent = intents[i], .flags = BDA_ALLOC_HOST_FALLBACK_BIT });
        assert_int_equal(info_of(host.handle).heap, 1);
        assert_true(intents[i] == BDA_INTENT_DEVICE || host.mapped != NULL);
        give(host);
        bench_close();
    }
}

static void device_memory_serves_first_although_fallback_is_allowed(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation device = take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_HOST_FALLBACK_BIT });
    assert_int_equal(info_of(device.handle).memory_type, 1);
    give(device);
    bench_close();
}

static void what_the_driver_itself_refuses_is_passed_on_and_told(void **state) {
    (void)state;
    const struct {
        VkResult result;
        const char *text;
    } answers[] = { { VK_ERROR_OUT_OF_DEVICE_MEMORY, "the driver refused device memory" },
                    { VK_ERROR_TOO_MANY_OBJECTS, "the driver refused another VkDeviceMemory" },
                    { VK_ERROR_OUT_OF_HOST_MEMORY, "host memory was refused" },
                    { VK_ERROR_UNKNOWN, "the driver refused" } };
    bench_open(NULL, NULL);
    const struct bench_state before = bench_look();
    for (uint32_t i = 0; i < COUNT_OF(answers); i++) {
        fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, answers[i].result);
        refuse(answers[i].result, (BdaAllocInfo){ .size = 16 });
        assert_int_equal(bench_heard(answers[i].text), 1);
        assert_as_before(&before);
        bench_hush();
    }
    fake_clear_failures(bench.driver);
    bench_close();
}

/* (Where nobody else can come in between, each type is tried once.) */
static void of_two_refusals_the_better_types_is_told(void **state) {
    (void)state;
    const struct {
        uint32_t full_heap; /* refuses device memory; the other one refuses another object */
        unsigned nth;
        VkResult first;
        const char *text;
    } cases[] = { { 2, 1, VK_ERROR_TOO_MANY_OBJECTS, "the driver refused another VkDeviceMemory" },
                  { 0, 2, VK_ERROR_OUT_OF_DEVICE_MEMORY, "the driver refused device memory" } };
    for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
        struct fake_config config = { .heap_size = MIB(64) };
        config.foreign_use[cases[i].full_heap] = MIB(64);
        bench_open(&config, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT });
        unsigned asked = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
        fake_fail(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, cases[i].nth, VK_ERROR_TOO_MANY_OBJECTS);
        refuse(cases[i].first, (BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT });
        assert_int_equal(fake_failed(bench.driver), 1);
        assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY) - asked, 2);
        assert_int_equal(bench_heard(cases[i].text), 1);
        bench_close();
    }
}

/* ---- Refusals that keep nothing ---- */

static void blocks_that_cannot_be_opened_use_up_no_records(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 16 });
    uint32_t records = bench.allocator->blocks.length;
    for (uint32_t i = 0; i < 20; i++)
        refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 16 });
    assert_int_equal(bench.allocator->blocks.length, records);
    fake_clear_failures(bench.driver);
    bench_close();
}

/* With two spare nodes the old blocks are searched; a new one needs a third. */
static void a_block_that_no_node_is_left_for_is_closed(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
    BdaAllocation held = take_bytes(KIB(600), BDA_INTENT_DEVICE);
    for (int i = 0; i < 3; i++) /* the thread has its cache, and a place there for ranges of the pool */
        give(take_bytes(64, BDA_INTENT_DEVICE));
    struct bda_nodes *nodes = &bench.allocator->nodes;
    struct bda_node_list *spare = &atomic_load(&bench.allocator->newest_pool)->tlsf.spare;
    struct bda_node_list hidden = { 0, 0 };
    fake_host_fail(&bench.host, 1, true);
    assert_false(bda_nodes_take(nodes, &hidden, UINT32_MAX)); /* all that need no host memory */
    fake_host_fail(&bench.host, 0, false);
    while (spare->count > BDA_TLSF_NODES_PER_ALLOC)
        bda_node_list_push(nodes, &hidden, bda_node_list_pop(nodes, spare));
    assert_int_equal(spare->count, BDA_TLSF_NODES_PER_ALLOC);
    const struct bench_state before = bench_look();
    const struct bda_budget *budget = &bench.allocator->device.budget;
    const uint64_t count = budget->count, reserved = budget->heaps[0].reserved;
    const BdaAllocInfo info = { .size = KIB(600) };
    BdaAllocation fresh;
    unsigned freed = bench_calls(FAKE_CALL_FREE_MEMORY);
    fake_host_fail(&bench.host, 1, false); /* what the driver takes of its own, then the chunk of nodes */
    for (size_t nth = 2; bda_alloc(bench.allocator, &info, &fresh) == VK_ERROR_OUT_OF_HOST_MEMORY; nth++) {
        assert_as_before(&before);
        assert_int_equal(budget->count, count);
        assert_int_equal(budget->heaps[0].reserved, reserved);
        assert_int_equal(spare->count, BDA_TLSF_NODES_PER_ALLOC);
        fake_host_fail(&bench.host, nth, false);
    }
    fake_host_fail(&bench.host, 0, false);
    assert_true(bench_calls(FAKE_CALL_FREE_MEMORY) > freed);
    assert_int_not_equal(fresh.handle, 0);
    give(fresh);
    bda_nodes_give(nodes, &hidden, hidden.count);
    give(held);
    bench_close();
}

/* ---- Dedicated or not ---- */

static void requests_over_half_the_largest_block_are_dedicated(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .max_block_size = MIB(4) });
    BdaAllocation half = take_bytes(MIB(2), BDA_INTENT_DEVICE);
    BdaAllocation over = take_bytes(MIB(2) + 1, BDA_INTENT_DEVICE);
    assert_false(info_of(half.handle).dedicated);
    assert_true(info_of(over.handle).dedicated);
    assert_int_equal(over.offset, 0);
    assert_int_equal(memory_of(over.buffer).dedicated, true);
    assert_int_equal(bench_use().dedicated_count, 1);
    give(over);
    assert_int_equal(bench_use().dedicated_count, 0);
    give(half);
    bench_close();
}

static void the_flag_gives_even_a_byte_its_own_memory(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation one = take((BdaAllocInfo){ .size = 1, .flags = BDA_ALLOC_DEDICATED_BIT });
    BdaAllocation other = take((BdaAllocInfo){ .size = 1, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(fake_memory_count(bench.driver), 2);
    assert_int_equal(memory_of(one.buffer).bound, 1);
    assert_int_not_equal(one.buffer, other.buffer);
    give(one);
    give(other);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

static void a_large_request_may_lie_in_a_block_when_the_heap_is_full(void **state) {
    (void)state;
    const VkDeviceSize limit = KIB(2048);
    bench_open(
        &(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED },
        &(BdaAllocatorInfo){
            .first_block_size = KIB(2048), .heap_limit_count = 1, .heap_limits = &limit, .max_block_size = MIB(2) });
    give(take_bytes(16, BDA_INTENT_DEVICE));
    BdaAllocation held = take_bytes(16, BDA_INTENT_DEVICE);
    BdaAllocation large = take_bytes(KIB(1200), BDA_INTENT_DEVICE);
    assert_false(info_of(large.handle).dedicated);
    give(large);
    give(held);
    bench_close();
}

/* ---- Flags ---- */

static void without_new_memory_a_request_is_served_from_room_or_refused(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    const BdaAllocInfo frugal = { .size = KIB(600), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, frugal);
    assert_int_equal(bench_heard("no new memory"), 1);
    give(take_bytes(16, BDA_INTENT_DEVICE));
    unsigned with_block = bench_calls(FAKE_CALL_ANY);
    BdaAllocation served = take(frugal);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, frugal);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), with_block);
    assert_true(with_block > calls);
    give(served);
    bench_close();
}

static void without_new_memory_nothing_can_be_dedicated(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    give(take_bytes(16, BDA_INTENT_DEVICE));
    const struct bench_state before = bench_look();
    const BdaAllocFlags both = BDA_ALLOC_NO_NEW_MEMORY_BIT | BDA_ALLOC_DEDICATED_BIT;
    const VkBufferCreateInfo buffer = buffer_info(16, PLAIN_USAGE);
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, (BdaAllocInfo){ .size = 16, .flags = both });
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &buffer, (BdaAllocInfo){ .flags = both });
    assert_int_equal(bench_heard("takes new memory, which BDA_ALLOC_NO_NEW_MEMORY_BIT forbids"), 2);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = MIB(200), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    assert_int_equal(bench_calls(FAKE_CALL_ANY), before.calls);
    assert_as_before(&before);
    bench_close();
}

static void zeroed_memory_is_zero_for_the_device(enum fake_machine machine, BdaIntent intent, BdaAllocFlags flags) {
    bench_open(&(struct fake_config){ .machine = machine }, NULL);
    unsigned char seen[4096];
    for (uint32_t round = 0; round < 3; round++) { /* fresh memory, then memory that was written to */
        BdaAllocation zeroed =
            take((BdaAllocInfo){ .size = sizeof seen, .intent = intent, .flags = BDA_ALLOC_ZERO_BIT | flags });
        assert_non_null(zeroed.mapped);
        assert_true(fake_device_read(bench.driver, zeroed.address, seen, sizeof seen));
        assert_is_zeroed(seen, sizeof seen);
        assert_is_zeroed(zeroed.mapped, sizeof seen);
        memset(seen, 0x5C, sizeof seen);
        assert_int_equal(bda_write(bench.allocator, zeroed.handle, 0, seen, sizeof seen), VK_SUCCESS);
        give(zeroed);
    }
    bench_close();
}

static void memory_is_zeroed_and_flushed_where_it_is_mapped(void **state) {
    (void)state;
    for (int intent = BDA_INTENT_UPLOAD; intent <= BDA_INTENT_SHARED; intent++) {
        zeroed_memory_is_zero_for_the_device(FAKE_MACHINE_DISCRETE, (BdaIntent)intent, 0);
        zeroed_memory_is_zero_for_the_device(FAKE_MACHINE_NON_COHERENT, (BdaIntent)intent, 0);
        zeroed_memory_is_zero_for_the_device(FAKE_MACHINE_NON_COHERENT, (BdaIntent)intent, BDA_ALLOC_DEDICATED_BIT);
    }
}

static void zeroing_leaves_the_neighbours_alone(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT }, NULL);
    BdaAllocation row[3];
    for (uint32_t i = 0; i < 3; i++)
        row[i] = take_bytes(50, BDA_INTENT_UPLOAD);
    unsigned char bytes[50], seen[50];
    memset(bytes, 0x3C, sizeof bytes);
    for (uint32_t i = 0; i < 3; i += 2) /* the device's own writes, which the CPU never saw */
        assert_true(fake_device_write(bench.driver, row[i].address, bytes, sizeof bytes));
    give(row[1]);
    row[1] = take((BdaAllocInfo){ .size = 50, .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_ZERO_BIT });
    for (uint32_t i = 0; i < 3; i += 2) {
        assert_true(fake_device_read(bench.driver, row[i].address, seen, sizeof seen));
        assert_memory_equal(seen, bytes, sizeof seen);
    }
    give_all(row, 3);
    bench_close();
}

static void zeroing_what_is_not_mapped_is_refused_and_nothing_kept(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNMAPPABLE }, NULL);
    const struct bench_state before = bench_look();
    refuse(VK_ERROR_FEATURE_NOT_PRESENT, (BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_ZERO_BIT });
    const VkBufferCreateInfo made = buffer_info(64, PLAIN_USAGE);
    refuse_buffer(VK_ERROR_FEATURE_NOT_PRESENT, &made, (BdaAllocInfo){ .flags = BDA_ALLOC_ZERO_BIT });
    assert_as_before(&before);
    bench_close();
}

static void a_failed_flush_of_zeroes_keeps_nothing_live(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT }, NULL);
    give(take_bytes(16, BDA_INTENT_UPLOAD));
    const struct bench_state before = bench_look();
    fake_fail(bench.driver, FAKE_CALL_FLUSH, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    refuse(VK_ERROR_OUT_OF_HOST_MEMORY,
           (BdaAllocInfo){ .size = 64, .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_ZERO_BIT, .name = "z" });
    assert_as_before(&before);
    bench_close();
}

/* ---- Priorities ---- */

static void another_priority_is_another_block_of_that_priority(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_MEMORY_PRIORITY }, NULL);
    BdaAllocation plain = take_bytes(16, BDA_INTENT_DEVICE);
    BdaAllocation same = take((BdaAllocInfo){ .size = 16, .priority = 0.5f });
    BdaAllocation high = take((BdaAllocInfo){ .size = 16, .priority = 1.0f });
    BdaAllocation again = take((BdaAllocInfo){ .size = 16, .priority = 1.0f });
    assert_int_equal(plain.buffer, same.buffer);
    assert_int_equal(high.buffer, again.buffer);
    assert_int_not_equal(plain.buffer, high.buffer);
    assert_true(memory_of(plain.buffer).priority == 0.5f && memory_of(high.buffer).priority == 1.0f);
    assert_true(info_of(high.handle).priority == 1.0f && info_of(plain.handle).priority == 0.5f);
    give(plain);
    give(same);
    give(high);
    give(again);
    bench_close();
}

static void priorities_count_for_nothing_without_the_feature(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation plain = take_bytes(16, BDA_INTENT_DEVICE);
    BdaAllocation high = take((BdaAllocInfo){ .size = 16, .priority = 1.0f });
    assert_int_equal(plain.buffer, high.buffer);
    assert_true(info_of(high.handle).priority == 0.5f);
    give(plain);
    give(high);
    bench_close();
}

/* ---- Pending frees ---- */

static void due_frees_are_collected_before_a_block_is_made(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation old = take_bytes(KIB(900), BDA_INTENT_DEVICE);
    assert_int_equal(bda_free_after(bench.allocator, old.handle, timeline, 5), VK_SUCCESS);
    fake_signal(bench.driver, timeline, 5);
    unsigned allocations = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    BdaAllocation fresh = take_bytes(KIB(900), BDA_INTENT_DEVICE);
    assert_int_equal(fresh.address, old.address);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), allocations);
    give(fresh);
    bench_close();
}

/* ---- What may take no new memory and is plain ---- */

static const BdaAllocFlags present = BDA_ALLOC_NO_NEW_MEMORY_BIT;

/* Guards against a second search, and against pools made of memory types that cannot serve either. */
static void a_refusal_for_want_of_room_changes_nothing_and_says_why(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation full = take_bytes(KIB(1000), BDA_INTENT_UPLOAD);
    give(take_bytes(KIB(20), BDA_INTENT_UPLOAD)); /* what threads keep is known of afterwards */
    const struct bench_state before = bench_look();
    for (uint32_t i = 0; i < 3; i++) {
        BdaAllocation refused;
        memset(&refused, 0x77, sizeof refused);
        const BdaAllocInfo info = { .size = KIB(30) << i, .intent = BDA_INTENT_UPLOAD, .flags = present };
        assert_refusal(VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_alloc(bench.allocator, &info, &refused), "bda_alloc",
                       "no block has room");
        assert_is_zeroed(&refused, sizeof refused);
        refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY,
               (BdaAllocInfo){ .size = KIB(30), .intent = BDA_INTENT_UPLOAD, .flags = present, .name = "named" });
    }
    assert_as_before(&before);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), before.calls);
    give(full);
    bench_close();
}

static void what_threads_keep_serves_before_a_refusal(void **state) {
    (void)state;
    enum { COUNT = 700 }; /* a thread alone keeps something while a quarter is free */
    static BdaAllocation taken[COUNT];
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < 3; i++) /* by then the thread has a cache */
        give(take_bytes(KIB(1), BDA_INTENT_DEVICE));
    for (uint32_t i = 0; i < COUNT; i++)
        taken[i] = take_bytes(KIB(1), BDA_INTENT_DEVICE);
    give_all(taken, COUNT);
    assert_true(bench_use().cached != 0);
    const VkDeviceSize size = KIB(1023); /* not without what is kept in between */
    assert_true(bench_use().largest_free < size);
    BdaAllocation whole = take((BdaAllocInfo){ .size = size, .flags = present });
    assert_int_equal(bench_use().block_count, 1);
    give(whole);
    bench_close();
}

static void what_is_due_serves_before_a_refusal(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation full = take_bytes(KIB(1000), BDA_INTENT_DEVICE);
    assert_int_equal(bda_free_after(bench.allocator, full.handle, timeline, 1), VK_SUCCESS);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = KIB(500), .flags = present });
    fake_signal(bench.driver, timeline, 1);
    give(take((BdaAllocInfo){ .size = KIB(500), .flags = present }));
    assert_int_equal(bench_use().block_count, 1);
    bench_close();
}

static void blocks_of_other_types_serve_before_a_refusal(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation full = take_bytes(KIB(1000), BDA_INTENT_UPLOAD);
    BdaAllocation other = take_bytes(16, BDA_INTENT_READBACK);
    assert_int_not_equal(info_of(full.handle).memory_type, info_of(other.handle).memory_type);
    const BdaAllocInfo info = { .size = KIB(500), .intent = BDA_INTENT_UPLOAD, .flags = present };
    BdaAllocation served = take(info);
    assert_int_equal(info_of(served.handle).memory_type, info_of(other.handle).memory_type);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY,
           (BdaAllocInfo){ .size = KIB(900), .intent = BDA_INTENT_UPLOAD, .flags = present });
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY,
           (BdaAllocInfo){ .size = KIB(530), .intent = BDA_INTENT_UPLOAD, .flags = present });
    give(served);
    give(other);
    give(full);
    bench_close();
}

static void host_memory_that_is_refused_is_no_want_of_room(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation room = take_bytes(16, BDA_INTENT_DEVICE);
    fake_host_fail(&bench.host, 1, true);
    refuse(VK_ERROR_OUT_OF_HOST_MEMORY, (BdaAllocInfo){ .size = KIB(10), .flags = present, .name = "needs a record" });
    fake_host_fail(&bench.host, 0, false);
    give(room);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alloc_calls_no_driver_while_a_block_has_room),
        cmocka_unit_test(a_refusal_for_want_of_room_changes_nothing_and_says_why),
        cmocka_unit_test(what_threads_keep_serves_before_a_refusal),
        cmocka_unit_test(what_is_due_serves_before_a_refusal),
        cmocka_unit_test(blocks_of_other_types_serve_before_a_refusal),
        cmocka_unit_test(host_memory_that_is_refused_is_no_want_of_room),
        cmocka_unit_test(an_unnamed_range_takes_no_host_memory_of_its_own),
        cmocka_unit_test(address_buffer_offset_and_mapping_name_the_same_bytes),
        cmocka_unit_test(addresses_are_whole_beyond_bit_47),
        cmocka_unit_test(live_ranges_share_no_byte),
        cmocka_unit_test(each_intent_comes_from_its_best_memory_type),
        cmocka_unit_test(an_intent_that_no_type_serves_is_refused),
        cmocka_unit_test(a_full_heap_leads_to_the_next_memory_type),
        cmocka_unit_test(a_request_larger_than_the_next_types_heap_never_asks_for_it),
        cmocka_unit_test(host_memory_serves_the_device_only_by_the_flag),
        cmocka_unit_test(device_memory_serves_first_although_fallback_is_allowed),
        cmocka_unit_test(what_the_driver_itself_refuses_is_passed_on_and_told),
        cmocka_unit_test(of_two_refusals_the_better_types_is_told),
        cmocka_unit_test(blocks_that_cannot_be_opened_use_up_no_records),
        cmocka_unit_test(a_block_that_no_node_is_left_for_is_closed),
        cmocka_unit_test(requests_over_half_the_largest_block_are_dedicated),
        cmocka_unit_test(the_flag_gives_even_a_byte_its_own_memory),
        cmocka_unit_test(a_large_request_may_lie_in_a_block_when_the_heap_is_full),
        cmocka_unit_test(without_new_memory_a_request_is_served_from_room_or_refused),
        cmocka_unit_test(without_new_memory_nothing_can_be_dedicated),
        cmocka_unit_test(memory_is_zeroed_and_flushed_where_it_is_mapped),
        cmocka_unit_test(zeroing_leaves_the_neighbours_alone),
        cmocka_unit_test(zeroing_what_is_not_mapped_is_refused_and_nothing_kept),
        cmocka_unit_test(a_failed_flush_of_zeroes_keeps_nothing_live),
        cmocka_unit_test(another_priority_is_another_block_of_that_priority),
        cmocka_unit_test(priorities_count_for_nothing_without_the_feature),
        cmocka_unit_test(due_frees_are_collected_before_a_block_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
