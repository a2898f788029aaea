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
 *   BDA_CHECKED         for checked access, see below.
 *   BDA_CHECK_CONSTANTS with BDA_CHECKED, the ids of two specialization constants, this and the next: the low and the
 *                       high word of the table's address. Then nothing else of the shader has to change.
 *   BDA_INVOCATION      with BDA_CHECKED, in any stage but compute: a uvec3 that tells invocations apart, for records:
 *                       uvec3(gl_VertexIndex, gl_InstanceIndex, 0), uvec3(gl_FragCoord.xyz), gl_LaunchIDEXT.
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
 * Checked access
 *   With BDA_CHECKED defined, every helper looks the bytes up before it touches them: null pointers, addresses that are
 *   nobody's, freed memory and bytes past an end are written down, for bda_report_checks to explain. A bad load answers
 *   zeros (up to 63 KiB of them), a bad store does nothing, a bad atomic answers 0. The allocator wants
 *   BDA_CHECK_POINTERS_BIT, and the shader its table:
 *
 *     layout(push_constant) uniform Push { bda_ptr checks; ... } push;   // from bda_get_check_table
 *
 *     void main() {
 *         bda_checks(push.checks);
 *         BDA_AT(7)                 // names the place, for the records: a number of yours, or __LINE__
 *         bda_store_uint(...);
 *     }
 *
 *   Or the table comes by specialization constants, see BDA_CHECK_CONSTANTS, and bda_checks need not be called. Until
 *   there is a table, and where its address is 0, nothing is looked up. In vertex and fragment shaders the records
 *   need the features vertexPipelineStoresAndAtomics and fragmentStoresAndAtomics.
 *   Without BDA_CHECKED both are nothing at all, and no helper has an instruction more: a test compares the code.
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

/* ---- Checked access ------------------------------------------------------------------------------------------- */

#ifdef BDA_CHECKED

/* What src/debug/shadow.h and bdaalloc.h say; a test compares all of them. */
#define BDA_FAULT_ACCESS_READ   1u
#define BDA_FAULT_ACCESS_WRITE  2u
#define BDA_FAULT_ACCESS_ATOMIC 5u
#define BDA_BAD_NULL            1u
#define BDA_BAD_NOT_OURS        2u
#define BDA_BAD_NOT_LIVE        3u
#define BDA_BAD_PAST_END        4u
#define BDA_BAD_OTHER           5u
#define BDA_BAD_ALIGNMENT       6u
#define BDA_SHADOW_NULL_END     65536u
#define BDA_SHADOW_NOTHING      0u
#define BDA_SHADOW_UNKNOWN      1u
#define BDA_FRONT_TOP           0u
#define BDA_FRONT_RECORDS       1u
#define BDA_FRONT_HIGH          2u
#define BDA_FRONT_TAKEN         64u
#define BDA_FRONT_WRITTEN       128u
#define BDA_FRONT_ZEROS         256u
#define BDA_RECORDS             1024u
#define BDA_RECORD_WORDS        16u
#define BDA_RECORD_NUMBER       0u
#define BDA_RECORD_KIND         1u
#define BDA_RECORD_REASON       2u
#define BDA_RECORD_BYTES        3u
#define BDA_RECORD_ADDRESS      4u
#define BDA_RECORD_BAD          6u
#define BDA_RECORD_TAG          7u
#define BDA_RECORD_INVOCATION   8u
#define BDA_RECORD_BASE         11u
#define BDA_RECORD_SUM          13u

#ifndef BDA_INVOCATION
#define BDA_INVOCATION gl_GlobalInvocationID
#endif

/* The tables, which stand still as far as a correct shader reads them, and what shaders write. */
layout(std430, buffer_reference, buffer_reference_align = 4) readonly buffer bda_check_words { uint at[]; };
layout(std430, buffer_reference, buffer_reference_align = 4) coherent buffer bda_check_log { uint at[]; };

