// The shader header in a vertex shader. Compiled and validated by the tests, never run.
#version 460
#extension GL_GOOGLE_include_directive : require
#define BDA_INVOCATION uvec3(gl_VertexIndex, gl_InstanceIndex, 0)
#include "bdaalloc/bdaalloc.glsl"

layout(push_constant) uniform Push {
    bda_ptr checks;
    bda_ptr vertices;
}
push;

void main() {
    bda_checks(push.checks);
    BDA_AT(__LINE__)
    gl_Position = vec4(bda_load_vec3(push.vertices, uint(gl_VertexIndex)), 1.0);
}
