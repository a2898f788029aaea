/* The classes of sizes, for every size of 32 bits, with the constants as they are. */
#include "proof.h"

#include "core/tlsf.c"

static uint32_t any_size(void) {
    uint32_t size = nondet_u32();
    GIVEN(size != 0);
    return size;
}

void every_size_has_a_class_in_the_tables(void) {
    uint32_t size = any_size();
    ENSURE(bda_tlsf_class_of(size) < BDA_TLSF_LEVELS * BDA_TLSF_CLASSES);
    ENSURE(bda_tlsf_class_of(size) * BDA_TLSF_ZONES + BDA_TLSF_ZONES - 1 < BDA_TLSF_LISTS);
    REACHES(bda_tlsf_class_of(size) == BDA_TLSF_LEVELS * BDA_TLSF_CLASSES - 1);
}

void classes_rise_with_sizes(void) {
    uint32_t size = any_size(), larger = any_size();
    GIVEN(size < larger);
    ENSURE(bda_tlsf_class_of(size) <= bda_tlsf_class_of(larger));
    if (size < BDA_TLSF_CLASSES)
        ENSURE(bda_tlsf_class_of(size) == size && bda_tlsf_class_of(larger) != size);
}

/* No class is skipped: the next size is in the same class or in the next one. */
void classes_have_no_gaps(void) {
    uint32_t size = any_size();
    GIVEN(size != UINT32_MAX);
    uint32_t class = bda_tlsf_class_of(size), next = bda_tlsf_class_of(size + 1);
    ENSURE(next == class || next == class + 1);
}

/* The sizes of one class differ by less than one part in BDA_TLSF_CLASSES. */
void a_class_is_narrow(void) {
    uint32_t size = any_size(), other = any_size();
    GIVEN(size < other && bda_tlsf_class_of(size) == bda_tlsf_class_of(other));
    ENSURE((uint64_t)(other - size) * BDA_TLSF_CLASSES < size);
}

void every_member_of_the_class_above_holds_the_size(void) {
    uint32_t size = any_size(), member = any_size();
    GIVEN(bda_tlsf_class_of(member) >= bda_tlsf_class_above(size));
    ENSURE(member >= size);
}

/* And it is the lowest such class: the one below has a member that does not. */
void no_lower_class_holds_the_size_for_sure(void) {
    uint32_t size = any_size();
    uint32_t above = bda_tlsf_class_above(size);
    ENSURE(above == bda_tlsf_class_of(size) || above == bda_tlsf_class_of(size) + 1);
    ENSURE(size == 1 || bda_tlsf_class_of(size - 1) == above - 1);
    REACHES(above == BDA_TLSF_LEVELS * BDA_TLSF_CLASSES);
}

/* bda_tlsf_round_up says where the class above begins. */
void round_up_is_where_the_class_above_begins(void) {
    uint32_t size = any_size();
    uint64_t rounded = bda_tlsf_round_up(size);
    ENSURE(rounded >= size && rounded <= (uint64_t)1 << 32);
    if (rounded <= UINT32_MAX) {
        ENSURE(bda_tlsf_class_of((uint32_t)rounded) == bda_tlsf_class_above(size));
        ENSURE(bda_tlsf_class_of((uint32_t)rounded - 1) < bda_tlsf_class_above(size));
        ENSURE(bda_tlsf_round_up(rounded) == rounded);
    } else {
        ENSURE(bda_tlsf_class_above(size) == BDA_TLSF_LEVELS * BDA_TLSF_CLASSES);
    }
    REACHES(rounded > UINT32_MAX);
    REACHES(rounded != size && size < 100);
}

void round_up_leaves_what_no_range_can_hold(void) {
    uint64_t size = nondet_u64();
    GIVEN(size > UINT32_MAX);
    ENSURE(bda_tlsf_round_up(size) == size);
}

/* On this the proofs of pools rest, see proof_class_of in pool.h. */
void a_class_begins_where_the_proofs_think(void) {
    uint32_t size = any_size(), class = bda_tlsf_class_of(size);
    ENSURE(class_begins(class) <= size);
    ENSURE(class + 1 == BDA_TLSF_LEVELS * BDA_TLSF_CLASSES || size < class_begins(class + 1));
}

void a_list_is_that_of_the_class_and_zone(void) {
    uint32_t size = any_size(), zone = any_below(BDA_TLSF_ZONES);
    ENSURE(list_for(size, zone) == bda_tlsf_class_of(size) * BDA_TLSF_ZONES + zone);
    ENSURE(list_for(size, zone) < BDA_TLSF_LISTS);
    REACHES(list_for(size, zone) == BDA_TLSF_LISTS - 1);
}
