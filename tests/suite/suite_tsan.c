/*
 * For the thread sanitizer: lavapipe is not compiled with it and locks by futexes of its own, which the sanitizer does
 * not see. Two threads that bind buffers to one VkDeviceMemory (which Vulkan allows: only the buffer is externally
 * synchronized) then look as if the driver's malloc and free raced inside vkBindBufferMemory.
 */
const char *__tsan_default_suppressions(void); /* asked for by the sanitizer's runtime, no one else */

const char *__tsan_default_suppressions(void) {
    return "race:libvulkan_lvp.so\n";
}
