/*
 * The scene as the shader reads it: small records that link to each other. The layout stands in links.glsl and
 * traverse.glsl.
 *
 *     node      the boxes of two children and the links to them
 *     leaf      one to fifteen triangles, each with the link to its surface
 *     surface   the normals of a triangle's corners, and the link to its material
 *     material
 *
 * A link takes 64 bits and is the place of a record: its device address, or how many bytes into one storage buffer it
 * lies. All places are multiples of 16, so a link to a leaf carries the number of triangles in its low four bits; the
 * same bits of a link to a node are 0. Encoding does not know which kind of place it writes, so the bytes of both ways
 * are the same but for the links.
 */
#ifndef EXAMPLES_RECORDS_H
#define EXAMPLES_RECORDS_H

#include "bvh.h"

#include <stddef.h>

enum record_kind { RECORD_NODE, RECORD_LEAF, RECORD_SURFACE, RECORD_MATERIAL, RECORD_KINDS };

enum { RECORD_MAX_WORDS = 12 * BVH_MAX_LEAF > 16 ? 12 * BVH_MAX_LEAF : 16 };

/* The records are numbered: all nodes, then all leaves, and so on. Number 0 is the root. */
struct records {
    const struct scene *scene;
    const struct bvh *bvh;
    uint32_t first[RECORD_KINDS + 1]; /* of each kind; the last entry is how many there are */
    uint32_t count;
};

struct records make_records(const struct scene *scene, const struct bvh *bvh);
enum record_kind record_kind(const struct records *records, uint32_t record);
const char *record_name(enum record_kind kind);

/* A node is a cache line, if it begins with one. */
size_t record_alignment(enum record_kind kind);

/* In bytes. */
size_t record_size(const struct records *records, uint32_t record);

/* Writes a record's words; `places` says where each record is. */
void record_encode(const struct records *records, uint32_t record, const uint64_t *places, uint32_t *words);

#endif
