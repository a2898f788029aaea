/* The meshes that the default scene is made of. All but the box and the disc are grids bent into shape: a function says
 * where a point of the unit square lies, and its normal follows from neighbours. */
#include "scene.h"

#include "example.h"

#include <stdio.h>
#include <stdlib.h>

static const float pi = 3.14159265f;

static struct mesh make_mesh(const char *name, uint32_t vertex_count, uint32_t index_count) {
    struct mesh mesh = { .vertex_count = vertex_count, .index_count = index_count };
    snprintf(mesh.name, sizeof mesh.name, "%s", name);
    mesh.vertices = calloc(vertex_count, sizeof *mesh.vertices);
    mesh.indices = calloc(index_count, sizeof *mesh.indices);
    if (!mesh.vertices || !mesh.indices)
        ex_fail("out of memory");
    return mesh;
}

/* ---- Bent grids ------------------------------------------------------------------------------------------------- */

struct bend {
    struct vertex (*at)(const struct bend *bend, float u, float v);
    float a, b, c; /* what the function makes of them */
};

/* Two triangles for each field; seen from outside they are counter-clockwise where u goes to the right and v up. */
static struct mesh bend_grid(const char *name, struct bend bend, uint32_t columns, uint32_t rows) {
    struct mesh mesh = make_mesh(name, (columns + 1) * (rows + 1), 6 * columns * rows);
    struct vertex *vertex = mesh.vertices;
    for (uint32_t y = 0; y <= rows; y++)
        for (uint32_t x = 0; x <= columns; x++)
            *vertex++ = bend.at(&bend, (float)x / (float)columns, (float)y / (float)rows);
    uint32_t *index = mesh.indices;
    for (uint32_t y = 0; y < rows; y++)
        for (uint32_t x = 0; x < columns; x++) {
            uint32_t corner = y * (columns + 1) + x, above = corner + columns + 1;
            uint32_t field[6] = { corner, corner + 1, above, above, corner + 1, above + 1 };
            for (int i = 0; i < 6; i++)
                *index++ = field[i];
        }
    return mesh;
}

static struct vertex at_sphere(const struct bend *bend, float u, float v) {
    float around = 2.0f * pi * u, up = pi * (v - 0.5f);
    struct vec3 way = { cosf(up) * sinf(around), sinf(up), cosf(up) * cosf(around) };
    return (struct vertex){ vec3_scale(way, bend->a), way };
}

struct mesh shape_sphere(uint32_t rings) {
    return bend_grid("sphere", (struct bend){ .at = at_sphere, .a = 1.0f }, 2 * rings, rings);
}

/* A sphere that is seen from inside: a negative radius turns it inside out. */
struct mesh shape_sky(float radius) {
    return bend_grid("sky", (struct bend){ .at = at_sphere, .a = -radius }, 32, 16);
}

static struct vertex at_torus(const struct bend *bend, float u, float v) {
    float around = 2.0f * pi * u, across = 2.0f * pi * v;
    struct vec3 out = { sinf(around), 0.0f, cosf(around) };
    struct vec3 normal = { cosf(across) * out.x, sinf(across), cosf(across) * out.z };
    return (struct vertex){ vec3_add(out, vec3_scale(normal, bend->a)), normal };
}

struct mesh shape_torus(const char *name, float tube, uint32_t around, uint32_t across) {
    return bend_grid(name, (struct bend){ .at = at_torus, .a = tube }, around, across);
}

static struct vec3 knot_line(const struct bend *bend, float angle) {
    float p = bend->b, q = bend->c, radius = 1.0f + 0.42f * cosf(q * angle);
    return (struct vec3){ radius * cosf(p * angle), 0.55f * sinf(q * angle), radius * sinf(p * angle) };
}

