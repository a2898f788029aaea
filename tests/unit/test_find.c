/* src/debug/find.c, src/debug/describe.c, src/alloc/locate.c and src/api/find.c: every address is explained. */
#include "alloc_support.h"

#include <stdlib.h>

static BdaFinding find_one(VkDeviceAddress address) {
    BdaFinding finding;
    uint32_t count = 1;
    memset(&finding, 0xAA, sizeof finding);
    assert_int_equal(bda_find(bench.allocator, address, 0, &count, &finding), VK_SUCCESS);
    assert_int_equal(count, 1);
    assert_true(finding.extent == 1 && finding.next == NULL);
    return finding;
}

static void assert_live(const BdaFinding *finding, const BdaAllocation *a, VkDeviceSize offset, const char *name) {
    assert_int_equal(finding->kind, BDA_FINDING_LIVE);
    assert_int_equal(finding->address, a->address + offset);
    assert_int_equal(finding->range.handle, a->handle);
    assert_int_equal(finding->range.address, a->address);
    assert_int_equal(finding->range.size, a->size);
    assert_int_equal(finding->offset, offset);
    assert_string_equal(finding->range.name, name);
    assert_int_equal(finding->before.handle | finding->after.handle, 0);
}

static void assert_says(const BdaFinding *finding, const char *wanted) {
    char text[512];
    assert_int_equal(bda_describe_finding(finding, sizeof text, text), VK_SUCCESS);
    if (strstr(text, wanted) == NULL)
        fail_msg("'%s' is not in '%s'", wanted, text);
}

static void open_without_caches(void) {
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
}

/* ---- Live ---- */

static void a_live_allocation_is_found_by_each_of_its_bytes(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 4096, .name = "particles", .user = 77 });
    BdaAllocation b = take((BdaAllocInfo){ .size = 100 });
    const VkDeviceSize offsets[] = { 0, 1, 64, 4095 };
    for (uint32_t i = 0; i < COUNT_OF(offsets); i++) {
        BdaFinding finding = find_one(a.address + offsets[i]);
        assert_live(&finding, &a, offsets[i], "particles");
        assert_true(finding.range.user == 77 && !finding.own_buffer && !finding.dedicated && finding.pool == NULL);
    }
    BdaFinding finding = find_one(b.address + 99);
    assert_live(&finding, &b, 99, "");
    assert_says(&finding, "byte 99 of an unnamed allocation (live, 100 bytes at 0x");
    give(a);
    give(b);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_allocation_is_found_by_each_of_its_bytes),
    };
    (void)open_without_caches;
    return cmocka_run_group_tests_name("find", tests, NULL, NULL);
}
