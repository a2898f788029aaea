// Fetches a vertex through pointers; there is no vertex input. gl_InstanceIndex counts from the command's first
// instance, which is where the mesh's visible instances begin.
#version 460
#extension GL_GOOGLE_include_directive : require
#define BDA_INVOCATION uvec3(gl_InstanceIndex, gl_VertexIndex, 0)
#include "renderer.glsl"

layout(location = 0) out vec3 world_position;
layout(location = 1) out vec3 world_normal;
layout(location = 2) out flat uvec2 instance_halves; // 64-bit integers do not go through locations

void main() {
    View view = load_view(push.view);
    bda_ptr address = bda_load_ptr(view.visible, uint(gl_InstanceIndex));
    Instance instance = load_instance(address);
    Mesh mesh = load_mesh(instance.mesh);
    uint index = bda_load_uint(mesh.indices, uint(gl_VertexIndex));
    bda_ptr vertex = bda_element(mesh.vertices, index, VERTEX_SIZE);

    Affine world = load_affine(load_frame(view.frame).worlds, instance.node);
    world_position = transform_point(world, bda_load_vec3(vertex));
    world_normal = transform_normal(world, bda_load_vec3(vertex, 1u));
    instance_halves = bda_to_uvec2(address);
    gl_Position = view.clip * vec4(world_position, 1.0);
}
