/* What was refused, see refusal.h. */
#include "alloc/refusal.h"

/* Who asks in vain pays some calls of the driver; a thousandth of that is less than what it asks for costs. And a
 * thread that allocates all the time learns within a millisecond or so that there is memory again. */
enum { BELIEVED = 1024 };

void bda_refusal_note(struct bda_refusal *refusal, uint64_t bytes, uint64_t returned) {
    bool same = refusal->least != 0 && refusal->returned == returned && refusal->least <= bytes;
    *refusal = (struct bda_refusal){ same ? refusal->least : bytes, returned, BELIEVED };
}

bool bda_refusal_holds(struct bda_refusal *refusal, uint64_t bytes, uint64_t returned) {
    if (refusal->believed == 0 || refusal->least == 0 || bytes < refusal->least || refusal->returned != returned)
        return false;
    refusal->believed--;
    return true;
}
