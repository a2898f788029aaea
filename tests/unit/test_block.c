/*
 * Blocks: wherever the driver puts memory, the block begins at an aligned address, its offsets, pointers and addresses
 * mean the same bytes, and whatever fails leaves nothing behind.
 */
#include "memory_support.h"

#include <string.h>

#include "core/bits.h"
#include "memory/block.h"
#include "memory/usage.h"

enum { GRANULE_LOG2 = 4 };

/* ---- Words of these tests ---- */

/* A driver that aligns memory to 16 bytes and asks for no more. */
#define LIMITS_OF_16                                                                                                   \
    {                                                                                                                  \
        .minUniformBufferOffsetAlignment = 16, .minStorageBufferOffsetAlignment = 16,                                  \
        .minTexelBufferOffsetAlignment = 16                                                                            \
    }

static VkBufferUsageFlags general(const struct rig *rig) {
    return bda_usage_of_class(&rig->device, BDA_USAGE_GENERAL);
}

/* A record is used again for another block: rubbish stands in it. */
static VkResult open_block(struct rig *rig, const struct bda_backing_info *info, bool keep_buffer,
                           struct bda_block *block, const char **reason) {
    memset(block, 0xA5, sizeof *block);
    return bda_block_open(&rig->device, info, general(rig), keep_buffer, GRANULE_LOG2, block, reason);
}

static void opened(struct rig *rig, const struct bda_backing_info *info, bool keep_buffer, struct bda_block *block) {
    const char *reason = NULL;
    VkResult result = open_block(rig, info, keep_buffer, block, &reason);
    if (result != VK_SUCCESS)
        fail_msg("refused with %d: %s", (int)result, reason != NULL ? reason : "(no reason)");
    assert_null(reason);
}

static VkDeviceSize bytes_of(const struct bda_block *block) {
    return (VkDeviceSize)block->region.size << GRANULE_LOG2;
}

static struct fake_memory_info memory_of(struct rig *rig, const struct bda_block *block) {
    struct fake_memory_info info;
    assert_true(fake_memory_info(rig->driver, block->backing.memory, &info));
    return info;
}

/* The CPU writes through the mapping, and the device sees it at the address. */
static void check_bytes_at(struct rig *rig, const struct bda_block *block, VkDeviceSize offset) {
    unsigned char seen = 0;
    unsigned char written = (unsigned char)(offset % 251 + 1);
    VkDeviceSize in_memory = block->memory_offset + offset;
    block->mapped[offset] = written;
    assert_int_equal(bda_backing_sync(&rig->device, &block->backing, BDA_SYNC_FLUSH, in_memory, 1), VK_SUCCESS);
    assert_true(fake_device_read(rig->driver, block->region.base + offset, &seen, 1));
    assert_int_equal(seen, written);
    seen++;
    assert_true(fake_device_write(rig->driver, block->region.base + offset, &seen, 1));
    assert_int_equal(bda_backing_sync(&rig->device, &block->backing, BDA_SYNC_INVALIDATE, in_memory, 1), VK_SUCCESS);
    assert_int_equal(block->mapped[offset], seen);
}

static void check_agreement(struct rig *rig, const struct bda_block *block, VkDeviceSize size) {
    struct fake_memory_info memory = memory_of(rig, block);
    assert_int_equal(block->backing.size, memory.size);
    assert_int_equal(block->region.base, memory.base + block->memory_offset);
    assert_true(block->memory_offset + size <= memory.size);
    assert_int_equal(block->mapped != NULL, memory.mapped);
    if (block->mapped == NULL)
        return;
    assert_ptr_equal(block->mapped, block->backing.mapped + block->memory_offset);
    for (VkDeviceSize offset = 0; offset < size; offset += 997)
        check_bytes_at(rig, block, offset);
    check_bytes_at(rig, block, size - 1);
}

static void check_buffer(struct rig *rig, const struct bda_block *block, VkDeviceSize size) {
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkDeviceSize offset = 0;
    struct bda_requirements requirements;
    assert_true(fake_binding(rig->driver, block->buffer, &memory, &offset));
    assert_true(memory == block->backing.memory);
    assert_int_equal(offset, block->memory_offset);
    assert_int_equal(bda_block_buffer_address(&rig->device, block->buffer), block->region.base);
    bda_block_requirements(&rig->device, block->buffer, &requirements);
    assert_true(size <= requirements.size);
}

/* What holds of every block that is cut into pieces. */
static void check_block(struct rig *rig, const struct bda_block *block, bool keep_buffer) {
    VkDeviceSize size = bytes_of(block);
    assert_true(size > 0);
    assert_int_equal(block->dedicated_size, 0);
    assert_int_equal(block->region.base % rig->device.limits.base_alignment, 0);
    check_agreement(rig, block, size);
    assert_int_equal(memory_of(rig, block).bound, keep_buffer);
    assert_false(memory_of(rig, block).dedicated);
    if (keep_buffer)
        check_buffer(rig, block, size);
    else
        assert_true(block->buffer == VK_NULL_HANDLE);
}

static void close_block(struct rig *rig, struct bda_block *block) {
    bda_block_close(&rig->device, block);
    assert_true(block->buffer == VK_NULL_HANDLE);
    assert_true(block->backing.memory == VK_NULL_HANDLE);
    assert_null(block->mapped);
}

static void check_one(struct rig *rig, uint32_t type, VkDeviceSize size, bool keep_buffer) {
    struct bda_block block;
    opened(rig, &(struct bda_backing_info){ .size = size, .type = type }, keep_buffer, &block);
    check_block(rig, &block, keep_buffer);
    assert_true(bytes_of(&block) <= size);
    assert_true(bytes_of(&block) + rig->device.limits.base_alignment >= size);
    close_block(rig, &block);
}

