/* src/alloc/history.c, src/debug/history.c and src/api/history.c: who had an address before. */
#include "alloc_support.h"

#include "core/ring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { OWNERS = 64 };

static BdaPastOwner owners[OWNERS];
static BdaHistory history;

static uint32_t past_of(VkDeviceAddress address, VkDeviceSize precision) {
    uint32_t count = OWNERS;
    VkResult result = bda_get_history(bench.allocator, address, precision, &history, &count, owners);
    assert_true(result == VK_SUCCESS || (result == VK_INCOMPLETE && count == OWNERS));
    return count;
}

static void open_with(BdaAllocatorFlags flags, uint32_t depth) {
    bench_prepare(NULL);
    bench.info.flags = flags;
    bench.info.history_depth = depth;
    bench_start();
}

static const BdaAllocatorFlags modes[] = { 0, BDA_ALLOCATOR_NO_CACHES_BIT, BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT };

static BdaFinding found_at(VkDeviceAddress address) {
    BdaFinding finding;
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, address, 0, &count, &finding), VK_SUCCESS);
    return finding;
}

static void assert_words(const BdaFinding *finding, const char *wanted) {
    char text[BDA_FINDING_TEXT_SIZE];
    assert_int_equal(bda_describe_finding(finding, sizeof text, text), VK_SUCCESS);
    if (strstr(text, wanted) == NULL)
        fail_msg("'%s' is not in '%s'", wanted, text);
}

/* ---- One thread ---- */

static void the_last_owners_of_a_byte_come_newest_first(void **state) {
    (void)state;
    for (uint32_t mode = 0; mode < COUNT_OF(modes); mode++) {
        open_with(modes[mode], 0);
        VkDeviceAddress at = 0;
        BdaHandle handles[3];
        for (uint32_t i = 0; i < 3; i++) {
            BdaAllocation a = take((BdaAllocInfo){ .size = 1000 });
            assert_true(i == 0 || a.address == at);
            assert_int_equal(past_of(a.address, 0), i); /* what lives is not past */
            at = a.address;
            handles[i] = a.handle;
            give(a);
        }
        assert_int_equal(past_of(at + 999, 0), 3);
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(owners[i].range.handle, handles[2 - i]);
            assert_int_equal(owners[i].range.address, at);
            assert_int_equal(owners[i].range.size, 1000);
            assert_int_equal(owners[i].frees_ago, i);
            assert_string_equal(owners[i].range.name, "");
            assert_true(owners[i].frame_freed == 0 && !owners[i].deferred);
        }
        assert_true(history.complete);
        assert_int_equal(past_of(at - 1, 0) + past_of(at + 1008, 0), 0);
        assert_int_equal(past_of(at, 4096), 3);
        assert_int_equal(past_of(at | (VkDeviceAddress)0xFFFF << 48, 0), at >> 47 == 1 ? 3 : 0);
        bench_close();
    }
}

