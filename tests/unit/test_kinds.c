/* memory/kinds.h: what is known of a usage is said again, and nothing that the driver did not promise. */
#include "memory_support.h"

#include "memory/kinds.h"
#include "memory/usage.h"

#include <string.h>

#define ADDRESS VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT
#define STORAGE (ADDRESS | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT)

static struct bda_kinds kinds;

static void open_empty(struct rig *rig, uint32_t without) {
    rig_open(rig, (struct fake_config){ .without = without });
    memset(&kinds, 0, sizeof kinds);
}

static struct bda_requirements needs(VkDeviceSize size, VkDeviceSize alignment, uint32_t type_bits) {
    return (struct bda_requirements){ .size = size, .alignment = alignment, .type_bits = type_bits };
}

static void learn(const struct rig *rig, VkBufferUsageFlags usage, VkDeviceSize size, struct bda_requirements r) {
    bda_kinds_learn(&kinds, &rig->device, usage, size, &r);
}

static bool knows(VkBufferUsageFlags usage, VkDeviceSize size) {
    struct bda_requirements r;
    return bda_kind_requires(bda_kinds_find(&kinds, usage), size, &r);
}

static void a_usage_is_unknown_until_it_was_seen(void **state) {
    (void)state;
    struct rig rig;
    open_empty(&rig, 0);
    assert_null(bda_kinds_find(&kinds, STORAGE));
    learn(&rig, STORAGE, 1000, needs(1008, 16, 3));
    assert_non_null(bda_kinds_find(&kinds, STORAGE));
    assert_null(bda_kinds_find(&kinds, ADDRESS));
    assert_int_equal(bda_kinds_find(&kinds, STORAGE)->usage_alignment,
                     bda_usage_alignment(&rig.device, STORAGE, false));
    rig_close(&rig);
}

static void what_was_promised_is_said_of_smaller_ones_too(void **state) {
    (void)state;
    struct rig rig;
    struct bda_requirements r;
    open_empty(&rig, 0);
    learn(&rig, STORAGE, 1000, needs(1000, 64, 6)); /* not rounded, which is less than there may be */
    assert_true(bda_kind_requires(bda_kinds_find(&kinds, STORAGE), 65, &r));
    assert_int_equal(r.size, 128);
    assert_int_equal(r.alignment, 64);
    assert_int_equal(r.type_bits, 6);
    assert_false(r.prefers_dedicated || r.requires_dedicated);
    assert_true(knows(STORAGE, 1000));
    assert_false(knows(STORAGE, 1001));
    learn(&rig, STORAGE, 5000, needs(5056, 64, 6));
    assert_true(knows(STORAGE, 5000));
    learn(&rig, STORAGE, 70, needs(128, 64, 6));
    assert_true(knows(STORAGE, 5000));
    rig_close(&rig);
}

static void without_maintenance4_nothing_is_promised(void **state) {
    (void)state;
    struct rig rig;
    open_empty(&rig, FAKE_MAINTENANCE_4);
    learn(&rig, STORAGE, 1000, needs(1008, 16, 3));
    assert_non_null(bda_kinds_find(&kinds, STORAGE));
    assert_false(knows(STORAGE, 1));
    rig_close(&rig);
}

static void wishes_for_dedicated_memory_are_asked_for_each_time(void **state) {
    (void)state;
    struct rig rig;
    open_empty(&rig, 0);
    struct bda_requirements preferred = needs(1024, 16, 3), required = preferred;
    preferred.prefers_dedicated = required.requires_dedicated = true;
    learn(&rig, STORAGE, 1024, preferred);
    assert_false(knows(STORAGE, 1));
    learn(&rig, STORAGE, 1024, required);
    assert_false(knows(STORAGE, 1));
    learn(&rig, STORAGE, 512, needs(512, 16, 3));
    assert_true(knows(STORAGE, 512));
    assert_false(knows(STORAGE, 1024));
    rig_close(&rig);
}

/* A driver that breaks the promise is asked every time. */
static void answers_that_are_not_as_promised_teach_nothing(void **state) {
    (void)state;
    struct rig rig;
    open_empty(&rig, 0);
    learn(&rig, STORAGE, 1000, needs(4096, 16, 3));
    assert_false(knows(STORAGE, 1));
    learn(&rig, STORAGE, 1000, needs(1024, 32, 3)); /* not the alignment that it said before */
    assert_false(knows(STORAGE, 1));
    learn(&rig, STORAGE, 1000, needs(1008, 16, 7)); /* nor the types */
    assert_false(knows(STORAGE, 1));
    learn(&rig, STORAGE, 1000, needs(1008, 16, 3));
    assert_true(knows(STORAGE, 1000));
    rig_close(&rig);
}

/* Every combination of the nine ordinary usages: far more than are remembered. */
static void kinds_are_not_confused_however_many_there_are(void **state) {
    (void)state;
    struct rig rig;
    uint32_t known = 0;
    open_empty(&rig, 0);
    for (VkBufferUsageFlags usage = 0; usage < 512; usage++)
        learn(&rig, usage | ADDRESS, 100 + usage, needs(1024, 1024, 1 + usage));
    for (VkBufferUsageFlags usage = 0; usage < 512; usage++) {
        const struct bda_kind *kind = bda_kinds_find(&kinds, usage | ADDRESS);
        if (kind == NULL)
            continue;
        known++;
        assert_int_equal(kind->type_bits, 1 + usage);
        assert_true(knows(usage | ADDRESS, 100 + usage));
        assert_false(knows(usage | ADDRESS, 101 + usage));
    }
    assert_in_range(known, BDA_KINDS / 2, BDA_KINDS + BDA_KIND_TRIES);
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_usage_is_unknown_until_it_was_seen),
        cmocka_unit_test(what_was_promised_is_said_of_smaller_ones_too),
        cmocka_unit_test(without_maintenance4_nothing_is_promised),
        cmocka_unit_test(wishes_for_dedicated_memory_are_asked_for_each_time),
        cmocka_unit_test(answers_that_are_not_as_promised_teach_nothing),
        cmocka_unit_test(kinds_are_not_confused_however_many_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
