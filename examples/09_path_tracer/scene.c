/* Makes the room; see scene.h. Lengths are metres, x goes right, y up, z towards the viewer. */
#include "scene.h"

#include "example.h"
#include "mesh_file.h"

#include <stdlib.h>
#include <string.h>

static const float pi = 3.14159265f;

/* What a shape makes of a point of the unit square. */
struct vertex {
    struct vec3 position;
    struct vec3 normal;
};

struct shape {
    struct vertex (*bend)(const struct shape *shape, float u, float v);
    struct vec3 center;
    struct vec3 axes[2]; /* panels: the edges from the center on */
    float size;
    float roundness; /* superquadrics: 1 is a sphere, towards 0 it becomes a box; knots: the tube's radius */
    float turn;      /* about the vertical axis */
};

/* ---- Meshes --------------------------------------------------------------------------------------------------- */

static void *grow(void *memory, size_t bytes) {
    void *grown = realloc(memory, bytes);
    if (!grown)
        ex_fail("out of memory");
    return grown;
}

static void add_triangle(struct scene *scene, struct vertex a, struct vertex b, struct vertex c, uint32_t material) {
    struct vec3 face = cross(subtract(b.position, a.position), subtract(c.position, a.position));
    if (dot(face, face) < 1e-16f)
        return; /* at the poles, where one side of a grid is one point */
    if (scene->triangle_count == scene->triangle_capacity) {
        scene->triangle_capacity = scene->triangle_capacity ? 2 * scene->triangle_capacity : 1024;
        scene->triangles = grow(scene->triangles, scene->triangle_capacity * sizeof *scene->triangles);
    }
    scene->triangles[scene->triangle_count++] = (struct triangle){ .corners = { a.position, b.position, c.position },
                                                                   .normals = { a.normal, b.normal, c.normal },
                                                                   .material = material };
}

static void add_mesh(struct scene *scene, struct shape shape, uint32_t columns, uint32_t rows, uint32_t material) {
    for (uint32_t row = 0; row < rows; row++) {
        float v0 = (float)row / (float)rows, v1 = (float)(row + 1) / (float)rows;
        for (uint32_t column = 0; column < columns; column++) {
            float u0 = (float)column / (float)columns, u1 = (float)(column + 1) / (float)columns;
            struct vertex a = shape.bend(&shape, u0, v0), b = shape.bend(&shape, u1, v0);
            struct vertex c = shape.bend(&shape, u1, v1), d = shape.bend(&shape, u0, v1);
            add_triangle(scene, a, b, c, material);
            add_triangle(scene, a, c, d, material);
        }
    }
}

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

static struct vertex bend_panel(const struct shape *shape, float u, float v) {
    struct vec3 position = add(shape->center, add(scale(shape->axes[0], u), scale(shape->axes[1], v)));
    return (struct vertex){ position, normalize(cross(shape->axes[0], shape->axes[1])) };
}

static struct vec3 turn_about_y(struct vec3 a, float angle) {
    float c = cosf(angle), s = sinf(angle);
    return vec3(c * a.x + s * a.z, a.y, c * a.z - s * a.x);
}

static float signed_power(float base, float exponent) {
    return copysignf(powf(fabsf(base), exponent), base);
}

/* The point, or with 2 minus the exponent the normal, of Barr's superquadric (1981) at longitude and latitude. */
static struct vec3 superquadric(float longitude, float latitude, float exponent) {
    float ring = signed_power(cosf(latitude), exponent);
    return vec3(ring * signed_power(sinf(longitude), exponent), signed_power(sinf(latitude), exponent),
                ring * signed_power(cosf(longitude), exponent));
}

static struct vertex bend_superquadric(const struct shape *shape, float u, float v) {
    float longitude = 2 * pi * u, latitude = pi * (v - 0.5f);
    struct vec3 point = turn_about_y(superquadric(longitude, latitude, shape->roundness), shape->turn);
    struct vec3 normal = turn_about_y(superquadric(longitude, latitude, 2 - shape->roundness), shape->turn);
    return (struct vertex){ add(shape->center, scale(point, shape->size)), normalize(normal) };
}