uint bda_check_front_word(bda_ptr table, uint word) {
    return bda_is_null(table) ? 0u : bda_check_words(table).at[word];
}

#ifdef BDA_CHECK_CONSTANTS
layout(constant_id = BDA_CHECK_CONSTANTS) const uint bda_check_table_low = 0u;
layout(constant_id = BDA_CHECK_CONSTANTS + 1) const uint bda_check_table_high = 0u;
#define BDA_CHECK_FIRST_TABLE bda_from_uvec2(uvec2(bda_check_table_low, bda_check_table_high))
#else
#define BDA_CHECK_FIRST_TABLE BDA_NULL
#endif

bda_ptr bda_check_front = BDA_CHECK_FIRST_TABLE;
uint bda_check_top = bda_check_front_word(BDA_CHECK_FIRST_TABLE, BDA_FRONT_TOP);
uint bda_check_high = bda_check_front_word(BDA_CHECK_FIRST_TABLE, BDA_FRONT_HIGH) << 16;
uint bda_check_tag = 0u;
bda_ptr bda_check_base = BDA_NULL; /* what an index was just added to */

/* Checks against this table from here on; not, where it is 0. */
void bda_checks(bda_ptr table) {
    bda_check_front = table;
    bda_check_top = bda_check_front_word(table, BDA_FRONT_TOP);
    bda_check_high = bda_check_front_word(table, BDA_FRONT_HIGH) << 16;
}

#define BDA_AT(tag) bda_check_tag = uint(tag);

/* A piece is named by bits 16 to 47 of its address. */
bda_ptr bda_check_piece(uint piece) {
    return bda_from_uvec2(uvec2(piece << 16, bda_check_high | (piece >> 16)));
}

uint bda_check_word(uint piece, uint index) {
    return bda_check_words(bda_check_piece(piece)).at[index];
}

/* The shadow page of an address: bits 34 to 47 of it choose a leaf table, bits 20 to 33 a page in that. */
uint bda_check_page(uvec2 p) {
    uint leaf = bda_check_word(bda_check_top, (p.y & 0xffffu) >> 2);
    if (leaf == BDA_SHADOW_NOTHING || leaf == BDA_SHADOW_UNKNOWN)
        return leaf;
    return bda_check_word(leaf, ((p.y & 3u) << 12) | (p.x >> 20));
}

/* What the page says of a granule, which bits 4 to 19 of the address choose: 0, nothing is live; else so many bytes from
 * its beginning, 1 to 16, plus 16 times a colour. Where nothing is known all is live, and of no colour. */
#define BDA_CHECK_ALL 0x100u
uint bda_check_granule(uint page, uint low) {
    if (page == BDA_SHADOW_NOTHING || page == BDA_SHADOW_UNKNOWN)
        return page == BDA_SHADOW_NOTHING ? 0u : BDA_CHECK_ALL;
    uint granule = (low >> 4) & 0xffffu;
    return bitfieldExtract(bda_check_word(page, granule >> 2), int((granule & 3u) * 8u), 8);
}

/* How many bytes from the beginning of a granule on are live. */
uint bda_check_live(uint said) {
    return said == 0u ? 0u : ((said - 1u) & 15u) + 1u;
}

/* Several granules, from p on, whose page and first granule are known. */
uint bda_check_walk(uvec2 p, uint bytes, uint page, uint said) {
    uint good = 0u;
    bool going = true;
    while (going) {
        uint inside = p.x & 15u;
        uint part = min(16u - inside, bytes - good);
        uint there = max(bda_check_live(said), inside) - inside;
        good += min(there, part);
        going = there >= part && good < bytes;
        if (going) {
            p.x += part;
            if ((p.x & 0xfffffu) == 0u) { /* on the next page */
                p.y += p.x == 0u ? 1u : 0u;
                page = bda_check_page(p);
            }
            said = bda_check_granule(page, p.x);
        }
    }
    return good;
}

