/* Numbers the records and writes them; see records.h. */
#include "records.h"

#include <string.h>

enum { NODE_WORDS = 16, TRIANGLE_WORDS = 12, SURFACE_WORDS = 12, MATERIAL_WORDS = 12 };

struct records make_records(const struct scene *scene, const struct bvh *bvh) {
    uint32_t counts[RECORD_KINDS] = { bvh->node_count, bvh->leaf_count, scene->triangle_count, scene->material_count };
    struct records records = { .scene = scene, .bvh = bvh };
    for (int kind = 0; kind < RECORD_KINDS; kind++)
        records.first[kind + 1] = records.first[kind] + counts[kind];
    records.count = records.first[RECORD_KINDS];
    return records;
}

enum record_kind record_kind(const struct records *records, uint32_t record) {
    int kind = RECORD_NODE;
    while (record >= records->first[kind + 1])
        kind++;
    return (enum record_kind)kind;
}

const char *record_name(enum record_kind kind) {
    static const char *const names[] = { "BVH node", "BVH leaf", "surface", "material" };
    return names[kind];
}

size_t record_alignment(enum record_kind kind) {
    return kind == RECORD_NODE ? NODE_WORDS * sizeof(uint32_t) : 16;
}

size_t record_size(const struct records *records, uint32_t record) {
    static const size_t words[] = { NODE_WORDS, TRIANGLE_WORDS, SURFACE_WORDS, MATERIAL_WORDS };
    enum record_kind kind = record_kind(records, record);
    uint32_t times = kind == RECORD_LEAF ? records->bvh->leaves[record - records->first[RECORD_LEAF]].count : 1;
    return words[kind] * times * sizeof(uint32_t);
}

/* ---- Words ---------------------------------------------------------------------------------------------------- */

static uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void put_vec3(uint32_t *words, struct vec3 value) {
    words[0] = float_bits(value.x);
    words[1] = float_bits(value.y);
    words[2] = float_bits(value.z);
}

/* The halves of a link stand `stride` words apart: where three floats leave the fourth word of 16 bytes free. */
static void put_link(uint32_t *words, size_t stride, uint64_t link) {
    words[0] = (uint32_t)link;
    words[stride] = (uint32_t)(link >> 32);
}

/* ---- Records -------------------------------------------------------------------------------------------------- */

static uint64_t link_to_child(const struct records *records, const struct bvh_child *child, const uint64_t *places) {
    if (!child->is_leaf)
        return places[records->first[RECORD_NODE] + child->index];
    return places[records->first[RECORD_LEAF] + child->index] | records->bvh->leaves[child->index].count;
}

static void encode_node(const struct records *records, uint32_t index, const uint64_t *places, uint32_t *words) {
    for (uint32_t side = 0; side < 2; side++) {
        const struct bvh_child *child = &records->bvh->nodes[index].children[side];
        put_vec3(words + 6 * (size_t)side, child->box.low);
        put_vec3(words + 6 * (size_t)side + 3, child->box.high);
        put_link(words + 12 + 2 * (size_t)side, 1, link_to_child(records, child, places));
    }
}

static void encode_leaf(const struct records *records, uint32_t index, const uint64_t *places, uint32_t *words) {
    struct bvh_leaf leaf = records->bvh->leaves[index];
    for (uint32_t i = leaf.first; i < leaf.first + leaf.count; i++, words += TRIANGLE_WORDS) {
        const struct vec3 *corners = records->scene->triangles[records->bvh->order[i]].corners;
        memset(words, 0, TRIANGLE_WORDS * sizeof *words);
        put_vec3(words, corners[0]);
        put_vec3(words + 4, subtract(corners[1], corners[0]));
        put_vec3(words + 8, subtract(corners[2], corners[0]));
        put_link(words + 3, 4, places[records->first[RECORD_SURFACE] + i]);
    }
}

static void encode_surface(const struct records *records, uint32_t index, const uint64_t *places, uint32_t *words) {
    const struct triangle *triangle = &records->scene->triangles[records->bvh->order[index]];
    memset(words, 0, SURFACE_WORDS * sizeof *words);
    for (size_t i = 0; i < 3; i++)
        put_vec3(words + 4 * i, triangle->normals[i]);
    put_link(words + 3, 4, places[records->first[RECORD_MATERIAL] + triangle->material]);
}

static void encode_material(const struct material *material, uint32_t *words) {
    put_vec3(words, material->color);
    words[3] = (uint32_t)material->kind;
    put_vec3(words + 4, material->second_color);
    words[7] = float_bits(material->checks);
    words[8] = float_bits(material->roughness);
    words[9] = float_bits(material->refractive_index);
    words[10] = words[11] = 0;
}

void record_encode(const struct records *records, uint32_t record, const uint64_t *places, uint32_t *words) {
    enum record_kind kind = record_kind(records, record);
    uint32_t index = record - records->first[kind];
    if (kind == RECORD_NODE)
        encode_node(records, index, places, words);
    else if (kind == RECORD_LEAF)
        encode_leaf(records, index, places, words);
    else if (kind == RECORD_SURFACE)
        encode_surface(records, index, places, words);
    else
        encode_material(&records->scene->materials[index], words);
}
