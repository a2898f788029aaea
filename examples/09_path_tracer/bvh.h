/*
 * A bounding volume hierarchy over triangles, as the CPU knows it: links are indices here, and become device addresses
 * or places in a buffer in records.c.
 *
 * A node holds the boxes of its two children, so that a ray that visits a node decides about both with one read. The
 * tree is built top down with binned surface area heuristics (Wald, "On fast Construction of SAH-based Bounding Volume
 * Hierarchies", 2007).
 */
#ifndef EXAMPLES_BVH_H
#define EXAMPLES_BVH_H

#include "scene.h"

#include <stdbool.h>

/* The shader keeps one entry per level on its stack, and the number of a leaf's triangles in four bits of a link. */
enum { BVH_MAX_DEPTH = 32, BVH_MAX_LEAF = 4 };

struct box {
    struct vec3 low;
    struct vec3 high;
};

struct bvh_child {
    struct box box;
    uint32_t index; /* into nodes or leaves */
    bool is_leaf;
};

struct bvh_node {
    struct bvh_child children[2];
};

struct bvh_leaf {
    uint32_t first; /* into order */
    uint32_t count;
};

struct bvh {
    struct bvh_node *nodes; /* 0 is the root; a parent stands before its children */
    uint32_t node_count;
    struct bvh_leaf *leaves;
    uint32_t leaf_count;
    uint32_t *order; /* the triangles, those of a leaf one behind another */
    uint32_t depth;
};

/* Wants more triangles than one leaf holds. */
void bvh_build(struct bvh *bvh, const struct scene *scene);
void bvh_free(struct bvh *bvh);

#endif