/* The trefoil: twice around the axis while going three times around the ring. It stands upright. */
static struct vec3 knot_center(const struct shape *shape, float t) {
    float ring = (2 + cosf(3 * t)) / 3;
    struct vec3 point = vec3(ring * cosf(2 * t), ring * sinf(2 * t), sinf(3 * t) / 3);
    return add(shape->center, scale(turn_about_y(point, shape->turn), shape->size));
}

/* A tube around the curve. The neighbours on both sides give its direction and, by their sum as seen from the knot's
 * middle, a second one that never vanishes. */
static struct vertex bend_knot(const struct shape *shape, float u, float v) {
    float t = 2 * pi * u, angle = 2 * pi * v, step = 1e-2f;
    struct vec3 before = knot_center(shape, t - step), after = knot_center(shape, t + step);
    struct vec3 along = subtract(after, before);
    struct vec3 outward = subtract(add(before, after), scale(shape->center, 2));
    struct vec3 side = normalize(cross(along, outward));
    struct vec3 lift = normalize(cross(side, along));
    struct vec3 normal = add(scale(lift, cosf(angle)), scale(side, sinf(angle)));
    return (struct vertex){ add(knot_center(shape, t), scale(normal, shape->roundness)), normal };
}

static void add_panel(struct scene *scene, struct vec3 corner, struct vec3 u, struct vec3 v, uint32_t material) {
    struct shape shape = { .bend = bend_panel, .center = corner, .axes = { u, v } };
    add_mesh(scene, shape, 1, 1, material);
}

static void add_superquadric(struct scene *scene, struct shape shape, uint32_t detail, uint32_t material) {
    shape.bend = bend_superquadric;
    add_mesh(scene, shape, 2 * detail, detail, material);
}

static void add_sphere(struct scene *scene, struct vec3 center, float radius, uint32_t detail, uint32_t material) {
    add_superquadric(scene, (struct shape){ .center = center, .size = radius, .roundness = 1 }, detail, material);
}

/* ---- The room ------------------------------------------------------------------------------------------------- */

enum { CREAM, RUST, TEAL, FLOOR, LAMP, GOLD, STEEL, COPPER, GLASS, BLUE, LACQUER, MATERIAL_COUNT };

static const struct material room_materials[MATERIAL_COUNT] = {
    [CREAM] = { .color = { 0.78f, 0.75f, 0.70f } },
    [RUST] = { .color = { 0.64f, 0.16f, 0.08f } },
    [TEAL] = { .color = { 0.06f, 0.33f, 0.36f } },
    [FLOOR] = { .color = { 0.62f, 0.58f, 0.52f },
                .second_color = { 0.11f, 0.10f, 0.10f },
                .checks = 2,
                .refractive_index = 1.5f },
    [LAMP] = { .kind = MATERIAL_LAMP },
    [GOLD] = { .kind = MATERIAL_METAL, .color = { 1.0f, 0.71f, 0.29f }, .roughness = 0.12f },
    [STEEL] = { .kind = MATERIAL_METAL, .color = { 0.90f, 0.91f, 0.92f }, .roughness = 0.01f },
    [COPPER] = { .kind = MATERIAL_METAL, .color = { 0.93f, 0.52f, 0.38f }, .roughness = 0.25f },
    [GLASS] = { .kind = MATERIAL_GLASS, .color = { 0.98f, 0.99f, 0.985f }, .refractive_index = 1.5f },
    [BLUE] = { .color = { 0.05f, 0.12f, 0.48f }, .refractive_index = 1.5f },
    [LACQUER] = { .color = { 0.42f, 0.02f, 0.03f }, .refractive_index = 1.5f },
};

/* Four metres wide, three high, and open to the viewer. */
static void add_room(struct scene *scene) {
    add_panel(scene, vec3(-2, 0, 2), vec3(4, 0, 0), vec3(0, 0, -4), FLOOR);
    add_panel(scene, vec3(-2, 3, -2), vec3(4, 0, 0), vec3(0, 0, 4), CREAM);
    add_panel(scene, vec3(-2, 0, -2), vec3(4, 0, 0), vec3(0, 3, 0), CREAM);
    add_panel(scene, vec3(-2, 0, 2), vec3(0, 0, -4), vec3(0, 3, 0), RUST);
    add_panel(scene, vec3(2, 0, -2), vec3(0, 0, 4), vec3(0, 3, 0), TEAL);
}

