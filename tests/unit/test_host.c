/* core/host.h: host memory and its byte count, by malloc and by a caller's functions. */
#include "core_support.h"

#include <string.h>

enum { LARGEST_ALIGNMENT = 4096 };

static void every_power_of_two_is_honoured(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    const size_t sizes[] = { 1, 3, 8, 63, 64, 65, 4096, 100000 };
    for (size_t alignment = 1; alignment <= LARGEST_ALIGNMENT; alignment *= 2) {
        for (uint32_t i = 0; i < COUNT_OF(sizes); i++) {
            unsigned char *memory = bda_host_allocate(&host, sizes[i], alignment);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % alignment, 0);
            memset(memory, 0xA5, sizes[i]); /* all of it is ours: the sanitizer looks on */
            bda_host_release(&host, memory, sizes[i]);
        }
    }
}

static void neighbours_keep_their_bytes(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    unsigned char *memory[64];
    for (uint32_t i = 0; i < 64; i++) {
        memory[i] = bda_host_allocate(&host, i + 1, (size_t)1 << i % 13);
        assert_non_null(memory[i]);
        memset(memory[i], (int)i, i + 1);
    }
    for (uint32_t i = 0; i < 64; i++) {
        for (uint32_t at = 0; at <= i; at++)
            assert_int_equal(memory[i][at], i);
        bda_host_release(&host, memory[i], i + 1);
    }
    assert_int_equal(host.bytes, 0);
}

static void bytes_are_those_asked_for(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    void *first = bda_host_allocate(&host, 100, 4096);
    assert_int_equal(host.bytes, 100);
    void *second = bda_host_allocate(&host, 23, 1);
    assert_int_equal(host.bytes, 123);
    bda_host_release(&host, first, 100);
    assert_int_equal(host.bytes, 23);
    bda_host_release(&host, second, 23);
    assert_int_equal(host.bytes, 0);
}

static void releasing_null_does_nothing(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    bda_host_release(&host, NULL, 100);
    bda_host_release_text(&host, NULL);
    assert_int_equal(host.bytes, 0);
}

/* Guards against the sum of size, alignment and the hidden pointer wrapping into a small allocation that succeeds. */
static void a_size_beyond_the_address_space_is_refused(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    for (size_t less = 0; less < LARGEST_ALIGNMENT + sizeof(void *); less++)
        assert_null(bda_host_allocate(&host, SIZE_MAX - less, LARGEST_ALIGNMENT));
    assert_int_equal(host.bytes, 0);
}

static void a_refusal_is_reported_and_not_counted(void **state) {
    (void)state;
    struct limited_host limited;
    limited_host_init(&limited, 1);
    void *memory = bda_host_allocate(&limited.host, 64, 8);
    assert_non_null(memory);
    assert_null(bda_host_allocate(&limited.host, 32, 8));
    assert_null(bda_host_copy_text(&limited.host, "refused"));
    assert_int_equal(limited.host.bytes, 64);
    bda_host_release(&limited.host, memory, 64);
    assert_host_is_empty(&limited);
}

struct asked {
    size_t size, alignment;
    void *released;
    _Alignas(64) unsigned char memory[64];
};

static void *note_and_allocate(void *user, size_t size, size_t alignment) {
    struct asked *asked = user;
    asked->size = size;
    asked->alignment = alignment;
    return asked->memory;
}

static void note_release(void *user, void *memory) {
    ((struct asked *)user)->released = memory;
}

static void the_callers_functions_see_what_is_asked(void **state) {
    (void)state;
    struct asked asked = { 0 };
    struct bda_host host = { .allocate = note_and_allocate, .release = note_release, .user = &asked };
    assert_ptr_equal(bda_host_allocate(&host, 48, 64), asked.memory);
    assert_int_equal(asked.size, 48);
    assert_int_equal(asked.alignment, 64);
    assert_int_equal(host.bytes, 48);
    bda_host_release(&host, asked.memory, 48);
    assert_ptr_equal(asked.released, asked.memory);
    assert_int_equal(host.bytes, 0);
}

static void the_callers_functions_never_see_null(void **state) {
    (void)state;
    struct asked asked = { 0 };
    struct bda_host host = { .allocate = note_and_allocate, .release = note_release, .user = &asked };
    asked.released = &asked;
    bda_host_release(&host, NULL, 8);
    bda_host_release_text(&host, NULL);
    assert_ptr_equal(asked.released, &asked);
}

static void a_text_is_copied_to_its_last_byte(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    char text[300];
    for (size_t length = 0; length < sizeof text; length++) {
        memset(text, 'x', length);
        text[length] = '\0';
        char *copy = bda_host_copy_text(&host, text);
        assert_non_null(copy);
        assert_ptr_not_equal(copy, text);
        assert_string_equal(copy, text);
        assert_int_equal(host.bytes, length + 1);
        bda_host_release_text(&host, copy);
        assert_int_equal(host.bytes, 0);
    }
}

static void a_copy_outlives_its_original(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    char text[] = "vertices";
    char *copy = bda_host_copy_text(&host, text);
    assert_non_null(copy);
    text[0] = '\0';
    assert_string_equal(copy, "vertices");
    bda_host_release_text(&host, copy);
    assert_int_equal(host.bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_power_of_two_is_honoured),
        cmocka_unit_test(neighbours_keep_their_bytes),
        cmocka_unit_test(bytes_are_those_asked_for),
        cmocka_unit_test(releasing_null_does_nothing),
        cmocka_unit_test(a_size_beyond_the_address_space_is_refused),
        cmocka_unit_test(a_refusal_is_reported_and_not_counted),
        cmocka_unit_test(the_callers_functions_see_what_is_asked),
        cmocka_unit_test(the_callers_functions_never_see_null),
        cmocka_unit_test(a_text_is_copied_to_its_last_byte),
        cmocka_unit_test(a_copy_outlives_its_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
