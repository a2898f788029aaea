/* A window by SDL 2; see window.h. Without SDL the functions are there and say so. */
#include "window.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef EXAMPLE_WITH_SDL

#define SDL_MAIN_HANDLED
#include <SDL.h>
#include <SDL_vulkan.h>

enum { MOST_IMAGES = 8, MOST_EXTENSIONS = 8 };

struct window {
    struct ex *ex;
    SDL_Window *window;
    VkSurfaceKHR surface;
    VkSwapchainKHR swapchain;
    VkExtent2D extent;
    VkImage images[MOST_IMAGES];
    VkSemaphore available[MOST_IMAGES], finished[MOST_IMAGES];
    uint32_t image_count;
    uint32_t turn; /* of the semaphores in `available` */
    uint32_t image;
    bool outdated; /* the swapchain no longer fits the window */
    const char *extensions[MOST_EXTENSIONS];
};

struct window *window_open(const char *title, VkExtent2D extent, struct ex_wishes *wishes) {
    struct window *window = calloc(1, sizeof *window);
    if (!window)
        ex_fail("out of memory");
    SDL_SetMainReady();
    if (SDL_Init(SDL_INIT_VIDEO) == 0)
        window->window = SDL_CreateWindow(title, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, (int)extent.width,
                                          (int)extent.height, SDL_WINDOW_VULKAN | SDL_WINDOW_RESIZABLE);
    unsigned count = MOST_EXTENSIONS;
    if (!window->window || !SDL_Vulkan_GetInstanceExtensions(window->window, &count, window->extensions)) {
        printf("no window: %s\n", SDL_GetError());
        window_close(window);
        return NULL;
    }
    wishes->instance_extensions = window->extensions;
    wishes->instance_extension_count = count;
    wishes->swapchain = true;
    return window;
}

static VkSemaphore create_semaphore(struct ex *ex) {
    VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO };
    VkSemaphore semaphore;
    EX_CHECK(vkCreateSemaphore(ex->device, &info, NULL, &semaphore));
    return semaphore;
}

static VkSurfaceFormatKHR choose_format(struct window *window) {
    VkSurfaceFormatKHR formats[32];
    uint32_t count = 32;
    VkResult result =
        vkGetPhysicalDeviceSurfaceFormatsKHR(window->ex->physical_device, window->surface, &count, formats);
    if (result != VK_INCOMPLETE)
        EX_CHECK(result);
    for (uint32_t i = 0; i < count;
         i++) /* the picture is encoded already, so a blit must leave its bytes as they are */
        if (formats[i].format == VK_FORMAT_B8G8R8A8_UNORM || formats[i].format == VK_FORMAT_R8G8B8A8_UNORM)
            return formats[i];
    return formats[0];
}

/* False while the window has no size, as when it is an icon. */
static bool create_swapchain(struct window *window) {
    struct ex *ex = window->ex;
    VkSurfaceCapabilitiesKHR can;
    EX_CHECK(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(ex->physical_device, window->surface, &can));
    int width, height;
    SDL_Vulkan_GetDrawableSize(window->window, &width, &height);
    bool free_size = can.currentExtent.width == UINT32_MAX; /* the surface takes the swapchain's */
    window->extent = free_size ? (VkExtent2D){ (uint32_t)width, (uint32_t)height } : can.currentExtent;
    if (window->extent.width == 0 || window->extent.height == 0)
        return false;
    VkSurfaceFormatKHR format = choose_format(window);
    uint32_t count = can.minImageCount + 1;
    if (can.maxImageCount > 0 && count > can.maxImageCount)
        count = can.maxImageCount;
    VkSwapchainKHR old = window->swapchain;
    VkSwapchainCreateInfoKHR info = { .sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
                                      .surface = window->surface,
                                      .minImageCount = count,
                                      .imageFormat = format.format,
                                      .imageColorSpace = format.colorSpace,
                                      .imageExtent = window->extent,
                                      .imageArrayLayers = 1,
                                      .imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
                                      .preTransform = can.currentTransform,
                                      .compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR,
                                      .presentMode = VK_PRESENT_MODE_FIFO_KHR,
                                      .clipped = VK_TRUE,
                                      .oldSwapchain = old };
    EX_CHECK(vkCreateSwapchainKHR(ex->device, &info, NULL, &window->swapchain));
    vkDestroySwapchainKHR(ex->device, old, NULL);
    window->image_count = MOST_IMAGES;
    EX_CHECK(vkGetSwapchainImagesKHR(ex->device, window->swapchain, &window->image_count, window->images));
    return true;
}

void window_attach(struct window *window, struct ex *ex) {
    window->ex = ex;
    if (!SDL_Vulkan_CreateSurface(window->window, ex->instance, &window->surface))
        ex_fail("no surface: %s", SDL_GetError());
    VkBool32 presents = VK_FALSE;
    EX_CHECK(vkGetPhysicalDeviceSurfaceSupportKHR(ex->physical_device, ex->queue_family, window->surface, &presents));
    if (!presents)
        ex_fail("this device cannot show its pictures in this window");
    window->outdated = !create_swapchain(window);
    for (uint32_t i = 0; i < MOST_IMAGES; i++) {
        window->available[i] = create_semaphore(ex);
        window->finished[i] = create_semaphore(ex);
    }
}

