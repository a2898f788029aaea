/*
 * What is drawn into: images, whose memory is the program's own since the library has buffers only. It tells the
 * library how much that is.
 */
#ifndef EXAMPLES_TARGETS_H
#define EXAMPLES_TARGETS_H

#include "example.h"

enum { SAMPLES = VK_SAMPLE_COUNT_4_BIT }; /* every device has four */
/* The shader encodes for sRGB itself: whether samples of an sRGB image are averaged before or after their encoding is
 * the driver's choice, and would show at edges. */
#define COLOUR_FORMAT VK_FORMAT_R8G8B8A8_UNORM
#define DEPTH_FORMAT  VK_FORMAT_D32_SFLOAT

struct target {
    VkImage image;
    VkDeviceMemory memory;
    VkImageView view;
    VkDeviceSize size;
    uint32_t heap;
};

struct targets {
    VkExtent2D extent, shadow_extent;
    struct target samples, depth; /* four samples for each pixel */
    struct target colour;         /* what they resolve to */
    struct target shadow;         /* the sun's depths; copied to a buffer, where pointers reach them */
};

void targets_create(struct targets *targets, struct ex *ex, BdaAllocator allocator, VkExtent2D extent,
                    uint32_t shadow_size);
void targets_destroy(struct targets *targets, struct ex *ex, BdaAllocator allocator);

#endif