static void check_driver(struct fake_config config) {
    struct rig rig;
    rig_open(&rig, config);
    for (uint32_t type = 0; type < rig.device.memory.memoryTypeCount; type++) {
        check_one(&rig, type, 64 * KIB, true);
        check_one(&rig, type, 64 * KIB, false);
    }
    rig_close(&rig);
}

/* ---- Addresses ---- */

static void blocks_begin_aligned_on_every_machine(void **state) {
    (void)state;
    const enum fake_machine machines[] = { FAKE_MACHINE_DISCRETE, FAKE_MACHINE_REBAR, FAKE_MACHINE_UNIFIED,
                                           FAKE_MACHINE_NON_COHERENT, FAKE_MACHINE_UNMAPPABLE };
    for (size_t i = 0; i < COUNT(machines); i++) {
        check_driver((struct fake_config){ .machine = machines[i] });
        check_driver((struct fake_config){ .machine = machines[i], .base_alignment = 16, .limits = LIMITS_OF_16 });
    }
}

static void blocks_begin_aligned_wherever_memory_lies(void **state) {
    (void)state;
    const VkDeviceAddress places[] = { 0, FAKE_ADDRESS_BIT_47, FAKE_ADDRESS_SIGN_EXTENDED };
    for (size_t i = 0; i < COUNT(places); i++)
        for (VkDeviceSize alignment = 16; alignment <= 64 * KIB; alignment *= 2)
            check_driver((struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT,
                                               .first_address = places[i],
                                               .base_alignment = alignment,
                                               .limits = LIMITS_OF_16 });
}

static void blocks_begin_aligned_whatever_the_residue(void **state) {
    (void)state;
    for (VkDeviceSize residue = 16; residue <= 512; residue += 16)
        check_driver((struct fake_config){ .machine = FAKE_MACHINE_UNIFIED,
                                           .base_alignment = 64 * KIB,
                                           .base_residue = residue,
                                           .limits = LIMITS_OF_16 });
}

static void larger_limits_are_larger_base_alignments(void **state) {
    (void)state;
    for (VkDeviceSize alignment = 512; alignment <= 16 * KIB; alignment *= 2)
        check_driver((struct fake_config){ .machine = FAKE_MACHINE_UNIFIED,
                                           .with = FAKE_DESCRIPTOR_BUFFER,
                                           .descriptor_buffer_alignment = alignment });
}

/* The buffers of some drivers want more than any limit says. */
static void the_buffers_own_alignment_counts_too(void **state) {
    (void)state;
    struct rig rig;
    struct bda_block block;
    rig_open(&rig, (struct fake_config){ .base_alignment = 4 * KIB, .requirement_alignment = 4 * KIB });
    opened(&rig, &(struct bda_backing_info){ .size = 64 * KIB, .type = 1 }, true, &block);
    check_block(&rig, &block, true);
    assert_int_equal(block.region.base % (4 * KIB), 0);
    close_block(&rig, &block);
    rig_close(&rig);
}

/* The spanning buffer moves up as far as it must; an aligned one stays, at no call more than needed. */
static void the_shift_is_what_the_base_lacks(void **state) {
    (void)state;
    const struct {
        VkDeviceSize alignment;
        VkDeviceSize shift;
        unsigned buffers;
    } cases[] = { { 16, 240, 2 }, { 64, 192, 2 }, { 128, 128, 2 }, { 256, 0, 1 }, { 4096, 0, 1 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rig rig;
        struct bda_block block;
        rig_open(&rig, (struct fake_config){ .base_alignment = cases[i].alignment, .limits = LIMITS_OF_16 });
        opened(&rig, &(struct bda_backing_info){ .size = 64 * KIB, .type = 1 }, true, &block);
        assert_int_equal(block.memory_offset, cases[i].shift);
        assert_int_equal(bytes_of(&block), cases[i].shift != 0 ? 64 * KIB - 256 : 64 * KIB);
        assert_int_equal(fake_call_count(rig.driver, FAKE_CALL_CREATE_BUFFER), cases[i].buffers);
        close_block(&rig, &block);
        rig_close(&rig);
    }
}

static void blocks_lie_beside_each_other(void **state) {
    (void)state;
    struct rig rig;
    struct bda_block blocks[6];
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED });
    for (size_t i = 0; i < COUNT(blocks); i++)
        opened(&rig, &(struct bda_backing_info){ .size = (i + 1) * 4 * KIB }, i % 2 == 0, &blocks[i]);
    assert_int_equal(fake_memory_count(rig.driver), COUNT(blocks));
    assert_int_equal(fake_buffer_count(rig.driver), COUNT(blocks) / 2);
    for (size_t i = 0; i < COUNT(blocks); i++)
        check_block(&rig, &blocks[i], i % 2 == 0);
    for (size_t i = 0; i < COUNT(blocks); i++)
        close_block(&rig, &blocks[i]);
    rig_close(&rig);
}

/* ---- Sizes ---- */

static void a_region_ends_with_its_last_whole_granule(void **state) {
    (void)state;
    struct rig rig;
    struct bda_block block;
    rig_open(&rig, (struct fake_config){ .base_alignment = 256, .size_rounding = 1 });
    opened(&rig, &(struct bda_backing_info){ .size = 1000, .type = 1 }, true, &block);
    assert_int_equal(bytes_of(&block), 992);
    check_block(&rig, &block, true);
    close_block(&rig, &block);
    rig_close(&rig);
}

