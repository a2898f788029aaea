// Each invocation fills one node and pushes it onto the chain of its bucket. The exchange hands each pusher a different
// predecessor, so no node is lost whatever the order; nobody walks a chain in this dispatch, so it does not matter that
// `next` is written only after the node can be found.
#version 460
#extension GL_GOOGLE_include_directive : require
#define BDA_ATOMIC_INT64
#include "bdaalloc/bdaalloc.glsl"
#include "list.glsl"

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= push.item_count)
        return;
    bda_ptr item = bda_element(push.items, i, 16u);
    bda_ptr node = bda_load_ptr(item);
    uint key = bda_load_uint(bda_offset(item, 8u));
    bda_store_uint(bda_offset(node, 8u), key);
    bda_store_uint(bda_offset(node, 12u), bda_load_uint(bda_offset(item, 12u)));
    bda_store_ptr(node, bda_atomic_exchange_ptr(find_bucket(key), node));
}
