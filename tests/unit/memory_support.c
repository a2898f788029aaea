/* The rig of memory_support.h. */
#include "memory_support.h"

#include <string.h>

#include "platform/platform.h"

const VkResult rig_refusals[] = { VK_ERROR_OUT_OF_HOST_MEMORY,
                                  VK_ERROR_OUT_OF_DEVICE_MEMORY,
                                  VK_ERROR_MEMORY_MAP_FAILED,
                                  VK_ERROR_TOO_MANY_OBJECTS,
                                  VK_ERROR_UNKNOWN,
                                  VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS };
const size_t rig_refusal_count = COUNT(rig_refusals);

static unsigned locks_held(void) {
    return bda_locks_held;
}

void rig_prepare(struct rig *rig, struct fake_config config) {
    memset(rig, 0, sizeof *rig);
    config.locks_held = locks_held;
    rig->driver = fake_create(&config);
    assert_non_null(rig->driver);
    fake_host_init(&rig->memory);
    rig->callbacks = fake_host_callbacks(&rig->memory);
    rig->info = fake_allocator_info(rig->driver);
    rig->info.callbacks = &rig->callbacks;
}

VkResult rig_start(struct rig *rig, const char **reason) {
    const char *unheard = NULL;
    bda_host_use_callbacks(&rig->host, rig->info.callbacks);
    rig->device.host = &rig->host;
    return bda_device_init(&rig->device, &rig->info, reason != NULL ? reason : &unheard);
}

void rig_open(struct rig *rig, struct fake_config config) {
    const char *reason = NULL;
    rig_prepare(rig, config);
    VkResult result = rig_start(rig, &reason);
    if (result != VK_SUCCESS)
        fail_msg("the device was refused with %d: %s", (int)result, reason != NULL ? reason : "(no reason)");
}

struct rig_state rig_look(struct rig *rig) {
    struct bda_budget *budget = &rig->device.budget;
    struct rig_state state;
    memset(&state, 0, sizeof state);
    state.memories = fake_memory_count(rig->driver);
    state.buffers = fake_buffer_count(rig->driver);
    state.host_objects = rig->memory.live_count;
    state.host_bytes = rig->memory.live_bytes;
    state.count = atomic_load(&budget->count);
    for (uint32_t i = 0; i < budget->heap_count; i++) {
        state.heaps[i].used = fake_heap_used(rig->driver, i);
        state.heaps[i].reserved = atomic_load(&budget->heaps[i].reserved);
        state.heaps[i].allocated = atomic_load(&budget->heaps[i].allocated);
    }
    return state;
}

void rig_assert_state(struct rig *rig, const struct rig_state *before) {
    struct rig_state now = rig_look(rig);
    assert_int_equal(now.memories, before->memories);
    assert_int_equal(now.buffers, before->buffers);
    assert_int_equal(now.host_objects, before->host_objects);
    assert_int_equal(now.host_bytes, before->host_bytes);
    assert_int_equal(now.count, before->count);
    for (uint32_t i = 0; i < VK_MAX_MEMORY_HEAPS; i++) {
        assert_int_equal(now.heaps[i].used, before->heaps[i].used);
        assert_int_equal(now.heaps[i].reserved, before->heaps[i].reserved);
        assert_int_equal(now.heaps[i].allocated, before->heaps[i].allocated);
    }
}

void rig_close(struct rig *rig) {
    struct rig_state nothing;
    memset(&nothing, 0, sizeof nothing);
    rig_assert_state(rig, &nothing);
    assert_int_equal(rig->host.bytes, 0);
    assert_int_equal(fake_destroy(rig->driver), 0);
    assert_int_equal(fake_host_done(&rig->memory), 0);
}