static void memory_is_as_large_as_the_driver_requires(void **state) {
    (void)state;
    struct rig rig;
    struct bda_block block;
    rig_open(&rig, (struct fake_config){ .base_alignment = 256, .size_rounding = 4 * KIB });
    opened(&rig, &(struct bda_backing_info){ .size = 5000, .type = 1 }, true, &block);
    assert_int_equal(block.backing.size, 8 * KIB);
    assert_int_equal(atomic_load(&rig.device.budget.heaps[0].allocated), 8 * KIB);
    close_block(&rig, &block);
    rig_close(&rig);
}

/* Guards against a shorter buffer that requires as much memory as the long one did, so that it does not fit further
 * up. No rule ties the rounding of sizes to the alignment of bases. */
static void a_block_moves_up_however_sizes_are_rounded(void **state) {
    (void)state;
    for (VkDeviceSize rounding = 1; rounding <= 16 * KIB; rounding *= 4) {
        struct rig rig;
        struct bda_block block;
        rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .size_rounding = rounding });
        opened(&rig, &(struct bda_backing_info){ .size = 64 * KIB }, true, &block);
        check_block(&rig, &block, true);
        assert_true(bytes_of(&block) + bda_max(rounding, 256) >= 64 * KIB);
        close_block(&rig, &block);
        rig_close(&rig);
    }
}

/* What is taken beyond the block's size counts, too. */
static void enlarged_memory_counts_against_limits(void **state) {
    (void)state;
    struct rig rig;
    struct bda_block block;
    struct bda_limit limit = { .most = 0 };
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .size_rounding = 16 * KIB });
    opened(&rig, &(struct bda_backing_info){ .size = 64 * KIB, .limit = &limit }, true, &block);
    assert_int_equal(limit.reserved, block.backing.size);
    assert_int_equal(atomic_load(&rig.device.budget.heaps[0].allocated), block.backing.size);
    close_block(&rig, &block);
    assert_int_equal(limit.reserved, 0);
    rig_close(&rig);
}

/* Small blocks are refused where nothing is left of them, with a reason, and no buffer of 0 bytes is made. */
static void check_small(struct rig *rig, VkDeviceSize size) {
    struct bda_block block;
    const char *reason = NULL;
    struct rig_state before = rig_look(rig);
    VkResult result = open_block(rig, &(struct bda_backing_info){ .size = size }, true, &block, &reason);
    if (result == VK_SUCCESS) {
        check_block(rig, &block, true);
        close_block(rig, &block);
    } else {
        assert_int_equal(result, VK_ERROR_FEATURE_NOT_PRESENT);
        assert_non_null(reason);
    }
    rig_assert_state(rig, &before);
    assert_int_equal(fake_violation_count(rig->driver), 0);
}

static void the_smallest_blocks_are_right_or_refused(void **state) {
    (void)state;
    const struct fake_config configs[] = {
        { .machine = FAKE_MACHINE_UNIFIED },
        { .machine = FAKE_MACHINE_UNIFIED, .base_alignment = 16, .limits = LIMITS_OF_16 },
        { .machine = FAKE_MACHINE_UNIFIED, .base_alignment = 256, .limits = LIMITS_OF_16 },
    };
    for (size_t i = 0; i < COUNT(configs); i++) {
        struct rig rig;
        rig_open(&rig, configs[i]);
        for (VkDeviceSize size = 16; size <= 1024; size += 16)
            check_small(&rig, size);
        rig_close(&rig);
    }
}

/* ---- What buffers are made like ---- */

static void the_buffer_of_a_block_is_shared_by_all_families(void **state) {
    (void)state;
    for (uint32_t families = 1; families <= 3; families++) {
        struct rig rig;
        rig_open(&rig, (struct fake_config){ .queue_families = families });
        VkBufferCreateInfo info =
            bda_block_buffer_info(&rig.device, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, 12345, families == 2);
        bool shared = families > 1;
        assert_int_equal(info.sType, VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
        assert_null(info.pNext);
        assert_int_equal(info.size, 12345);
        assert_int_equal(info.usage, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT);
        assert_int_equal(info.flags, families == 2 ? VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT : 0);
        assert_int_equal(info.sharingMode, shared ? VK_SHARING_MODE_CONCURRENT : VK_SHARING_MODE_EXCLUSIVE);
        assert_int_equal(info.queueFamilyIndexCount, shared ? families : 0);
        assert_ptr_equal(info.pQueueFamilyIndices, shared ? rig.device.features.queue_families : NULL);
        check_one(&rig, 1, 64 * KIB, true);
        rig_close(&rig);
    }
}

static void a_block_for_capture_and_replay_is_so_as_a_whole(void **state) {
    (void)state;
    struct rig rig;
    struct bda_block block;
    rig_open(&rig, (struct fake_config){ .with = FAKE_CAPTURE_REPLAY });
    opened(&rig, &(struct bda_backing_info){ .size = 64 * KIB, .type = 1, .capture_replay = true }, true, &block);
    check_block(&rig, &block, true);
    assert_true((memory_of(&rig, &block).flags & VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT) != 0);
    close_block(&rig, &block);
    rig_close(&rig);
}

static VkBuffer make(struct rig *rig, const VkBufferCreateInfo *info) {
    VkBuffer buffer = VK_NULL_HANDLE;
    const VkAllocationCallbacks *callbacks = rig->device.driver_callbacks;
    assert_int_equal(rig->device.vk.create_buffer(rig->device.handle, info, callbacks, &buffer), VK_SUCCESS);
    return buffer;
}

static void requirements_are_the_drivers(void **state) {
    (void)state;
    const struct fake_usage_rule rule = { .usage = VK_BUFFER_USAGE_INDEX_BUFFER_BIT, .memory_type_bits = 0x12 };
    const struct {
        VkDeviceSize size;
        bool prefers, requires;
    } cases[] = { { 100, false, false }, { 1000, true, false }, { 2000, true, true } };
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .requirement_alignment = 128,
                                         .prefer_dedicated_from = 1000,
                                         .require_dedicated_from = 2000,
                                         .usage_rule_count = 1,
                                         .usage_rules = { rule } });
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bda_requirements needs;
        const VkBufferCreateInfo info =
            bda_block_buffer_info(&rig.device, VK_BUFFER_USAGE_INDEX_BUFFER_BIT, cases[i].size, false);
        VkBuffer buffer = make(&rig, &info);
        bda_block_requirements(&rig.device, buffer, &needs);
        assert_int_equal(needs.size, bda_align_up(cases[i].size, 16));
        assert_int_equal(needs.alignment, 128);
        assert_int_equal(needs.type_bits, 0x12);
        assert_int_equal(needs.prefers_dedicated, cases[i].prefers);
        assert_int_equal(needs.requires_dedicated, cases[i].requires);
        rig.device.vk.destroy_buffer(rig.device.handle, buffer, rig.device.driver_callbacks);
    }
    rig_close(&rig);
}

