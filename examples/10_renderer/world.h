/*
 * The scene in the library's memory, as the shaders see it: what were indices are raw pointers. The records are the
 * twins of those in renderer.glsl.
 */
#ifndef EXAMPLES_WORLD_H
#define EXAMPLES_WORLD_H

#include "example.h"
#include "scene.h"

struct gpu_mesh {
    VkDeviceAddress vertices, indices;
    uint32_t index_count, number, first_visible, unused;
    struct vec3 centre;
    float radius;
};

struct gpu_material {
    struct vec3 colour;
    float alpha;
    float metallic, roughness;
    uint32_t kind, unused;
};

struct gpu_node {
    struct affine local;
    VkDeviceAddress parent;
    uint32_t pose, unused;
};

struct gpu_instance {
    VkDeviceAddress mesh, material;
    struct vec3 tint;
    uint32_t node;
};

struct gpu_light {
    struct vec3 position;
    float reach;
    struct vec3 colour;
    float unused;
};

_Static_assert(sizeof(struct gpu_mesh) == 48 && sizeof(struct gpu_node) == 64, "as in renderer.glsl");
_Static_assert(sizeof(struct gpu_material) == 32 && sizeof(struct gpu_instance) == 32 && sizeof(struct gpu_light) == 32,
               "as in renderer.glsl");

/* Everything that stays. Meshes and materials are allocations of their own, as they come and go in an engine; nodes and
 * instances are arrays. */
struct world {
    BdaAllocator allocator;
    BdaAllocation *vertices, *indices; /* one per mesh */
    BdaAllocation *materials;
    BdaAllocation meshes, nodes, instances;
    uint32_t mesh_count, material_count;
    VkDeviceSize bytes; /* copied */
};

void world_create(struct world *world, struct ex *ex, BdaAllocator allocator, const struct scene *scene);

/* Frees everything once the timeline has reached the value. */
void world_destroy(struct world *world, VkSemaphore timeline, uint64_t value);

#endif