/* How many of the bytes from p on are good before the first bad one; `reason` says what is wrong with that, `said` is
 * what is said of the first granule. What is no larger than its alignment lies in one. */
uint bda_check_good(uvec2 p, uint bytes, uint align, out uint reason, out uint said) {
    uint high = p.y >> 16;
    bool null = p.y == 0u && p.x < BDA_SHADOW_NULL_END;
    bool possible = !null && (high == 0u || high == 0xffffu);
    uint page = possible ? bda_check_page(p) : BDA_SHADOW_NOTHING;
    said = bda_check_granule(page, p.x);
    uint good;
    if (bytes <= 16u && bytes <= align) {
        uint inside = p.x & 15u;
        good = min(max(bda_check_live(said), inside) - inside, bytes);
    } else {
        good = bda_check_walk(p, bytes, page, said);
    }
    reason = BDA_BAD_PAST_END;
    if (said == 0u)
        reason = null ? BDA_BAD_NULL : page == BDA_SHADOW_NOTHING ? BDA_BAD_NOT_OURS : BDA_BAD_NOT_LIVE;
    return good;
}

/* Whether an index led from one live allocation into another; `said` of the granule that it led to. */
bool bda_check_strayed(uvec2 base, uvec2 p, uint said) {
    if (base.y == p.y && (base.x >> 4) == (p.x >> 4))
        return false;
    uint from = bda_check_granule(bda_check_page(base), base.x);
    bool coloured = from != 0u && from != BDA_CHECK_ALL && said != BDA_CHECK_ALL;
    return coloured && ((from - 1u) >> 4) != ((said - 1u) >> 4);
}

/* Takes a number, and the slot for it if the host has taken what was there; but does not come around. A sum tells the
 * host that all of it has arrived: barriers in the middle of a shader are more than some drivers bear. */
void bda_check_record(uvec2 base, uvec2 p, uint bytes, uint kind, uint reason, uint bad) {
    bda_check_log front = bda_check_log(bda_check_front);
    uint taken = front.at[BDA_FRONT_TAKEN];
    uint number = taken + BDA_RECORDS;
    if (front.at[BDA_FRONT_WRITTEN] - taken < 0x80000000u)
        number = atomicAdd(front.at[BDA_FRONT_WRITTEN], 1u);
    if (number - taken < BDA_RECORDS) {
        uint piece = bda_check_words(bda_check_front).at[BDA_FRONT_RECORDS];
        bda_check_log records = bda_check_log(bda_check_piece(piece));
        uint at = (number & (BDA_RECORDS - 1u)) * BDA_RECORD_WORDS;
        uvec3 invocation = uvec3(BDA_INVOCATION);
        records.at[at + BDA_RECORD_NUMBER] = number + 1u;
        records.at[at + BDA_RECORD_KIND] = kind;
        records.at[at + BDA_RECORD_REASON] = reason;
        records.at[at + BDA_RECORD_BYTES] = bytes;
        records.at[at + BDA_RECORD_ADDRESS] = p.x;
        records.at[at + BDA_RECORD_ADDRESS + 1u] = p.y;
        records.at[at + BDA_RECORD_BAD] = bad;
        records.at[at + BDA_RECORD_TAG] = bda_check_tag;
        records.at[at + BDA_RECORD_INVOCATION] = invocation.x;
        records.at[at + BDA_RECORD_INVOCATION + 1u] = invocation.y;
        records.at[at + BDA_RECORD_INVOCATION + 2u] = invocation.z;
        records.at[at + BDA_RECORD_BASE] = base.x;
        records.at[at + BDA_RECORD_BASE + 1u] = base.y;
        records.at[at + BDA_RECORD_SUM] = number + 1u + kind + reason + bytes + p.x + p.y + bad + bda_check_tag +
                                          invocation.x + invocation.y + invocation.z + base.x + base.y;
    }
}

