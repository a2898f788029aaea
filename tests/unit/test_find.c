/* src/debug/find.c, src/debug/describe.c, src/alloc/locate.c and src/api/find.c: every address is explained. */
#include "alloc_support.h"

#include "alloc/locate_live.h"

#include <stdlib.h>

static BdaFinding find_one(VkDeviceAddress address) {
    BdaFinding finding;
    uint32_t count = 1;
    memset(&finding, 0xAA, sizeof finding);
    assert_int_equal(bda_find(bench.allocator, address, 0, &count, &finding), VK_SUCCESS);
    assert_int_equal(count, 1);
    assert_true(finding.extent == 1 && finding.next == NULL);
    return finding;
}

static void assert_live(const BdaFinding *finding, const BdaAllocation *a, VkDeviceSize offset, const char *name) {
    assert_int_equal(finding->kind, BDA_FINDING_LIVE);
    assert_int_equal(finding->address, a->address + offset);
    assert_int_equal(finding->range.handle, a->handle);
    assert_int_equal(finding->range.address, a->address);
    assert_int_equal(finding->range.size, a->size);
    assert_int_equal(finding->offset, offset);
    assert_string_equal(finding->range.name, name);
    assert_int_equal(finding->before.handle | finding->after.handle, 0);
    assert_true(finding->former.live == VK_FALSE && finding->former.range.handle == 0);
}

static void assert_says(const BdaFinding *finding, const char *wanted) {
    char text[BDA_FINDING_TEXT_SIZE];
    assert_int_equal(bda_describe_finding(finding, sizeof text, text), VK_SUCCESS);
    if (strstr(text, wanted) == NULL)
        fail_msg("'%s' is not in '%s'", wanted, text);
}

static void open_without_caches(void) {
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
}

/* ---- Live ---- */

static void a_live_allocation_is_found_by_each_of_its_bytes(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 4096, .name = "particles", .user = 77 });
    BdaAllocation b = take((BdaAllocInfo){ .size = 100 });
    const VkDeviceSize offsets[] = { 0, 1, 64, 4095 };
    for (uint32_t i = 0; i < COUNT_OF(offsets); i++) {
        BdaFinding finding = find_one(a.address + offsets[i]);
        assert_live(&finding, &a, offsets[i], "particles");
        assert_true(finding.range.user == 77 && !finding.own_buffer && !finding.dedicated && finding.pool == NULL);
    }
    BdaFinding finding = find_one(b.address + 99);
    assert_live(&finding, &b, 99, "");
    assert_says(&finding, "byte 99 of an unnamed allocation (live, 100 bytes at 0x");
    give(a);
    give(b);
    bench_close();
}

