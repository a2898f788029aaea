/*
 * The vertices and faces of a Wavefront OBJ file. Faces of more than three corners are cut into triangles around their
 * first; texture coordinates, normals, groups, materials, lines and free-form curves and surfaces are passed over.
 * Lines may be indented, of any length, and go on behind a backslash.
 */
#ifndef EXAMPLES_MESH_FILE_H
#define EXAMPLES_MESH_FILE_H

#include "vec3.h"

#include <stdint.h>

struct mesh_face {
    uint32_t corners[3]; /* indices of vertices */
};

struct mesh {
    struct vec3 *positions;
    struct vec3 *normals; /* the mean of the faces around each vertex */
    uint32_t vertex_count;
    struct mesh_face *faces;
    uint32_t face_count;
};

/* Ends the program when the file cannot be read, or has no faces; with the line where a vertex or a face is none. */
struct mesh read_mesh(const char *path);
void free_mesh(struct mesh *mesh);

#endif
