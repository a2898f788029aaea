/*
 * Renders a world in rounds: each adds some samples per pixel to a picture in GPU memory, and the time that the GPU
 * took for it is kept. A renderer reaches its world in one of three ways; the shader is compiled from the same source
 * for each, and all follow the same paths.
 */
#ifndef EXAMPLES_RENDER_H
#define EXAMPLES_RENDER_H

#include "world.h"

enum { MAX_ROUNDS = 64 };

enum way {
    BY_POINTER, /* links are device addresses */
    BY_OFFSET,  /* links are 32 bits, counted from one device address on */
    BY_INDEX,   /* links are 32 bits, counted from the beginning of a storage buffer */
    WAYS
};

struct picture_info {
    uint32_t width;
    uint32_t height;
    uint32_t seed;
    uint32_t bounces;
};

struct renderer {
    struct ex *ex;
    BdaAllocator allocator;
    struct picture_info info;
    struct ex_pipeline pipeline;
    VkDescriptorSetLayout set_layout; /* these three by index only: there is a storage buffer to bind */
    VkDescriptorPool set_pool;
    VkDescriptorSet set;
    VkQueryPool timestamps; /* VK_NULL_HANDLE: the queue has none, and the CPU's clock is taken */
    uint64_t timestamp_mask;
    BdaAllocation frame;
    BdaAllocation picture;
    uint32_t samples; /* per pixel, so far */
    uint32_t rounds;
    double seconds[MAX_ROUNDS];
};

/* The world must have been placed by pointers for the first way, by indices for the two others. */
void start_renderer(struct renderer *renderer, enum way way, const struct world *world, const struct scene *scene,
                    struct picture_info info, struct upload *upload);

/* One round of so many samples per pixel, in dispatches that are short enough for a GPU that also draws a desktop. */
void render_round(struct renderer *renderer, uint32_t samples);

/* Four floats per pixel: the sum of the samples' light, and the number of rays that they took. The caller frees it. */
float *read_picture(struct renderer *renderer);

void stop_renderer(struct renderer *renderer);

#endif
