/* src/alloc/prefixes.c under random names, renames and frees in all ways, beside a naive model; and from several
 * threads, meant for the thread sanitizer, too. */
#include "prefix_support.h"

#include "alloc/allocator.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* ---- A naive model ---- */

enum { THINGS = 64, STEPS = 6000 };

struct thing {
    BdaAllocation a;
    uint32_t prefix; /* NOWHERE: of none */
    BdaPool pool;
};

static struct {
    uint32_t random;
    struct thing things[THINGS];
    uint64_t live[PREFIXES + 1], peak_frame[PREFIXES + 1], frame;
    VkDeviceSize used[PREFIXES + 1], peak[PREFIXES + 1];
    BdaPool pool;
    VkSemaphore timeline;
    uint64_t value;
} model;

static const struct {
    const char *name;
    uint32_t prefix;
} names[] = { { NULL, NOWHERE },  { "", NOWHERE },      { "mesh", NOWHERE }, { "mesh/", 0 },
              { "mesh/rock", 0 }, { "mesh/rock/1", 1 }, { "texture/7", 2 },  { "textur", NOWHERE },
              { "due", 3 },       { "dues", 3 },        { "undue", NOWHERE } };

static uint32_t draw(uint32_t bound) {
    model.random = model.random * 1664525u + 1013904223u;
    return (model.random >> 8) % bound;
}

static void add(uint32_t prefix, VkDeviceSize size) {
    model.live[prefix]++;
    model.used[prefix] += size;
    if (model.used[prefix] <= model.peak[prefix])
        return;
    model.peak[prefix] = model.used[prefix];
    model.peak_frame[prefix] = model.frame;
}

static void take_off(struct thing *thing) {
    model.live[thing->prefix]--;
    model.used[thing->prefix] -= thing->a.size;
    *thing = (struct thing){ .prefix = NOWHERE };
}

static struct thing *any_thing(bool live) {
    uint32_t start = draw(THINGS);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct thing *thing = &model.things[(start + i) % THINGS];
        if ((thing->a.handle != 0) == live)
            return thing;
    }
    return NULL;
}

static BdaAllocInfo some_request(uint32_t name) {
    return (BdaAllocInfo){ .size = 1 + (draw(8) == 0 ? draw(300000) : draw(4000)),
                           .name = names[name].name,
                           .user = draw(4) == 0 ? 9 : 0,
                           .pool = draw(4) == 0 ? model.pool : NULL,
                           .flags = draw(12) == 0 ? BDA_ALLOC_DEDICATED_BIT : 0 };
}

static void take_one(void) {
    struct thing *thing = any_thing(false);
    uint32_t name = draw(COUNT_OF(names));
    BdaAllocInfo info = some_request(name);
    if (thing == NULL)
        return;
    if (draw(3) == 0) {
        VkDeviceSize size = info.size;
        info.size = 0;
        thing->a = take_buffer(size, PLAIN_USAGE, info);
    } else {
        thing->a = take(info);
    }
    thing->prefix = names[name].prefix;
    thing->pool = info.pool;
    add(thing->prefix, thing->a.size);
}

static void take_many(void) {
    BdaAllocInfo infos[8];
    BdaAllocation a[8];
    uint32_t name = draw(COUNT_OF(names)), room = 0, many = 1 + draw(8);
    for (uint32_t i = 0; i < THINGS; i++)
        room += model.things[i].a.handle == 0;
    if (room < many)
        return;
    for (uint32_t i = 0; i < many; i++)
        infos[i] = some_request(name);
    assert_int_equal(bda_alloc_many(bench.allocator, many, infos, a), VK_SUCCESS);
    for (uint32_t i = 0; i < many; i++) {
        struct thing *thing = any_thing(false);
        *thing = (struct thing){ a[i], names[name].prefix, infos[i].pool };
        add(thing->prefix, a[i].size);
    }
}

static void name_one(void) {
    struct thing *thing = any_thing(true);
    uint32_t name = draw(COUNT_OF(names));
    if (thing == NULL)
        return;
    prefix_rename(thing->a, names[name].name);
    if (thing->prefix == names[name].prefix)
        return;
    const struct thing before = *thing;
    take_off(thing);
    *thing = (struct thing){ before.a, names[name].prefix, before.pool };
    add(thing->prefix, thing->a.size);
}

static void free_one(void) {
    struct thing *thing = any_thing(true);
    if (thing == NULL)
        return;
    switch (draw(3)) {
    case 0:
        assert_int_equal(bda_free_address(bench.allocator, thing->a.address), VK_SUCCESS);
        break;
    case 1:
        assert_int_equal(bda_free_after(bench.allocator, thing->a.handle, model.timeline, model.value + draw(3)),
                         VK_SUCCESS);
        break;
    default:
        give(thing->a);
    }
    take_off(thing);
}

