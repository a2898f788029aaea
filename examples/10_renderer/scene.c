/* Implements scene.h, but for what the scenes look like. */
#include "scene.h"

#include "example.h"

#include <stdlib.h>
#include <string.h>

/* An array doubles when its count is a power of two, so the count alone says when it is full. */
static void *make_room(void *array, uint32_t count, size_t size) {
    if ((count & (count - 1)) != 0)
        return array;
    void *grown = realloc(array, (count ? 2 * (size_t)count : 1) * size);
    if (!grown)
        ex_fail("out of memory");
    return grown;
}

uint32_t scene_add_mesh(struct scene *scene, struct mesh mesh) {
    mesh_find_sphere(&mesh);
    scene->meshes = make_room(scene->meshes, scene->mesh_count, sizeof mesh);
    scene->meshes[scene->mesh_count] = mesh;
    return scene->mesh_count++;
}

uint32_t scene_add_material(struct scene *scene, struct material material) {
    scene->materials = make_room(scene->materials, scene->material_count, sizeof material);
    scene->materials[scene->material_count] = material;
    return scene->material_count++;
}

uint32_t scene_add_node(struct scene *scene, uint32_t parent, struct affine local) {
    scene->nodes = make_room(scene->nodes, scene->node_count, sizeof *scene->nodes);
    scene->nodes[scene->node_count] = (struct node){ local, parent, SCENE_NONE };
    return scene->node_count++;
}

uint32_t scene_add_moving_node(struct scene *scene, uint32_t parent, struct motion motion) {
    uint32_t node = scene_add_node(scene, parent, scene_pose(&motion, 0.0f));
    scene->motions = make_room(scene->motions, scene->motion_count, sizeof motion);
    scene->motions[scene->motion_count] = motion;
    scene->nodes[node].motion = scene->motion_count++;
    return node;
}

void scene_add_instance(struct scene *scene, uint32_t node, uint32_t mesh, uint32_t material, struct vec3 tint) {
    scene->instances = make_room(scene->instances, scene->instance_count, sizeof *scene->instances);
    scene->instances[scene->instance_count++] = (struct instance){ mesh, material, node, tint };
}

void scene_add_light(struct scene *scene, uint32_t node, struct vec3 colour, float reach) {
    scene->lights = make_room(scene->lights, scene->light_count, sizeof *scene->lights);
    scene->lights[scene->light_count++] = (struct light){ node, colour, reach };
}

void scene_free(struct scene *scene) {
    for (uint32_t i = 0; i < scene->mesh_count; i++) {
        free(scene->meshes[i].vertices);
        free(scene->meshes[i].indices);
    }
    free(scene->meshes);
    free(scene->materials);
    free(scene->nodes);
    free(scene->motions);
    free(scene->instances);
    free(scene->lights);
    memset(scene, 0, sizeof *scene);
}

/* The middle of the box around the vertices, and the farthest of them from there. */
void mesh_find_sphere(struct mesh *mesh) {
    struct vec3 low = mesh->vertices[0].position, high = low;
    for (uint32_t i = 1; i < mesh->vertex_count; i++) {
        struct vec3 p = mesh->vertices[i].position;
        low = (struct vec3){ fminf(low.x, p.x), fminf(low.y, p.y), fminf(low.z, p.z) };
        high = (struct vec3){ fmaxf(high.x, p.x), fmaxf(high.y, p.y), fmaxf(high.z, p.z) };
    }
    mesh->centre = vec3_scale(vec3_add(low, high), 0.5f);
    mesh->radius = 0.0f;
    for (uint32_t i = 0; i < mesh->vertex_count; i++) {
        float distance = vec3_length(vec3_subtract(mesh->vertices[i].position, mesh->centre));
        mesh->radius = fmaxf(mesh->radius, distance);
    }
}

/* ---- Moving and culling ----------------------------------------------------------------------------------------- */

struct affine scene_pose(const struct motion *motion, float seconds) {
    struct vec3 position = motion->position;
    position.y += motion->bob * sinf(motion->bob_angle + motion->bob_speed * seconds);
    return affine_place(position, motion->axis, motion->angle + motion->speed * seconds, motion->scale);
}

static struct affine find_local(const struct scene *scene, const struct node *node, float seconds) {
    return node->motion == SCENE_NONE ? node->local : scene_pose(&scene->motions[node->motion], seconds);
}

struct affine scene_find_world(const struct scene *scene, uint32_t node, float seconds) {
    struct affine world = find_local(scene, &scene->nodes[node], seconds);
    while (scene->nodes[node].parent != SCENE_NONE) {
        node = scene->nodes[node].parent;
        struct affine local = find_local(scene, &scene->nodes[node], seconds);
        world = affine_compose(&local, &world);
    }
    return world;
}

void scene_find_worlds(const struct scene *scene, float seconds, struct affine *worlds) {
    for (uint32_t i = 0; i < scene->node_count; i++) {
        uint32_t parent = scene->nodes[i].parent;
        struct affine local = find_local(scene, &scene->nodes[i], seconds);
        worlds[i] = parent == SCENE_NONE ? local : affine_compose(&worlds[parent], &local);
    }
}

/* The planes are sums and differences of the matrix's rows (Gribb and Hartmann, 2001). */
struct frustum frustum_of(const struct mat4 *clip) {
    static const float weights[6][4] = { { 1, 0, 0, 1 },  { -1, 0, 0, 1 }, { 0, 1, 0, 1 },
                                         { 0, -1, 0, 1 }, { 0, 0, 1, 0 },  { 0, 0, -1, 1 } };
    struct frustum frustum;
    for (int i = 0; i < 6; i++) {
        float *plane = frustum.planes[i];
        for (int column = 0; column < 4; column++) {
            plane[column] = 0.0f;
            for (int row = 0; row < 4; row++)
                plane[column] += weights[i][row] * clip->m[column][row];
        }
        float length = vec3_length((struct vec3){ plane[0], plane[1], plane[2] });
        for (int k = 0; k < 4; k++)
            plane[k] /= length;
    }
    return frustum;
}

static float longest_axis(const struct affine *a) {
    float longest = 0.0f;
    for (int k = 0; k < 3; k++)
        longest = fmaxf(longest, vec3_length((struct vec3){ a->m[0][k], a->m[1][k], a->m[2][k] }));
    return longest;
}

/* How far the sphere reaches inside of the plane that it is most outside of. */
static float depth_inside(const struct frustum *frustum, struct vec3 centre, float radius) {
    float least = INFINITY;
    for (int i = 0; i < 6; i++) {
        const float *plane = frustum->planes[i];
        least = fminf(least, plane[0] * centre.x + plane[1] * centre.y + plane[2] * centre.z + plane[3] + radius);
    }
    return least;
}

struct cull_count scene_count_visible(const struct scene *scene, const struct affine *worlds,
                                      const struct frustum *frustum) {
    static const float rounding = 1e-3f; /* a millimetre, where floats near the scene's rim have a tenth of that */
    struct cull_count count = { 0, 0 };
    for (uint32_t i = 0; i < scene->instance_count; i++) {
        const struct instance *instance = &scene->instances[i];
        const struct mesh *mesh = &scene->meshes[instance->mesh];
        const struct affine *world = &worlds[instance->node];
        float depth = depth_inside(frustum, affine_point(world, mesh->centre), mesh->radius * longest_axis(world));
        count.least += depth > rounding;
        count.most += depth > -rounding;
    }
    return count;
}
