/*
 * What the tests of src/memory share: a rig, which is the library's device on a fake driver, with counting host memory
 * behind both. It is closed with nothing left: no object, no byte, no reservation, and no rule was broken.
 *
 *     struct rig rig;
 *     rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_REBAR });
 *     ... &rig.device ...
 *     rig_close(&rig);
 */
#ifndef BDA_TESTS_UNIT_MEMORY_SUPPORT_H
#define BDA_TESTS_UNIT_MEMORY_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake/fake_vulkan.h"
#include "memory/device.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define KIB          ((VkDeviceSize)1 << 10)
#define MIB          ((VkDeviceSize)1 << 20)

/* Handles are pointers or integers. */
#if (VK_USE_64_BIT_PTR_DEFINES == 1)
#define FORGED(type, number) ((type)(uintptr_t)(number))
#else
#define FORGED(type, number) ((type)(number))
#endif

struct rig {
    struct fake_driver *driver;
    struct fake_host memory; /* what the library and the driver take from the host */
    VkAllocationCallbacks callbacks;
    BdaAllocatorInfo info; /* what the device is made from */
    struct bda_host host;
    struct bda_device device;
};

/* Driver and info, and no device yet: for tests that change the info, or expect to be refused. */
void rig_prepare(struct rig *rig, struct fake_config config);
/* Makes the device from the info; `reason` may be NULL. */
VkResult rig_start(struct rig *rig, const char **reason);
/* Both, and the device was made. */
void rig_open(struct rig *rig, struct fake_config config);
void rig_close(struct rig *rig);

/* Everything that a failure must leave as it was. */
struct rig_state {
    unsigned memories;
    unsigned buffers;
    size_t host_objects;
    size_t host_bytes;
    uint32_t count;
    struct {
        VkDeviceSize used;
        uint64_t reserved;
        uint64_t allocated;
    } heaps[VK_MAX_MEMORY_HEAPS];
};
struct rig_state rig_look(struct rig *rig);
void rig_assert_state(struct rig *rig, const struct rig_state *before);

/* What drivers answer when they refuse; a sweep tries each of them. */
extern const VkResult rig_refusals[];
extern const size_t rig_refusal_count;

#endif
