/* See helper_support.h. */
#include "helper_support.h"

#include "platform/platform.h"

static void *obey(void *context) {
    struct helper *helper = context;
    for (uint32_t round = 1;; round++) {
        while (atomic_load_explicit(&helper->asked, memory_order_acquire) < round)
            bda_native_yield();
        if (helper->ends)
            return NULL;
        helper->what(helper);
        atomic_store_explicit(&helper->done, round, memory_order_release);
    }
}

void hire(struct helper *helper) {
    memset(helper, 0, sizeof *helper);
    helper->allocator = bench.allocator;
    assert_int_equal(pthread_create(&helper->thread, NULL, obey, helper), 0);
}

uint32_t begin(struct helper *helper, void (*what)(struct helper *helper)) {
    helper->what = what;
    return atomic_fetch_add_explicit(&helper->asked, 1, memory_order_release) + 1;
}

void await(struct helper *helper, uint32_t round) {
    while (atomic_load_explicit(&helper->done, memory_order_acquire) < round)
        bda_native_yield();
}

void tell(struct helper *helper, void (*what)(struct helper *helper)) {
    await(helper, begin(helper, what));
    assert_int_equal(helper->wrong, 0);
}

void dismiss(struct helper *helper) {
    helper->ends = true;
    (void)atomic_fetch_add_explicit(&helper->asked, 1, memory_order_release);
    assert_int_equal(pthread_join(helper->thread, NULL), 0);
}
