/* src/debug/report.c, src/debug/bindings.c and src/api/report.c: reports say what was provoked. */
#include "alloc_support.h"

#include <inttypes.h>
#include <stdio.h>

static struct {
    uint32_t count, wide; /* lines; of them, not one line of the promised size */
    char lines[64][BDA_REPORT_LINE_SIZE];
} report;

static void write_line(void *user, const char *line) {
    assert_ptr_equal(user, &report);
    report.wide += strchr(line, '\n') != NULL || strlen(line) >= BDA_REPORT_LINE_SIZE;
    if (report.count < COUNT_OF(report.lines))
        (void)snprintf(report.lines[report.count], sizeof report.lines[0], "%s", line);
    report.count++;
}

static void explain(BdaFaultInfo info) {
    memset(&report, 0, sizeof report);
    assert_int_equal(bda_report_fault(bench.allocator, &info, write_line, &report), VK_SUCCESS);
    assert_int_equal(report.wide, 0);
}

static void explain_address(VkDeviceAddress address, VkDeviceSize precision, BdaFaultAccess access) {
    const BdaFaultAddress told = { address, precision, access, NULL };
    explain((BdaFaultInfo){ .address_count = 1, .addresses = &told });
}

static void assert_line(uint32_t line, const char *wanted) {
    if (strstr(report.lines[line], wanted) == NULL)
        fail_msg("'%s' is not in line %u: '%s'", wanted, (unsigned)line, report.lines[line]);
}

static void open_plain(void) {
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
}

/* ---- One byte ---- */

static void a_write_past_an_end_is_told_with_the_former_owner(void **state) {
    (void)state;
    open_plain();
    bda_set_frame(bench.allocator, 41);
    BdaAllocation particles = take((BdaAllocInfo){ .size = 4096, .name = "particles" });
    BdaAllocation tmp = take((BdaAllocInfo){ .size = 1024, .name = "tmp sort" });
    BdaAllocation keep = take((BdaAllocInfo){ .size = 1024, .name = "keep" });
    bda_set_frame(bench.allocator, 42);
    give(tmp);
    for (uint32_t i = 0; i < 3; i++)
        give(take((BdaAllocInfo){ .size = 200000 }));
    explain_address(particles.address + 4096 + 64, 0, BDA_FAULT_ACCESS_WRITE);
    assert_int_equal(report.count, 2);
    assert_line(0, "write at 0x");
    assert_line(0, "; 64 bytes past the end of 'particles' (live, 4096 bytes at 0x");
    assert_line(0, "; the range belonged to 'tmp sort' (1024 bytes at 0x");
    assert_line(0, ", allocated in frame 41) until about 3 frees ago, in frame 42");
    assert_line(1, "the history is complete");
    give(particles);
    give(keep);
    bench_close();
}

static void a_stale_pointer_into_a_reused_range_is_told(void **state) {
    (void)state;
    open_plain();
    BdaAllocation old = take((BdaAllocInfo){ .size = 500, .name = "old" });
    give(old);
    BdaAllocation new = take((BdaAllocInfo){ .size = 500, .name = "new" });
    assert_int_equal(new.address, old.address);
    explain_address(new.address + 7, 1, BDA_FAULT_ACCESS_READ);
    assert_line(0, "read at 0x");
    assert_line(0, ": byte 7 of 'new' (live, 500 bytes at 0x");
    assert_line(0, "; the range belonged to 'old' (500 bytes at 0x");
    assert_line(0, ") until the last free");
    give(new);
    bench_close();
}

static void a_pending_free_is_told_with_its_time(void **state) {
    (void)state;
    open_plain();
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = take((BdaAllocInfo){ .size = 500, .name = "pending" });
    bda_set_frame(bench.allocator, 3);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    explain_address(a.address, 0, BDA_FAULT_ACCESS_UNKNOWN);
    assert_line(0, "access at 0x");
    assert_line(0, "(freed, not collected yet");
    assert_line(0, "it was freed with the last free, in frame 3");
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    fake_drop_semaphore(bench.driver, timeline);
    bench_close();
}

static void what_the_depth_does_not_reach_is_told(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.flags = BDA_ALLOCATOR_NO_CACHES_BIT;
    bench.info.history_depth = 8;
    bench_start();
    BdaAllocation a = take((BdaAllocInfo){ .size = 500, .name = "forgotten" });
    give(a);
    for (uint32_t i = 0; i < 20; i++)
        give(take((BdaAllocInfo){ .size = 64, .name = "two slots" }));
    explain_address(a.address, 0, BDA_FAULT_ACCESS_WRITE);
    assert_line(1, "the history reaches back about 1 free; owners before that may be missing");
    for (uint32_t i = 0; i < 20; i++)
        give(take((BdaAllocInfo){ .size = 200000 + 16 * i }));
    explain_address(a.address, 0, BDA_FAULT_ACCESS_WRITE);
    assert_null(strstr(report.lines[0], "forgotten"));
    assert_line(1, "the history reaches back about 4 frees; owners before that may be missing");
    bench_close();
}

