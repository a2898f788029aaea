// Walks the list that begins at from[i], at most `seed` nodes of it: to[i] = (sum of the values, number of nodes).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "suite.glsl"

struct Node { // as struct suite_node
    bda_ptr next;
    uint value;
    uint unused;
};
BDA_DEFINE_ACCESS(Node, node_ref, load_node, store_node, 16, 8)

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= push.count)
        return;
    bda_ptr at = bda_load_ptr(push.from, i);
    uvec2 result = uvec2(0u);
    while (!bda_is_null(at) && result.y < push.seed) {
        Node node = load_node(at);
        result += uvec2(node.value, 1u);
        at = node.next;
    }
    bda_store_uvec2(push.to, i, result);
}
