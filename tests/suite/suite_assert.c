/* The suite's own assertions. */
#include "suite.h"

#include <stdio.h>
#include <string.h>

void suite_assert_vk(VkResult result, VkResult expected, const char *call, const char *file, int line) {
    if (result == expected)
        return;
    struct suite_message message = suite_take_message();
    print_error("%s: VkResult %d, not %d\n", call, (int)result, (int)expected);
    if (message.count != 0)
        print_error("bdaalloc: %s\n", message.text);
    _fail(file, line);
}

void suite_assert_refused(VkResult result, VkResult expected, const char *function, const char *file, int line) {
    struct suite_message message = suite_take_message();
    bool named = strncmp(message.text, function, strlen(function)) == 0;
    if (result == expected && message.count == 1 && named)
        return;
    print_error("%s: VkResult %d, not %d; %u message(s), the last: %s\n", function, (int)result, (int)expected,
                message.count, message.text);
    _fail(file, line);
}

void suite_assert_zeroed(const void *bytes, size_t size, const char *file, int line) {
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)bytes)[i] != 0) {
            print_error("byte %u of %u is not zeroed\n", (unsigned)i, (unsigned)size);
            _fail(file, line);
        }
}

BdaUse suite_use(struct suite *s) {
    BdaStats stats;
    assert_vk(bda_get_stats(s->allocator, &stats));
    return stats.total;
}

BdaAllocationInfo suite_info(struct suite *s, BdaHandle handle) {
    BdaAllocationInfo info = { .next = NULL };
    assert_vk(bda_get_info(s->allocator, handle, &info));
    return info;
}

/* xorshift32 of Marsaglia; the state must not be 0. */
uint32_t suite_random(uint32_t *state) {
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}