static void every_way_to_free_is_remembered(void **state) {
    (void)state;
    for (uint32_t mode = 0; mode < COUNT_OF(modes); mode++) {
        open_with(modes[mode], 0);
        BdaAllocation a[6] = {
            take((BdaAllocInfo){ .size = 100, .name = "named" }),
            take((BdaAllocInfo){ .size = MIB(1) / 4 }), /* too large for caches */
            take_buffer(500, PLAIN_USAGE, (BdaAllocInfo){ .name = NULL }),
            take_buffer(600, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" }),
            take((BdaAllocInfo){ .size = 70000, .flags = BDA_ALLOC_DEDICATED_BIT }),
            take((BdaAllocInfo){ .size = 48 }),
        };
        for (uint32_t i = 0; i < 5; i++)
            give(a[i]);
        assert_int_equal(bda_free_many(bench.allocator, 1, &a[5].handle), VK_SUCCESS);
        for (uint32_t i = 0; i < COUNT_OF(a); i++) {
            assert_int_equal(past_of(a[i].address + a[i].size - 1, 1), 1);
            assert_int_equal(owners[0].range.handle, a[i].handle);
            assert_int_equal(owners[0].range.size, a[i].size);
            assert_int_equal(owners[0].range.address, a[i].address);
            assert_int_equal(owners[0].frees_ago, 5 - i);
            assert_string_equal(owners[0].range.name, i == 0 ? "named" : i == 3 ? "own" : "");
        }
        bench_close();
    }
}

static void a_pending_free_is_past_at_once(void **state) {
    (void)state;
    open_with(0, 0);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "frame ring" });
    bda_set_frame(bench.allocator, 7);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    bda_set_frame(bench.allocator, 9);
    assert_int_equal(past_of(a.address, 0), 1);
    assert_true(owners[0].deferred && owners[0].frame_freed == 7 && owners[0].range.size == 100);
    assert_string_equal(owners[0].range.name, "frame ring");
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(past_of(a.address, 0), 1);
    fake_drop_semaphore(bench.driver, timeline);
    bench_close();
}

static void names_are_copied_and_cut(void **state) {
    (void)state;
    open_with(0, 0);
    char name[100];
    for (uint32_t length = 0; length < sizeof name; length++) {
        memset(name, 'a' + (int)(length % 26), length);
        name[length] = '\0';
        BdaAllocation a = take((BdaAllocInfo){ .size = 64, .name = name });
        give(a);
        memset(name, '!', sizeof name - 1);
        assert_true(past_of(a.address, 0) > 0);
        assert_int_equal(strlen(owners[0].range.name), length < 56 ? length : 56);
        for (const char *c = owners[0].range.name; *c != '\0'; c++)
            assert_int_equal(*c, 'a' + (int)(length % 26));
    }
    BdaAllocation a = take((BdaAllocInfo){ .size = 64 });
    assert_int_equal(bda_set_name(bench.allocator, a.handle, "later"), VK_SUCCESS);
    give(a);
    assert_true(past_of(a.address, 0) > 0);
    assert_string_equal(owners[0].range.name, "later");
    bench_close();
}

static void frames_are_told(void **state) {
    (void)state;
    open_with(0, 0);
    const uint64_t frames[] = { 1, 5, 0xFFFFFFFF, 0x100000000, 0x100000007, 0x123456789A };
    for (uint32_t i = 0; i < COUNT_OF(frames); i++) {
        bda_set_frame(bench.allocator, frames[i]);
        BdaAllocation a = take((BdaAllocInfo){ .size = 64, .name = "framed" });
        if (i + 1 < COUNT_OF(frames) && frames[i + 1] - frames[i] < 0x80000000)
            bda_set_frame(bench.allocator, frames[i + 1]);
        if ((uint32_t)frames[i] != 0)
            assert_int_equal(found_at(a.address).range.frame, frames[i]);
        give(a);
        assert_true(past_of(a.address, 0) > 0);
        bool moved = i + 1 < COUNT_OF(frames) && frames[i + 1] - frames[i] < 0x80000000;
        assert_int_equal(owners[0].frame_freed, moved ? frames[i + 1] : frames[i]);
        if ((uint32_t)frames[i] != 0)
            assert_int_equal(owners[0].frame_allocated, frames[i]);
    }
    bda_set_frame(NULL, 1);
    bench_close();
}

/* ---- Depth ---- */