static void free_many(void) {
    BdaHandle handles[8] = { 0 };
    for (uint32_t i = 0; i < COUNT_OF(handles); i++) {
        struct thing *thing = any_thing(true);
        if (thing == NULL)
            break;
        handles[i] = thing->a.handle;
        take_off(thing);
    }
    assert_int_equal(bda_free_many(bench.allocator, COUNT_OF(handles), handles), VK_SUCCESS);
}

static void renew_pool(void) {
    bool live = false;
    for (uint32_t i = 0; i < THINGS; i++) {
        if (model.things[i].a.handle == 0 || model.things[i].pool != model.pool)
            continue;
        live = true;
        take_off(&model.things[i]);
    }
    assert_int_equal(bda_destroy_pool(bench.allocator, model.pool), live ? VK_INCOMPLETE : VK_SUCCESS);
    model.pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_DEVICE });
}

static void next_frame(void) {
    bda_set_frame(bench.allocator, ++model.frame);
    fake_signal(bench.driver, model.timeline, ++model.value);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
}

static void step(void) {
    uint32_t choice = draw(100);
    if (choice < 35)
        take_one();
    else if (choice < 40)
        take_many();
    else if (choice < 60)
        name_one();
    else if (choice < 90)
        free_one();
    else if (choice < 94)
        free_many();
    else if (choice < 99)
        next_frame();
    else
        renew_pool();
}

static void agree(void) {
    for (uint32_t i = 0; i < PREFIXES; i++)
        prefix_expect(i, model.live[i], model.used[i], model.peak[i], model.peak_frame[i]);
}

static void play(BdaAllocatorInfo wishes) {
    memset(&model, 0, sizeof model);
    model.random = 11;
    for (uint32_t i = 0; i < THINGS; i++)
        model.things[i].prefix = NOWHERE;
    prefix_open(NULL, wishes);
    model.pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_DEVICE });
    model.timeline = fake_make_semaphore(bench.driver, 0);
    for (uint32_t i = 0; i < STEPS; i++) {
        step();
        agree();
    }
    for (struct thing *thing = any_thing(true); thing != NULL; thing = any_thing(true)) {
        give(thing->a);
        take_off(thing);
    }
    agree();
    bench_hush();
    bench_close();
}

static void counts_are_those_of_a_naive_model(void **state) {
    (void)state;
    play((BdaAllocatorInfo){ .flags = 0 });
    play((BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
    play((BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT });
    play((BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_LOG_EVENTS_BIT });
}

static void counts_are_those_of_the_model_in_checking_modes(void **state) {
    (void)state;
    static const char *const modes[] = { "quarantine=100000,poison,redzones", "isolate", "memory,stacks", "pointers" };
    for (uint32_t i = 0; i < COUNT_OF(modes); i++) {
        assert_int_equal(setenv("BDA_DEBUG", modes[i], 1), 0);
        play((BdaAllocatorInfo){ .flags = 0 });
        assert_int_equal(unsetenv("BDA_DEBUG"), 0);
    }
}

/* ---- Threads ---- */

enum { WORKERS = 4, ROUNDS = 2000, HELD = 16 };

struct worker {
    uint32_t random;
    unsigned wrong;
    BdaAllocation held[HELD];
    uint32_t prefix[HELD];
    VkDeviceSize used[PREFIXES + 1]; /* by what it holds in the end */
};

static uint32_t draw_of(struct worker *w, uint32_t bound) {
    w->random = w->random * 1664525u + 1013904223u;
    return (w->random >> 8) % bound;
}

static void do_something(struct worker *w, uint32_t slot) {
    uint32_t name = draw_of(w, COUNT_OF(names));
    const VkBufferCreateInfo buffer = buffer_info(1 + draw_of(w, 3000), PLAIN_USAGE);
    const BdaAllocInfo unnamed = { .size = 0 };
    const BdaAllocInfo info = { .size = 1 + draw_of(w, 3000), .name = names[name].name };
    BdaAllocation *a = &w->held[slot];
    VkResult result;
    if (a->handle != 0 && draw_of(w, 2) == 0) {
        result = bda_set_name(bench.allocator, a->handle, names[name].name);
    } else if (a->handle != 0) {
        result = bda_free(bench.allocator, a->handle);
        *a = (BdaAllocation){ .handle = 0 };
    } else if (draw_of(w, 3) == 0) {
        result = bda_alloc_buffer(bench.allocator, &buffer, &unnamed, a);
        name = 0;
    } else {
        result = bda_alloc(bench.allocator, &info, a);
    }
    w->prefix[slot] = names[name].prefix;
    w->wrong += result != VK_SUCCESS ? 1u : 0u;
}

static void *come_and_go(void *context) {
    struct worker *w = context;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        BdaCountedPrefix now[PREFIXES];
        uint32_t count = PREFIXES;
        do_something(w, draw_of(w, HELD));
        w->wrong += bda_get_counted_prefixes(bench.allocator, &count, now) != VK_SUCCESS ? 1u : 0u;
        for (uint32_t p = 0; p < count; p++) /* no sum is ever below zero, nor above what all may hold */
            w->wrong +=
                now[p].used > now[p].peak_used.bytes || now[p].peak_used.bytes > WORKERS * HELD * 3000 ? 1u : 0u;
    }
    for (uint32_t i = 0; i < HELD; i++)
        if (w->held[i].handle != 0)
            w->used[w->prefix[i]] += w->held[i].size;
    return NULL;
}

static void threads_add_up_exactly(void **state) {
    (void)state;
    static struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){ .random = i + 1 };
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &workers[i]), 0);
    }
    VkDeviceSize used[PREFIXES + 1] = { 0 };
    for (uint32_t i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
        for (uint32_t p = 0; p < PREFIXES; p++)
            used[p] += workers[i].used[p];
    }
    for (uint32_t p = 0; p < PREFIXES; p++)
        assert_int_equal(prefix_now(p).used, used[p]);
    for (uint32_t i = 0; i < WORKERS; i++)
        for (uint32_t k = 0; k < HELD; k++)
            assert_int_equal(bda_free(bench.allocator, workers[i].held[k].handle), VK_SUCCESS);
    for (uint32_t p = 0; p < PREFIXES; p++)
        assert_true(prefix_now(p).used == 0 && prefix_now(p).allocation_count == 0);
    bench_close();
}

