/* A heap on a real driver, dumped: every allocation is in it, every block is tiled, and the figures agree. */
#include "work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 300 };

struct text {
    char *bytes;
    size_t length, room;
};

static VkBool32 collect(void *user, const char *bytes, size_t size) {
    struct text *text = user;
    if (text->length + size + 1 > text->room) {
        text->room = 2 * text->room + size + 1;
        text->bytes = realloc(text->bytes, text->room);
        assert_non_null(text->bytes);
    }
    memcpy(text->bytes + text->length, bytes, size);
    text->length += size;
    text->bytes[text->length] = '\0';
    return VK_TRUE;
}

static struct text dump(struct suite *s) {
    struct text text = { .length = 0 };
    assert_vk(bda_write_json(s->allocator, &(BdaJsonInfo){ .label = "suite" }, collect, &text));
    return text;
}

static void assert_is_dumped(const struct text *text, const BdaAllocation *a, const char *name) {
    char begin[64], handle[64], line[512];
    (void)snprintf(begin, sizeof begin, "{\"address\":\"0x%" PRIx64 "\",\"size\":", (uint64_t)a->address);
    (void)snprintf(handle, sizeof handle, "\"handle\":\"0x%" PRIx64 "\",\"name\":\"%s\"", (uint64_t)a->handle, name);
    const char *at = strstr(text->bytes, begin);
    while (at != NULL && strstr(at, "\"state\"") > strchr(at, '\n')) /* the block that begins with it */
        at = strstr(at + 1, begin);
    assert_non_null(at);
    (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    assert_non_null(strstr(line, "\"state\":\"live\""));
    assert_non_null(strstr(line, handle));
}

static void a_dump_has_every_allocation(void **state) {
    struct suite *s = *state;
    BdaAllocation all[COUNT];
    char name[32];
    for (uint32_t i = 0; i < COUNT; i++) {
        (void)snprintf(name, sizeof name, "kind%u/%u", i % 3, i);
        const BdaAllocInfo info = { .size = 100 + 97 * i,
                                    .intent = (BdaIntent)(i % 3),
                                    .flags = i % 50 == 0 ? BDA_ALLOC_DEDICATED_BIT : 0,
                                    .name = name };
        all[i] = i % 4 == 0 ? suite_alloc_buffer(s, info.size, SUITE_COPIES,
                                                 &(BdaAllocInfo){ .intent = info.intent, .name = name })
                            : suite_alloc(s, &info);
    }
    struct text text = dump(s);
    for (uint32_t i = 0; i < COUNT; i++) {
        (void)snprintf(name, sizeof name, "kind%u/%u", i % 3, i);
        assert_is_dumped(&text, &all[i], name);
    }
    free(text.bytes);
    for (uint32_t i = 0; i < COUNT; i++)
        suite_free(s, &all[i]);
}

static void the_figures_are_those_of_the_statistics(void **state) {
    struct suite *s = *state;
    BdaAllocation all[30];
    for (uint32_t i = 0; i < SUITE_COUNT(all); i++)
        all[i] = suite_alloc(s, &(BdaAllocInfo){ .size = 1000, .name = i < 10 ? "mesh/a" : "texture/b" });
    bda_set_frame(s->allocator, 7);
    assert_vk(bda_collect(s->allocator));
    BdaQuickStats quick;
    BdaPrefixUse uses[4];
    BdaHeapBudget budgets[VK_MAX_MEMORY_HEAPS];
    uint32_t count = SUITE_COUNT(uses), heaps = VK_MAX_MEMORY_HEAPS;
    assert_vk(bda_get_quick_stats(s->allocator, &quick));
    assert_vk(bda_get_prefix_stats(s->allocator, '/', &count, uses));
    assert_vk(bda_get_budget(s->allocator, &heaps, budgets));
    assert_true(quick.used == 30000 && quick.peak_used.bytes == 30000 && quick.peak_used.frame == 7);
    assert_true(count == 2 && uses[0].allocation_count == 20 && uses[1].used == 10000);
    VkDeviceSize reserved = 0, used = 0;
    for (uint32_t i = 0; i < heaps; i++) {
        assert_true(budgets[i].budget <= budgets[i].size && budgets[i].left <= budgets[i].budget);
        reserved += budgets[i].reserved;
        used += budgets[i].used;
    }
    assert_true(reserved == quick.reserved && used == quick.used);
    for (uint32_t i = 0; i < SUITE_COUNT(all); i++)
        suite_free(s, &all[i]);
}

static void names_are_counted_as_they_come_and_go(void **state) {
    struct suite *s = *state;
    static const char *const prefixes[] = { "mesh/", "mesh/rock/" };
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.prefix_count = SUITE_COUNT(prefixes);
    info.prefixes = prefixes;
    suite_restart(s, &info);
    bda_set_frame(s->allocator, 3);
    BdaAllocation range = suite_alloc(s, &(BdaAllocInfo){ .size = 1000, .name = "mesh/tree" });
    BdaAllocation apart =
        suite_alloc(s, &(BdaAllocInfo){ .size = 70000, .flags = BDA_ALLOC_DEDICATED_BIT, .name = "mesh/rock/1" });
    BdaCountedPrefix now[2];
    uint32_t count = SUITE_COUNT(now);
    assert_vk(bda_get_counted_prefixes(s->allocator, &count, now));
    assert_true(count == 2 && now[0].used == 1000 && now[1].used == 70000);
    assert_vk(bda_set_name(s->allocator, apart.handle, "mesh/pebble"));
    suite_free(s, &range);
    assert_vk(bda_get_counted_prefixes(s->allocator, &count, now));
    assert_true(now[0].allocation_count == 1 && now[0].used == 70000 && now[1].used == 0);
    assert_true(now[0].peak_used.bytes == 71000 && now[1].peak_used.bytes == 70000 && now[1].peak_used.frame == 3);
    suite_free(s, &apart);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(a_dump_has_every_allocation),
        SUITE_TEST(the_figures_are_those_of_the_statistics),
        SUITE_TEST(names_are_counted_as_they_come_and_go),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
