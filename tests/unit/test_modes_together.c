/* Checking modes by ones, twos and all together, under random work: nothing is reported that was done right, what was
 * done wrong is found all the same, and all memory comes back. */
#include "shader_support.h"

#include "alloc/free.h"
#include "platform/marks.h"

enum { LIVE = 24, STEPS = 240 };

#define PATTERNS ((BdaCheckFlags)(BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT))

static const BdaCheckFlags single[] = {
    BDA_CHECK_QUARANTINE_BIT, BDA_CHECK_POISON_BIT,   BDA_CHECK_RED_ZONES_BIT, BDA_CHECK_ISOLATE_BIT,
    BDA_CHECK_MEMORY_BIT,     BDA_CHECK_POINTERS_BIT, BDA_CHECK_STACKS_BIT,    BDA_CHECK_HISTORY_BIT,
};

#define EVERY ((BdaCheckFlags)0xFF)

static struct {
    BdaAllocation live[LIVE];
    VkSemaphore timeline;
    uint64_t value, ticket, planted; /* so many faults */
    VkCommandBuffer commands;
    uint32_t seed;
} work;

static uint32_t chance(uint32_t sides) {
    work.seed = work.seed * 1664525u + 1013904223u;
    return (work.seed >> 8) % sides;
}

static void open_modes(const struct fake_config *config, BdaCheckFlags checks) {
    bench_open(config,
               &(BdaAllocatorInfo){
                   .checks = checks, .first_block_size = KIB(64), .max_block_size = MIB(1), .quarantine_frees = 12 });
    memset(&work, 0, sizeof work);
    work.seed = checks;
    work.timeline = fake_make_semaphore(bench.driver, 0);
    work.commands = fake_make_commands(bench.driver);
}

static uint32_t lines;

static void count_line(void *user, const char *line) {
    (void)user;
    lines += strstr(line, " when invocation (") != NULL;
}

/* ---- Right work ---- */

/* Every byte that is an owner's may be written, by the CPU and by the device. */
static void fill(const BdaAllocation *a) {
    unsigned char bytes[64];
    memset(bytes, (int)chance(256), sizeof bytes);
    if (a->mapped != NULL)
        memset(a->mapped, bytes[0], (size_t)a->size);
    VkDeviceSize size = bda_min(a->size, sizeof bytes);
    assert_true(fake_device_write(bench.driver, a->address, bytes, (size_t)size));
    assert_true(fake_device_write(bench.driver, a->address + a->size - size, bytes, (size_t)size));
}

static BdaAllocInfo wish(void) {
    static const char *const names[] = { NULL, "a", "a name that is longer than what stands in one note of an event" };
    return (BdaAllocInfo){ .size = 1 + chance(chance(8) == 0 ? 70000 : 900),
                           .intent = (BdaIntent)chance(3),
                           .alignment = (VkDeviceSize)16 << chance(5),
                           .flags = chance(12) == 0 ? BDA_ALLOC_DEDICATED_BIT : 0,
                           .name = names[chance(3)] };
}

static BdaAllocation take_any(void) {
    BdaAllocInfo info = wish();
    VkDeviceSize size = info.size;
    if (chance(3) != 0)
        return take(info);
    info.size = 0;
    return take_buffer(size, PLAIN_USAGE, info);
}

static void take_pair_or_none(BdaAllocation *pair) {
    BdaAllocInfo infos[3] = { wish(), wish(), { .size = 0 } };
    BdaAllocation all[3];
    assert_int_equal(bench.told[BDA_MESSAGE_ERROR], 0);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_alloc_many(bench.allocator, 3, infos, all), "bda_alloc_many",
                   "item 2: size is 0");
    assert_int_equal(bda_alloc_many(bench.allocator, 2, infos, all), VK_SUCCESS);
    memcpy(pair, all, 2 * sizeof *pair);
}

/* The pair from an even slot on goes. */
static void give_pair(BdaAllocation *pair) {
    const BdaHandle handles[2] = { pair[0].handle, pair[1].handle };
    if (chance(3) == 0) {
        for (uint32_t i = 0; i < 2; i++)
            assert_int_equal(bda_free_after(bench.allocator, handles[i], work.timeline, work.value + 1), VK_SUCCESS);
    } else {
        assert_int_equal(bda_free_many(bench.allocator, 2, handles), VK_SUCCESS);
    }
    memset(pair, 0, 2 * sizeof *pair);
}