/* Two threads take turns with the room of one allocation: its bytes are off before the other has them. */
static void *take_the_only_room(void *context) {
    const BdaAllocInfo *wish = context;
    BdaAllocation a;
    for (uint32_t i = 0; i < 20000; i++)
        if (bda_alloc(bench.allocator, wish, &a) == VK_SUCCESS)
            (void)bda_free(bench.allocator, a.handle);
    return NULL;
}

static void a_peak_is_never_more_than_there_is_room_for(void **state) {
    (void)state;
    static const BdaAllocFlags ways[] = { BDA_ALLOC_NO_NEW_MEMORY_BIT, BDA_ALLOC_DEDICATED_BIT };
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
        bench.allocator->message = NULL; /* the bench listens to one thread at a time, and both are refused */
        BdaPool pool =
            make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1), .limit = MIB(1) + KIB(64) });
        BdaAllocInfo wish = { .size = KIB(700), .name = "mesh/x", .pool = pool };
        if (ways[i] == BDA_ALLOC_NO_NEW_MEMORY_BIT)
            give(take(wish));
        wish.flags = ways[i];
        pthread_t threads[2];
        for (uint32_t t = 0; t < 2; t++)
            assert_int_equal(pthread_create(&threads[t], NULL, take_the_only_room, &wish), 0);
        for (uint32_t t = 0; t < 2; t++)
            assert_int_equal(pthread_join(threads[t], NULL), 0);
        assert_int_equal(prefix_now(0).used, 0);
        assert_int_equal(prefix_now(0).peak_used.bytes, KIB(700));
        bench_hush();
        assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
        bench_close();
    }
}

/* One frees what the other names, at the same moment. */
static struct {
    _Atomic BdaHandle shown;
    _Atomic bool over;
} race;

static void *name_what_is_shown(void *context) {
    (void)context;
    for (uint32_t i = 0; !atomic_load(&race.over); i++)
        (void)bda_set_name(bench.allocator, atomic_load(&race.shown), names[i % COUNT_OF(names)].name);
    return NULL;
}

static void what_is_named_while_it_is_freed_leaves_nothing_behind(void **state) {
    (void)state;
    pthread_t namer;
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    atomic_store(&race.shown, 0);
    atomic_store(&race.over, false);
    assert_int_equal(pthread_create(&namer, NULL, name_what_is_shown, NULL), 0);
    for (uint32_t i = 0; i < 4000; i++) {
        BdaAllocation a = i % 3 == 0 ? take_buffer(1000, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 })
                                     : prefix_take(1000, names[i % COUNT_OF(names)].name);
        atomic_store(&race.shown, a.handle);
        give(a);
    }
    atomic_store(&race.over, true);
    assert_int_equal(pthread_join(namer, NULL), 0);
    bench_hush();
    for (uint32_t p = 0; p < PREFIXES; p++)
        assert_true(prefix_now(p).used == 0 && prefix_now(p).allocation_count == 0 &&
                    prefix_now(p).peak_used.bytes <= 1000);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_a_naive_model),
        cmocka_unit_test(counts_are_those_of_the_model_in_checking_modes),
        cmocka_unit_test(threads_add_up_exactly),
        cmocka_unit_test(a_peak_is_never_more_than_there_is_room_for),
        cmocka_unit_test(what_is_named_while_it_is_freed_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("prefixes, by chance", tests, NULL, NULL);
}
