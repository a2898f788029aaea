/*
 * Command buffers of the tests' own: fills, copies and barriers, whose rules are checked as they are recorded, and
 * which fake_submit executes in the device copies. What a command touches must still be there when it is executed.
 */
#include "fake_internal.h"

enum fake_op { FAKE_OP_FILL, FAKE_OP_COPY, FAKE_OP_BARRIER };

struct fake_command {
    enum fake_op op;
    uint64_t from, to; /* buffers */
    VkDeviceSize from_offset, to_offset, size;
    uint32_t word;
};

struct fake_commands {
    struct fake_dispatchable dispatchable;
    size_t count, capacity;
    struct fake_command *all;
};

static struct fake_commands *commands_of(VkCommandBuffer handle) {
    return (struct fake_commands *)(void *)handle;
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

VkCommandBuffer fake_make_commands(struct fake_driver *driver) {
    struct fake_commands *commands = calloc(1, sizeof *commands);
    if (commands != NULL) {
        commands->dispatchable = driver->device;
        commands->dispatchable.level = FAKE_LEVEL_COMMAND_BUFFER;
    }
    return (VkCommandBuffer)(void *)commands;
}

void fake_drop_commands(VkCommandBuffer handle) {
    free(commands_of(handle)->all);
    free(commands_of(handle));
}

static void append(struct fake_commands *commands, struct fake_command command) {
    if (commands->count == commands->capacity) {
        size_t capacity = commands->capacity * 2 + 16;
        struct fake_command *all = realloc(commands->all, capacity * sizeof *all);
        if (all == NULL) {
            return;
        }
        commands->all = all;
        commands->capacity = capacity;
    }
    commands->all[commands->count++] = command;
}

/* ---- Rules ------------------------------------------------------------------------------------------------------- */

static bool overlap(uint64_t a, VkDeviceSize a_offset, VkDeviceSize a_size, uint64_t b, VkDeviceSize b_offset,
                    VkDeviceSize b_size) {
    return a != 0 && a == b && a_offset < b_offset + b_size && b_offset < a_offset + a_size;
}

/* Two commands on the same bytes of a buffer, of which one writes, want a barrier between them. */
static void check_hazards(struct fake_driver *driver, const struct fake_commands *commands,
                          const struct fake_command *next) {
    for (size_t i = commands->count; i > 0 && commands->all[i - 1].op != FAKE_OP_BARRIER; i--) {
        const struct fake_command *before = &commands->all[i - 1];
        if (overlap(before->to, before->to_offset, before->size, next->to, next->to_offset, next->size) ||
            overlap(before->to, before->to_offset, before->size, next->from, next->from_offset, next->size) ||
            overlap(before->from, before->from_offset, before->size, next->to, next->to_offset, next->size)) {
            fake_violate(driver, "FAKE-hazard", "no barrier since a command on the same bytes");
            return;
        }
    }
}

static void check_buffer(struct fake_driver *driver, uint64_t handle, VkDeviceSize offset, VkDeviceSize size,
                         VkBufferUsageFlags usage, const char *rule) {
    const struct fake_buffer *buffer = fake_buffer_get(driver, FAKE_TO_HANDLE(VkBuffer, handle), rule);
    if (buffer == NULL) {
        return;
    }
    if (buffer->memory == NULL) {
        fake_violate(driver, "VUID-vkCmdFillBuffer-dstBuffer-00031, -vkCmdCopyBuffer-srcBuffer-00119", "not bound");
    }
    if ((buffer->usage & usage) == 0) {
        fake_violate(driver, "VUID-vkCmdFillBuffer-dstBuffer-00029, -vkCmdCopyBuffer-srcBuffer-00118, -dstBuffer-00120",
                     "the buffer lacks usage 0x%x", (unsigned)usage);
    }
    if (offset >= buffer->size || size > buffer->size - offset) {
        fake_violate(driver, "VUID-vkCmdFillBuffer-dstOffset-00024, -vkCmdCopyBuffer-srcOffset-00113",
                     "%" PRIu64 " bytes at %" PRIu64 " of %" PRIu64, size, offset, buffer->size);
    }
}

VKAPI_ATTR void VKAPI_CALL fake_fill(VkCommandBuffer handle, VkBuffer to, VkDeviceSize offset, VkDeviceSize size,
                                     uint32_t word) {
    struct fake_driver *driver =
        fake_enter(handle, FAKE_LEVEL_COMMAND_BUFFER, FAKE_CALL_CMD_FILL_BUFFER, "vkCmdFillBuffer");
    const struct fake_command fill = {
        .op = FAKE_OP_FILL, .to = FAKE_HANDLE(to), .to_offset = offset, .size = size, .word = word
    };
    if (offset % 4 != 0 || size % 4 != 0 || size == 0) {
        fake_violate(driver, "VUID-vkCmdFillBuffer-dstOffset-00025, -size-00026, -size-00028",
                     "%" PRIu64 " bytes at %" PRIu64, size, offset);
    }
    check_buffer(driver, fill.to, offset, size, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                 "VUID-vkCmdFillBuffer-dstBuffer-parameter");
    check_hazards(driver, commands_of(handle), &fill);
    append(commands_of(handle), fill);
    fake_leave(driver);
}

VKAPI_ATTR void VKAPI_CALL fake_copy(VkCommandBuffer handle, VkBuffer from, VkBuffer to, uint32_t count,
                                     const VkBufferCopy *regions) {
    struct fake_driver *driver =
        fake_enter(handle, FAKE_LEVEL_COMMAND_BUFFER, FAKE_CALL_CMD_COPY_BUFFER, "vkCmdCopyBuffer");
    for (uint32_t i = 0; i < count; i++) {
        const struct fake_command copy = { FAKE_OP_COPY,
                                           FAKE_HANDLE(from),
                                           FAKE_HANDLE(to),
                                           regions[i].srcOffset,
                                           regions[i].dstOffset,
                                           regions[i].size,
                                           0 };
        if (copy.size == 0) {
            fake_violate(driver, "VUID-VkBufferCopy-size-01988", "size is 0");
        }
        if (overlap(copy.from, copy.from_offset, copy.size, copy.to, copy.to_offset, copy.size)) {
            fake_violate(driver, "VUID-vkCmdCopyBuffer-pRegions-00117", "source and destination overlap");
        }
        check_buffer(driver, copy.from, copy.from_offset, copy.size, VK_BUFFER_USAGE_TRANSFER_SRC_BIT,
                     "VUID-vkCmdCopyBuffer-srcBuffer-parameter");
        check_buffer(driver, copy.to, copy.to_offset, copy.size, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                     "VUID-vkCmdCopyBuffer-dstBuffer-parameter");
        check_hazards(driver, commands_of(handle), &copy);
        append(commands_of(handle), copy);
    }
    fake_leave(driver);
}

VKAPI_ATTR void VKAPI_CALL fake_barrier(VkCommandBuffer handle, VkPipelineStageFlags before, VkPipelineStageFlags after,
                                        VkDependencyFlags flags, uint32_t memory_count, const VkMemoryBarrier *memory,
                                        uint32_t buffer_count, const VkBufferMemoryBarrier *buffers,
                                        uint32_t image_count, const VkImageMemoryBarrier *images) {
    struct fake_driver *driver =
        fake_enter(handle, FAKE_LEVEL_COMMAND_BUFFER, FAKE_CALL_CMD_PIPELINE_BARRIER, "vkCmdPipelineBarrier");
    (void)flags;
    (void)buffers;
    (void)images;
    if (before == 0 || after == 0) {
        fake_violate(driver, "VUID-vkCmdPipelineBarrier-srcStageMask-03937, -dstStageMask-03937", "a mask is 0");
    }
    for (uint32_t i = 0; i < memory_count; i++) {
        fake_check_type(driver, memory[i].sType, VK_STRUCTURE_TYPE_MEMORY_BARRIER, "VkMemoryBarrier");
    }
    if (memory_count == 0 || buffer_count != 0 || image_count != 0) {
        fake_violate(driver, "FAKE-barrier", "only memory barriers are known here");
    }
    append(commands_of(handle), (struct fake_command){ .op = FAKE_OP_BARRIER });
    fake_leave(driver);
}

/* ---- Execution --------------------------------------------------------------------------------------------------- */

/* The device copy of a buffer's bytes; NULL and a violation where it went since. */
static unsigned char *bytes_at(struct fake_driver *driver, uint64_t handle, VkDeviceSize offset, VkDeviceSize size) {
    const struct fake_buffer *buffer =
        fake_buffer_get(driver, FAKE_TO_HANDLE(VkBuffer, handle), "VUID-vkQueueSubmit-pCommandBuffers-00070");
    if (buffer == NULL || buffer->memory == NULL || size > buffer->size || offset > buffer->size - size) {
        return NULL;
    }
    return fake_bytes_make(driver, buffer->memory) ? buffer->memory->device + buffer->offset + offset : NULL;
}

static void execute(struct fake_driver *driver, const struct fake_command *command) {
    if (command->op == FAKE_OP_BARRIER) {
        return;
    }
    unsigned char *to = bytes_at(driver, command->to, command->to_offset, command->size);
    if (command->op == FAKE_OP_COPY) {
        const unsigned char *from = bytes_at(driver, command->from, command->from_offset, command->size);
        if (from != NULL && to != NULL) {
            memcpy(to, from, (size_t)command->size);
        }
    } else if (to != NULL) {
        for (VkDeviceSize i = 0; i + 4 <= command->size; i += 4) {
            memcpy(to + i, &command->word, 4);
        }
    }
}

void fake_submit(VkCommandBuffer handle) {
    struct fake_commands *commands = commands_of(handle);
    struct fake_driver *driver = commands->dispatchable.driver;
    fake_take(driver);
    for (size_t i = 0; i < commands->count; i++) {
        execute(driver, &commands->all[i]);
    }
    commands->count = 0;
    fake_leave(driver);
}