/* ---- Refusals ---- */

static void assert_refused(struct rig *rig, const struct bda_backing_info *info, VkResult expected) {
    struct bda_block block;
    const char *reason = NULL;
    struct rig_state before = rig_look(rig);
    assert_int_equal(open_block(rig, info, true, &block, &reason), expected);
    assert_non_null(reason);
    assert_true(block.buffer == VK_NULL_HANDLE);
    assert_true(block.backing.memory == VK_NULL_HANDLE);
    assert_null(block.mapped);
    rig_assert_state(rig, &before);
}

static void a_type_that_cannot_carry_the_usage_is_refused(void **state) {
    (void)state;
    struct rig rig;
    const struct fake_usage_rule rule = { .usage = VK_BUFFER_USAGE_INDEX_BUFFER_BIT, .memory_type_bits = 0x0D };
    rig_open(&rig, (struct fake_config){ .usage_rule_count = 1, .usage_rules = { rule } });
    assert_refused(&rig, &(struct bda_backing_info){ .size = 4 * KIB, .type = 1 }, VK_ERROR_FEATURE_NOT_PRESENT);
    assert_int_equal(fake_call_count(rig.driver, FAKE_CALL_ALLOCATE_MEMORY), 0);
    rig_close(&rig);
}

/* Buffers must be bound at multiples of more than what bases are multiples of: no place has both. */
static void a_driver_that_contradicts_itself_is_refused(void **state) {
    (void)state;
    const struct fake_config configs[] = { { .base_alignment = 16 },
                                           { .base_alignment = 256, .requirement_alignment = 4 * KIB } };
    for (size_t i = 0; i < COUNT(configs); i++) {
        struct rig rig;
        rig_open(&rig, configs[i]);
        assert_refused(&rig, &(struct bda_backing_info){ .size = 64 * KIB, .type = 1 }, VK_ERROR_FEATURE_NOT_PRESENT);
        rig_close(&rig);
    }
}

/* Guards against binding a buffer that requires dedicated memory to memory that is not (VUID-…-01444). */
static void a_spanning_buffer_that_requires_dedicated_memory_has_it(void **state) {
    (void)state;
    struct rig rig;
    struct bda_block block;
    rig_open(&rig, (struct fake_config){ .base_alignment = 4 * KIB, .require_dedicated_from = 1 });
    for (uint32_t type = 0; type < rig.device.memory.memoryTypeCount; type++) {
        opened(&rig, &(struct bda_backing_info){ .size = 64 * KIB, .type = type }, true, &block);
        assert_true(memory_of(&rig, &block).dedicated);
        assert_int_equal(block.dedicated_size, 0); /* cut into ranges all the same */
        assert_int_equal(block.memory_offset, 0);
        assert_int_equal(bytes_of(&block), 64 * KIB);
        assert_int_equal(block.region.base % rig.device.limits.base_alignment, 0);
        check_agreement(&rig, &block, bytes_of(&block));
        check_buffer(&rig, &block, bytes_of(&block));
        close_block(&rig, &block);
    }
    rig_close(&rig);
}

/* Guards against moving such a buffer up, which VUID-…-01509 forbids, and against a refusal without a reason. */
static void a_spanning_buffer_that_cannot_be_both_dedicated_and_aligned_is_refused(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .require_dedicated_from = 1 });
    assert_refused(&rig, &(struct bda_backing_info){ .size = 64 * KIB, .type = 1 }, VK_ERROR_FEATURE_NOT_PRESENT);
    assert_int_equal(fake_call_count(rig.driver, FAKE_CALL_ALLOCATE_MEMORY), 1);
    assert_int_equal(fake_violation_count(rig.driver), 0);
    rig_close(&rig);
}

static void what_the_budget_refuses_opens_nothing(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .heap_size = 100 * KIB });
    const struct bda_backing_info info = { .size = 90 * KIB, .type = 1, .within_budget = true };
    assert_refused(&rig, &info, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    rig_close(&rig);
}

/* ---- Failures ---- */