static void what_is_beyond_the_depth_is_forgotten_and_that_is_told(void **state) {
    (void)state;
    for (uint32_t mode = 0; mode < COUNT_OF(modes); mode++)
        for (uint32_t depth = 1; depth <= 64; depth *= 4) {
            open_with(modes[mode], depth);
            uint32_t slots = depth < 8 ? 8 : depth;
            VkDeviceAddress at = 0;
            for (uint32_t i = 0; i < 3 * slots; i++) {
                BdaAllocation a = take((BdaAllocInfo){ .size = 256 });
                at = a.address;
                give(a);
                uint32_t count = past_of(at, 0);
                assert_true(count <= i + 1 && count + 3 >= (i + 1 < slots ? i + 1 : slots));
                assert_true(history.complete == (count == i + 1));
                bool first_apart = mode == 0; /* before the thread had a ring of its own */
                assert_true(history.complete || history.reach == count - 1 - first_apart);
                for (uint32_t k = 0; k + first_apart < count; k++)
                    assert_int_equal(owners[k].frees_ago, k);
                assert_int_equal(owners[count - 1].frees_ago, first_apart ? i : count - 1);
            }
            bench_close();
        }
}

static void it_can_be_turned_off(void **state) {
    (void)state;
    for (uint32_t mode = 0; mode < COUNT_OF(modes); mode++) {
        open_with(modes[mode], BDA_HISTORY_NONE);
        for (uint32_t i = 0; i < 20; i++) {
            BdaAllocation a = take((BdaAllocInfo){ .size = 256, .name = i % 2 == 0 ? "named" : NULL });
            assert_int_equal(past_of(a.address, 0), 0);
            give(a);
            assert_int_equal(past_of(a.address, 0), 0);
            assert_true(!history.complete && history.reach == 0);
        }
        bench_close();
    }
}

static void more_than_fit_are_told(void **state) {
    (void)state;
    open_with(0, 0);
    VkDeviceAddress at = 0;
    for (uint32_t i = 0; i < 10; i++) {
        BdaAllocation a = take((BdaAllocInfo){ .size = 64 });
        at = a.address;
        give(a);
    }
    uint32_t count = 0;
    assert_int_equal(bda_get_history(bench.allocator, at, 0, &history, &count, NULL), VK_SUCCESS);
    assert_int_equal(count, 10);
    count = 4;
    assert_int_equal(bda_get_history(bench.allocator, at, 0, &history, &count, owners), VK_INCOMPLETE);
    assert_int_equal(count, 4);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(owners[i].frees_ago, i);
    bench_close();
}

static void misuse_is_refused(void **state) {
    (void)state;
    const VkResult bad = VK_ERROR_VALIDATION_FAILED_EXT;
    open_with(0, 0);
    uint32_t count = OWNERS;
    const char *function = "bda_get_history";
    assert_refusal(bad, bda_get_history(bench.allocator, 0, 0, NULL, &count, owners), function, "history");
    assert_refusal(bad, bda_get_history(bench.allocator, 0, 0, &history, NULL, owners), function, "count");
    assert_refusal(bad, bda_get_history(bench.allocator, 0, 3, &history, &count, owners), function,
                   "precision is no power of two, 3 (");
    assert_int_equal(bda_get_history(NULL, 0, 0, &history, &count, owners), bad);
    bench_close();
    bench_prepare(NULL);
    bench.info.history_depth = BDA_HISTORY_DEPTH_MAX + 1;
    assert_refusal(bad, bda_create_allocator(&bench.info, &bench.allocator), "bda_create_allocator",
                   "history_depth is over BDA_HISTORY_DEPTH_MAX, ");
    bench.info.history_depth = 0;
    bench_start();
    bench_close();
}

/* ---- Memory that went back ---- */

static void history_outlives_its_block(void **state) {
    (void)state;
    open_with(0, 0);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "gone" });
    give(a);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(past_of(a.address, 0), 1);
    assert_string_equal(owners[0].range.name, "gone");
    bench_close();
}

/* ---- In findings ---- */

