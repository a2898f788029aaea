/*
 * What is rendered: a room with a lamp in its ceiling, and in it a gilded torus knot, spheres of glass and steel, and
 * superquadrics. All of it is made here, as triangles; only a mesh of one's own in the knot's place is read from a
 * file.
 *
 * A mesh is a grid bent into shape: a function says where the point (u, v) of the unit square goes. `detail` says how
 * fine the grids are.
 */
#ifndef EXAMPLES_SCENE_H
#define EXAMPLES_SCENE_H

#include "vec3.h"

#include <stdint.h>

/* As the shader knows them. */
enum material_kind {
    MATERIAL_MATTE, /* diffuse; beneath a clear coat where the refractive index is above 1 */
    MATERIAL_METAL,
    MATERIAL_GLASS,
    MATERIAL_LAMP, /* the colour is what it radiates */
};

struct material {
    struct vec3 color;
    enum material_kind kind;
    struct vec3 second_color; /* of a checkerboard */
    float checks;             /* fields per metre; 0: one colour */
    float roughness;          /* of metal */
    float refractive_index;   /* of glass and clear coats */
};

/* Counter-clockwise seen from outside. */
struct triangle {
    struct vec3 corners[3];
    struct vec3 normals[3];
    uint32_t material;
};

/* A parallelogram that shines to the side of cross(edges[0], edges[1]). */
struct lamp {
    struct vec3 corner;
    struct vec3 edges[2];
    struct vec3 radiance;
};

struct camera {
    struct vec3 eye;
    struct vec3 right; /* as long as half the picture is wide at the distance of 1 */
    struct vec3 up;    /* the same for its height */
    struct vec3 forward;
};

struct scene {
    struct material *materials;
    uint32_t material_count;
    struct triangle *triangles;
    uint32_t triangle_count;
    uint32_t triangle_capacity;
    struct lamp lamp;
    struct vec3 sky; /* what comes in where the room is open */
};

/* detail from 4 on; 40 makes some fifty thousand triangles, and twice the detail makes four times as many. mesh_path:
 * an OBJ file whose mesh takes the knot's place, or NULL. */
void scene_build(struct scene *scene, uint32_t detail, const char *mesh_path);
struct camera scene_camera(uint32_t width, uint32_t height);
void scene_free(struct scene *scene);

#endif