bool window_acquire(struct window *window, VkSemaphore *available) {
    if (window->outdated) {
        EX_CHECK(vkDeviceWaitIdle(window->ex->device));
        window->outdated = !create_swapchain(window);
        if (window->outdated)
            return false;
    }
    window->turn = (window->turn + 1) % MOST_IMAGES;
    VkResult result = vkAcquireNextImageKHR(window->ex->device, window->swapchain, UINT64_MAX,
                                            window->available[window->turn], VK_NULL_HANDLE, &window->image);
    window->outdated = result == VK_ERROR_OUT_OF_DATE_KHR || result == VK_SUBOPTIMAL_KHR;
    if (result == VK_ERROR_OUT_OF_DATE_KHR)
        return false;
    if (result != VK_SUBOPTIMAL_KHR)
        EX_CHECK(result);
    *available = window->available[window->turn];
    return true;
}

static void change_layout(struct window *window, VkCommandBuffer commands, VkImageLayout from, VkImageLayout to) {
    VkImageMemoryBarrier2 barrier = { .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
                                      .srcStageMask = VK_PIPELINE_STAGE_2_BLIT_BIT,
                                      .srcAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT,
                                      .dstStageMask = VK_PIPELINE_STAGE_2_BLIT_BIT,
                                      .dstAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT,
                                      .oldLayout = from,
                                      .newLayout = to,
                                      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                      .image = window->images[window->image],
                                      .subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 } };
    VkDependencyInfo info = { .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                              .imageMemoryBarrierCount = 1,
                              .pImageMemoryBarriers = &barrier };
    vkCmdPipelineBarrier2(commands, &info);
}

void window_record(struct window *window, VkCommandBuffer commands, VkImage picture, VkExtent2D extent) {
    const VkImageLayout to = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
    VkImageBlit blit = { .srcSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
                         .srcOffsets = { { 0, 0, 0 }, { (int32_t)extent.width, (int32_t)extent.height, 1 } },
                         .dstSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
                         .dstOffsets = { { 0, 0, 0 },
                                         { (int32_t)window->extent.width, (int32_t)window->extent.height, 1 } } };
    change_layout(window, commands, VK_IMAGE_LAYOUT_UNDEFINED, to);
    vkCmdBlitImage(commands, picture, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, window->images[window->image], to, 1, &blit,
                   VK_FILTER_LINEAR);
    change_layout(window, commands, to, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
}

VkSemaphore window_finished(struct window *window) {
    return window->finished[window->image];
}

void window_present(struct window *window) {
    VkPresentInfoKHR info = { .sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                              .waitSemaphoreCount = 1,
                              .pWaitSemaphores = &window->finished[window->image],
                              .swapchainCount = 1,
                              .pSwapchains = &window->swapchain,
                              .pImageIndices = &window->image };
    VkResult result = vkQueuePresentKHR(window->ex->queue, &info);
    if (result == VK_ERROR_OUT_OF_DATE_KHR || result == VK_SUBOPTIMAL_KHR)
        window->outdated = true;
    else
        EX_CHECK(result);
}

bool window_poll(struct window *window) {
    SDL_Event event;
    bool open = true;
    while (SDL_PollEvent(&event))
        open = open && event.type != SDL_QUIT && !(event.type == SDL_KEYDOWN && event.key.keysym.sym == SDLK_ESCAPE);
    (void)window;
    return open;
}

void window_detach(struct window *window) {
    struct ex *ex = window->ex;
    EX_CHECK(vkDeviceWaitIdle(ex->device));
    for (uint32_t i = 0; i < MOST_IMAGES; i++) {
        vkDestroySemaphore(ex->device, window->available[i], NULL);
        vkDestroySemaphore(ex->device, window->finished[i], NULL);
    }
    vkDestroySwapchainKHR(ex->device, window->swapchain, NULL);
    vkDestroySurfaceKHR(ex->instance, window->surface, NULL);
}

void window_close(struct window *window) {
    if (window->window)
        SDL_DestroyWindow(window->window);
    SDL_Quit();
    free(window);
}

#else

struct window *window_open(const char *title, VkExtent2D extent, struct ex_wishes *wishes) {
    (void)title;
    (void)extent;
    (void)wishes;
    printf("no window: the program was built without SDL 2 (Debian: libsdl2-dev)\n");
    return NULL;
}

/* Nobody has a window to call these with. */
void window_attach(struct window *window, struct ex *ex) {
    (void)window;
    (void)ex;
}

bool window_acquire(struct window *window, VkSemaphore *available) {
    (void)window;
    (void)available;
    return false;
}

void window_record(struct window *window, VkCommandBuffer commands, VkImage picture, VkExtent2D extent) {
    (void)window;
    (void)commands;
    (void)picture;
    (void)extent;
}

VkSemaphore window_finished(struct window *window) {
    (void)window;
    return VK_NULL_HANDLE;
}

void window_present(struct window *window) {
    (void)window;
}

bool window_poll(struct window *window) {
    (void)window;
    return false;
}

void window_detach(struct window *window) {
    (void)window;
}

void window_close(struct window *window) {
    (void)window;
}

#endif