static void own_buffers_and_dedicated_ones_are_found(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation buffer = take_buffer(1000, PLAIN_USAGE, (BdaAllocInfo){ .name = "mesh", .user = 5 });
    BdaAllocation unnamed = take_buffer(1000, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    BdaAllocation alone = take((BdaAllocInfo){ .size = 5000, .name = "target", .flags = BDA_ALLOC_DEDICATED_BIT });
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "level" });
    BdaAllocation pooled = take((BdaAllocInfo){ .size = 100, .pool = pool });
    BdaFinding finding = find_one(buffer.address + 999);
    assert_live(&finding, &buffer, 999, "mesh");
    assert_true(finding.own_buffer && !finding.dedicated && finding.range.user == 5);
    finding = find_one(unnamed.address);
    assert_live(&finding, &unnamed, 0, "");
    finding = find_one(alone.address + 4999);
    assert_live(&finding, &alone, 4999, "target");
    assert_true(finding.dedicated && !finding.own_buffer);
    assert_int_equal(finding.block_address, alone.address);
    finding = find_one(pooled.address);
    assert_live(&finding, &pooled, 0, "");
    assert_ptr_equal(finding.pool, pool);
    assert_int_equal(finding.memory_type, info_of(pooled.handle).memory_type);
    finding = find_one(alone.address + 5000); /* memory is larger */
    assert_int_equal(finding.kind, BDA_FINDING_SLACK);
    assert_true(finding.before.handle == alone.handle && finding.past_end == 0);
    assert_says(&finding, "just past the end of 'target' (live, 5000 bytes at 0x");
    give(buffer);
    give(unnamed);
    give(alone);
    give(pooled);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void addresses_are_known_in_either_form(void **state) {
    (void)state;
    const VkDeviceAddress bases[] = { FAKE_ADDRESS_BIT_47, FAKE_ADDRESS_SIGN_EXTENDED };
    for (uint32_t i = 0; i < COUNT_OF(bases); i++) {
        bench_open(&(struct fake_config){ .first_address = bases[i] }, NULL);
        BdaAllocation a = take((BdaAllocInfo){ .size = 256, .name = "high" });
        VkDeviceAddress other = a.address ^ (VkDeviceAddress)0xFFFF << 48;
        BdaFinding finding = find_one(a.address + 5);
        assert_live(&finding, &a, 5, "high");
        finding = find_one(other + 5);
        assert_live(&finding, &a, 5, "high"); /* told as the device writes it */
        VkBuffer buffer;
        VkDeviceSize offset;
        assert_int_equal(bda_resolve(bench.allocator, other + 7, &buffer, &offset), VK_SUCCESS);
        assert_true(buffer == a.buffer && offset == a.offset + 7);
        uint32_t count = 0;
        assert_int_equal(bda_find(bench.allocator, other, 4096, &count, NULL), VK_SUCCESS);
        assert_true(count >= 2);
        assert_int_equal(bda_free_address(bench.allocator, other), VK_SUCCESS);
        bench_close();
    }
}

/* ---- What is not live ---- */

static void padding_is_past_the_end_of_its_allocation(void **state) {
    (void)state;
    open_without_caches();
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "a" });
    BdaAllocation b = take((BdaAllocInfo){ .size = 100, .name = "b" });
    assert_int_equal(b.address, a.address + 112);
    BdaFinding finding = find_one(a.address + 111);
    assert_int_equal(finding.kind, BDA_FINDING_SLACK);
    assert_true(finding.range.handle == a.handle && finding.offset == 111);
    assert_true(finding.before.handle == a.handle && finding.past_end == 11);
    assert_true(finding.after.handle == b.handle && finding.before_begin == 1);
    assert_says(&finding, "11 bytes past the end of 'a' (live, 100 bytes at 0x");
    assert_says(&finding, "in its padding; 1 byte before the beginning of 'b' (live, 100 bytes");
    give(a);
    give(b);
    bench_close();
}

static void free_memory_knows_its_neighbours(void **state) {
    (void)state;
    open_without_caches();
    BdaAllocation a = take((BdaAllocInfo){ .size = 4096, .name = "a" });
    BdaAllocation hole = take((BdaAllocInfo){ .size = 1024, .name = "hole" });
    BdaAllocation b = take((BdaAllocInfo){ .size = 4096, .name = "b" });
    give(hole);
    BdaFinding finding = find_one(hole.address + 64);
    assert_int_equal(finding.kind, BDA_FINDING_FREE);
    assert_true(finding.range.handle == 0 && finding.range.address == hole.address && finding.range.size == 1024);
    assert_true(finding.range.name[0] == '\0' && finding.offset == 64);
    assert_true(finding.before.handle == a.handle && finding.past_end == 64);
    assert_true(finding.after.handle == b.handle && finding.before_begin == 960);
    assert_says(&finding, "in a block, but in no allocation; 64 bytes past the end of 'a' (live, 4096 bytes at 0x");
    assert_says(&finding, "; 960 bytes before the beginning of 'b'");
    finding = find_one(finding.block_address + finding.block_size - 1);
    assert_int_equal(finding.kind, BDA_FINDING_UNTOUCHED);
    assert_true(finding.before.handle == b.handle && finding.after.handle == 0);
    give(a);
    give(b);
    bench_close();
}