/* ---- With a precision, as drivers tell ---- */

static void candidates_come_the_likeliest_first(void **state) {
    (void)state;
    open_plain();
    BdaAllocation filler[300], live;
    uint32_t count = 0; /* until one begins a page */
    while (live = take((BdaAllocInfo){ .size = 64, .name = "live" }), live.address % 4096 != 0)
        filler[count++] = live;
    BdaAllocation gone = take((BdaAllocInfo){ .size = 64, .name = "gone" });
    BdaAllocation other = take((BdaAllocInfo){ .size = 64, .name = "other" });
    BdaAllocation rest[20];
    for (uint32_t i = 0; i < COUNT_OF(rest); i++)
        rest[i] = take((BdaAllocInfo){ .size = 64 });
    give(gone);
    const VkDeviceFaultAddressInfoEXT told = { VK_DEVICE_FAULT_ADDRESS_TYPE_WRITE_INVALID_EXT, live.address + 8, 4096 };
    explain((BdaFaultInfo){ .description = "MMU\nfault", .device_address_count = 1, .device_addresses = &told });
    assert_line(0, "the driver says: MMU fault");
    assert_line(1, "write somewhere from 0x");
    assert_line(1, "(the driver), the likeliest first:");
    assert_line(2, "; the range belonged to 'gone' (64 bytes at 0x");
    bool live_seen = false;
    for (uint32_t i = 3; i < report.count; i++)
        live_seen = live_seen || strstr(report.lines[i], "of 'live' (live, 64 bytes") != NULL;
    assert_true(live_seen);
    assert_int_equal(report.count, 2 + 6 + 2); /* six candidates, how many more, the history */
    assert_line(8, "  and ");
    give(live);
    give(other);
    give_all(rest, COUNT_OF(rest));
    give_all(filler, count);
    bench_close();
}

static void unmapped_bytes_come_before_all_others(void **state) {
    (void)state;
    open_plain();
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "last" });
    BdaFinding finding;
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, a.address, 0, &count, &finding), VK_SUCCESS);
    VkDeviceAddress end = finding.block_address + finding.block_size;
    VkDeviceSize precision = 1;
    while ((end & precision) == 0)
        precision <<= 1;
    precision <<= 1; /* such that the end of the block is inside of the stretch */
    VkDeviceFaultAddressInfoEXT told = { VK_DEVICE_FAULT_ADDRESS_TYPE_READ_INVALID_EXT, end, precision };
    explain((BdaFaultInfo){ .device_address_count = 1, .device_addresses = &told });
    assert_line(1, "in no memory of this allocator");
    told.addressPrecision = 3000; /* no power of two, from a driver */
    explain((BdaFaultInfo){ .device_address_count = 1, .device_addresses = &told });
    assert_true(report.count > 1);
    told.addressType = VK_DEVICE_FAULT_ADDRESS_TYPE_NONE_EXT;
    explain((BdaFaultInfo){ .device_address_count = 1, .device_addresses = &told });
    assert_int_equal(report.count, 1);
    give(a);
    bench_close();
}

static void kinds_of_access_have_words(void **state) {
    (void)state;
    static const struct {
        VkDeviceFaultAddressTypeEXT type;
        const char *word;
    } kinds[] = {
        { VK_DEVICE_FAULT_ADDRESS_TYPE_READ_INVALID_EXT, "read at" },
        { VK_DEVICE_FAULT_ADDRESS_TYPE_WRITE_INVALID_EXT, "write at" },
        { VK_DEVICE_FAULT_ADDRESS_TYPE_EXECUTE_INVALID_EXT, "execution at" },
        { VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_FAULT_EXT, "instruction at" },
        { (VkDeviceFaultAddressTypeEXT)77, "access at" },
    };
    open_plain();
    for (uint32_t i = 0; i < COUNT_OF(kinds); i++) {
        const VkDeviceFaultAddressInfoEXT told = { kinds[i].type, 0x1000, 1 };
        explain((BdaFaultInfo){ .device_address_count = 1, .device_addresses = &told });
        assert_line(0, kinds[i].word);
        assert_line(1, "as told by the driver");
    }
    explain((BdaFaultInfo){ .next = NULL });
    assert_line(0, "no address was reported");
    bench_close();
}

