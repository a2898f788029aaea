// The shader header in a fragment shader. Compiled and validated by the tests, never run.
#version 460
#extension GL_GOOGLE_include_directive : require
#define BDA_INVOCATION uvec3(gl_FragCoord.xyz)
#include "bdaalloc/bdaalloc.glsl"

layout(push_constant) uniform Push {
    bda_ptr checks;
    bda_ptr colours;
}
push;
layout(location = 0) out vec4 colour;

void main() {
    bda_checks(push.checks);
    BDA_AT(__LINE__)
    colour = bda_load_vec4(push.colours, uint(gl_FragCoord.x));
    bda_atomic_add_uint(push.colours, 1u);
}
