/*
 * The renderer: several frames in flight, each recorded while the GPU works on those before.
 *
 * What a frame uploads (its views, poses and lights) comes from one arena in memory that the CPU writes, what its
 * shaders make for each other (transforms, draw commands, visible instances) from another in the GPU's own. Both are
 * reset with the value that the frame's submission signals, and never waited for.
 */
#ifndef EXAMPLES_RENDERER_H
#define EXAMPLES_RENDERER_H

#include "pipelines.h"
#include "targets.h"
#include "window.h"
#include "world.h"

enum { IN_FLIGHT = 3, VIEWS = 2 };
enum view { VIEW_CAMERA, VIEW_SUN };

/* What the GPU says of a frame: the draw commands that its cull pass wrote. */
struct view_report {
    uint64_t draws, instances, triangles; /* draws: those with any instances */
};

struct flight {
    uint64_t number; /* 0: never used */
    VkCommandPool pool;
    VkCommandBuffer commands;
    BdaAllocation report; /* the commands of both views, copied */
};

struct renderer {
    struct ex *ex;
    BdaAllocator allocator;
    const struct scene *scene;
    struct window *window; /* NULL: none */
    struct world world;
    struct targets targets;
    struct pipelines pipelines;
    BdaArena uploads, scratch;
    VkSemaphore timeline; /* reaches a frame's number when the GPU has finished it */
    struct flight flights[IN_FLIGHT];
    BdaAllocation shadow_map;
    BdaAllocation picture;
    struct view_report last[VIEWS];
    uint64_t reported;  /* frames */
    uint64_t triangles; /* in all of them */
    double recording;   /* seconds that the CPU took to fill and record frames, without any waiting */
};

void renderer_create(struct renderer *renderer, struct ex *ex, BdaAllocator allocator, const struct scene *scene,
                     VkExtent2D extent, struct window *window);

/* Records and submits frame `number` (from 1 on, each one more). With `keep` its picture is copied to where the CPU can
 * read it. */
void renderer_draw(struct renderer *renderer, uint64_t number, bool keep);

/* Waits for all frames and reads their reports. */
void renderer_finish(struct renderer *renderer);

/* The moment that a frame shows, and what its views see. */
float renderer_seconds(uint64_t number);
struct mat4 renderer_clip(const struct renderer *renderer, enum view view, float seconds);

/* Frees everything; `last` is the number of the last frame. */
void renderer_destroy(struct renderer *renderer, uint64_t last);

#endif
