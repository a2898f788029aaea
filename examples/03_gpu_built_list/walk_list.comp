// Each invocation looks one key up by walking the chain of its bucket. The answer is the value, or 0 for a key that is
// not there, and the number of nodes visited. A chain cannot be longer than there are nodes: more steps mean a cycle,
// and the walk ends with a count that the CPU sees to be wrong.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "bdaalloc/bdaalloc.glsl"
#include "list.glsl"

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= push.query_count)
        return;
    uint key = bda_load_uint(push.queries, i);
    bda_ptr node = bda_load_ptr(find_bucket(key));
    uint value = 0u;
    uint steps = 0u;
    while (!bda_is_null(node) && steps <= push.item_count) {
        steps++;
        if (bda_load_uint(bda_offset(node, 8u)) == key) {
            value = bda_load_uint(bda_offset(node, 12u));
            break;
        }
        node = bda_load_ptr(node);
    }
    bda_store_uvec2(push.answers, i, uvec2(value, steps));
}