/* Opens with the nth call refused, asserts that nothing is left; false once nothing was refused. */
static bool try_open(struct rig *rig, bool keep_buffer, unsigned nth, VkResult refusal) {
    struct bda_block block;
    const char *reason = NULL;
    struct rig_state before = rig_look(rig);
    fake_fail(rig->driver, FAKE_CALL_ANY, nth, refusal);
    VkResult result = open_block(rig, &(struct bda_backing_info){ .size = 16 * KIB }, keep_buffer, &block, &reason);
    bool refused = fake_failed(rig->driver) != 0;
    assert_int_equal(result, refused ? refusal : VK_SUCCESS);
    assert_null(reason); /* what the driver refuses is not explained */
    if (!refused)
        close_block(rig, &block);
    assert_true(block.buffer == VK_NULL_HANDLE);
    assert_true(block.backing.memory == VK_NULL_HANDLE);
    rig_assert_state(rig, &before);
    return refused;
}

static void sweep_calls(VkDeviceSize size_rounding) {
    struct rig rig;
    rig_open(&rig, (struct fake_config){
                       .machine = FAKE_MACHINE_UNIFIED, .with = FAKE_MEMORY_BUDGET, .size_rounding = size_rounding });
    for (size_t i = 0; i < rig_refusal_count * 2; i++) {
        unsigned nth = 1;
        while (try_open(&rig, i % 2 == 0, nth, rig_refusals[i / 2]))
            nth++;
        assert_true(nth > 1); /* each of these refusals was met */
    }
    fake_clear_failures(rig.driver);
    rig_close(&rig);
}

/* With a coarse rounding of sizes there are more calls: the block is not shortened, its memory is enlarged. */
static void whichever_call_fails_no_block_is_left(void **state) {
    (void)state;
    sweep_calls(16);
    sweep_calls(16 * KIB);
}

/* Both buffers, both binds, the memory and the mapping. */
static void the_sweep_meets_every_call_that_can_fail(void **state) {
    (void)state;
    struct rig rig;
    unsigned nth = 1;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED });
    while (try_open(&rig, true, nth, VK_ERROR_OUT_OF_DEVICE_MEMORY))
        nth++;
    assert_int_equal(nth - 1, 6);
    fake_clear_failures(rig.driver);
    rig_close(&rig);
}

static void host_memory_that_runs_out_leaves_no_block(void **state) {
    (void)state;
    struct rig rig;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED });
    struct rig_state before = rig_look(&rig);
    size_t nth = 0;
    while (result != VK_SUCCESS) {
        struct bda_block block;
        const char *reason = NULL;
        fake_host_fail(&rig.memory, ++nth, false);
        result = open_block(&rig, &(struct bda_backing_info){ .size = 16 * KIB }, true, &block, &reason);
        assert_int_equal(result, rig.memory.failed != 0 ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_SUCCESS);
        if (result == VK_SUCCESS)
            close_block(&rig, &block);
        rig_assert_state(&rig, &before);
    }
    assert_true(nth > 1);
    fake_host_fail(&rig.memory, 0, false);
    rig_close(&rig);
}

/* "Return Codes": after an error, output parameters have undefined contents. */
static VKAPI_ATTR VkResult VKAPI_CALL no_buffer(VkDevice device, const VkBufferCreateInfo *info,
                                                const VkAllocationCallbacks *callbacks, VkBuffer *out) {
    (void)device;
    (void)info;
    (void)callbacks;
    *out = FORGED(VkBuffer, 0xDEADBEE0u);
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static VKAPI_ATTR VkResult VKAPI_CALL no_memory(VkDevice device, const VkMemoryAllocateInfo *info,
                                                const VkAllocationCallbacks *callbacks, VkDeviceMemory *out) {
    (void)device;
    (void)info;
    (void)callbacks;
    *out = FORGED(VkDeviceMemory, 0xDEADBEE0u);
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

/* The fake driver objects to handles that it never gave. */
static void what_a_refusing_driver_leaves_in_its_outputs_is_not_freed(void **state) {
    (void)state;
    for (unsigned memory = 0; memory < 2; memory++) {
        struct rig rig;
        struct bda_block block;
        const char *reason = NULL;
        rig_open(&rig, (struct fake_config){ 0 });
        struct rig_state before = rig_look(&rig);
        if (memory != 0)
            rig.device.vk.allocate_memory = no_memory;
        else
            rig.device.vk.create_buffer = no_buffer;
        const struct bda_backing_info info = { .size = 16 * KIB, .type = 1 };
        assert_int_equal(open_block(&rig, &info, true, &block, &reason), VK_ERROR_OUT_OF_DEVICE_MEMORY);
        assert_true(block.buffer == VK_NULL_HANDLE);
        assert_true(block.backing.memory == VK_NULL_HANDLE);
        rig_assert_state(&rig, &before);
        rig_close(&rig);
    }
}

/* ---- Dedicated memory ---- */

/* A request for one buffer. */
struct wish {
    VkDeviceSize size;
    VkDeviceSize alignment;
    struct bda_backing_info info;
    const void *chain;
    VkDeviceSize behind;
};

static VkResult open_dedicated(struct rig *rig, const struct wish *wish, struct bda_block *block, VkBuffer *given,
                               const char **reason) {
    struct bda_requirements needs;
    VkBufferCreateInfo info = bda_block_buffer_info(&rig->device, general(rig), wish->size, wish->info.capture_replay);
    info.pNext = wish->chain;
    *given = make(rig, &info);
    bda_block_requirements(&rig->device, *given, &needs);
    memset(block, 0xA5, sizeof *block);
    return bda_block_open_dedicated(&rig->device, &wish->info, &info, *given, &needs, wish->alignment, wish->behind,
                                    block, reason);
}

static void dedicated(struct rig *rig, const struct wish *wish, struct bda_block *block, VkBuffer *given) {
    const char *reason = NULL;
    VkResult result = open_dedicated(rig, wish, block, given, &reason);
    if (result != VK_SUCCESS)
        fail_msg("refused with %d: %s", (int)result, reason != NULL ? reason : "(no reason)");
    assert_int_equal(block->region.base % wish->alignment, 0);
    assert_int_equal(block->region.size, 0);
    assert_int_equal(block->dedicated_size, wish->size);
    check_agreement(rig, block, wish->size);
    check_buffer(rig, block, wish->size);
}

static void dedicated_memory_is_exactly_the_buffers(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT, .size_rounding = 4 * KIB });
    for (uint32_t type = 0; type < rig.device.memory.memoryTypeCount; type++) {
        struct bda_block block;
        VkBuffer given;
        dedicated(&rig, &(struct wish){ .size = 5000, .alignment = 64, .info = { .type = type } }, &block, &given);
        assert_true(block.buffer == given);
        assert_true(memory_of(&rig, &block).dedicated);
        assert_int_equal(block.backing.size, 8 * KIB);
        assert_int_equal(block.memory_offset, 0);
        close_block(&rig, &block);
    }
    rig_close(&rig);
}