/* Element `index` of p, which the next check remembers. */
bda_ptr bda_check_index(bda_ptr p, uint index, uint size) {
    bda_check_base = p;
    return bda_element(p, index, size);
}

/* Whether an access may happen; if not, it is written down. */
bool bda_check(bda_ptr p, uint bytes, uint align, uint kind) {
    if (bda_is_null(bda_check_front))
        return true;
    uvec2 base = bda_to_uvec2(bda_check_base), at = bda_to_uvec2(p);
    bda_check_base = BDA_NULL;
    uint reason, said;
    uint good = bda_check_good(at, bytes, align, reason, said);
    if ((at.x & (align - 1u)) != 0u) {
        reason = BDA_BAD_ALIGNMENT;
        good = 0u;
    } else if (good == bytes && base != uvec2(0u) && bda_check_strayed(base, at, said)) {
        reason = BDA_BAD_OTHER;
        good = 0u;
    }
    if (good != bytes)
        bda_check_record(base, at, bytes, kind, reason, good);
    return good == bytes;
}

/* The address that a load of `bytes` bytes really goes to. */
bda_ptr bda_check_load(bda_ptr p, uint bytes, uint align) {
    bool good = bda_check(p, bytes, align, BDA_FAULT_ACCESS_READ);
    return good ? p : bda_offset(bda_check_front, BDA_FRONT_ZEROS * 4u);
}

#define BDA_INDEX(p, index, size)          bda_check_index(p, index, size)
#define BDA_GOOD(p, bytes, align)          bda_check_load(p, bytes, align)
#define BDA_REFUSE(p, bytes, align, kind, answer)                                                                      \
    if (!bda_check(p, bytes, align, kind)) return answer;

#else

#define bda_checks(table)
#define BDA_AT(tag)
#define BDA_INDEX(p, index, size) bda_element(p, index, size)
#define BDA_GOOD(p, bytes, align) (p)
#define BDA_REFUSE(p, bytes, align, kind, answer)

#endif

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
    T Load(bda_ptr p) { return Ref(BDA_GOOD(p, Bytes, Align)).value; }                                                 \
    T Load(bda_ptr p, uint element) { return Load(BDA_INDEX(p, element, Bytes)); }                                     \
    void Store(bda_ptr p, T data) { BDA_REFUSE(p, Bytes, Align, BDA_FAULT_ACCESS_WRITE, ) Ref(p).value = data; }       \
    void Store(bda_ptr p, uint element, T data) { Store(BDA_INDEX(p, element, Bytes), data); }

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
#ifdef BDA_CHECKED /* the byte is looked up, not the word */
    BDA_REFUSE(BDA_INDEX(p, index, 1u), 1u, 1u, BDA_FAULT_ACCESS_READ, 0u)
    return bitfieldExtract(bda_ref_uint(bda_offset(p, index & ~3u)).value, int((index & 3u) * 8u), 8);
#else
    return bitfieldExtract(bda_load_uint(p, index >> 2), int((index & 3u) * 8u), 8);
#endif
}

/* ---- Atomics -------------------------------------------------------------------------------------------------- */

/* Each answers with the value that was there before. */
#define BDA_DEFINE_ATOMIC(T, Ref, Name, Operation, Bytes)                                                              \
    T Name(bda_ptr p, T data) {                                                                                        \
        BDA_REFUSE(p, Bytes, Bytes, BDA_FAULT_ACCESS_ATOMIC, T(0))                                                     \
        return Operation(Ref(p).value, data);                                                                          \
    }
#define BDA_DEFINE_ATOMIC_SWAP(T, Ref, Name, Bytes)                                                                    \
    T Name(bda_ptr p, T expected, T data) {                                                                            \
        BDA_REFUSE(p, Bytes, Bytes, BDA_FAULT_ACCESS_ATOMIC, T(0))                                                     \
        return atomicCompSwap(Ref(p).value, expected, data);                                                           \
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