static void a_finding_says_who_had_what_is_not_live(void **state) {
    (void)state;
    for (uint32_t mode = 0; mode < COUNT_OF(modes); mode++) {
        open_with(modes[mode], 0);
        BdaAllocation hold = take((BdaAllocInfo){ .size = 64, .name = "hold" });
        BdaAllocation gone = take((BdaAllocInfo){ .size = 1000, .name = "tmp sort" });
        BdaFinding finding = found_at(gone.address + 10); /* what lives has a story of its own */
        assert_int_equal(finding.kind, BDA_FINDING_LIVE);
        assert_true(finding.former.range.handle == 0 && !finding.history.complete);
        finding = found_at(gone.address + 5000);
        assert_true(finding.former.range.handle == 0 && finding.history.complete);
        assert_words(&finding, "in a block, never handed out; ");
        bda_set_frame(bench.allocator, 9);
        give(gone);
        finding = found_at(gone.address + 10);
        assert_int_equal(finding.former.range.handle, gone.handle);
        assert_int_equal(finding.former.frees_ago, 0);
        assert_int_equal(finding.former.frame_freed, 9);
        assert_string_equal(finding.former.range.name, "tmp sort");
        assert_words(&finding, "; the range belonged to 'tmp sort' (1000 bytes at 0x");
        assert_words(&finding, ") until the last free, in frame 9");
        give(hold);
        assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
        finding = found_at(gone.address); /* the memory went back, the story stays */
        assert_int_equal(finding.kind, BDA_FINDING_FOREIGN);
        assert_string_equal(finding.former.range.name, "tmp sort");
        assert_int_equal(finding.former.frees_ago, 1);
        bench_close();
    }
}

static void what_lives_has_no_former_owner_in_a_finding(void **state) {
    (void)state;
    open_with(BDA_ALLOCATOR_NO_CACHES_BIT, 0);
    BdaAllocation a = take((BdaAllocInfo){ .size = 4096, .alignment = 4096 });
    give(a);
    BdaAllocation b = take((BdaAllocInfo){ .size = 4096, .alignment = 4096 });
    assert_int_equal(b.address, a.address);
    BdaFinding finding;
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, b.address, 256, &count, &finding), VK_SUCCESS);
    assert_int_equal(finding.kind, BDA_FINDING_LIVE);
    assert_true(finding.former.range.handle == 0 && !finding.history.complete);
    give(b);
    bench_close();
}

static void a_finding_says_when_its_owner_may_be_forgotten(void **state) {
    (void)state;
    open_with(BDA_ALLOCATOR_NO_CACHES_BIT, 8);
    BdaAllocation gone = take((BdaAllocInfo){ .size = 500 }), hold = take((BdaAllocInfo){ .size = 500 });
    give(gone);
    for (uint32_t i = 0; i < 20; i++)
        give(take((BdaAllocInfo){ .size = 200000 }));
    BdaFinding finding = found_at(gone.address);
    assert_true(finding.former.range.handle == 0 && !finding.history.complete && finding.history.reach < 20);
    assert_words(&finding, "in a block, but in no allocation");
    give(hold);
    bench_close();
}

/* A pending free tells of itself once. */
static void a_pending_free_is_its_own_former_owner(void **state) {
    (void)state;
    open_with(0, 0);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "frame ring" });
    bda_set_frame(bench.allocator, 7);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    BdaFinding finding = found_at(a.address);
    assert_int_equal(finding.kind, BDA_FINDING_PENDING);
    assert_int_equal(finding.former.range.handle, a.handle);
    assert_words(&finding, "; it was freed with the last free, in frame 7");
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    fake_drop_semaphore(bench.driver, timeline);
    bench_close();
}

/* ---- Threads ---- */

enum { THREADS = 4, ROUNDS = 4000 };

static _Atomic unsigned wrong, finished;

#define NOTE(holds) atomic_fetch_add(&wrong, (holds) ? 0 : 1)

static void *churn(void *number) {
    char name[80];
    uint32_t me = *(const uint32_t *)number;
    (void)snprintf(name, sizeof name, "%u%u%u%u%u%u%u%u of a long name that needs two notes", me, me, me, me, me, me,
                   me, me);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const BdaAllocInfo info = { .size = 32 + 16 * me, .name = i % 3 == 0 ? name : NULL };
        BdaAllocation a;
        NOTE(bda_alloc(bench.allocator, &info, &a) == VK_SUCCESS);
        NOTE(bda_free(bench.allocator, a.handle) == VK_SUCCESS);
        if (i % 64 == 0)
            bda_set_frame(bench.allocator, i + 1);
    }
    atomic_fetch_add(&finished, 1);
    return NULL;
}