/* Memory that is larger than the buffer must not be dedicated to it (02965), nor bound further up (01508). */
static void an_alignment_beyond_the_drivers_is_had_without_dedicating(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT, .size_rounding = 4 * KIB });
    for (VkDeviceSize alignment = 128; alignment <= 64 * KIB; alignment *= 2)
        for (uint32_t type = 0; type < rig.device.memory.memoryTypeCount; type++) {
            struct bda_block block;
            VkBuffer given;
            const struct wish wish = { .size = 5000, .alignment = alignment, .info = { .type = type } };
            dedicated(&rig, &wish, &block, &given);
            assert_false(memory_of(&rig, &block).dedicated);
            assert_true(block.backing.size <= 8 * KIB + alignment);
            assert_int_equal(fake_buffer_count(rig.driver), 1);
            assert_int_equal(fake_memory_count(rig.driver), 1);
            close_block(&rig, &block);
        }
    rig_close(&rig);
}

/* Neither may memory with something behind the buffer; whose dedication is required has nothing there. */
static void bytes_behind_the_buffer_are_had_without_dedicating(void **state) {
    (void)state;
    for (VkDeviceSize alignment = 64; alignment <= 4 * KIB; alignment *= 64)
        for (VkDeviceSize required = 0; required < 2; required++) {
            struct rig rig;
            struct bda_block block;
            VkBuffer given;
            rig_open(&rig, (struct fake_config){ .base_alignment = 64 * KIB,
                                                 .size_rounding = 4 * KIB,
                                                 .require_dedicated_from = required });
            dedicated(&rig, &(struct wish){ 5000, alignment, { .type = 1 }, NULL, 64 }, &block, &given);
            assert_int_equal(memory_of(&rig, &block).dedicated, required);
            assert_int_equal(block.backing.size, required != 0 ? 8 * KIB : 8 * KIB + 64);
            close_block(&rig, &block);
            rig_close(&rig);
        }
}

static void an_alignment_that_memory_has_by_chance_is_enough(void **state) {
    (void)state;
    struct rig rig;
    struct bda_block block;
    VkBuffer given;
    rig_open(&rig, (struct fake_config){ .base_alignment = 64 * KIB });
    dedicated(&rig, &(struct wish){ .size = 100, .alignment = 64 * KIB, .info = { .type = 1 } }, &block, &given);
    assert_true(block.buffer == given);
    assert_true(memory_of(&rig, &block).dedicated);
    close_block(&rig, &block);
    rig_close(&rig);
}

/* Addresses that the test bends: the nth answer is 64 bytes off where bit n is set. */
static struct {
    PFN_vkGetBufferDeviceAddress real;
    unsigned answers;
    unsigned asked;
} bend;

static VKAPI_ATTR VkDeviceAddress VKAPI_CALL bent_address(VkDevice device, const VkBufferDeviceAddressInfo *info) {
    bool bent = (bend.answers >> bend.asked++ & 1u) != 0;
    return bend.real(device, info) + (bent ? 64 : 0);
}

static void bend_addresses(struct rig *rig, unsigned answers) {
    bend.real = rig->device.vk.get_buffer_address;
    bend.answers = answers;
    bend.asked = 0;
    rig->device.vk.get_buffer_address = bent_address;
}

static void larger_memory_that_lies_right_is_not_moved_in(void **state) {
    (void)state;
    struct rig rig;
    struct bda_block block;
    VkBuffer given;
    rig_open(&rig, (struct fake_config){ .base_alignment = 4 * KIB });
    bend_addresses(&rig, 0x1);
    dedicated(&rig, &(struct wish){ .size = 100, .alignment = 4 * KIB, .info = { .type = 1 } }, &block, &given);
    assert_int_equal(block.memory_offset, 0);
    assert_false(memory_of(&rig, &block).dedicated);
    assert_int_equal(fake_call_count(rig.driver, FAKE_CALL_CREATE_BUFFER), 2);
    close_block(&rig, &block);
    rig_close(&rig);
}

static void assert_dedicated_refused(struct rig *rig, const struct wish *wish, VkResult expected) {
    struct bda_block block;
    VkBuffer given;
    const char *reason = NULL;
    struct rig_state before = rig_look(rig);
    assert_int_equal(open_dedicated(rig, wish, &block, &given, &reason), expected);
    assert_non_null(reason);
    assert_true(block.buffer == VK_NULL_HANDLE);
    assert_true(block.backing.memory == VK_NULL_HANDLE);
    assert_null(block.mapped);
    rig_assert_state(rig, &before);
    assert_int_equal(fake_violation_count(rig->driver), 0);
}

