/* Reads OBJ files; see mesh_file.h. */
#include "mesh_file.h"

#include "example.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *path;
    FILE *file;
    uint32_t line;  /* of the statement; the first of them where it goes on */
    uint32_t lines; /* that have been read */
    char *text;     /* of the statement, without its end; as long as it has to be */
    uint32_t length;
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

/* Behind a statement's values there is nothing, or a comment. */
static bool ends(const char *text) {
    text += strspn(text, " \t");
    return *text == '\0' || *text == '#';
}

/* What stands behind the third number (a weight, a colour) is passed over, if it does not belong to that. */
static void read_vertex(struct reader *reader, const char *text) {
    struct mesh *mesh = &reader->mesh;
    float values[3];
    for (int i = 0; i < 3; i++) {
        char *end = NULL;
        values[i] = strtof(text, &end);
        if (end == text || !isfinite(values[i]) || (*end != '\0' && !isblank((unsigned char)*end)))
            ex_fail("%s:%u: a vertex wants three finite numbers", reader->path, reader->line);
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
        if (*end != '\0' && *end != '/' && !isblank((unsigned char)*end))
            ex_fail("%s:%u: '%.20s' is no corner of a face", reader->path, reader->line, text + strspn(text, " \t"));
        uint32_t vertex = find_vertex(reader, number);
        if (count == 0)
            first = vertex;
        if (count >= 2) {
            mesh->faces = grow(mesh->faces, mesh->face_count, sizeof *mesh->faces);
            mesh->faces[mesh->face_count++] = (struct mesh_face){ { first, last, vertex } };
        }
        last = vertex;
        text = end + strcspn(end, " \t");
    }
    if (!ends(text))
        ex_fail("%s:%u: '%.20s' is no corner of a face", reader->path, reader->line, text + strspn(text, " \t"));
    if (count < 3)
        ex_fail("%s:%u: a face wants three vertices", reader->path, reader->line);
}

/* ---- Statements ------------------------------------------------------------------------------------------------ */

static void append(struct reader *reader, char c) {
    reader->text = grow(reader->text, reader->length, 1);
    reader->text[reader->length++] = c;
}

/* Lines end as they do on any system. False: there is none left. */
static bool append_line(struct reader *reader) {
    int c = getc(reader->file);
    if (c == EOF)
        return false;
    reader->lines++;
    for (; c != EOF && c != '\n' && c != '\r'; c = getc(reader->file)) {
        if (c == '\0')
            ex_fail("%s:%u: a byte of zeros, so this is no text", reader->path, reader->lines);
        append(reader, (char)c);
    }
    if (c == '\r') {
        c = getc(reader->file);
        if (c != '\n')
            (void)ungetc(c, reader->file);
    }
    return true;
}

/* Where the keyword stands. Some programs put a mark before the first one. */
static const char *keyword_of(const struct reader *reader) {
    static const char mark[] = "\xEF\xBB\xBF";
    const char *text = reader->text;
    if (reader->line == 1 && strncmp(text, mark, sizeof mark - 1) == 0)
        text += sizeof mark - 1;
    return text + strspn(text, " \t");
}

/* A tab may stand behind the keyword as well as a space. */
static bool is(const char *text, char keyword) {
    return text[0] == keyword && isblank((unsigned char)text[1]);
}

/* The next statement, and its continuation: a backslash at a line's end says that it goes on. Not in a comment, where
 * it may end the name of a folder. False: there is none left. */
static bool next_statement(struct reader *reader) {
    reader->length = 0;
    reader->line = reader->lines + 1;
    if (!append_line(reader))
        return false;
    append(reader, '\0');
    bool goes_on = is(keyword_of(reader), 'v') || is(keyword_of(reader), 'f');
    while (goes_on && reader->length > 1 && reader->text[reader->length - 2] == '\\') {
        reader->text[reader->length - 2] = ' ';
        reader->length--;
        goes_on = append_line(reader);
        append(reader, '\0');
    }
    return true;
}

static void read_statement(struct reader *reader) {
    const char *text = keyword_of(reader);
    if (is(text, 'v'))
        read_vertex(reader, text + 2);
    else if (is(text, 'f'))
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
    struct reader reader = { .path = path, .file = fopen(path, "rb") };
    if (!reader.file)
        ex_fail("cannot open %s", path);
    while (next_statement(&reader))
        read_statement(&reader);
    bool failed = ferror(reader.file) != 0;
    (void)fclose(reader.file);
    free(reader.text);
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
