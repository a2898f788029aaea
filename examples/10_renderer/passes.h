/*
 * The passes of a frame: poses, culling for both views, the sun's depths, the picture, and what the CPU reads
 * afterwards.
 */
#ifndef EXAMPLES_PASSES_H
#define EXAMPLES_PASSES_H

#include "renderer.h"

/* The twins of Frame and View in renderer.glsl. */
struct gpu_frame {
    VkDeviceAddress nodes, poses, worlds, meshes, instances, lights, shadow, sun_view;
    uint32_t node_count, mesh_count, instance_count, light_count;
    struct vec3 to_sun;
    uint32_t shadow_size;
    struct vec3 sun_colour;
    float shadow_texel;
};

struct gpu_view {
    struct mat4 clip;
    struct frustum frustum;
    struct vec3 eye;
    float unused;
    VkDeviceAddress frame, commands, visible, unused_pointer;
};

_Static_assert(sizeof(struct gpu_frame) == 112 && sizeof(struct gpu_view) == 208, "as in renderer.glsl");

/* What the CPU must know of a frame's memory; the shaders find the rest. */
struct frame_memory {
    VkDeviceAddress views[VIEWS];
    BdaPiece commands; /* of all meshes for the camera, then for the sun */
};

void record_passes(struct renderer *renderer, const struct flight *flight, const struct frame_memory *memory);

/* Copies the draw commands to the flight's report and, with `keep`, the picture. */
void record_results(struct renderer *renderer, const struct flight *flight, const struct frame_memory *memory,
                    bool keep);

#endif
