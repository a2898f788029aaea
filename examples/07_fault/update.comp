// Updates an array of values, without looking where it ends: the number of invocations is rounded up to whole
// workgroups, and the last ones write past the array. That is the first of the two faults that this example commits.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "bdaalloc/bdaalloc.glsl"

layout(local_size_x = 64) in;

layout(push_constant) uniform Push {
    bda_ptr values;
    uint value;
}
push;

void main() {
    bda_store_uint(push.values, gl_GlobalInvocationID.x, push.value);
}