static void kept_ranges_and_pending_frees_are_told_apart(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation first = take((BdaAllocInfo){ .size = 512 });
    BdaAllocation kept = take((BdaAllocInfo){ .size = 512 });
    BdaAllocation later = take((BdaAllocInfo){ .size = 500, .name = "later", .user = 9 });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    give(first);
    give(kept); /* by now the thread has a cache */
    BdaFinding finding = find_one(kept.address + 1);
    assert_true(finding.kind == BDA_FINDING_KEPT || finding.kind == BDA_FINDING_FREE);
    if (bench_use().cached != 0)
        assert_int_equal(finding.kind, BDA_FINDING_KEPT);
    assert_int_equal(finding.range.handle, 0);
    assert_int_equal(bda_free_after(bench.allocator, later.handle, timeline, 1), VK_SUCCESS);
    finding = find_one(later.address + 3);
    assert_int_equal(finding.kind, BDA_FINDING_PENDING);
    assert_int_equal(finding.range.handle, later.handle);
    assert_true(finding.range.user == 9 && finding.range.size == 512 && finding.offset == 3);
    assert_says(&finding, "byte 3 of 'later' (freed, not collected yet, 500 bytes at 0x");
    assert_int_equal(bda_free_address(bench.allocator, later.address), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(bench_heard("nothing live begins there"), 1);
    bench_hush();
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    finding = find_one(later.address + 3);
    assert_true(finding.kind != BDA_FINDING_PENDING && finding.range.name[0] == '\0');
    bench_close();
}

static void what_a_thread_keeps_is_kept(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    static BdaAllocation all[64];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take((BdaAllocInfo){ .size = 256 });
    for (uint32_t round = 0; round < 4; round++)
        for (uint32_t i = 0; i < COUNT_OF(all); i += 2) {
            give(all[i]);
            if (round < 3)
                all[i] = take((BdaAllocInfo){ .size = 256 });
        }
    assert_true(bench_use().cached != 0);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < COUNT_OF(all); i += 2) {
        BdaFinding finding = find_one(all[i].address);
        kept += finding.kind == BDA_FINDING_KEPT;
        if (finding.kind == BDA_FINDING_KEPT) {
            assert_true(finding.range.address <= all[i].address && finding.range.handle == 0);
            assert_says(&finding, "in no allocation, in a range of ");
            assert_says(&finding, " bytes that is cached or on its way back");
        }
    }
    assert_true(kept != 0);
    for (uint32_t i = 1; i < COUNT_OF(all); i += 2)
        give(all[i]);
    bench_close();
}

static void foreign_addresses_are_foreign(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    const VkDeviceAddress any[] = { 0,
                                    1,
                                    0x1234567890,
                                    UINT64_MAX,
                                    UINT64_MAX - 4095,
                                    (VkDeviceAddress)1 << 63,
                                    (VkDeviceAddress)1 << 47,
                                    (VkDeviceAddress)0xFFFF8 << 44 };
    for (uint32_t turn = 0; turn < 2; turn++) {
        BdaAllocation a = { .handle = 0 };
        if (turn != 0) /* with a block, and without */
            a = take((BdaAllocInfo){ .size = 256, .name = "edge" });
        for (uint32_t i = 0; i < COUNT_OF(any); i++) {
            BdaFinding finding = find_one(any[i]);
            assert_true(finding.kind == BDA_FINDING_FOREIGN && finding.address == any[i]);
            assert_true(finding.range.handle == 0 && finding.block_size == 0);
            assert_says(&finding, "in no memory of this allocator");
        }
        if (turn == 0)
            continue;
        BdaFinding finding = find_one(a.address), last = find_one(finding.block_address + finding.block_size);
        assert_int_equal(last.kind, BDA_FINDING_FOREIGN);
        assert_true(last.before.handle == a.handle);
        assert_int_equal(last.past_end, last.address - a.address - 256);
        finding = find_one(finding.block_address - 64);
        assert_true(finding.kind == BDA_FINDING_FOREIGN && finding.after.handle == a.handle);
        assert_int_equal(finding.before_begin, 64);
        assert_says(&finding, "; 64 bytes before the beginning of 'edge'");
        give(a);
    }
    bench_close();
}

