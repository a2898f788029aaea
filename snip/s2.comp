#version 460
#extension GL_GOOGLE_include_directive : require
#include "bdaalloc/bdaalloc.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform Push { bda_ptr values; uint count; } push;

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i < push.count)
        bda_store_float(push.values, i, bda_load_float(push.values, i) * 2.0);
}
