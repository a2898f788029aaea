// How the scene's records are reached: the one place where the three ways of the path tracer differ. Everything is read
// in units of 16 bytes.
//
// A link is where a record lies, a multiple of 16, and in its low four bits how many triangles it has: 0 is no leaf.
// In memory it takes 64 bits.
//
//     as it stands   a link is a device address
//     BY_OFFSET      a number of bytes from one device address on, which is the same for all
//     BY_INDEX       a number of bytes from the beginning of one storage buffer

#if defined(BY_OFFSET) || defined(BY_INDEX)

#define Link uint

Link make_link(uint low, uint high) {
    return low;
}

uint count_triangles(Link at) {
    return at & 15u;
}

Link skip_quads(Link at, uint quads) {
    return at + 16u * quads;
}

#ifdef BY_INDEX

layout(std430, set = 0, binding = 0) readonly buffer Store { uvec4 quads[]; } store;

uvec4 load_quad(Link at, uint quad) {
    return store.quads[(at >> 4) + quad];
}

#else

bda_ptr base; // main sets it

uvec4 load_quad(Link at, uint quad) {
    return bda_load_uvec4(base, (at >> 4) + quad);
}

#endif

#else

#define Link bda_ptr

Link make_link(uint low, uint high) {
    return bda_from_uvec2(uvec2(low, high));
}

uint count_triangles(Link at) {
    return bda_to_uvec2(at).x & 15u;
}

Link skip_quads(Link at, uint quads) {
    return bda_offset(at, 16u * quads);
}

uvec4 load_quad(Link at, uint quad) {
    return bda_load_uvec4(at & ~15ul, quad);
}

#endif

vec4 load_floats(Link at, uint quad) {
    return uintBitsToFloat(load_quad(at, quad));
}
