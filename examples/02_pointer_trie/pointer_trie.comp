// Looks words up in a trie by following raw pointers, from the root on, one node per letter.
//
// A node          offset 0   address of the word's record, or 0 where no word ends
//                        8   which letters go on from here: a set of 52 bits, as two uints
//                       16   one address per letter of the set, in the order of its bits
// A word's record offset 0   where its spelling lies in the text, and its length
//                        8   the place of its first occurrence, counted in words, and how often it occurs
// A query         where the word lies in the text, and its length
// An answer       first occurrence + 1 and number of occurrences; zeros when the word is absent
#version 460
#extension GL_GOOGLE_include_directive : require
#include "bdaalloc/bdaalloc.glsl"

layout(local_size_x = 64) in;

layout(push_constant) uniform Push {
    bda_ptr root;
    bda_ptr text;
    bda_ptr queries;
    bda_ptr answers;
    uint count;
}
push;

uint letter_index(uint c) {
    return c < 97u ? c - 65u : c - 97u + 26u;
}

// The child behind a letter, or null: the set says whether there is one, and how many stand before it.
bda_ptr find_child(bda_ptr node, uint letter) {
    uvec2 letters = bda_load_uvec2(bda_offset(node, 8u));
    uint bit = 1u << (letter & 31u);
    bool high = letter >= 32u;
    uint half_set = high ? letters.y : letters.x;
    if ((half_set & bit) == 0u)
        return BDA_NULL;
    uint before = uint(bitCount(half_set & (bit - 1u)));
    if (high)
        before += uint(bitCount(letters.x));
    return bda_load_ptr(bda_offset(node, 16u), before);
}

uvec2 look_up(uvec2 query) {
    bda_ptr node = push.root;
    for (uint i = 0u; i < query.y && !bda_is_null(node); i++)
        node = find_child(node, letter_index(bda_load_byte(push.text, query.x + i)));
    if (bda_is_null(node))
        return uvec2(0u);
    bda_ptr record = bda_load_ptr(node);
    if (bda_is_null(record))
        return uvec2(0u);
    return bda_load_uvec2(bda_offset(record, 8u)) + uvec2(1u, 0u);
}

void main() {
    uint stride = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = gl_GlobalInvocationID.x; i < push.count; i += stride)
        bda_store_uvec2(push.answers, i, look_up(bda_load_uvec2(push.queries, i)));
}
