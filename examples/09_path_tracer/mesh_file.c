/* Reads OBJ files; see mesh_file.h. */
#include "mesh_file.h"

#include "example.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 4096 };

struct reader {
    const char *path;
    uint32_t line;
    struct mesh mesh;
};

/* Room for one element more; arrays double, so it is made at every power of two. */
static void *grow(void *elements, uint32_t count, size_t size) {
    if (count > 0 && (count & (count - 1)) != 0)
        return elements;
    void *grown = realloc(elements, 2 * size * (count ? count : 1));
    if (!grown)
        ex_fail("out of memory");
    return grown;
}

static void read_vertex(struct reader *reader, const char *text) {
    struct mesh *mesh = &reader->mesh;
    float values[3];
    for (int i = 0; i < 3; i++) {
        char *end = NULL;
        values[i] = strtof(text, &end);
        if (end == text || !isfinite(values[i]))
            ex_fail("%s:%u: a vertex wants three numbers", reader->path, reader->line);
        text = end;
    }
    mesh->positions = grow(mesh->positions, mesh->vertex_count, sizeof *mesh->positions);
    mesh->positions[mesh->vertex_count++] = vec3(values[0], values[1], values[2]);
}

/* From 1 on, or backwards from the newest as -1. */
static uint32_t find_vertex(const struct reader *reader, long number) {
    long count = (long)reader->mesh.vertex_count, index = number < 0 ? count + number : number - 1;
    if (index < 0 || index >= count)
        ex_fail("%s:%u: there is no vertex %ld", reader->path, reader->line, number);
    return (uint32_t)index;
}

/* Corners are vertex, vertex/texture, vertex//normal or vertex/texture/normal. */
static void read_face(struct reader *reader, const char *text) {
    struct mesh *mesh = &reader->mesh;
    uint32_t first = 0, last = 0, count = 0;
    for (char *end = NULL;; count++) {
        long number = strtol(text, &end, 10);
        if (end == text)
            break;
        uint32_t vertex = find_vertex(reader, number);
        if (count == 0)
            first = vertex;
        if (count >= 2) {
            mesh->faces = grow(mesh->faces, mesh->face_count, sizeof *mesh->faces);
            mesh->faces[mesh->face_count++] = (struct mesh_face){ { first, last, vertex } };
        }
        last = vertex;
        text = end + strcspn(end, " \t\r\n");
    }
    if (count < 3)
        ex_fail("%s:%u: a face wants three vertices", reader->path, reader->line);
}

/* A tab may stand behind the keyword as well as a space. */
static void read_line(struct reader *reader, const char *text) {
    if (text[0] == '\0' || !isblank((unsigned char)text[1]))
        return;
    if (text[0] == 'v')
        read_vertex(reader, text + 2);
    else if (text[0] == 'f')
        read_face(reader, text + 2);
}

/* A cross product is as long as twice its triangle is large, so that large faces weigh more. */
static void make_normals(struct mesh *mesh) {
    mesh->normals = calloc(mesh->vertex_count, sizeof *mesh->normals);
    if (!mesh->normals)
        ex_fail("out of memory");
    for (uint32_t i = 0; i < mesh->face_count; i++) {
        const uint32_t *corners = mesh->faces[i].corners;
        struct vec3 a = mesh->positions[corners[0]], b = mesh->positions[corners[1]], c = mesh->positions[corners[2]];
        struct vec3 face = cross(subtract(b, a), subtract(c, a));
        for (int k = 0; k < 3; k++)
            mesh->normals[corners[k]] = add(mesh->normals[corners[k]], face);
    }
    for (uint32_t i = 0; i < mesh->vertex_count; i++)
        mesh->normals[i] = normalize(mesh->normals[i]);
}

struct mesh read_mesh(const char *path) {
    char line[LINE_SIZE];
    struct reader reader = { .path = path };
    FILE *file = fopen(path, "r");
    if (!file)
        ex_fail("cannot open %s", path);
    while (fgets(line, sizeof line, file)) {
        reader.line++;
        if (strlen(line) + 1 == sizeof line)
            ex_fail("%s:%u: the line is too long", path, reader.line);
        read_line(&reader, line);
    }
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed || reader.mesh.face_count == 0)
        ex_fail("%s cannot be read, or has no faces", path);
    make_normals(&reader.mesh);
    return reader.mesh;
}

void free_mesh(struct mesh *mesh) {
    free(mesh->positions);
    free(mesh->normals);
    free(mesh->faces);
}
