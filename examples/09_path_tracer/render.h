/*
 * Renders a world in rounds: each adds some samples per pixel to a picture in GPU memory, and the time that the GPU
 * took for it is kept. A renderer reaches its world by pointers or by indices; the shader is compiled from the same
 * source for both, and both follow the same paths.
 */
#ifndef EXAMPLES_RENDER_H
#define EXAMPLES_RENDER_H

#include "world.h"

enum { MAX_ROUNDS = 64 };

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
    VkDescriptorSetLayout set_layout; /* these three by indices only: there is a storage buffer to bind */
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

void start_by_pointers(struct renderer *renderer, const struct world *world, const struct scene *scene,
                       struct picture_info info, struct upload *upload);
void start_by_indices(struct renderer *renderer, const struct world *world, const struct scene *scene,
                      struct picture_info info, struct upload *upload);

/* One round of so many samples per pixel, in dispatches that are short enough for a GPU that also draws a desktop. */
void render_round(struct renderer *renderer, uint32_t samples);

/* Four floats per pixel: the sum of the samples' light, and the number of rays that they took. The caller frees it. */
float *read_picture(struct renderer *renderer);

void stop_renderer(struct renderer *renderer);

#endif
