/* Builds the tree; see bvh.h. */
#include "bvh.h"

#include "example.h"

#include <float.h>
#include <stdlib.h>

enum { BINS = 16 };

/* What a visit of a node costs, in tests of a triangle. */
static const float visit_cost = 1.2f;

struct builder {
    struct bvh *bvh;
    struct box *boxes; /* of each triangle */
    struct vec3 *centers;
};

/* Triangles [first, first + count) of the order, and what encloses them. */
struct span {
    uint32_t first;
    uint32_t count;
    struct box box;
    struct box centers;
};

struct bin {
    struct box box;
    uint32_t count;
};

struct split {
    int axis; /* -1: none is worth it */
    float place;
    float cost;
};

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory)
        ex_fail("out of memory");
    return memory;
}

/* ---- Boxes ---------------------------------------------------------------------------------------------------- */

static struct box empty_box(void) {
    return (struct box){ { FLT_MAX, FLT_MAX, FLT_MAX }, { -FLT_MAX, -FLT_MAX, -FLT_MAX } };
}

static struct box join(struct box a, struct box b) {
    return (struct box){ least(a.low, b.low), most(a.high, b.high) };
}

static struct box around(struct vec3 point) {
    return (struct box){ point, point };
}

static float half_area(struct box box) {
    struct vec3 size = subtract(box.high, box.low);
    return size.x < 0 ? 0 : size.x * size.y + size.y * size.z + size.z * size.x;
}

static struct span make_span(const struct builder *builder, uint32_t first, uint32_t count) {
    struct span span = { first, count, empty_box(), empty_box() };
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t triangle = builder->bvh->order[i];
        span.box = join(span.box, builder->boxes[triangle]);
        span.centers = join(span.centers, around(builder->centers[triangle]));
    }
    return span;
}

/* ---- Where to split ------------------------------------------------------------------------------------------- */

static void fill_bins(const struct builder *builder, const struct span *span, int axis, struct bin *bins) {
    float low = component(span->centers.low, axis), high = component(span->centers.high, axis);
    for (int i = 0; i < BINS; i++)
        bins[i] = (struct bin){ empty_box(), 0 };
    for (uint32_t i = span->first; i < span->first + span->count; i++) {
        uint32_t triangle = builder->bvh->order[i];
        int bin = (int)((component(builder->centers[triangle], axis) - low) / (high - low) * BINS);
        bin = bin < BINS ? bin : BINS - 1;
        bins[bin].box = join(bins[bin].box, builder->boxes[triangle]);
        bins[bin].count++;
    }
}

/* The best of the planes between the bins, counted from both ends. */
static void try_axis(const struct builder *builder, const struct span *span, int axis, struct split *best) {
    struct bin bins[BINS];
    float right_costs[BINS];
    float low = component(span->centers.low, axis), high = component(span->centers.high, axis);
    if (!(high - low > 1e-6f))
        return;
    fill_bins(builder, span, axis, bins);
    struct bin sum = { empty_box(), 0 };
    for (int i = BINS - 1; i > 0; i--) {
        sum = (struct bin){ join(sum.box, bins[i].box), sum.count + bins[i].count };
        right_costs[i] = half_area(sum.box) * (float)sum.count;
    }
    sum = (struct bin){ empty_box(), 0 };
    for (int i = 1; i < BINS; i++) {
        sum = (struct bin){ join(sum.box, bins[i - 1].box), sum.count + bins[i - 1].count };
        float cost = visit_cost + (half_area(sum.box) * (float)sum.count + right_costs[i]) / half_area(span->box);
        if (sum.count > 0 && sum.count < span->count && cost < best->cost)
            *best = (struct split){ axis, low + (high - low) * (float)i / BINS, cost };
    }
}

static struct split find_split(const struct builder *builder, const struct span *span) {
    struct split best = { -1, 0, span->count <= BVH_MAX_LEAF ? (float)span->count : FLT_MAX };
    for (int axis = 0; axis < 3; axis++)
        try_axis(builder, span, axis, &best);
    return best;
}

/* Puts the triangles before the plane first, and returns how many there are. */
static uint32_t partition(const struct builder *builder, const struct span *span, struct split split) {
    uint32_t *order = builder->bvh->order + span->first, before = 0;
    for (uint32_t i = 0; i < span->count; i++) {
        uint32_t triangle = order[i];
        if (component(builder->centers[triangle], split.axis) < split.place) {
            order[i] = order[before];
            order[before++] = triangle;
        }
    }
    return before;
}

/* ---- The tree ------------------------------------------------------------------------------------------------- */

/* Whether halving what is left from here on still stays within the shader's stack. */
static bool has_depth_to_spare(uint32_t count, uint32_t depth) {
    uint32_t levels = 1;
    while (count > 1) {
        count = (count + 1) / 2;
        levels++;
    }
    return depth + levels < BVH_MAX_DEPTH;
}

static struct bvh_child add_leaf(struct bvh *bvh, const struct span *span) {
    bvh->leaves[bvh->leaf_count] = (struct bvh_leaf){ span->first, span->count };
    return (struct bvh_child){ span->box, bvh->leaf_count++, true };
}

/* Recursion is as deep as the tree, at most BVH_MAX_DEPTH. */
static struct bvh_child add_tree(struct builder *builder, uint32_t first, uint32_t count, uint32_t depth) { // NOLINT
    struct bvh *bvh = builder->bvh;
    struct span span = make_span(builder, first, count);
    struct split split = find_split(builder, &span);
    if (split.axis < 0 && count <= BVH_MAX_LEAF)
        return add_leaf(bvh, &span);
    uint32_t before = count / 2;
    if (split.axis >= 0 && has_depth_to_spare(count, depth))
        before = partition(builder, &span, split);
    if (before == 0 || before == count) /* a center just on the plane, by rounding */
        before = count / 2;
    uint32_t node = bvh->node_count++;
    bvh->depth = depth + 1 > bvh->depth ? depth + 1 : bvh->depth;
    bvh->nodes[node].children[0] = add_tree(builder, first, before, depth + 1);
    bvh->nodes[node].children[1] = add_tree(builder, first + before, count - before, depth + 1);
    return (struct bvh_child){ span.box, node, false };
}

void bvh_build(struct bvh *bvh, const struct scene *scene) {
    uint32_t count = scene->triangle_count;
    if (count <= BVH_MAX_LEAF)
        ex_fail("a tree wants more than %d triangles", BVH_MAX_LEAF);
    *bvh = (struct bvh){ .nodes = allocate(count, sizeof *bvh->nodes),
                         .leaves = allocate(count, sizeof *bvh->leaves),
                         .order = allocate(count, sizeof *bvh->order) };
    struct builder builder = { bvh, allocate(count, sizeof *builder.boxes), allocate(count, sizeof *builder.centers) };
    for (uint32_t i = 0; i < count; i++) {
        const struct vec3 *corners = scene->triangles[i].corners;
        builder.boxes[i] = join(join(around(corners[0]), around(corners[1])), around(corners[2]));
        builder.centers[i] = scale(add(builder.boxes[i].low, builder.boxes[i].high), 0.5f);
        bvh->order[i] = i;
    }
    add_tree(&builder, 0, count, 0);
    free(builder.boxes);
    free(builder.centers);
}

void bvh_free(struct bvh *bvh) {
    free(bvh->nodes);
    free(bvh->leaves);
    free(bvh->order);
}