/* Each event is whole: its size says whose it is, and its name the same. */
static void look(void) {
    BdaPastOwner found[16];
    BdaHistory how;
    uint32_t count = COUNT_OF(found);
    VkResult result = bda_get_history(bench.allocator, 0x100000000, (VkDeviceSize)1 << 40, &how, &count, found);
    NOTE(result == VK_SUCCESS || result == VK_INCOMPLETE);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t me = (found[i].range.size - 32) / 16;
        NOTE(found[i].range.size % 16 == 0 && me < THREADS);
        for (uint32_t k = 0; found[i].range.name[0] != '\0' && k < 8; k++)
            NOTE(found[i].range.name[k] == '0' + (char)me);
        NOTE(i == 0 || found[i].frees_ago >= found[i - 1].frees_ago);
        NOTE(found[i].frame_freed <= ROUNDS);
    }
}

static void rings_are_read_while_they_are_written(void **state) {
    (void)state;
    for (uint32_t mode = 0; mode < 2; mode++) {
        open_with(modes[mode], 16);
        pthread_t threads[THREADS];
        uint32_t numbers[THREADS];
        atomic_store(&finished, 0);
        for (uint32_t i = 0; i < THREADS; i++) {
            numbers[i] = i;
            assert_int_equal(pthread_create(&threads[i], NULL, churn, &numbers[i]), 0);
        }
        while (atomic_load(&finished) < THREADS)
            look();
        for (uint32_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(atomic_load(&wrong), 0);
        bench_close();
    }
}

/* A quiet thread's free is old once others have freed a lot, and not before. */
static void *free_many(void *rounds) {
    for (uint32_t i = 0; i < *(const uint32_t *)rounds; i++) {
        BdaAllocation a;
        NOTE(bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = 64 }, &a) == VK_SUCCESS);
        NOTE(bda_free(bench.allocator, a.handle) == VK_SUCCESS);
    }
    return NULL;
}

static void the_order_across_threads_is_about_right(void **state) {
    (void)state;
    open_with(0, 0);
    for (uint32_t i = 0; i < 1000; i++)
        give(take((BdaAllocInfo){ .size = 64 }));
    BdaAllocation mine = take((BdaAllocInfo){ .size = 5000 });
    BdaAllocation hold = take((BdaAllocInfo){ .size = 5000 });
    give(mine);
    for (uint32_t rounds = 10, total = 0; rounds <= 100000; rounds *= 10) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, free_many, &rounds), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        total += rounds;
        assert_int_equal(past_of(mine.address, 0), 1);
        assert_true(owners[0].frees_ago + 512 >= total && owners[0].frees_ago <= total + 512);
    }
    give(hold);
    assert_int_equal(atomic_load(&wrong), 0);
    bench_close();
}

/* Of several rings the one that reaches least far back counts. */
static void the_shortest_ring_says_how_far_it_reaches(void **state) {
    (void)state;
    open_with(0, 8);
    for (uint32_t i = 0; i < 100; i++)
        give(take((BdaAllocInfo){ .size = 64 }));
    (void)past_of(0x1000, 0);
    assert_true(!history.complete && history.reach < 8);
    uint32_t rounds = 2000; /* several turns of the clock */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_many, &rounds), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)past_of(0x1000, 0);
    assert_true(!history.complete && history.reach < 8);
    bench_close();
}