/* Addresses that do not follow the offset: nothing can be done about that. */
static void addresses_that_stay_misaligned_are_refused(void **state) {
    (void)state;
    struct rig rig;
    struct bda_backing_info info = { .size = 16 * KIB, .type = 1 };
    rig_open(&rig, (struct fake_config){ 0 });
    bend_addresses(&rig, 0xA); /* both times, where it was to be right */
    assert_refused(&rig, &info, VK_ERROR_FEATURE_NOT_PRESENT);
    rig.device.vk.get_buffer_address = bend.real;
    bend_addresses(&rig, 0x4);
    const struct wish wish = { .size = 1000, .alignment = 4 * KIB, .info = { .type = 1 } };
    assert_dedicated_refused(&rig, &wish, VK_ERROR_FEATURE_NOT_PRESENT);
    rig_close(&rig);
}

static void required_dedication_and_a_foreign_alignment_exclude_each_other(void **state) {
    (void)state;
    struct rig rig;
    struct bda_block block;
    VkBuffer given;
    struct wish wish = { .size = 1000, .alignment = 4 * KIB, .info = { .type = 1 } };
    rig_open(&rig, (struct fake_config){ .require_dedicated_from = 1 });
    assert_dedicated_refused(&rig, &wish, VK_ERROR_FEATURE_NOT_PRESENT);
    assert_int_equal(fake_call_count(rig.driver, FAKE_CALL_ALLOCATE_MEMORY), 1);
    wish.alignment = 64;
    dedicated(&rig, &wish, &block, &given);
    assert_true(memory_of(&rig, &block).dedicated);
    close_block(&rig, &block);
    rig_close(&rig);
}

static void dedicated_memory_of_either_kind_is_exported_and_replayed(void **state) {
    (void)state;
    const VkExternalMemoryBufferCreateInfo external = { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, NULL,
                                                        VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    struct wish wish = { .size = 1000,
                         .chain = &external,
                         .info = { .type = 1, .handle_types = external.handleTypes, .capture_replay = true } };
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .with = FAKE_EXTERNAL_MEMORY_FD | FAKE_CAPTURE_REPLAY });
    for (wish.alignment = 64; wish.alignment <= 4 * KIB; wish.alignment *= 64) {
        struct bda_block block;
        VkBuffer given;
        dedicated(&rig, &wish, &block, &given);
        assert_int_equal(memory_of(&rig, &block).dedicated, wish.alignment == 64);
        assert_int_equal(memory_of(&rig, &block).export_types, external.handleTypes);
        close_block(&rig, &block);
    }
    rig_close(&rig);
}

/* A buffer as large as the heap fits, but not with room to move it. */
static void over_aligned_memory_larger_than_the_heap_is_refused_unasked(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .heap_size = 4 * MIB }); /* type 4 lies in a quarter of that */
    const struct wish wish = { .size = 1 * MIB, .alignment = 4 * KIB, .info = { .type = 4 } };
    assert_dedicated_refused(&rig, &wish, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    rig_close(&rig);
}

static void over_aligned_memory_larger_than_any_may_be_is_refused_unasked(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .max_memory_allocation_size = 1 * MIB });
    const struct wish wish = { .size = 1 * MIB, .alignment = 4 * KIB, .info = { .type = 1 } };
    assert_dedicated_refused(&rig, &wish, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    rig_close(&rig);
}

/* As try_open. */
static bool try_dedicated(struct rig *rig, const struct wish *wish, unsigned nth, VkResult refusal) {
    struct bda_block block;
    VkBuffer given;
    const char *reason = NULL;
    struct rig_state before = rig_look(rig);
    fake_fail(rig->driver, FAKE_CALL_ANY, nth + 1, refusal); /* the first call makes the buffer, in the test */
    VkResult result = open_dedicated(rig, wish, &block, &given, &reason);
    bool refused = fake_failed(rig->driver) != 0;
    assert_int_equal(result, refused ? refusal : VK_SUCCESS);
    if (!refused)
        close_block(rig, &block);
    assert_true(block.buffer == VK_NULL_HANDLE);
    assert_true(block.backing.memory == VK_NULL_HANDLE);
    rig_assert_state(rig, &before);
    return refused;
}

/* Refusals that vkCreateBuffer may not answer with would be counted from another first call. */
static void whichever_call_fails_no_dedicated_block_is_left(void **state) {
    (void)state;
    const VkResult refusals[] = { VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_UNKNOWN };
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED });
    for (size_t i = 0; i < COUNT(refusals); i++)
        for (VkDeviceSize alignment = 64; alignment <= 4 * KIB; alignment *= 64) {
            const struct wish wish = { .size = 5000, .alignment = alignment };
            unsigned nth = 1;
            while (try_dedicated(&rig, &wish, nth, refusals[i]))
                nth++;
            /* memory, mapping, bind; then the buffer anew, all of these again, and buffer and bind further up */
            assert_int_equal(nth - 1, alignment == 64 ? 3 : 9);
        }
    fake_clear_failures(rig.driver);
    rig_close(&rig);
}

