// Moves particles, with three mistakes in it. The last workgroup is not full, and nobody tests where the array ends, so
// 24 invocations write past it. One follows a pointer to memory that was freed, and one follows the null pointer that a
// table has where nothing is. Checked access keeps all three from happening.
#version 460
#extension GL_GOOGLE_include_directive : require
#define BDA_CHECKED
#include "bdaalloc/bdaalloc.glsl"

layout(local_size_x = 64) in;

struct Particle {
    vec4 position;
    vec4 velocity;
};
BDA_DEFINE_ACCESS(Particle, particle_ref, load_particle, store_particle, 32, 16)

layout(push_constant) uniform Push {
    bda_ptr checks;
    bda_ptr particles;
    bda_ptr table;   // of pointers: to a sum, to bones, and to nothing
    uint mistakes;   // 0: the shader asks where the array ends, and follows the first pointer only
    uint count;
}
push;

void main() {
    bda_checks(push.checks);
    uint i = gl_GlobalInvocationID.x;
    if (push.mistakes == 0u && i >= push.count)
        return;

    BDA_AT(1)
    store_particle(push.particles, i, Particle(vec4(float(i)), vec4(1.0)));

    BDA_AT(2)
    if (i < push.count)
        bda_atomic_add_uint(bda_load_ptr(push.table, 0u), 1u);

    if (push.mistakes != 0u && i == 7u) {
        BDA_AT(3)
        vec4 bone = bda_load_vec4(bda_load_ptr(push.table, 1u), 4u);
        BDA_AT(4)
        bda_store_float(bda_offset(bda_load_ptr(push.table, 2u), 8u), bone.x);
    }
}