static void nothing_is_found_once_its_block_is_gone(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation range = take_bytes(256, BDA_INTENT_DEVICE);
    BdaAllocation alone = take((BdaAllocInfo){ .size = 256, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(find_one(alone.address).kind, BDA_FINDING_LIVE);
    give(range);
    give(alone);
    assert_int_equal(find_one(alone.address).kind, BDA_FINDING_FOREIGN);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(find_one(range.address).kind, BDA_FINDING_FOREIGN);
    bench_close();
}

/* In the first block, in those that come, and in the next life of each. */
static void what_is_looked_up_is_found_without_a_lock(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT,
                                          .first_block_size = KIB(64),
                                          .max_block_size = KIB(64) });
    for (uint32_t life = 0; life < 2; life++) {
        BdaAllocation all[40];
        for (uint32_t i = 0; i < COUNT_OF(all); i++) {
            struct bda_live_view view = { .handle = 0 };
            all[i] = take_bytes(4096, BDA_INTENT_DEVICE);
            for (uint32_t k = 0; k < 10; k++) /* a full chart is made anew once walks have cost as much */
                (void)find_one(all[i].address);
            assert_true(bda_locate_live(bench.allocator, all[i].address + 4095, &view));
            assert_true(view.handle == all[i].handle && view.begin == all[i].address && view.asked == all[i].size);
        }
        assert_true(bench_use().block_count >= 3);
        for (uint32_t i = 0; i < COUNT_OF(all); i++)
            give(all[i]);
        assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    }
    bench_close();
}

/* ---- Precision ---- */

/* Findings that cover a stretch in order, without gaps. */
static void assert_covers(const BdaFinding *findings, uint32_t count, VkDeviceAddress first, VkDeviceAddress last) {
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(findings[i].address, first);
        assert_true(findings[i].extent != 0);
        first += findings[i].extent;
    }
    assert_int_equal(first - 1, last);
}

static void a_precision_makes_a_list_of_candidates(void **state) {
    (void)state;
    open_without_caches();
    static BdaAllocation all[64];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take((BdaAllocInfo){ .size = 250 });
    for (uint32_t i = 0; i < COUNT_OF(all); i += 4)
        give(all[i]);
    BdaFinding findings[64];
    VkDeviceAddress inside = all[20].address + 77, first = inside & ~(VkDeviceAddress)4095;
    uint32_t count = 0, again;
    assert_int_equal(bda_find(bench.allocator, inside, 4096, &count, NULL), VK_SUCCESS);
    assert_in_range(count, 16, COUNT_OF(findings));
    again = COUNT_OF(findings);
    assert_int_equal(bda_find(bench.allocator, inside, 4096, &again, findings), VK_SUCCESS);
    assert_int_equal(again, count);
    assert_covers(findings, count, first, first + 4095);
    unsigned kinds[6] = { 0 };
    for (uint32_t i = 0; i < count; i++)
        kinds[findings[i].kind]++;
    assert_true(kinds[BDA_FINDING_LIVE] >= 12 && kinds[BDA_FINDING_SLACK] >= 11 && kinds[BDA_FINDING_FREE] >= 3);
    for (uint32_t room = 0; room < count; room++) { /* fewer than there are */
        again = room;
        assert_int_equal(bda_find(bench.allocator, inside, 4096, &again, findings), VK_INCOMPLETE);
        assert_int_equal(again, room);
    }
    char text[BDA_FINDING_TEXT_SIZE];
    assert_int_equal(bda_describe_finding(&findings[0], sizeof text, text), VK_SUCCESS);
    assert_non_null(strstr(text, " to 0x"));
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        if (i % 4 != 0)
            give(all[i]);
    bench_close();
}