/* What was recorded in one frame is complete in the next. */
static void frame(void) {
    fake_signal(bench.driver, work.timeline, ++work.value);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    bda_set_frame(bench.allocator, work.value);
    fake_submit(work.commands);
    assert_int_equal(bda_complete_checks(bench.allocator, work.ticket), VK_SUCCESS);
    assert_int_equal(bda_record_checks(bench.allocator, work.commands, &work.ticket), VK_SUCCESS);
    uint64_t broken = 0, bad = 0;
    assert_int_equal(bda_verify(bench.allocator, &broken), VK_SUCCESS);
    if (broken != work.planted)
        fail_msg("modes 0x%x: %s", (unsigned)bench.info.checks, bench.text);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    assert_int_equal(bda_report_checks(bench.allocator, count_line, NULL, &bad), VK_SUCCESS);
    assert_int_equal(bad, 0);
}

static void step(uint32_t number) {
    BdaAllocation *pair = &work.live[chance(LIVE / 2) * 2];
    if (pair->handle != 0) {
        give_pair(pair);
    } else if (chance(4) == 0) {
        take_pair_or_none(pair);
    } else {
        pair[0] = take_any();
        pair[1] = take_any();
    }
    for (uint32_t i = 0; i < 2 && pair->handle != 0; i++)
        fill(&pair[i]);
    if (number % 8 == 7)
        frame();
    if (number % 50 == 49)
        assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
}

static void finish(void) {
    for (uint32_t i = 0; i < LIVE; i += 2)
        if (work.live[i].handle != 0)
            give_pair(&work.live[i]);
    for (uint32_t i = 0; i < 4; i++)
        frame();
    fake_submit(work.commands);
    assert_int_equal(bda_complete_checks(bench.allocator, work.ticket), VK_SUCCESS);
    bda_let_go(bench.allocator, NULL);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    BdaUse use = bench_use();
    assert_int_equal(use.allocation_count + use.pending_count + use.quarantined_count, 0);
    assert_int_equal(use.reserved, 0);
    if ((bench.info.checks & BDA_CHECK_POINTERS_BIT) == 0)
        assert_int_equal(fake_memory_count(bench.driver), 0);
}

/* ---- Wrong work ---- */

/* Past the address sanitizer, which would be the first to find it where BDA_CHECK_MEMORY_BIT has told it of the byte.
 */
static void write_wild(const BdaAllocation *a, size_t offset) {
    unsigned char *byte = (unsigned char *)a->mapped + offset;
    bool forbidden = bda_marks_forbidden(byte);
    if (forbidden)
        bda_marks_pause(byte, 1);
    *byte = 0x41;
    if (forbidden)
        bda_marks_resume(byte, 1);
}

/* Nobody's bytes that are mapped, in front of nobody and behind everybody else. */
static void plant_by_the_cpu(BdaCheckFlags checks) {
    const BdaAllocInfo info = { .size = 200, .intent = BDA_INTENT_UPLOAD, .name = "victim" };
    if ((checks & BDA_CHECK_RED_ZONES_BIT) != 0) {
        BdaAllocation a = take(info);
        assert_non_null(a.mapped);
        write_wild(&a, 200);
        give(a);
        if (bench.told[BDA_MESSAGE_ERROR] != 1 || bench_heard("behind 'victim' (200 bytes at ") != 1)
            fail_msg("modes 0x%x do not find a write past an end: %s", (unsigned)checks, bench.text);
        bench_hush();
    }
    if ((checks & PATTERNS) != 0) {
        BdaAllocation a = take(info), other = take(info); /* so the block stays */
        give(a);
        write_wild(&a, 8);
        uint64_t broken;
        assert_int_equal(bda_verify(bench.allocator, &broken), VK_SUCCESS);
        if (bench.told[BDA_MESSAGE_ERROR] != 1 || bench_heard("written after its free: 1 of ") != 1)
            fail_msg("modes 0x%x do not find a write after a free: %s", (unsigned)checks, bench.text);
        give(other);
        bench_hush();
    }
}

