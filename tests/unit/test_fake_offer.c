/* What the fake driver offers: entry points, features, extensions, properties, budgets. */
#include "fake_support.h"

static bool device_has(const char *name) {
    return CALL(vkGetDeviceProcAddr)(fake_device(d), name) != NULL;
}

static void names_go_by_version_and_extension(void **state) {
    (void)state;
    const struct {
        uint32_t device_version, with;
        bool core_1_1, core_1_2, core_1_3, address_khr, maintenance_4_khr, bind_2_khr;
    } cases[] = {
        { VK_API_VERSION_1_0, 0, false, false, false, true, false, true },
        { VK_API_VERSION_1_1, 0, true, false, false, true, false, false },
        { VK_API_VERSION_1_2, 0, true, true, false, false, false, false },
        { VK_API_VERSION_1_2, FAKE_MAINTENANCE_4, true, true, false, false, true, false },
        { VK_API_VERSION_1_3, 0, true, true, true, false, false, false },
        { VK_API_VERSION_1_3, FAKE_KHR_ALIASES, true, true, true, true, true, true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        start((struct fake_config){ .device_version = cases[i].device_version, .with = cases[i].with });
        assert_true(device_has("vkAllocateMemory"));
        assert_false(device_has("vkGetPhysicalDeviceProperties"));
        assert_false(device_has("vkNoSuchFunction"));
        assert_int_equal(device_has("vkGetBufferMemoryRequirements2"), cases[i].core_1_1);
        assert_int_equal(device_has("vkGetBufferDeviceAddress"), cases[i].core_1_2);
        assert_int_equal(device_has("vkGetSemaphoreCounterValue"), cases[i].core_1_2);
        assert_int_equal(device_has("vkGetDeviceBufferMemoryRequirements"), cases[i].core_1_3);
        assert_int_equal(device_has("vkGetBufferDeviceAddressKHR"), cases[i].address_khr);
        assert_int_equal(device_has("vkGetDeviceBufferMemoryRequirementsKHR"), cases[i].maintenance_4_khr);
        assert_int_equal(device_has("vkBindBufferMemory2KHR"), cases[i].bind_2_khr);
        assert_false(device_has("vkSetDebugUtilsObjectNameEXT"));
        finish();
    }
}

static void without_an_instance_only_global_names_answer(void **state) {
    (void)state;
    PFN_vkEnumerateInstanceVersion get =
        (PFN_vkEnumerateInstanceVersion)fake_get_instance_proc_addr(NULL, "vkEnumerateInstanceVersion");
    uint32_t version = 0;
    assert_int_equal(get(&version), VK_SUCCESS);
    assert_int_equal(version, VK_API_VERSION_1_3);
    assert_null(fake_get_instance_proc_addr(NULL, "vkAllocateMemory"));
    assert_non_null(fake_get_instance_proc_addr(NULL, "vkGetInstanceProcAddr"));
}

static void calling_what_the_device_lacks_is_told(void **state) {
    (void)state;
    start((struct fake_config){ .device_version = VK_API_VERSION_1_1 });
    VkSemaphore semaphore = fake_make_semaphore(d, 3);
    uint64_t value;
    /* The loader knows 1.3; the device does not. */
    assert_int_equal(CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value), VK_SUCCESS);
    expect("FAKE-not-offered");
    assert_int_equal(CALL(vkGetSemaphoreCounterValueKHR)(fake_device(d), semaphore, &value), VK_SUCCESS);
    assert_int_equal(value, 3);
    finish();
}

