/*
 * A shader with checked pointers, in C: bdaalloc.glsl's algorithm written a second time, on the device's copy of the
 * fake driver's memory. Each access walks the page table from its root, and writes a record where it is bad.
 */
#ifndef TEST_SHADER_SUPPORT_H
#define TEST_SHADER_SUPPORT_H

#include "alloc_support.h"

#include "debug/shadow.h"

struct shader {
    VkDeviceAddress table;
    uint32_t tag;
    uint32_t invocation[3];
};

/* The bench's allocator's table. */
struct shader shader_start(void);

/* What the table says of the granule of an address: a byte of a page; or -1, no page; or -2, not known. */
int shader_look(const struct shader *shader, VkDeviceAddress address);

/* Whether the access is good; else a record is written. `base`: what an index was added to, or 0. */
bool shader_access(struct shader *shader, VkDeviceAddress base, VkDeviceAddress address, uint32_t bytes,
                   BdaFaultAccess access);

/* As a shader in the middle of it: takes a number, and writes no more than that. */
void shader_begin_record(const struct shader *shader);

#endif
