/*
 * libbdaalloc for shaders: taking a pointer, and following it.
 *
 * What bda_alloc calls `address` arrives in a shader as a 64-bit number: in a push constant, in a buffer, or in a node
 * that another pointer led to. This header names its type, does arithmetic on it, and reads and writes through it.
 *
 *     #version 460
 *     #extension GL_GOOGLE_include_directive : require
 *     #include "bdaalloc/bdaalloc.glsl"
 *
 *     layout(local_size_x = 64) in;
 *     layout(push_constant) uniform Push { bda_ptr values; uint count; } push;
 *
 *     void main() {
 *         uint i = gl_GlobalInvocationID.x;
 *         if (i < push.count)
 *             bda_store_uint(push.values, i, bda_load_uint(push.values, i) * 2u);
 *     }
 *
 * Include it right after #version and the extension that allows #include, since it enables extensions itself. It needs
 * GLSL 450 or later and the device features bufferDeviceAddress and shaderInt64; glslangValidator finds it with
 * -I<prefix>/include.
 *
 * Define before including it
 *   BDA_POINTER_UVEC2   for devices without shaderInt64: a pointer is then a uvec2, the low half first, which has the
 *                       same bytes and the same layout in every struct. All helpers but those named uint64 exist.
 *   BDA_ATOMIC_INT64    for atomics on uint64_t and on pointers; needs shaderBufferInt64Atomics.
 *   BDA_CHECKED         reserved for checked access, which this version does not have.
 *
 * Words
 *   bda_ptr   an address, untyped like void *. Zero, BDA_NULL, is no address: the library never returns it.
 *   element   one of the values that lie one behind another from a pointer on; element 0 lies at the pointer itself.
 *
 * Alignment
 *   A load or store of a type wants an address that is a multiple of the alignment in the table further down. A
 *   violation is undefined: some GPUs split the access, some drop the low bits. Allocations begin at a multiple
 *   of 16 unless more was asked for, so whatever stands first in one is aligned for each type here; inside, offsets
 *   are the caller's to choose. BDA_DEFINE_ACCESS with a smaller alignment makes accessors for packed data.
 *
 * Order
 *   Plain stores are seen by other invocations only after a barrier with the right scope; simplest is to end the
 *   dispatch and put a pipeline barrier behind it. Atomics order themselves and nothing else: to publish a node within
 *   one dispatch, put memoryBarrierBuffer() between filling it and the atomic that links it, or let another dispatch
 *   read it.
 *
 * Every access goes through a helper of this header, and every helper passes its pointer through BDA_ACCESS first. Off,
 * which is all there is today, that is the pointer itself and costs no instruction. Checked access will redefine that
 * one macro to look the bytes up and to answer with a harmless address when they are not live; a shader that sticks to
 * the helpers need not change for it.
 */
#ifndef BDAALLOC_BDAALLOC_GLSL
#define BDAALLOC_BDAALLOC_GLSL

#extension GL_EXT_buffer_reference : require
#ifdef BDA_POINTER_UVEC2
#extension GL_EXT_buffer_reference_uvec2 : require
#else
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#endif
#ifdef BDA_ATOMIC_INT64
#extension GL_EXT_shader_atomic_int64 : require
#endif

#if defined(BDA_ATOMIC_INT64) && defined(BDA_POINTER_UVEC2)
#error "BDA_ATOMIC_INT64 needs 64-bit integers: leave BDA_POINTER_UVEC2 away"
#endif
#ifdef BDA_CHECKED
#error "BDA_CHECKED: checked access is not in this version of bdaalloc.glsl"
#endif

/* ---- The pointer ---------------------------------------------------------------------------------------------- */

#ifdef BDA_POINTER_UVEC2

#define bda_ptr  uvec2
#define BDA_NULL uvec2(0u)

/* Adds bytes, at most 4 GiB − 1 of them. */
bda_ptr bda_offset(bda_ptr p, uint bytes) {
    uint carry;
    uint low = uaddCarry(p.x, bytes, carry);
    return uvec2(low, p.y + carry);
}

/* Adds or, below zero, subtracts bytes. */
bda_ptr bda_offset(bda_ptr p, int bytes) {
    uint carry;
    uint low = uaddCarry(p.x, uint(bytes), carry);
    return uvec2(low, p.y + carry + (bytes < 0 ? 0xffffffffu : 0u));
}