static void add_lamp(struct scene *scene) {
    scene->lamp = (struct lamp){ .corner = { -0.75f, 2.985f, -0.9f },
                                 .edges = { { 1.5f, 0, 0 }, { 0, 0, 1.3f } },
                                 .radiance = { 15.0f, 13.0f, 10.4f } };
    scene->sky = vec3(0.30f, 0.36f, 0.46f);
    scene->materials[LAMP].color = scene->lamp.radiance;
    add_panel(scene, scene->lamp.corner, scene->lamp.edges[0], scene->lamp.edges[1], LAMP);
}

struct fit {
    struct vec3 foot;
    float factor;
};

/* As large as there is room. Ends the program where a mesh is a point, or too small or large to calculate with. */
static struct fit fit_mesh(const struct mesh *mesh, const char *path) {
    struct vec3 low = mesh->positions[0], high = low;
    for (uint32_t i = 1; i < mesh->vertex_count; i++) {
        low = least(low, mesh->positions[i]);
        high = most(high, mesh->positions[i]);
    }
    struct vec3 size = subtract(high, low), foot = vec3((low.x + high.x) / 2, low.y, (low.z + high.z) / 2);
    float side = fmaxf(size.x, fmaxf(size.y, size.z));
    ex_check_extent(path, side);
    return (struct fit){ foot, 1.8f / side };
}

/* Stood on the plinth, turned as it comes. */
static void add_file(struct scene *scene, const char *path, uint32_t material) {
    struct mesh mesh = read_mesh(path);
    struct fit fit = fit_mesh(&mesh, path);
    for (uint32_t i = 0; i < mesh.face_count; i++) {
        struct vertex corners[3];
        for (int k = 0; k < 3; k++) {
            uint32_t vertex = mesh.faces[i].corners[k];
            struct vec3 place = scale(subtract(mesh.positions[vertex], fit.foot), fit.factor);
            corners[k] = (struct vertex){ add(vec3(0.05f, 0.511f, -0.75f), place), mesh.normals[vertex] };
        }
        add_triangle(scene, corners[0], corners[1], corners[2], material);
    }
    free_mesh(&mesh);
}

static void add_furniture(struct scene *scene, uint32_t detail, const char *mesh_path) {
    struct shape plinth = { .center = { 0.05f, 0.05f, -0.75f }, .size = 0.46f, .roundness = 0.1f, .turn = 0.35f };
    struct shape knot = {
        .bend = bend_knot, .center = { 0.05f, 1.52f, -0.75f }, .size = 0.84f, .roundness = 0.17f, .turn = 0.3f
    };
    struct shape cube = { .center = { -0.7f, 0.3f, 0.85f }, .size = 0.3f, .roundness = 0.35f, .turn = 0.6f };
    add_superquadric(scene, plinth, detail, LACQUER);
    if (mesh_path)
        add_file(scene, mesh_path, GOLD);
    else
        add_mesh(scene, knot, 8 * detail, detail, GOLD);
    add_superquadric(scene, cube, detail, BLUE);
    add_sphere(scene, vec3(1.12f, 0.5f, 0.6f), 0.5f, detail, GLASS);
    add_sphere(scene, vec3(-1.25f, 0.62f, -0.85f), 0.62f, detail, STEEL);
    add_sphere(scene, vec3(0.1f, 0.2f, 1.05f), 0.2f, detail, COPPER);
}

void scene_build(struct scene *scene, uint32_t detail, const char *mesh_path) {
    *scene = (struct scene){ .material_count = MATERIAL_COUNT };
    scene->materials = grow(NULL, sizeof room_materials);
    memcpy(scene->materials, room_materials, sizeof room_materials);
    add_room(scene);
    add_lamp(scene);
    add_furniture(scene, detail, mesh_path);
}

/* In front of the open side and a little inside its frame, whatever the picture's format. */
struct camera scene_camera(uint32_t width, uint32_t height) {
    float half = 0.49f, aspect = (float)width / (float)height;
    float across = fminf(half, half * 0.75f * aspect);
    return (struct camera){ .eye = vec3(0, 1.5f, 6),
                            .right = vec3(across, 0, 0),
                            .up = vec3(0, across / aspect, 0),
                            .forward = vec3(0, 0, -1) };
}

void scene_free(struct scene *scene) {
    free(scene->materials);
    free(scene->triangles);
}