/* From below the first block to above the last. */
static void a_stretch_may_span_blocks(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT,
                                          .first_block_size = KIB(64),
                                          .max_block_size = KIB(64) });
    static BdaAllocation all[300];
    static BdaFinding findings[1000];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take((BdaAllocInfo){ .size = 1000 });
    assert_true(bench_use().block_count >= 4);
    uint32_t count = COUNT_OF(findings);
    assert_int_equal(bda_find(bench.allocator, all[0].address, GIB(1) << 4, &count, findings), VK_SUCCESS);
    VkDeviceAddress first = all[0].address & ~((GIB(1) << 4) - 1);
    assert_covers(findings, count, first, first + (GIB(1) << 4) - 1);
    for (uint32_t i = 0; i < COUNT_OF(all); i++) {
        uint32_t live = 0;
        for (uint32_t j = 0; j < count; j++)
            live += findings[j].kind == BDA_FINDING_LIVE && findings[j].range.handle == all[i].handle &&
                    findings[j].address == all[i].address && findings[j].extent == 1000;
        assert_int_equal(live, 1);
    }
    assert_true(findings[0].kind == BDA_FINDING_FOREIGN && findings[count - 1].kind == BDA_FINDING_FOREIGN);
    give_all(all, COUNT_OF(all));
    bench_close();
}

static void all_addresses_there_are_can_be_asked_about(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE);
    BdaFinding findings[16];
    uint32_t count = COUNT_OF(findings);
    assert_int_equal(bda_find(bench.allocator, UINT64_MAX, (VkDeviceSize)1 << 63, &count, findings), VK_SUCCESS);
    assert_covers(findings, count, (VkDeviceAddress)1 << 63, UINT64_MAX);
    count = COUNT_OF(findings);
    assert_int_equal(bda_find(bench.allocator, 7, (VkDeviceSize)1 << 63, &count, findings), VK_SUCCESS);
    assert_covers(findings, count, 0, UINT64_MAX >> 1);
    assert_int_equal(count, 5); /* foreign, live, slack, free, foreign */
    give(a);
    bench_close();
}

/* ---- Addresses that nobody foresaw ---- */

static void buffers_that_lie_elsewhere_are_found_there(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .buffer_address_skew = MIB(64) }, NULL);
    BdaAllocation a = take_buffer(1000, PLAIN_USAGE, (BdaAllocInfo){ .name = "astray" });
    BdaAllocation b = take_buffer(1000, PLAIN_USAGE, (BdaAllocInfo){ .name = "too" });
    BdaFinding finding = find_one(a.address + 10);
    assert_live(&finding, &a, 10, "astray");
    finding = find_one(b.address);
    assert_live(&finding, &b, 0, "too");
    VkDeviceAddress expected = memory_of(a.buffer).base + memory_offset_of(a.buffer);
    assert_int_equal(expected + MIB(64), a.address);
    assert_int_equal(find_one(expected).kind, BDA_FINDING_UNTOUCHED);
    VkBuffer buffer;
    VkDeviceSize offset;
    assert_int_equal(bda_resolve(bench.allocator, b.address + 3, &buffer, &offset), VK_SUCCESS);
    assert_true(buffer == b.buffer && offset == 3);
    assert_ptr_equal(bda_mapped(bench.allocator, a.address + 3), (unsigned char *)a.mapped + 3);
    BdaFinding findings[16];
    uint32_t count = COUNT_OF(findings);
    VkDeviceAddress first = a.address & ~(MIB(1) - 1);
    assert_int_equal(bda_find(bench.allocator, a.address, MIB(1), &count, findings), VK_SUCCESS);
    assert_covers(findings, count, first, first + MIB(1) - 1);
    uint32_t live = 0;
    for (uint32_t i = 0; i < count; i++)
        live += findings[i].kind == BDA_FINDING_LIVE;
    assert_int_equal(live, 2);
    assert_int_equal(bda_free_address(bench.allocator, a.address), VK_SUCCESS);
    assert_true(find_one(a.address).kind != BDA_FINDING_LIVE);
    give(b);
    bench_close();
}