static void refused_memory_and_mappings_leave_no_dedicated_block(void **state) {
    (void)state;
    const struct {
        enum fake_call call;
        VkResult refusal;
    } cases[] = { { FAKE_CALL_ALLOCATE_MEMORY, VK_ERROR_TOO_MANY_OBJECTS },
                  { FAKE_CALL_MAP_MEMORY, VK_ERROR_MEMORY_MAP_FAILED } };
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED });
    struct rig_state before = rig_look(&rig);
    for (unsigned i = 0; i < 2 * COUNT(cases); i++) {
        struct bda_block block;
        VkBuffer given;
        const char *reason = NULL;
        const struct wish wish = { .size = 5000, .alignment = 4 * KIB };
        fake_fail(rig.driver, cases[i / 2].call, 1 + i % 2, cases[i / 2].refusal);
        assert_int_equal(open_dedicated(&rig, &wish, &block, &given, &reason), cases[i / 2].refusal);
        rig_assert_state(&rig, &before);
    }
    fake_clear_failures(rig.driver);
    rig_close(&rig);
}

static void host_memory_that_runs_out_leaves_no_dedicated_block(void **state) {
    (void)state;
    struct rig rig;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED });
    struct rig_state before = rig_look(&rig);
    size_t nth = 1;
    while (result != VK_SUCCESS) {
        struct bda_block block;
        VkBuffer given;
        const char *reason = NULL;
        const struct wish wish = { .size = 5000, .alignment = 4 * KIB };
        fake_host_fail(&rig.memory, ++nth, false); /* the first is for the test's own buffer */
        result = open_dedicated(&rig, &wish, &block, &given, &reason);
        assert_int_equal(result, rig.memory.failed != 0 ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_SUCCESS);
        if (result == VK_SUCCESS)
            close_block(&rig, &block);
        rig_assert_state(&rig, &before);
    }
    assert_true(nth > 2);
    fake_host_fail(&rig.memory, 0, false);
    rig_close(&rig);
}

/* Guards against telling the user of required dedication when larger memory was tried and the driver had none. */
static void a_refusal_of_larger_memory_is_not_put_down_to_dedication(void **state) {
    (void)state;
    struct rig rig;
    struct bda_block block;
    VkBuffer given;
    const char *reason = NULL;
    const struct wish wish = { .size = 5000, .alignment = 4 * KIB, .info = { .type = 1 } };
    rig_open(&rig, (struct fake_config){ 0 });
    fake_fail(rig.driver, FAKE_CALL_ALLOCATE_MEMORY, 2, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(open_dedicated(&rig, &wish, &block, &given, &reason), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_null(reason);
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_begin_aligned_on_every_machine),
        cmocka_unit_test(blocks_begin_aligned_wherever_memory_lies),
        cmocka_unit_test(blocks_begin_aligned_whatever_the_residue),
        cmocka_unit_test(larger_limits_are_larger_base_alignments),
        cmocka_unit_test(the_buffers_own_alignment_counts_too),
        cmocka_unit_test(the_shift_is_what_the_base_lacks),
        cmocka_unit_test(blocks_lie_beside_each_other),
        cmocka_unit_test(a_region_ends_with_its_last_whole_granule),
        cmocka_unit_test(memory_is_as_large_as_the_driver_requires),
        cmocka_unit_test(a_block_moves_up_however_sizes_are_rounded),
        cmocka_unit_test(enlarged_memory_counts_against_limits),
        cmocka_unit_test(the_smallest_blocks_are_right_or_refused),
        cmocka_unit_test(the_buffer_of_a_block_is_shared_by_all_families),
        cmocka_unit_test(a_block_for_capture_and_replay_is_so_as_a_whole),
        cmocka_unit_test(requirements_are_the_drivers),
        cmocka_unit_test(a_type_that_cannot_carry_the_usage_is_refused),
        cmocka_unit_test(a_driver_that_contradicts_itself_is_refused),
        cmocka_unit_test(what_the_budget_refuses_opens_nothing),
        cmocka_unit_test(whichever_call_fails_no_block_is_left),
        cmocka_unit_test(the_sweep_meets_every_call_that_can_fail),
        cmocka_unit_test(host_memory_that_runs_out_leaves_no_block),
        cmocka_unit_test(what_a_refusing_driver_leaves_in_its_outputs_is_not_freed),
        cmocka_unit_test(dedicated_memory_is_exactly_the_buffers),
        cmocka_unit_test(an_alignment_beyond_the_drivers_is_had_without_dedicating),
        cmocka_unit_test(bytes_behind_the_buffer_are_had_without_dedicating),
        cmocka_unit_test(an_alignment_that_memory_has_by_chance_is_enough),
        cmocka_unit_test(larger_memory_that_lies_right_is_not_moved_in),
        cmocka_unit_test(addresses_that_stay_misaligned_are_refused),
        cmocka_unit_test(required_dedication_and_a_foreign_alignment_exclude_each_other),
        cmocka_unit_test(dedicated_memory_of_either_kind_is_exported_and_replayed),
        cmocka_unit_test(over_aligned_memory_larger_than_the_heap_is_refused_unasked),
        cmocka_unit_test(over_aligned_memory_larger_than_any_may_be_is_refused_unasked),
        cmocka_unit_test(whichever_call_fails_no_dedicated_block_is_left),
        cmocka_unit_test(refused_memory_and_mappings_leave_no_dedicated_block),
        cmocka_unit_test(host_memory_that_runs_out_leaves_no_dedicated_block),
        cmocka_unit_test(a_refusal_of_larger_memory_is_not_put_down_to_dedication),
        cmocka_unit_test(a_spanning_buffer_that_requires_dedicated_memory_has_it),
        cmocka_unit_test(a_spanning_buffer_that_cannot_be_both_dedicated_and_aligned_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
