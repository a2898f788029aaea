// to[i] = from[i] * 3 + seed; in place where both are the same.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "suite.glsl"

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i < push.count)
        bda_store_uint(push.to, i, bda_load_uint(push.from, i) * 3u + push.seed);
}
