// Uses every helper of bdaalloc.glsl once, so that compiling it with each of the header's switches shows that the
// header itself is in order. It is compiled and validated by the tests, never run.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "bdaalloc/bdaalloc.glsl"

layout(local_size_x = 1) in;

struct Particle {
    vec4 position;
    vec4 velocity;
};
BDA_DEFINE_ACCESS(Particle, particle_ref, load_particle, store_particle, 32, 16)

layout(push_constant) uniform Push {
    bda_ptr data;
}
push;

void main() {
    bda_ptr p = push.data;
    if (bda_is_null(p) || bda_equal(p, bda_offset(p, -16)) || bda_equal(p, BDA_NULL))
        return;
    p = bda_from_uvec2(bda_to_uvec2(bda_element(bda_offset(p, 16u), 3u, 32u)));
    BDA_AT(__LINE__)
    bda_store_uint(p, bda_load_uint(p) + bda_load_uint(p, 1u) + bda_load_byte(p, 3u));
    bda_store_uint(p, 1u, 1u);
    bda_store_int(p, 2u, bda_load_int(p) + bda_load_int(p, 1u));
    bda_store_float(p, 3u, bda_load_float(p) + bda_load_float(p, 1u));
    bda_store_uvec2(p, bda_load_uvec2(p, 1u));
    bda_store_ivec2(p, bda_load_ivec2(p, 1u));
    bda_store_vec2(p, bda_load_vec2(p, 1u));
    bda_store_vec3(p, 2u, bda_load_vec3(p, 1u));
    bda_store_uvec4(p, bda_load_uvec4(p, 1u));
    bda_store_ivec4(p, bda_load_ivec4(p, 1u));
    bda_store_vec4(p, bda_load_vec4(p, 1u));
    bda_store_ptr(p, bda_load_ptr(p, 1u));
    store_particle(p, load_particle(p, 2u));
    uint before = bda_atomic_add_uint(p, 1u) + bda_atomic_min_uint(p, 1u) + bda_atomic_max_uint(p, 1u);
    before += bda_atomic_and_uint(p, 1u) + bda_atomic_or_uint(p, 1u) + bda_atomic_exchange_uint(p, 1u);
    bda_store_uint(p, bda_atomic_swap_uint(p, before, 2u));
#ifndef BDA_POINTER_UVEC2
    bda_store_uint64(p, bda_load_uint64(p, 1u));
#endif
#ifdef BDA_ATOMIC_INT64
    uint64_t old = bda_atomic_add_uint64(p, 1ul) + bda_atomic_min_uint64(p, 1ul) + bda_atomic_max_uint64(p, 1ul);
    old += bda_atomic_exchange_uint64(p, 1ul) + bda_atomic_swap_uint64(p, 1ul, 2ul);
    bda_store_ptr(p, bda_atomic_swap_ptr(p, old, bda_atomic_exchange_ptr(p, p)));
#endif
}
