/*
 * The scene as the CPU keeps it: meshes, materials, instances, lights, and a graph of nodes, some of which move. It
 * knows no Vulkan; world.c copies it into the library's memory, where indices become pointers.
 */
#ifndef EXAMPLES_SCENE_H
#define EXAMPLES_SCENE_H

#include "vectors.h"

#include <stdbool.h>
#include <stdint.h>

enum { NAME_SIZE = 32 };
static const uint32_t SCENE_NONE = UINT32_MAX;

struct vertex {
    struct vec3 position;
    struct vec3 normal;
};

struct mesh {
    char name[NAME_SIZE];
    struct vertex *vertices;
    uint32_t *indices;
    uint32_t vertex_count, index_count;
    struct vec3 centre; /* of a sphere around all vertices */
    float radius;
};

/* The numbers are those of renderer.glsl. */
enum material_kind { KIND_SURFACE, KIND_GROUND, KIND_SKY, KIND_LAMP };

struct material {
    char name[NAME_SIZE];
    struct vec3 colour;
    float metallic, roughness;
    enum material_kind kind;
};

/* Nodes stand behind their parents. */
struct node {
    struct affine local;
    uint32_t parent; /* SCENE_NONE: the root */
    uint32_t motion; /* SCENE_NONE: it rests */
};

/* Turns about an axis, and goes up and down. */
struct motion {
    struct vec3 position, axis;
    float angle, speed, scale;
    float bob, bob_angle, bob_speed;
};

struct instance {
    uint32_t mesh, material, node;
    struct vec3 tint;
};

/* A light hangs on a node. */
struct light {
    uint32_t node;
    struct vec3 colour;
    float reach;
};

/* Looks at a point from a distance, and goes around it. */
struct orbit {
    struct vec3 at;
    float distance, height, angle, speed;
};

struct scene {
    struct mesh *meshes;
    struct material *materials;
    struct node *nodes;
    struct motion *motions;
    struct instance *instances;
    struct light *lights;
    uint32_t mesh_count, material_count, node_count, motion_count, instance_count, light_count;
    struct orbit camera;
    struct vec3 to_sun, sun_colour;
    float shadow_reach; /* of the shadows from the centre */
    bool both_sides;    /* triangles are seen from behind, too: open surfaces, or nodes that mirror */
};

/* Each copies what it is given and returns its index. */
uint32_t scene_add_mesh(struct scene *scene, struct mesh mesh); /* takes its arrays over */
uint32_t scene_add_material(struct scene *scene, struct material material);
uint32_t scene_add_node(struct scene *scene, uint32_t parent, struct affine local);
uint32_t scene_add_moving_node(struct scene *scene, uint32_t parent, struct motion motion);
void scene_add_instance(struct scene *scene, uint32_t node, uint32_t mesh, uint32_t material, struct vec3 tint);
void scene_add_light(struct scene *scene, uint32_t node, struct vec3 colour, float reach);
void scene_free(struct scene *scene);

/* Where a moving node is in its parent, `seconds` after the beginning. */
struct affine scene_pose(const struct motion *motion, float seconds);

/* Where a node is in the world; and where all are, in an array with room for one per node. */
struct affine scene_find_world(const struct scene *scene, uint32_t node, float seconds);
void scene_find_worlds(const struct scene *scene, float seconds, struct affine *worlds);

/* Planes whose normals point inside, from a clip matrix. */
struct frustum {
    float planes[6][4];
};
struct frustum frustum_of(const struct mat4 *clip);

/* How many instances touch the frustum for certain, and how many at most: those that are within rounding of a plane may
 * be judged differently by a GPU. */
struct cull_count {
    uint32_t least, most;
};
struct cull_count scene_count_visible(const struct scene *scene, const struct affine *worlds,
                                      const struct frustum *frustum);

/* The scene that the project makes itself: an orrery of about `instance_count` bodies. */
void scene_make_default(struct scene *scene, uint32_t instance_count);

/* Ground, sky and sun, for any scene. */
void scene_add_stage(struct scene *scene);

/* Loads a model (glTF 2.0, OBJ, …) onto a turntable. False, with a message, when it cannot be read, or when the program
 * was built without assimp. */
bool scene_load_model(struct scene *scene, const char *path);

/* Meshes around the origin, of size 1 or as said. */
struct mesh shape_sphere(uint32_t rings);
struct mesh shape_sky(float radius);
struct mesh shape_torus(const char *name, float tube, uint32_t around, uint32_t across); /* the ring's radius is 1 */
/* A torus knot. */
struct mesh shape_knot(const char *name, uint32_t p, uint32_t q, float tube, uint32_t around);
struct mesh shape_box(float rounding);
struct mesh shape_disc(float radius);

/* The sphere around its vertices. */
void mesh_find_sphere(struct mesh *mesh);

#endif