/* ---- From pointer to buffer ---- */

static void pointers_lead_to_buffers_and_to_the_cpu(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
    BdaAllocation all[3];
    all[0] = take((BdaAllocInfo){ .size = 100 });
    all[1] = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    all[2] = take((BdaAllocInfo){ .size = 100, .flags = BDA_ALLOC_DEDICATED_BIT });
    for (uint32_t i = 0; i < COUNT_OF(all); i++) {
        VkBuffer buffer;
        VkDeviceSize offset;
        assert_int_equal(bda_resolve(bench.allocator, all[i].address + 99, &buffer, &offset), VK_SUCCESS);
        assert_true(buffer == all[i].buffer && offset == all[i].offset + 99);
        assert_ptr_equal(bda_mapped(bench.allocator, all[i].address + 99), (unsigned char *)all[i].mapped + 99);
    }
    give(all[1]);
    VkBuffer buffer = all[0].buffer;
    VkDeviceSize offset = 1;
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_resolve(bench.allocator, all[1].address, &buffer, &offset),
                   "bda_resolve", "no buffer is at the address; 0x");
    assert_true(buffer == VK_NULL_HANDLE && offset == 0);
    give(all[0]);
    give(all[2]);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        assert_null(bda_mapped(bench.allocator, all[i].address));
    bench_close();
}

static void a_block_ends_with_its_last_byte(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100 });
    BdaFinding finding = find_one(a.address);
    VkDeviceAddress end = finding.block_address + finding.block_size;
    assert_non_null(bda_mapped(bench.allocator, end - 1));
    assert_null(bda_mapped(bench.allocator, end));
    assert_null(bda_mapped(bench.allocator, finding.block_address - 1));
    assert_int_equal(find_one(end - 1).kind, BDA_FINDING_UNTOUCHED);
    assert_int_equal(find_one(end).kind, BDA_FINDING_FOREIGN);
    give(a);
    bench_close();
}

static void memory_that_is_not_mapped_has_no_cpu_pointer(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE);
    assert_null(a.mapped);
    assert_null(bda_mapped(bench.allocator, a.address));
    give(a);
    bench_close();
}

static void pointers_alone_are_enough(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    static VkDeviceAddress all[2000];
    for (uint32_t i = 0; i < COUNT_OF(all); i++) {
        all[i] = bda_malloc(bench.allocator, 1 + i * 37 % 5000, i % 2 == 0 ? BDA_INTENT_DEVICE : BDA_INTENT_UPLOAD);
        assert_true(all[i] != 0 && all[i] % 16 == 0);
        assert_true((bda_mapped(bench.allocator, all[i]) != NULL) == (i % 2 != 0));
    }
    assert_int_equal(bench_use().allocation_count, COUNT_OF(all));
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        assert_int_equal(bda_free_address(bench.allocator, all[i * 7 % COUNT_OF(all)]), VK_SUCCESS);
    assert_int_equal(bench_use().allocation_count, 0);
    BdaAllocation buffer = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    BdaAllocation alone = take((BdaAllocInfo){ .size = 100, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bda_free_address(bench.allocator, buffer.address), VK_SUCCESS);
    assert_int_equal(bda_free_address(bench.allocator, alone.address), VK_SUCCESS);
    assert_int_equal(bda_free_address(bench.allocator, 0), VK_SUCCESS);
    bench_close();
}

static void frees_of_what_does_not_begin_there_are_refused(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "a" });
    const struct bench_state before = bench_look();
    const VkDeviceAddress bad[] = { a.address + 1, a.address + 99, a.address + 105, a.address + KIB(8), 1, UINT64_MAX };
    const char *reasons[] = { "byte 1 of 'a'", "byte 99 of 'a'", "5 bytes past the end of 'a'",
                              "in a block",    "in no memory",   "in no memory" };
    for (uint32_t i = 0; i < COUNT_OF(bad); i++)
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free_address(bench.allocator, bad[i]), "bda_free_address",
                       reasons[i]);
    assert_as_before(&before);
    assert_int_equal(bda_free_address(bench.allocator, a.address), VK_SUCCESS);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free_address(bench.allocator, a.address), "bda_free_address",
                   "nothing live begins there");
    a = take_bytes(100, BDA_INTENT_DEVICE);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free_address(bench.allocator, a.handle), "bda_free_address",
                   "is a handle, not an address");
    give(a);
    assert_int_equal(bda_malloc(bench.allocator, 0, BDA_INTENT_DEVICE), 0);
    assert_int_equal(bench_heard("bda_alloc"), 1);
    bench_hush();
    assert_int_equal(bda_malloc(bench.allocator, GIB(100), BDA_INTENT_DEVICE), 0);
    bench_hush();
    bench_close();
}