/* Where element `index` of an array of elements of `size` bytes lies; the product may be larger than 32 bits. */
bda_ptr bda_element(bda_ptr p, uint index, uint size) {
    uint high;
    uint low;
    umulExtended(index, size, high, low);
    bda_ptr q = bda_offset(p, low);
    return uvec2(q.x, q.y + high);
}

/* A pointer from its low and high half, as a uvec2 carries them through attributes or images; and back. */
bda_ptr bda_from_uvec2(uvec2 halves) {
    return halves;
}

uvec2 bda_to_uvec2(bda_ptr p) {
    return p;
}

#else

#define bda_ptr  uint64_t
#define BDA_NULL 0ul

bda_ptr bda_offset(bda_ptr p, uint bytes) {
    return p + uint64_t(bytes);
}

bda_ptr bda_offset(bda_ptr p, int bytes) {
    return p + uint64_t(int64_t(bytes));
}

bda_ptr bda_element(bda_ptr p, uint index, uint size) {
    return p + uint64_t(index) * uint64_t(size);
}

bda_ptr bda_from_uvec2(uvec2 halves) {
    return (uint64_t(halves.y) << 32) | uint64_t(halves.x);
}

uvec2 bda_to_uvec2(bda_ptr p) {
    return uvec2(uint(p), uint(p >> 32));
}

#endif

bool bda_is_null(bda_ptr p) {
    return p == BDA_NULL;
}

bool bda_equal(bda_ptr a, bda_ptr b) {
    return a == b;
}

/* ---- The door for checked access ------------------------------------------------------------------------------ */

#define BDA_READ   0
#define BDA_WRITE  1
#define BDA_ATOMIC 2

/* The address that an access of `bytes` bytes of the given kind really goes to. */
#define BDA_ACCESS(p, bytes, kind) (p)

/* Names the place in the shader that the accesses behind it come from, for the records of checked access:
 * BDA_AT(__LINE__). A statement's worth of nothing when checks are off. */
#define BDA_AT(tag)

/* ---- Load and store ------------------------------------------------------------------------------------------- */

/*
 * Defines, for a type of `Bytes` bytes that is read and written at multiples of `Align`, a reference type and
 *     T Load(bda_ptr p)                        *p
 *     T Load(bda_ptr p, uint element)          p[element]
 *     void Store(bda_ptr p, T value)           *p = value
 *     void Store(bda_ptr p, uint element, T value)
 * For the caller's own structs too, which are laid out as std430 says; Bytes is then the struct's size rounded up to
 * its own alignment, so that elements follow each other as in an array:
 *     struct Particle { vec4 position; vec4 velocity; };
 *     BDA_DEFINE_ACCESS(Particle, particle_ref, load_particle, store_particle, 32, 16)
 */
#define BDA_DEFINE_ACCESS(T, Ref, Load, Store, Bytes, Align)                                                           \
    layout(std430, buffer_reference, buffer_reference_align = Align) buffer Ref { T value; };                          \
    T Load(bda_ptr p) { return Ref(BDA_ACCESS(p, Bytes, BDA_READ)).value; }                                            \
    T Load(bda_ptr p, uint element) { return Load(bda_element(p, element, Bytes)); }                                   \
    void Store(bda_ptr p, T data) { Ref(BDA_ACCESS(p, Bytes, BDA_WRITE)).value = data; }                               \
    void Store(bda_ptr p, uint element, T data) { Store(bda_element(p, element, Bytes), data); }

/*                type   reference      load            store            bytes alignment */
BDA_DEFINE_ACCESS(uint,  bda_ref_uint,  bda_load_uint,  bda_store_uint,  4,    4)
BDA_DEFINE_ACCESS(int,   bda_ref_int,   bda_load_int,   bda_store_int,   4,    4)
BDA_DEFINE_ACCESS(float, bda_ref_float, bda_load_float, bda_store_float, 4,    4)
BDA_DEFINE_ACCESS(uvec2, bda_ref_uvec2, bda_load_uvec2, bda_store_uvec2, 8,    8)
BDA_DEFINE_ACCESS(ivec2, bda_ref_ivec2, bda_load_ivec2, bda_store_ivec2, 8,    8)
BDA_DEFINE_ACCESS(vec2,  bda_ref_vec2,  bda_load_vec2,  bda_store_vec2,  8,    8)
BDA_DEFINE_ACCESS(uvec4, bda_ref_uvec4, bda_load_uvec4, bda_store_uvec4, 16,   16)
BDA_DEFINE_ACCESS(ivec4, bda_ref_ivec4, bda_load_ivec4, bda_store_ivec4, 16,   16)
BDA_DEFINE_ACCESS(vec4,  bda_ref_vec4,  bda_load_vec4,  bda_store_vec4,  16,   16)
/* A pointer in memory: follow p->next with bda_load_ptr(bda_offset(p, offset of next)). */
BDA_DEFINE_ACCESS(bda_ptr, bda_ref_ptr, bda_load_ptr, bda_store_ptr, 8, 8)
#ifndef BDA_POINTER_UVEC2
BDA_DEFINE_ACCESS(uint64_t, bda_ref_uint64, bda_load_uint64, bda_store_uint64, 8, 8)
#endif

