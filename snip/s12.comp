#version 460
#extension GL_GOOGLE_include_directive : require
#include "bdaalloc/bdaalloc.glsl"

struct Particle { vec4 position; vec4 velocity; };
BDA_DEFINE_ACCESS(Particle, particle_ref, load_particle, store_particle, 32, 16)

layout(local_size_x = 64) in;
layout(push_constant) uniform Push { bda_ptr particles; bda_ptr first_node; uint count; float dt; } push;

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= push.count)
        return;
    Particle p = load_particle(push.particles, i);
    p.position += p.velocity * push.dt;
    store_particle(push.particles, i, p);

    /* struct node { uint64_t next; uint32_t hits; } as the CPU sees it */
    for (bda_ptr node = push.first_node; !bda_is_null(node); node = bda_load_ptr(node))
        bda_atomic_add_uint(bda_offset(node, 8u), 1u);
}