/* ---- Misuse ---- */

static void bad_arguments_are_refused(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaFinding finding;
    uint32_t count = 1;
    VkBuffer buffer;
    VkDeviceSize offset;
    const VkResult bad = VK_ERROR_VALIDATION_FAILED_EXT;
    assert_refusal(bad, bda_find(bench.allocator, 1, 0, NULL, &finding), "bda_find", "count is NULL");
    assert_refusal(bad, bda_find(bench.allocator, 1, 3, &count, &finding), "bda_find",
                   "precision is no power of two, 3 (");
    assert_int_equal(count, 0);
    assert_refusal(bad, bda_resolve(bench.allocator, 1, NULL, &offset), "bda_resolve", ": buffer is NULL (");
    assert_refusal(bad, bda_resolve(bench.allocator, 1, &buffer, NULL), "bda_resolve", ": offset is NULL (");
    assert_refusal(bad, bda_resolve(bench.allocator, 1, &buffer, &offset), "bda_resolve",
                   "no buffer is at the address; 0x1: in no memory of this allocator");
    count = 1;
    assert_int_equal(bda_find(NULL, 1, 0, &count, &finding), bad);
    assert_int_equal(bda_resolve(NULL, 1, &buffer, &offset), bad);
    assert_int_equal(bda_free_address(NULL, 1), bad);
    assert_int_equal(bda_malloc(NULL, 1, BDA_INTENT_DEVICE), 0);
    assert_null(bda_mapped(NULL, 1));
    char text[8];
    assert_int_equal(bda_describe_finding(NULL, sizeof text, text), bad);
    assert_int_equal(bda_describe_finding(&finding, 0, text), bad);
    assert_int_equal(bda_describe_finding(&finding, sizeof text, NULL), bad);
    bench_close();
}

/* ---- Words ---- */

static void words_are_cut_to_the_room_there_is(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100,
                                           .name = "two\nlines, and \xC3\xA4 further: 0123456789 0123456789 "
                                                   "0123456789 0123456789" });
    BdaFinding finding = find_one(a.address);
    assert_int_equal(strlen(finding.range.name), BDA_FOUND_NAME_SIZE - 1);
    char whole[BDA_FINDING_TEXT_SIZE], text[BDA_FINDING_TEXT_SIZE];
    assert_int_equal(bda_describe_finding(&finding, sizeof whole, whole), VK_SUCCESS);
    assert_null(strchr(whole, '\n'));
    for (size_t size = 1; size <= strlen(whole); size++) {
        memset(text, 'x', sizeof text);
        assert_int_equal(bda_describe_finding(&finding, size, text), VK_INCOMPLETE);
        assert_true(strlen(text) < size && strlen(text) + 2 >= size); /* less by half a character */
        assert_memory_equal(text, whole, strlen(text));
        assert_int_equal(text[size], 'x');
    }
    give(a);
    bench_close();
}

