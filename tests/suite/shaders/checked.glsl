// Carries out any access through checked pointers: `from` leads to the check table's address, 8 bytes of nothing, and
// `count` accesses; to[i] = what the ith one answered. Structs as struct suite_access of ../test_checked.c.
#define BDA_CHECKED
#include "suite.glsl"

struct Access {
    bda_ptr address;
    uint what;
    uint tag;
};
BDA_DEFINE_ACCESS(Access, access_ref, load_access, store_access, 16, 8)

struct Large {
    uvec4 parts[5];
};
BDA_DEFINE_ACCESS(Large, large_ref, load_large, store_large, 80, 16)

uint sum(uvec4 v) {
    return v.x + v.y + v.z + v.w;
}

uint sum(Large large) {
    uint all = 0u;
    for (int i = 0; i < 5; i++)
        all += sum(large.parts[i]);
    return all;
}

uint carry_out(Access a) {
    Large large;
    switch (a.what) {
    case 0u:
        return bda_load_uint(a.address);
    case 1u:
        bda_store_uint(a.address, 0xABABABABu);
        return 1u;
    case 2u:
        return bda_atomic_add_uint(a.address, 1u);
    case 3u:
        return sum(bda_load_uvec4(a.address));
    case 4u:
        bda_store_uvec4(a.address, uvec4(0xABABABABu));
        return 1u;
    case 5u:
        return sum(load_large(a.address));
    case 6u:
        for (int i = 0; i < 5; i++)
            large.parts[i] = uvec4(0xABABABABu);
        store_large(a.address, large);
        return 1u;
    case 7u:
        return bda_load_byte(a.address, 0u);
    case 8u:
        return bda_atomic_swap_uint(a.address, 0u, 1u);
    case 9u:
        bda_store_uint(a.address, 500u, 0xABABABABu);
        return 1u;
    }
    return 0xFFFFFFFFu;
}

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= push.count)
        return;
    bda_checks(bda_load_ptr(push.from));
    Access a = load_access(bda_offset(push.from, 16u), i);
    BDA_AT(a.tag)
    uint answer = carry_out(a);
    bda_store_uint(push.to, i, answer);
}