static bool names_extension(const VkDeviceCreateInfo *info, const char *name) {
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++) {
        if (strcmp(info->ppEnabledExtensionNames[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static const void *find_struct(const VkDeviceCreateInfo *info, VkStructureType type) {
    const VkBaseInStructure *link = info->pNext;
    while (link != NULL && link->sType != type) {
        link = link->pNext;
    }
    return link;
}

static void the_device_info_says_what_is_enabled(void **state) {
    (void)state;
    start((struct fake_config){ .with = FAKE_ACCELERATION_STRUCTURE | FAKE_MEMORY_BUDGET | FAKE_MEMORY_PRIORITY,
                                .disabled = FAKE_MEMORY_PRIORITY,
                                .queue_families = 3 });
    const VkDeviceCreateInfo *info = fake_device_info(d);
    const VkPhysicalDeviceVulkan12Features *core =
        find_struct(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    const VkPhysicalDeviceMemoryPriorityFeaturesEXT *priority =
        find_struct(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT);
    assert_true(core->bufferDeviceAddress && core->timelineSemaphore);
    assert_false(priority->memoryPriority); /* supported, not enabled */
    assert_true(names_extension(info, "VK_EXT_memory_budget"));
    assert_true(names_extension(info, "VK_KHR_acceleration_structure"));
    assert_false(names_extension(info, "VK_KHR_buffer_device_address"));
    assert_int_equal(info->queueCreateInfoCount, 3);
    VkPhysicalDeviceMemoryPriorityFeaturesEXT asked = { .sType = priority->sType };
    VkPhysicalDeviceFeatures2 features = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &asked };
    CALL(vkGetPhysicalDeviceFeatures2)(fake_physical_device(d), &features);
    assert_true(asked.memoryPriority);
    finish();
}

static void old_devices_enable_by_extension(void **state) {
    (void)state;
    start((struct fake_config){ .device_version = VK_API_VERSION_1_1 });
    const VkDeviceCreateInfo *info = fake_device_info(d);
    const VkPhysicalDeviceBufferDeviceAddressFeatures *address =
        find_struct(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES);
    assert_true(address->bufferDeviceAddress);
    assert_null(find_struct(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES));
    assert_true(names_extension(info, "VK_KHR_buffer_device_address"));
    assert_true(names_extension(info, "VK_KHR_timeline_semaphore"));
    assert_false(names_extension(info, "VK_KHR_device_group"));
    finish();
    start((struct fake_config){ .without = FAKE_BUFFER_DEVICE_ADDRESS | FAKE_TIMELINE_SEMAPHORE });
    const VkPhysicalDeviceVulkan12Features *core =
        find_struct(fake_device_info(d), VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    assert_false(core->bufferDeviceAddress || core->timelineSemaphore);
    finish();
}

static void the_allocator_info_leads_to_the_driver(void **state) {
    (void)state;
    start((struct fake_config){ .instance_version = VK_API_VERSION_1_2 });
    BdaAllocatorInfo info = fake_allocator_info(d);
    assert_int_equal(info.api_version, VK_API_VERSION_1_2);
    assert_ptr_equal(info.device, fake_device(d));
    assert_ptr_equal(info.device_info, fake_device_info(d));
    assert_non_null(info.get_instance_proc_addr(info.instance, "vkGetDeviceProcAddr"));
    assert_int_equal(fake_call_count(d, FAKE_CALL_GET_PROC_ADDR), 1);
    finish();
}

static void properties_come_from_the_config(void **state) {
    (void)state;
    VkPhysicalDeviceDescriptorBufferPropertiesEXT descriptors = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_PROPERTIES_EXT
    };
    VkPhysicalDeviceRayTracingPipelinePropertiesKHR rays = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_PROPERTIES_KHR, .pNext = &descriptors
    };
    VkPhysicalDeviceAccelerationStructurePropertiesKHR scratch = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_PROPERTIES_KHR, .pNext = &rays
    };
    VkPhysicalDeviceMaintenance4Properties four = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES,
                                                    .pNext = &scratch };
    VkPhysicalDeviceMaintenance3Properties three = { .sType =
                                                         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
                                                     .pNext = &four };
    VkPhysicalDeviceProperties2 all = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &three };
    VkPhysicalDeviceProperties plain;
    start((struct fake_config){ .with = FAKE_ACCELERATION_STRUCTURE | FAKE_RAY_TRACING_PIPELINE,
                                .limits = { .nonCoherentAtomSize = 256 },
                                .max_memory_allocation_size = 12345,
                                .max_buffer_size = 54321,
                                .scratch_alignment = 512,
                                .shader_group_base_alignment = 32 });
    CALL(vkGetPhysicalDeviceProperties2)(fake_physical_device(d), &all);
    CALL(vkGetPhysicalDeviceProperties)(fake_physical_device(d), &plain);
    assert_int_equal(plain.limits.nonCoherentAtomSize, 256);
    assert_int_equal(all.properties.limits.maxMemoryAllocationCount, 4096);
    assert_int_equal(three.maxMemoryAllocationSize, 12345);
    assert_int_equal(four.maxBufferSize, 54321);
    assert_int_equal(scratch.minAccelerationStructureScratchOffsetAlignment, 512);
    assert_int_equal(rays.shaderGroupBaseAlignment, 32);
    assert_int_equal(descriptors.descriptorBufferOffsetAlignment, 0); /* not supported, so untouched */
    finish();
}

