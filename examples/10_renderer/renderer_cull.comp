// One invocation per instance: what touches the view's frustum is appended to its mesh's draw command.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "renderer.glsl"

layout(local_size_x = 64) in;

// The sphere around a mesh, moved to the world. Its radius grows with the longest axis.
vec4 world_sphere(Affine world, vec4 sphere) {
    vec3 squared = world.x.xyz * world.x.xyz + world.y.xyz * world.y.xyz + world.z.xyz * world.z.xyz;
    float scale = sqrt(max(max(squared.x, squared.y), squared.z));
    return vec4(transform_point(world, sphere.xyz), scale * sphere.w);
}

bool is_visible(View view, vec4 sphere) {
    for (int i = 0; i < 6; i++)
        if (dot(view.planes[i], vec4(sphere.xyz, 1.0)) < -sphere.w)
            return false;
    return true;
}

void main() {
    View view = load_view(push.view);
    Frame frame = load_frame(view.frame);
    uint i = gl_GlobalInvocationID.x;
    if (i >= frame.instance_count)
        return;
    bda_ptr address = bda_element(frame.instances, i, 32u);
    Instance instance = load_instance(address);
    Mesh mesh = load_mesh(instance.mesh);
    if (!is_visible(view, world_sphere(load_affine(frame.worlds, instance.node), mesh.sphere)))
        return;
    bda_ptr command = bda_element(view.commands, mesh.number, COMMAND_SIZE);
    uint slot = bda_atomic_add_uint(bda_offset(command, COMMAND_INSTANCES), 1u);
    bda_store_ptr(view.visible, mesh.first_visible + slot, address);
}
