// Stands in for drawing: one workgroup per mesh pulls its triangles through the index and vertex pointers, scales them
// as the frame says, and adds up their doubled areas.
//
// The frame       offset 0   address of the results, one uint per mesh
//                        8   scale
//                       12   number of meshes
//                       16   the meshes, 24 bytes each: address of the vertices, address of the indices, triangles
// A vertex                   vec2
// An index                   uint
#version 460
#extension GL_GOOGLE_include_directive : require
#include "bdaalloc/bdaalloc.glsl"

layout(local_size_x = 64) in;

layout(push_constant) uniform Push {
    bda_ptr frame;
}
push;

vec2 fetch(bda_ptr vertices, bda_ptr indices, uint i) {
    return bda_load_vec2(vertices, bda_load_uint(indices, i));
}

void main() {
    uint mesh_index = gl_WorkGroupID.x;
    bda_ptr results = bda_load_ptr(push.frame);
    float scale = bda_load_float(bda_offset(push.frame, 8u));
    bda_ptr mesh = bda_element(bda_offset(push.frame, 16u), mesh_index, 24u);
    bda_ptr vertices = bda_load_ptr(mesh);
    bda_ptr indices = bda_load_ptr(bda_offset(mesh, 8u));
    uint triangles = bda_load_uint(bda_offset(mesh, 16u));

    uint area = 0u;
    for (uint i = gl_LocalInvocationID.x; i < triangles; i += gl_WorkGroupSize.x) {
        vec2 a = scale * fetch(vertices, indices, 3u * i);
        vec2 b = scale * fetch(vertices, indices, 3u * i + 1u) - a;
        vec2 c = scale * fetch(vertices, indices, 3u * i + 2u) - a;
        area += uint(abs(b.x * c.y - b.y * c.x));
    }
    bda_atomic_add_uint(bda_element(results, mesh_index, 4u), area);
}