/* Three floats without padding, as vertex data has them: elements are 12 bytes apart. */
vec3 bda_load_vec3(bda_ptr p) {
    return vec3(bda_load_float(p, 0u), bda_load_float(p, 1u), bda_load_float(p, 2u));
}

vec3 bda_load_vec3(bda_ptr p, uint element) {
    return bda_load_vec3(bda_element(p, element, 12u));
}

void bda_store_vec3(bda_ptr p, vec3 data) {
    bda_store_float(p, 0u, data.x);
    bda_store_float(p, 1u, data.y);
    bda_store_float(p, 2u, data.z);
}

void bda_store_vec3(bda_ptr p, uint element, vec3 data) {
    bda_store_vec3(bda_element(p, element, 12u), data);
}

/* Byte `index` from p on, as 0 to 255; p is a multiple of 4. It reads the word that the byte lies in, so it needs no
 * feature for 8-bit storage: ask for a whole number of words when allocating bytes. */
uint bda_load_byte(bda_ptr p, uint index) {
    return bitfieldExtract(bda_load_uint(p, index >> 2), int((index & 3u) * 8u), 8);
}

/* ---- Atomics -------------------------------------------------------------------------------------------------- */

/* Each answers with the value that was there before. */
#define BDA_DEFINE_ATOMIC(T, Ref, Name, Operation, Bytes)                                                              \
    T Name(bda_ptr p, T data) { return Operation(Ref(BDA_ACCESS(p, Bytes, BDA_ATOMIC)).value, data); }
#define BDA_DEFINE_ATOMIC_SWAP(T, Ref, Name, Bytes)                                                                    \
    T Name(bda_ptr p, T expected, T data) {                                                                            \
        return atomicCompSwap(Ref(BDA_ACCESS(p, Bytes, BDA_ATOMIC)).value, expected, data);                            \
    }

BDA_DEFINE_ATOMIC(uint, bda_ref_uint, bda_atomic_add_uint, atomicAdd, 4)
BDA_DEFINE_ATOMIC(uint, bda_ref_uint, bda_atomic_min_uint, atomicMin, 4)
BDA_DEFINE_ATOMIC(uint, bda_ref_uint, bda_atomic_max_uint, atomicMax, 4)
BDA_DEFINE_ATOMIC(uint, bda_ref_uint, bda_atomic_and_uint, atomicAnd, 4)
BDA_DEFINE_ATOMIC(uint, bda_ref_uint, bda_atomic_or_uint, atomicOr, 4)
BDA_DEFINE_ATOMIC(uint, bda_ref_uint, bda_atomic_exchange_uint, atomicExchange, 4)
BDA_DEFINE_ATOMIC_SWAP(uint, bda_ref_uint, bda_atomic_swap_uint, 4)

#ifdef BDA_ATOMIC_INT64
BDA_DEFINE_ATOMIC(uint64_t, bda_ref_uint64, bda_atomic_add_uint64, atomicAdd, 8)
BDA_DEFINE_ATOMIC(uint64_t, bda_ref_uint64, bda_atomic_min_uint64, atomicMin, 8)
BDA_DEFINE_ATOMIC(uint64_t, bda_ref_uint64, bda_atomic_max_uint64, atomicMax, 8)
BDA_DEFINE_ATOMIC(uint64_t, bda_ref_uint64, bda_atomic_exchange_uint64, atomicExchange, 8)
BDA_DEFINE_ATOMIC_SWAP(uint64_t, bda_ref_uint64, bda_atomic_swap_uint64, 8)
/* On a pointer in memory: with an exchange, nodes are pushed onto a list that no other invocation walks meanwhile. */
BDA_DEFINE_ATOMIC(bda_ptr, bda_ref_ptr, bda_atomic_exchange_ptr, atomicExchange, 8)
BDA_DEFINE_ATOMIC_SWAP(bda_ptr, bda_ref_ptr, bda_atomic_swap_ptr, 8)
#endif

#endif