static struct vertex at_knot(const struct bend *bend, float u, float v) {
    static const float step = 0.01f;
    float angle = -2.0f * pi * u, across = 2.0f * pi * v;
    struct vec3 before = knot_line(bend, angle - step), here = knot_line(bend, angle);
    struct vec3 after = knot_line(bend, angle + step);
    struct vec3 along = vec3_normal(vec3_subtract(after, before));
    struct vec3 side = vec3_normal(vec3_cross(along, vec3_add(before, after)));
    struct vec3 out = vec3_cross(side, along);
    struct vec3 normal = vec3_add(vec3_scale(out, cosf(across)), vec3_scale(side, sinf(across)));
    return (struct vertex){ vec3_add(here, vec3_scale(normal, bend->a)), normal };
}

struct mesh shape_knot(const char *name, uint32_t p, uint32_t q, float tube, uint32_t around) {
    struct bend bend = { .at = at_knot, .a = tube, .b = (float)p, .c = (float)q };
    return bend_grid(name, bend, around, around / 16 < 8 ? 8 : around / 16);
}

/* ---- Others ----------------------------------------------------------------------------------------------------- */

enum { BOX_FIELDS = 5 };

/* Where the lines of a side's grid lie: three over the rounding of each edge, so one wide field is left between. */
static float box_line(uint32_t i, float rounding) {
    static const float into_rounding[BOX_FIELDS + 1] = { 0.0f, 0.6f, 1.0f, 1.0f, 0.6f, 0.0f };
    float line = 1.0f - rounding * into_rounding[i];
    return i <= BOX_FIELDS / 2 ? -line : line;
}

/* A point of a cube goes to the nearest point of the smaller cube inside, and from there out by `rounding`. */
static struct vertex round_corner(struct vec3 p, float rounding) {
    float flat = 1.0f - rounding;
    struct vec3 inside = { fmaxf(-flat, fminf(flat, p.x)), fmaxf(-flat, fminf(flat, p.y)),
                           fmaxf(-flat, fminf(flat, p.z)) };
    struct vec3 normal = vec3_normal(vec3_subtract(p, inside));
    return (struct vertex){ vec3_add(inside, vec3_scale(normal, rounding)), normal };
}

struct mesh shape_box(float rounding) {
    static const struct vec3 sides[3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };
    enum { LINES = BOX_FIELDS + 1 };
    struct mesh mesh = make_mesh("box", 6 * LINES * LINES, 6 * 6 * BOX_FIELDS * BOX_FIELDS);
    struct vertex *vertex = mesh.vertices;
    uint32_t *index = mesh.indices;
    for (uint32_t side = 0; side < 6; side++) {
        struct vec3 out = vec3_scale(sides[side % 3], side < 3 ? 1.0f : -1.0f);
        struct vec3 right = sides[(side + 1) % 3], up = vec3_cross(out, right);
        for (uint32_t y = 0; y < LINES; y++)
            for (uint32_t x = 0; x < LINES; x++) {
                struct vec3 in_plane =
                    vec3_add(vec3_scale(right, box_line(x, rounding)), vec3_scale(up, box_line(y, rounding)));
                *vertex++ = round_corner(vec3_add(out, in_plane), rounding);
            }
        for (uint32_t y = 0; y < BOX_FIELDS; y++)
            for (uint32_t x = 0; x < BOX_FIELDS; x++) {
                uint32_t corner = (side * LINES + y) * LINES + x, above = corner + LINES;
                uint32_t field[6] = { corner, corner + 1, above, above, corner + 1, above + 1 };
                for (int i = 0; i < 6; i++)
                    *index++ = field[i];
            }
    }
    return mesh;
}

struct mesh shape_disc(float radius) {
    enum { SECTORS = 64 };
    struct mesh mesh = make_mesh("disc", SECTORS + 1, 3 * SECTORS);
    mesh.vertices[SECTORS] = (struct vertex){ { 0, 0, 0 }, { 0, 1, 0 } };
    for (uint32_t i = 0; i < SECTORS; i++) {
        float angle = 2.0f * pi * (float)i / SECTORS;
        mesh.vertices[i] = (struct vertex){ { radius * sinf(angle), 0, radius * cosf(angle) }, { 0, 1, 0 } };
        uint32_t *index = mesh.indices + 3 * (size_t)i;
        index[0] = SECTORS;
        index[1] = i;
        index[2] = (i + 1) % SECTORS;
    }
    return mesh;
}