/* One life through the names that extensions brought. */
static void old_names_work_where_they_are_offered(void **state) {
    (void)state;
    uint64_t value = 0;
    start((struct fake_config){
        .instance_version = VK_API_VERSION_1_0, .device_version = VK_API_VERSION_1_0, .with = FAKE_MAINTENANCE_4 });
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    VkBuffer buffer = make(info);
    VkDeviceMemory memory = allocate(64, 1);
    VkMemoryRequirements2 first = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2 };
    VkMemoryRequirements2 second = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2 };
    VkBufferMemoryRequirementsInfo2 ask = { VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, NULL, buffer };
    VkDeviceBufferMemoryRequirements guess = { VK_STRUCTURE_TYPE_DEVICE_BUFFER_MEMORY_REQUIREMENTS, NULL, &info };
    VkBindBufferMemoryInfo place = { VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO, NULL, buffer, memory, 0 };
    VkBufferDeviceAddressInfo whose = { VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, NULL, buffer };
    CALL(vkGetBufferMemoryRequirements2KHR)(fake_device(d), &ask, &first);
    CALL(vkGetDeviceBufferMemoryRequirementsKHR)(fake_device(d), &guess, &second);
    assert_same_requirements(&first.memoryRequirements, &second.memoryRequirements);
    assert_int_equal(CALL(vkBindBufferMemory2KHR)(fake_device(d), 1, &place), VK_SUCCESS);
    assert_int_equal(CALL(vkGetBufferDeviceAddressKHR)(fake_device(d), &whose), base_of(memory));
    VkSemaphore semaphore = fake_make_semaphore(d, 2);
    assert_int_equal(CALL(vkGetSemaphoreCounterValueKHR)(fake_device(d), semaphore, &value), VK_SUCCESS);
    VkPhysicalDeviceProperties2 properties = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2 };
    VkPhysicalDeviceMemoryProperties2 heaps = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2 };
    VkPhysicalDeviceFeatures2 features = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2 };
    CALL(vkGetPhysicalDeviceProperties2KHR)(fake_physical_device(d), &properties);
    CALL(vkGetPhysicalDeviceMemoryProperties2KHR)(fake_physical_device(d), &heaps);
    CALL(vkGetPhysicalDeviceFeatures2KHR)(fake_physical_device(d), &features);
    assert_int_equal(properties.properties.apiVersion, VK_API_VERSION_1_0);
    assert_int_equal(heaps.memoryProperties.memoryTypeCount, 5);
    destroy(buffer);
    release(memory);
    finish();
}

static void newer_structs_say_the_same(void **state) {
    (void)state;
    VkPhysicalDeviceVulkan13Properties core_3 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES };
    VkPhysicalDeviceVulkan11Properties core_1 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
                                                  .pNext = &core_3 };
    VkPhysicalDeviceDescriptorBufferPropertiesEXT descriptors = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_PROPERTIES_EXT, .pNext = &core_1
    };
    VkPhysicalDeviceProperties2 all = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                        .pNext = &descriptors };
    start((struct fake_config){ .with = FAKE_DESCRIPTOR_BUFFER,
                                .max_memory_allocation_size = 123,
                                .max_buffer_size = 456,
                                .descriptor_buffer_alignment = 32 });
    CALL(vkGetPhysicalDeviceProperties2)(fake_physical_device(d), &all);
    assert_int_equal(core_1.maxMemoryAllocationSize, 123);
    assert_int_equal(core_3.maxBufferSize, 456);
    assert_int_equal(descriptors.descriptorBufferOffsetAlignment, 32);
    finish();
}

static void budgets_follow_use(void **state) {
    (void)state;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT
    };
    VkPhysicalDeviceMemoryProperties2 out = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                              .pNext = &budget };
    start((struct fake_config){ .with = FAKE_MEMORY_BUDGET, .budgets = { 5000 }, .foreign_use = { 100 } });
    VkDeviceMemory memory = allocate(64, 1);
    CALL(vkGetPhysicalDeviceMemoryProperties2)(fake_physical_device(d), &out);
    assert_int_equal(budget.heapBudget[0], 5000);
    assert_int_equal(budget.heapUsage[0], 164);
    fake_set_budget(d, 0, 6000, 0);
    CALL(vkGetPhysicalDeviceMemoryProperties2)(fake_physical_device(d), &out);
    assert_int_equal(budget.heapBudget[0], 6000);
    assert_int_equal(budget.heapUsage[0], 64);
    release(memory);
    finish();
    start((struct fake_config){ 0 });
    CALL(vkGetPhysicalDeviceMemoryProperties2)(fake_physical_device(d), &out);
    expect("VUID-VkPhysicalDeviceMemoryProperties2-pNext-pNext");
    finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_by_version_and_extension),
        cmocka_unit_test(without_an_instance_only_global_names_answer),
        cmocka_unit_test(calling_what_the_device_lacks_is_told),
        cmocka_unit_test(the_device_info_says_what_is_enabled),
        cmocka_unit_test(old_devices_enable_by_extension),
        cmocka_unit_test(the_allocator_info_leads_to_the_driver),
        cmocka_unit_test(properties_come_from_the_config),
        cmocka_unit_test(old_names_work_where_they_are_offered),
        cmocka_unit_test(newer_structs_say_the_same),
        cmocka_unit_test(budgets_follow_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