/* ---- The driver's own ranges ---- */

static void tell_binding(VkDeviceAddress address, VkDeviceSize size, VkDeviceAddressBindingTypeEXT type,
                         const char *name) {
    VkDeviceAddressBindingCallbackDataEXT told = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_ADDRESS_BINDING_CALLBACK_DATA_EXT,
        .baseAddress = address,
        .size = size,
        .bindingType = type,
    };
    const VkDebugUtilsObjectNameInfoEXT object = { .objectType = VK_OBJECT_TYPE_IMAGE,
                                                   .objectHandle = 0xABC,
                                                   .pObjectName = name };
    const VkDebugUtilsMessengerCallbackDataEXT data = { .pNext = &told, .objectCount = 1, .pObjects = &object };
    assert_int_equal(bda_address_binding_callback(VK_DEBUG_UTILS_MESSAGE_SEVERITY_INFO_BIT_EXT,
                                                  VK_DEBUG_UTILS_MESSAGE_TYPE_DEVICE_ADDRESS_BINDING_BIT_EXT, &data,
                                                  bench.allocator),
                     VK_FALSE);
}

static void the_drivers_ranges_are_named(void **state) {
    (void)state;
    open_plain();
    tell_binding(0x500000, 0x10000, VK_DEVICE_ADDRESS_BINDING_TYPE_BIND_EXT, "shadow map");
    tell_binding(0x900000, 0x10000, VK_DEVICE_ADDRESS_BINDING_TYPE_BIND_EXT, NULL);
    bda_set_frame(bench.allocator, 12);
    tell_binding(0x500000, 0x10000, VK_DEVICE_ADDRESS_BINDING_TYPE_UNBIND_EXT, "shadow map");
    explain_address(0x50FFFF, 0, BDA_FAULT_ACCESS_READ);
    assert_int_equal(report.count, 4);
    assert_line(1, "the driver unbound 65536 bytes at 0x500000: VkImage 0xabc 'shadow map', in frame 12");
    assert_line(2, "the driver bound 65536 bytes at 0x500000: VkImage 0xabc 'shadow map'");
    explain_address(0x510000, 0, BDA_FAULT_ACCESS_READ);
    assert_int_equal(report.count, 2);
    for (uint32_t i = 0; i < 300; i++) /* what is too old is forgotten */
        tell_binding(0x2000000 + 16 * (VkDeviceAddress)i, 16, VK_DEVICE_ADDRESS_BINDING_TYPE_BIND_EXT, NULL);
    explain_address(0x50FFFF, 0, BDA_FAULT_ACCESS_READ);
    assert_int_equal(report.count, 2);
    explain_address(0x2000000 + 16 * 299, 0, BDA_FAULT_ACCESS_READ);
    assert_int_equal(report.count, 3);
    bench_close();
}

/* From the driver's own mouth: what it bound, and what vkGetDeviceFaultInfoEXT says of the lost device. */
static void a_lost_device_is_explained_from_what_its_driver_says(void **state) {
    (void)state;
    bench_prepare(&(struct fake_config){ .with = FAKE_DEVICE_FAULT | FAKE_ADDRESS_BINDING_REPORT | FAKE_DEBUG_UTILS });
    bench.info.flags = BDA_ALLOCATOR_NO_CACHES_BIT;
    bench_start();
    fake_report_bindings(bench.driver, bda_address_binding_callback, bench.allocator);
    BdaAllocation kept = take((BdaAllocInfo){ .size = 4000, .name = "particles" });
    BdaAllocation alone = take((BdaAllocInfo){ .size = 70000, .name = "huge", .flags = BDA_ALLOC_DEDICATED_BIT });
    give(alone); /* unmapped: the only kind of access that a driver notices */
    VkDeviceFaultAddressInfoEXT faults[2] = {
        { VK_DEVICE_FAULT_ADDRESS_TYPE_WRITE_INVALID_EXT, alone.address + 64, 1 },
        { VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_FAULT_EXT, 0x7000, 1 },
    };
    fake_set_fault(bench.driver, "page fault", 2, faults);
    PFN_vkGetDeviceFaultInfoEXT get = (PFN_vkGetDeviceFaultInfoEXT)fake_get_instance_proc_addr(
        fake_instance(bench.driver), "vkGetDeviceFaultInfoEXT");
    VkDeviceFaultCountsEXT counts = { .sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_COUNTS_EXT };
    assert_int_equal(get(fake_device(bench.driver), &counts, NULL), VK_SUCCESS);
    assert_int_equal(counts.addressInfoCount, 2);
    VkDeviceFaultAddressInfoEXT addresses[2];
    VkDeviceFaultInfoEXT info = { .sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_INFO_EXT, .pAddressInfos = addresses };
    assert_int_equal(get(fake_device(bench.driver), &counts, &info), VK_SUCCESS);
    explain((BdaFaultInfo){ .description = info.description,
                            .device_address_count = counts.addressInfoCount,
                            .device_addresses = info.pAddressInfos });
    assert_line(0, "the driver says: page fault");
    assert_line(1, "write at 0x");
    assert_line(1, ": in no memory of this allocator; ");
    assert_line(1, "; the range belonged to 'huge' (70000 bytes at 0x");
    assert_line(1, " until the last free");
    assert_line(2, "as told by the driver");
    assert_line(3, "  the driver unbound 70000 bytes at 0x");
    assert_line(4, "  the driver bound 70000 bytes at 0x");
    assert_line(5, "instruction at 0x7000: in no memory of this allocator");
    give(kept);
    fake_report_bindings(bench.driver, NULL, NULL);
    bench_close();
}