static void the_longest_finding_has_room(void **state) {
    (void)state;
    BdaFinding finding = { .kind = BDA_FINDING_KEPT,
                           .address = UINT64_MAX / 2,
                           .extent = UINT64_MAX / 2,
                           .dated = VK_TRUE,
                           .frees_since = UINT64_MAX,
                           .past_end = MIB(16) - 1,
                           .red_zone = UINT64_MAX,
                           .before_begin = MIB(16) - 1 };
    BdaFoundRange range = {
        .handle = 1, .address = UINT64_MAX, .size = UINT64_MAX, .frame = UINT64_MAX, .stack = UINT32_MAX
    };
    memset(range.name, 'n', sizeof range.name - 1);
    finding.range = finding.before = finding.after = finding.former.range = range;
    finding.former.frees_ago = finding.former.frame_freed = finding.former.frame_allocated = UINT64_MAX;
    for (int kind = 0; kind <= BDA_FINDING_UNTOUCHED; kind++) {
        char text[BDA_FINDING_TEXT_SIZE];
        finding.kind = (BdaFindingKind)kind;
        assert_int_equal(bda_describe_finding(&finding, sizeof text, text), VK_SUCCESS);
    }
}

/* ---- Without host memory ---- */

static void look_ups_need_no_host_memory(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    static BdaAllocation all[3000];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take((BdaAllocInfo){ .size = 16 + i % 64 });
    for (size_t nth = 1; nth <= 4; nth++) { /* the last one: none is refused any more */
        fake_host_fail(&bench.host, nth, nth < 4);
        for (uint32_t i = 0; i < COUNT_OF(all); i += 7) {
            BdaFinding finding = find_one(all[i].address + i % 16);
            assert_live(&finding, &all[i], i % 16, "");
        }
        fake_host_fail(&bench.host, 0, false);
    }
    uint64_t bytes = bench_stats().host_bytes;
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        (void)find_one(all[i].address);
    assert_in_range(bench_stats().host_bytes, bytes, bytes + (uint64_t)16 * COUNT_OF(all));
    fake_host_fail(&bench.host, 1, true);
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        assert_int_equal(bda_free_address(bench.allocator, all[i].address), VK_SUCCESS);
    fake_host_fail(&bench.host, 0, false);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_allocation_is_found_by_each_of_its_bytes),
        cmocka_unit_test(own_buffers_and_dedicated_ones_are_found),
        cmocka_unit_test(addresses_are_known_in_either_form),
        cmocka_unit_test(padding_is_past_the_end_of_its_allocation),
        cmocka_unit_test(free_memory_knows_its_neighbours),
        cmocka_unit_test(kept_ranges_and_pending_frees_are_told_apart),
        cmocka_unit_test(what_a_thread_keeps_is_kept),
        cmocka_unit_test(foreign_addresses_are_foreign),
        cmocka_unit_test(nothing_is_found_once_its_block_is_gone),
        cmocka_unit_test(what_is_looked_up_is_found_without_a_lock),
        cmocka_unit_test(a_precision_makes_a_list_of_candidates),
        cmocka_unit_test(a_stretch_may_span_blocks),
        cmocka_unit_test(all_addresses_there_are_can_be_asked_about),
        cmocka_unit_test(buffers_that_lie_elsewhere_are_found_there),
        cmocka_unit_test(pointers_lead_to_buffers_and_to_the_cpu),
        cmocka_unit_test(a_block_ends_with_its_last_byte),
        cmocka_unit_test(memory_that_is_not_mapped_has_no_cpu_pointer),
        cmocka_unit_test(pointers_alone_are_enough),
        cmocka_unit_test(frees_of_what_does_not_begin_there_are_refused),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(words_are_cut_to_the_room_there_is),
        cmocka_unit_test(the_longest_finding_has_room),
        cmocka_unit_test(look_ups_need_no_host_memory),
    };
    return cmocka_run_group_tests_name("find", tests, NULL, NULL);
}