static void plant_by_a_shader(BdaCheckFlags checks) {
    uint64_t bad = 0;
    if ((checks & BDA_CHECK_POINTERS_BIT) == 0)
        return;
    struct shader shader = shader_start();
    BdaAllocation a = take((BdaAllocInfo){ .size = 200 });
    assert_true(shader_access(&shader, 0, a.address + 196, 4, BDA_FAULT_ACCESS_WRITE));
    assert_false(shader_access(&shader, 0, a.address + 200, 4, BDA_FAULT_ACCESS_WRITE));
    give(a);
    assert_false(shader_access(&shader, 0, a.address, 4, BDA_FAULT_ACCESS_READ));
    lines = 0;
    assert_int_equal(bda_report_checks(bench.allocator, count_line, NULL, &bad), VK_SUCCESS);
    assert_int_equal(bad, 2);
    assert_int_equal(lines, 2);
}

static void plant_by_the_device(BdaCheckFlags checks) {
    if ((checks & BDA_CHECK_RED_ZONES_BIT) == 0)
        return;
    BdaAllocation a = take((BdaAllocInfo){ .size = 200, .name = "victim" });
    if (a.mapped == NULL) {
        frame();
        frame();
        assert_true(fake_device_write(bench.driver, a.address + 200, "\x41", 1));
        for (uint32_t i = 0; i < 2; i++) {
            fake_submit(work.commands);
            assert_int_equal(bda_complete_checks(bench.allocator, work.ticket), VK_SUCCESS);
            assert_int_equal(bda_record_checks(bench.allocator, work.commands, &work.ticket), VK_SUCCESS);
        }
        if (bench.told[BDA_MESSAGE_ERROR] != 1 || bench_heard("behind 'victim' (200 bytes at ") != 1)
            fail_msg("modes 0x%x: commands do not find a write past an end: %s", (unsigned)checks, bench.text);
        work.planted++;
        bench_hush();
    }
    give(a);
}

/* ---- Both ---- */

static void try_modes(const struct fake_config *config, BdaCheckFlags checks) {
    /* the fake driver flushes by copying, forbidden bytes too, and is watched as no real one is */
    if (config->machine == FAKE_MACHINE_NON_COHERENT && bda_marks_are_heard())
        checks &= ~(BdaCheckFlags)BDA_CHECK_MEMORY_BIT;
    open_modes(config, checks);
    bench_hush(); /* a library that can speak to no memory checker says so */
    for (uint32_t i = 0; i < STEPS; i++)
        step(i);
    plant_by_the_device(checks); /* while nothing else was found */
    finish();
    if (bench.told[BDA_MESSAGE_ERROR] + bench.told[BDA_MESSAGE_WARNING] != 0)
        fail_msg("modes 0x%x: %s", (unsigned)checks, bench.text);
    bench_hush();
    plant_by_a_shader(checks);
    plant_by_the_cpu(checks);
    fake_drop_commands(work.commands);
    bench_close();
}

static void modes_bear_each_other(void **state) {
    const struct fake_config *config = *state;
    for (uint32_t i = 0; i < COUNT_OF(single); i++)
        for (uint32_t j = i; j < COUNT_OF(single); j++)
            try_modes(config, single[i] | single[j]);
    for (uint32_t i = 0; i < COUNT_OF(single); i++)
        try_modes(config, EVERY & ~single[i]);
    try_modes(config, EVERY);
}

int main(void) {
    static const struct fake_config discrete = { .machine = FAKE_MACHINE_DISCRETE };
    static const struct fake_config non_coherent = { .machine = FAKE_MACHINE_NON_COHERENT };
    static const struct fake_config unified = { .machine = FAKE_MACHINE_UNIFIED, .prefer_dedicated_from = 800 };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(modes_bear_each_other, (void *)(uintptr_t)&discrete),
        cmocka_unit_test_prestate(modes_bear_each_other, (void *)(uintptr_t)&non_coherent),
        cmocka_unit_test_prestate(modes_bear_each_other, (void *)(uintptr_t)&unified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
