/* Copies the scene and turns indices into pointers; see world.h. */
#include "world.h"

#include "upload.h"

#include <stdio.h>
#include <stdlib.h>

static void *allocate_array(size_t count, size_t size) {
    void *array = calloc(count ? count : 1, size);
    if (!array)
        ex_fail("out of memory");
    return array;
}

static BdaAllocation place(struct world *world, struct upload *upload, const void *data, VkDeviceSize size,
                           const char *folder, const char *name) {
    char whole[2 * NAME_SIZE];
    snprintf(whole, sizeof whole, "%s/%s", folder, name);
    BdaAllocation allocation;
    EX_CHECK(bda_alloc(world->allocator, &(BdaAllocInfo){ .size = size, .name = whole }, &allocation));
    upload_copy(upload, &allocation, data, size);
    return allocation;
}

static void place_meshes(struct world *world, struct upload *upload, const struct scene *scene) {
    struct gpu_mesh *records = allocate_array(scene->mesh_count, sizeof *records);
    uint32_t *instances = allocate_array(scene->mesh_count, sizeof *instances);
    for (uint32_t i = 0; i < scene->instance_count; i++)
        instances[scene->instances[i].mesh]++;
    for (uint32_t i = 0, first_visible = 0; i < scene->mesh_count; first_visible += instances[i], i++) {
        const struct mesh *mesh = &scene->meshes[i];
        world->vertices[i] = place(world, upload, mesh->vertices, mesh->vertex_count * sizeof *mesh->vertices,
                                   "mesh/vertices", mesh->name);
        world->indices[i] =
            place(world, upload, mesh->indices, mesh->index_count * sizeof *mesh->indices, "mesh/indices", mesh->name);
        records[i] = (struct gpu_mesh){ .vertices = world->vertices[i].address,
                                        .indices = world->indices[i].address,
                                        .index_count = mesh->index_count,
                                        .number = i,
                                        .first_visible = first_visible,
                                        .centre = mesh->centre,
                                        .radius = mesh->radius };
    }
    world->meshes = place(world, upload, records, scene->mesh_count * sizeof *records, "scene", "meshes");
    free(instances);
    free(records);
}

static void place_materials(struct world *world, struct upload *upload, const struct scene *scene) {
    for (uint32_t i = 0; i < scene->material_count; i++) {
        const struct material *material = &scene->materials[i];
        struct gpu_material record = { .colour = material->colour,
                                       .alpha = 1.0f,
                                       .metallic = material->metallic,
                                       .roughness = material->roughness,
                                       .kind = (uint32_t)material->kind };
        world->materials[i] = place(world, upload, &record, sizeof record, "material", material->name);
    }
}

/* The addresses of parents are known once the array has one, so it is allocated before it is filled. */
static void place_nodes(struct world *world, struct upload *upload, const struct scene *scene) {
    VkDeviceSize size = scene->node_count * sizeof(struct gpu_node);
    EX_CHECK(bda_alloc(world->allocator, &(BdaAllocInfo){ .size = size, .name = "scene/nodes" }, &world->nodes));
    struct gpu_node *records = allocate_array(scene->node_count, sizeof *records);
    for (uint32_t i = 0; i < scene->node_count; i++) {
        const struct node *node = &scene->nodes[i];
        records[i] = (struct gpu_node){ .local = node->local, .pose = node->motion };
        if (node->parent != SCENE_NONE)
            records[i].parent = world->nodes.address + node->parent * sizeof *records;
    }
    upload_copy(upload, &world->nodes, records, size);
    free(records);
}

static void place_instances(struct world *world, struct upload *upload, const struct scene *scene) {
    struct gpu_instance *records = allocate_array(scene->instance_count, sizeof *records);
    for (uint32_t i = 0; i < scene->instance_count; i++) {
        const struct instance *instance = &scene->instances[i];
        records[i] = (struct gpu_instance){
            .mesh = world->meshes.address + instance->mesh * sizeof(struct gpu_mesh),
            .material = world->materials[instance->material].address,
            .tint = instance->tint,
            .node = instance->node,
        };
    }
    world->instances = place(world, upload, records, scene->instance_count * sizeof *records, "scene", "instances");
    free(records);
}

void world_create(struct world *world, struct ex *ex, BdaAllocator allocator, const struct scene *scene) {
    *world = (struct world){ .allocator = allocator,
                             .mesh_count = scene->mesh_count,
                             .material_count = scene->material_count };
    world->vertices = allocate_array(scene->mesh_count, sizeof *world->vertices);
    world->indices = allocate_array(scene->mesh_count, sizeof *world->indices);
    world->materials = allocate_array(scene->material_count, sizeof *world->materials);
    struct upload upload;
    upload_begin(&upload, ex, allocator);
    place_meshes(world, &upload, scene);
    place_materials(world, &upload, scene);
    place_nodes(world, &upload, scene);
    place_instances(world, &upload, scene);
    upload_end(&upload);
    world->bytes = upload.bytes;
}

static void free_all(struct world *world, const BdaAllocation *allocations, uint32_t count, VkSemaphore timeline,
                     uint64_t value) {
    for (uint32_t i = 0; i < count; i++)
        EX_CHECK(bda_free_after(world->allocator, allocations[i].handle, timeline, value));
}

void world_destroy(struct world *world, VkSemaphore timeline, uint64_t value) {
    free_all(world, world->vertices, world->mesh_count, timeline, value);
    free_all(world, world->indices, world->mesh_count, timeline, value);
    free_all(world, world->materials, world->material_count, timeline, value);
    free_all(world, &world->meshes, 1, timeline, value);
    free_all(world, &world->nodes, 1, timeline, value);
    free_all(world, &world->instances, 1, timeline, value);
    free(world->vertices);
    free(world->indices);
    free(world->materials);
}