static void other_messages_are_ignored_and_memory_may_be_refused(void **state) {
    (void)state;
    open_plain();
    const VkDebugUtilsMessengerCallbackDataEXT data = { .pNext = NULL };
    assert_int_equal(bda_address_binding_callback(0, 0, &data, bench.allocator), VK_FALSE);
    assert_int_equal(bda_address_binding_callback(0, 0, NULL, bench.allocator), VK_FALSE);
    assert_int_equal(bda_address_binding_callback(0, 0, &data, NULL), VK_FALSE);
    fake_host_fail(&bench.host, 1, true);
    tell_binding(0x500000, 0x10000, VK_DEVICE_ADDRESS_BINDING_TYPE_BIND_EXT, "lost");
    explain_address(0x500000, 0, BDA_FAULT_ACCESS_READ); /* nor does a report take any */
    fake_host_fail(&bench.host, 0, false);
    assert_int_equal(report.count, 2);
    tell_binding(0x500000, 0x10000, VK_DEVICE_ADDRESS_BINDING_TYPE_BIND_EXT, "kept");
    explain_address(0x500000, 0, BDA_FAULT_ACCESS_READ);
    assert_int_equal(report.count, 3);
    bench_close();
}

/* ---- Misuse ---- */

static void misuse_is_refused(void **state) {
    (void)state;
    const VkResult bad = VK_ERROR_VALIDATION_FAILED_EXT;
    const char *function = "bda_report_fault";
    open_plain();
    memset(&report, 0, sizeof report);
    const BdaFaultAddress odd = { 0x1000, 3, BDA_FAULT_ACCESS_READ, NULL };
    const BdaFaultInfo none = { .next = NULL }, missing = { .address_count = 1 },
                       uneven = { NULL, NULL, 0, NULL, 1, &odd };
    const BdaFaultInfo chained = { .next = &odd };
    assert_int_equal(bda_report_fault(NULL, &none, write_line, &report), bad);
    assert_refusal(bad, bda_report_fault(bench.allocator, NULL, write_line, &report), function, ": info is NULL (");
    assert_refusal(bad, bda_report_fault(bench.allocator, &none, NULL, &report), function, ": line is NULL (");
    assert_refusal(bad, bda_report_fault(bench.allocator, &missing, write_line, &report), function, "NULL");
    assert_refusal(bad, bda_report_fault(bench.allocator, &uneven, write_line, &report), function,
                   "the precision of addresses[0] is no power of two, 3 (");
    assert_refusal(bad, bda_report_fault(bench.allocator, &chained, write_line, &report), function, "next");
    assert_int_equal(report.count, 0);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_past_an_end_is_told_with_the_former_owner),
        cmocka_unit_test(a_stale_pointer_into_a_reused_range_is_told),
        cmocka_unit_test(a_pending_free_is_told_with_its_time),
        cmocka_unit_test(what_the_depth_does_not_reach_is_told),
        cmocka_unit_test(candidates_come_the_likeliest_first),
        cmocka_unit_test(unmapped_bytes_come_before_all_others),
        cmocka_unit_test(kinds_of_access_have_words),
        cmocka_unit_test(the_drivers_ranges_are_named),
        cmocka_unit_test(a_lost_device_is_explained_from_what_its_driver_says),
        cmocka_unit_test(other_messages_are_ignored_and_memory_may_be_refused),
        cmocka_unit_test(misuse_is_refused),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
