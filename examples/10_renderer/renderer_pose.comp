// Before anything is culled: each node's way up the scene graph becomes its transform to the world, and each mesh's
// draw command, in both views, begins with no instances.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "renderer.glsl"

layout(local_size_x = 64) in;

Affine local_transform(Frame frame, Node node) {
    if (node.pose == NO_POSE)
        return node.local;
    return load_affine(frame.poses, node.pose);
}

Affine world_transform(Frame frame, Node node) {
    Affine world = local_transform(frame, node);
    while (!bda_is_null(node.parent)) {
        node = load_node(node.parent);
        world = compose(local_transform(frame, node), world);
    }
    return world;
}

void begin_command(bda_ptr view, Mesh mesh) {
    bda_ptr commands = load_view(view).commands;
    bda_store_uvec4(commands, mesh.number, uvec4(mesh.index_count, 0u, 0u, mesh.first_visible));
}

void main() {
    Frame frame = load_frame(load_view(push.view).frame);
    uint i = gl_GlobalInvocationID.x;
    if (i < frame.node_count)
        store_affine(frame.worlds, i, world_transform(frame, load_node(frame.nodes, i)));
    if (i < frame.mesh_count) {
        Mesh mesh = load_mesh(frame.meshes, i);
        begin_command(push.view, mesh);
        begin_command(frame.sun_view, mesh);
    }
}