/* With checking modes, too, where all threads share one ring. */
static void the_depth_is_what_was_asked_for(void **state) {
    (void)state;
    const BdaCheckFlags checks[] = { 0, BDA_CHECK_QUARANTINE_BIT, BDA_CHECK_RED_ZONES_BIT };
    for (uint32_t i = 0; i < COUNT_OF(checks); i++) {
        bench_prepare(NULL);
        bench.info.checks = checks[i];
        bench.info.history_depth = 1024;
        bench_start();
        for (uint32_t k = 0; k < 2000; k++)
            give(take((BdaAllocInfo){ .size = 64 }));
        (void)past_of(0x1000, 0);
        assert_false(history.complete);
        assert_in_range(history.reach, 1000, 1024);
        bench_close();
    }
}

static void what_is_held_is_told_with_the_bytes_that_were_asked_for(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.checks = BDA_CHECK_QUARANTINE_BIT;
    bench_start();
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .alignment = 256, .name = "bones" });
    give(a);
    BdaFinding inside = found_at(a.address + 99), end = found_at(a.address + 100), past = found_at(a.address + 105);
    assert_words(&inside, "byte 99 of 'bones' (freed, in quarantine, 100 bytes");
    assert_words(&end, "just past the end of 'bones' (freed, in quarantine, 100 bytes");
    assert_words(&past, "5 bytes past the end of 'bones' (freed, in quarantine, 100 bytes");
    bench_close();
}

/* ---- BDA_CHECK_HISTORY_BIT ---- */

static void open_whole(BdaAllocatorFlags flags, BdaCheckFlags checks, uint32_t depth) {
    bench_prepare(NULL);
    bench.info.flags = flags;
    bench.info.checks = checks;
    bench.info.history_depth = depth;
    bench_start();
}

static void what_lives_is_dated_without_a_name(void **state) {
    (void)state;
    for (uint32_t mode = 0; mode < COUNT_OF(modes); mode++) {
        open_whole(modes[mode], BDA_CHECK_HISTORY_BIT, 0);
        bda_set_frame(bench.allocator, 7);
        BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE), b = take_buffer(33, PLAIN_USAGE, (BdaAllocInfo){ 0 });
        BdaAllocation alone = take((BdaAllocInfo){ .size = 100, .flags = BDA_ALLOC_DEDICATED_BIT });
        assert_words(&(BdaFinding){ 0 }, "");
        assert_true(found_at(a.address).dated);
        assert_int_equal(found_at(a.address).frees_since, 0);
        bda_set_frame(bench.allocator, 9);
        for (uint32_t i = 0; i < 5; i++)
            give(take((BdaAllocInfo){ .size = 5000, .name = "between" }));
        const BdaAllocation all[] = { a, b, alone };
        for (uint32_t i = 0; i < COUNT_OF(all); i++) {
            BdaFinding finding = found_at(all[i].address + 5);
            assert_true(finding.dated);
            assert_int_equal(finding.frees_since, 5);
            assert_int_equal(finding.range.frame, 7);
            assert_words(&finding, ", since frame 7), allocated about 5 frees ago");
        }
        BdaFinding slack = found_at(a.address + 100);
        assert_int_equal(slack.kind, BDA_FINDING_SLACK);
        assert_words(&slack, "just past the end of an unnamed allocation (live, 100 bytes at 0x");
        assert_words(&slack, ", since frame 7), allocated about 5 frees ago, in its padding");
        give_all(all, COUNT_OF(all));
        bench_close();
    }
}

