/* Addresses that a real driver gave are explained, lead back to their buffers, and are enough to free by. */
#include "work.h"

#include <string.h>

static BdaFinding find_at(struct suite *s, VkDeviceAddress address) {
    BdaFinding finding;
    uint32_t count = 1;
    assert_vk(bda_find(s->allocator, address, 0, &count, &finding));
    assert_int_equal(count, 1);
    return finding;
}

static void assert_is_found(struct suite *s, const BdaAllocation *a, const char *name) {
    const VkDeviceSize offsets[] = { 0, a->size / 2, a->size - 1 };
    for (size_t i = 0; i < SUITE_COUNT(offsets); i++) {
        BdaFinding finding = find_at(s, a->address + offsets[i]);
        assert_int_equal(finding.kind, BDA_FINDING_LIVE);
        assert_int_equal(finding.range.handle, a->handle);
        assert_int_equal(finding.offset, offsets[i]);
        assert_string_equal(finding.range.name, name);
        VkBuffer buffer;
        VkDeviceSize offset;
        assert_vk(bda_resolve(s->allocator, a->address + offsets[i], &buffer, &offset));
        assert_true(buffer == a->buffer && offset == a->offset + offsets[i]);
        const unsigned char *mapped = bda_mapped(s->allocator, a->address + offsets[i]);
        assert_ptr_equal(mapped, a->mapped != NULL ? (unsigned char *)a->mapped + offsets[i] : NULL);
    }
}

static void every_kind_of_allocation_is_found(void **state) {
    enum { KINDS = 3 };
    static const char *const names[KINDS] = { "range", "buffer", "dedicated" };
    struct suite *s = *state;
    for (int intent = BDA_INTENT_DEVICE; intent <= BDA_INTENT_READBACK; intent++) {
        BdaAllocation all[KINDS];
        BdaAllocInfo info = { .size = 1000, .intent = (BdaIntent)intent, .name = names[0] };
        all[0] = suite_alloc(s, &info);
        info.name = names[1];
        all[1] = suite_alloc_buffer(s, 1000, SUITE_COPIES, &(BdaAllocInfo){ .intent = info.intent, .name = names[1] });
        info.name = names[2];
        info.flags = BDA_ALLOC_DEDICATED_BIT;
        all[2] = suite_alloc(s, &info);
        for (uint32_t i = 0; i < KINDS; i++)
            assert_is_found(s, &all[i], names[i]);
        BdaFinding finding = find_at(s, all[0].address + 1004);
        assert_int_equal(finding.kind, BDA_FINDING_SLACK);
        assert_true(finding.before.handle == all[0].handle && finding.past_end == 4);
        for (uint32_t i = 0; i < KINDS; i++) {
            assert_vk(bda_free_address(s->allocator, all[i].address));
            assert_true(find_at(s, all[i].address).kind != BDA_FINDING_LIVE);
        }
    }
}

/* As VkDeviceFaultAddressInfoEXT gives them. */
static void a_page_is_a_list_of_candidates(void **state) {
    enum { COUNT = 200 };
    struct suite *s = *state;
    BdaAllocation all[COUNT];
    BdaFinding findings[COUNT * 2];
    for (uint32_t i = 0; i < COUNT; i++)
        all[i] = suite_alloc(s, &(BdaAllocInfo){ .size = 100 });
    uint32_t count = SUITE_COUNT(findings);
    assert_vk(bda_find(s->allocator, all[COUNT / 2].address + 3, 4096, &count, findings));
    VkDeviceAddress next = all[COUNT / 2].address & ~(VkDeviceAddress)4095;
    uint32_t live = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(findings[i].address, next);
        next += findings[i].extent;
        live += findings[i].kind == BDA_FINDING_LIVE;
        char text[BDA_FINDING_TEXT_SIZE];
        assert_vk(bda_describe_finding(&findings[i], sizeof text, text));
    }
    assert_int_equal(next % 4096, 0);
    assert_in_range(live, 30, 40);
    for (uint32_t i = 0; i < COUNT; i++)
        suite_free(s, &all[i]);
}

/* A program that keeps nothing but addresses. */
static void shaders_write_through_pointers_from_malloc(void **state) {
    enum { COUNT = 100, WORDS = 50 };
    struct suite *s = *state;
    struct suite_span spans[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        VkDeviceAddress address = bda_malloc(s->allocator, WORDS * sizeof(uint32_t), BDA_INTENT_DEVICE);
        assert_true(address != 0);
        spans[i] = (struct suite_span){ .address = address, .words = WORDS, .seed = i };
    }
    suite_fill(s, spans, COUNT);
    suite_assert_filled(s, spans, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_vk(bda_free_address(s->allocator, spans[i].address));
    assert_int_equal(suite_use(s).allocation_count, 0);
    assert_refused(bda_free_address, (s->allocator, spans[0].address), VK_ERROR_VALIDATION_FAILED_EXT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(every_kind_of_allocation_is_found),
        SUITE_TEST(a_page_is_a_list_of_candidates),
        SUITE_TEST(shaders_write_through_pointers_from_malloc),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
