/* Checking modes under several threads; for the thread sanitizer. */
#include "helper_support.h"

#include "alloc/free.h"

enum { ROUNDS = 150 };

static const BdaAllocatorInfo modes = { .checks =
                                            BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT,
                                        .quarantine_frees = 20 };

/* Takes ranges and buffers of all memories, writes them to the last byte, and frees what it took some rounds ago. */
static void work(struct helper *helper) {
    for (uint32_t i = 0; i < ROUNDS; i++) {
        BdaAllocation *a = &helper->slots[i % 16];
        const BdaAllocInfo info = { .size = 1 + (i * 37) % 500, .intent = (BdaIntent)(i % 3), .name = "threads" };
        const VkBufferCreateInfo buffer = buffer_info(info.size, PLAIN_USAGE);
        if (a->handle != 0)
            helper->wrong += bda_free(helper->allocator, a->handle) != VK_SUCCESS;
        VkResult result = i % 4 == 0 ? bda_alloc_buffer(helper->allocator, &buffer, &info, a)
                                     : bda_alloc(helper->allocator, &info, a);
        helper->wrong += result != VK_SUCCESS;
        if (a->mapped != NULL)
            memset(a->mapped, (int)i, (size_t)a->size);
    }
    for (uint32_t i = 0; i < 16; i++)
        helper->wrong += bda_free(helper->allocator, helper->slots[i].handle) != VK_SUCCESS;
    memset(helper->slots, 0, sizeof helper->slots);
}

static void frame(VkCommandBuffer commands) {
    uint64_t ticket, broken;
    assert_int_equal(bda_record_checks(bench.allocator, commands, &ticket), VK_SUCCESS);
    fake_submit(commands);
    assert_int_equal(bda_complete_checks(bench.allocator, ticket), VK_SUCCESS);
    assert_int_equal(bda_verify(bench.allocator, &broken), VK_SUCCESS);
    assert_int_equal(broken, 0);
}

static void threads_and_checks_leave_each_other_in_peace(void **state) {
    const struct fake_config *config = *state;
    bench_open(config, &modes);
    VkCommandBuffer commands = fake_make_commands(bench.driver);
    struct helper helpers[3];
    uint32_t rounds[3];
    for (uint32_t i = 0; i < 3; i++) {
        hire(&helpers[i]);
        rounds[i] = begin(&helpers[i], work);
    }
    for (uint32_t i = 0; i < 30; i++) {
        frame(commands);
        bda_let_go(bench.allocator, NULL);
    }
    for (uint32_t i = 0; i < 3; i++) {
        await(&helpers[i], rounds[i]);
        assert_int_equal(helpers[i].wrong, 0);
        dismiss(&helpers[i]);
    }
    frame(commands);
    fake_drop_commands(commands);
    bench_close();
}

int main(void) {
    static const struct fake_config discrete = { .machine = FAKE_MACHINE_DISCRETE };
    static const struct fake_config non_coherent = { .machine = FAKE_MACHINE_NON_COHERENT };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(threads_and_checks_leave_each_other_in_peace, (void *)(uintptr_t)&discrete),
        cmocka_unit_test_prestate(threads_and_checks_leave_each_other_in_peace, (void *)(uintptr_t)&non_coherent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