static void the_history_knows_when_what_lives_and_lived_was_made(void **state) {
    (void)state;
    open_whole(BDA_ALLOCATOR_NO_CACHES_BIT, BDA_CHECK_HISTORY_BIT, 0);
    bda_set_frame(bench.allocator, 3);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE);
    bda_set_frame(bench.allocator, 4);
    give(a);
    BdaAllocation b = take_bytes(100, BDA_INTENT_DEVICE);
    assert_int_equal(b.address, a.address);
    assert_int_equal(past_of(a.address, 0), 2);
    assert_true(owners[0].live);
    assert_int_equal(owners[0].range.handle, b.handle);
    assert_int_equal(owners[0].frame_allocated, 4);
    assert_int_equal(owners[0].frame_freed, 0);
    assert_int_equal(owners[0].frees_ago, 0);
    assert_false(owners[1].live);
    assert_int_equal(owners[1].range.handle, a.handle);
    assert_int_equal(owners[1].frame_allocated, 3);
    assert_int_equal(owners[1].frame_freed, 4);
    assert_true(history.complete);
    assert_int_equal(found_at(a.address).former.range.handle, 0); /* live: as ever */
    give(b);
    assert_int_equal(past_of(a.address, 0), 2);
    assert_false(owners[0].live);
    assert_int_equal(found_at(a.address).former.frame_allocated, 4);
    assert_int_equal(found_at(a.address).former.range.handle, b.handle);
    bench_close();
}

/* Beyond the depth nobody is dated, and the answer says that it is not complete; frees are counted, not events. */
static void births_are_forgotten_with_the_rest(void **state) {
    (void)state;
    enum { DEPTH = 64 };
    open_whole(BDA_ALLOCATOR_NO_CACHES_BIT, BDA_CHECK_HISTORY_BIT, DEPTH);
    BdaAllocation old = take_bytes(100, BDA_INTENT_DEVICE), middle = { 0 };
    for (uint32_t i = 0; i < 50; i++) {
        if (i == 30)
            middle = take_bytes(100, BDA_INTENT_DEVICE);
        give(take_bytes(64, BDA_INTENT_UPLOAD));
    }
    assert_false(found_at(old.address).dated);
    assert_true(found_at(middle.address).dated);
    assert_int_equal(found_at(middle.address).frees_since, 20);
    (void)past_of(old.address, 0);
    assert_false(history.complete);
    assert_true(history.reach >= DEPTH / 2 - 3 && history.reach <= DEPTH / 2);
    give(old);
    give(middle);
    bench_close();
}

static void without_the_mode_nobody_is_dated(void **state) {
    (void)state;
    open_whole(0, BDA_CHECK_RED_ZONES_BIT, 0);
    bda_set_frame(bench.allocator, 7);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE);
    assert_false(found_at(a.address).dated);
    assert_int_equal(found_at(a.address).range.frame, 0);
    assert_int_equal(past_of(a.address, 0), 0);
    give(a);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_owners_of_a_byte_come_newest_first),
        cmocka_unit_test(every_way_to_free_is_remembered),
        cmocka_unit_test(a_pending_free_is_past_at_once),
        cmocka_unit_test(names_are_copied_and_cut),
        cmocka_unit_test(frames_are_told),
        cmocka_unit_test(what_is_beyond_the_depth_is_forgotten_and_that_is_told),
        cmocka_unit_test(it_can_be_turned_off),
        cmocka_unit_test(more_than_fit_are_told),
        cmocka_unit_test(misuse_is_refused),
        cmocka_unit_test(history_outlives_its_block),
        cmocka_unit_test(a_finding_says_who_had_what_is_not_live),
        cmocka_unit_test(what_lives_has_no_former_owner_in_a_finding),
        cmocka_unit_test(a_finding_says_when_its_owner_may_be_forgotten),
        cmocka_unit_test(a_pending_free_is_its_own_former_owner),
        cmocka_unit_test(rings_are_read_while_they_are_written),
        cmocka_unit_test(the_shortest_ring_says_how_far_it_reaches),
        cmocka_unit_test(the_depth_is_what_was_asked_for),
        cmocka_unit_test(what_is_held_is_told_with_the_bytes_that_were_asked_for),
        cmocka_unit_test(the_order_across_threads_is_about_right),
        cmocka_unit_test(what_lives_is_dated_without_a_name),
        cmocka_unit_test(the_history_knows_when_what_lives_and_lived_was_made),
        cmocka_unit_test(births_are_forgotten_with_the_rest),
        cmocka_unit_test(without_the_mode_nobody_is_dated),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
