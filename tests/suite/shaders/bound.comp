// The old way in, beside the pointer: to[i] = stored[i] + scale, both of them descriptors at an offset in a buffer.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "suite.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Stored { uint stored[]; };
layout(set = 0, binding = 1, std140) uniform Scale { uint scale; };

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i < push.count)
        bda_store_uint(push.to, i, stored[i] + scale);
}
