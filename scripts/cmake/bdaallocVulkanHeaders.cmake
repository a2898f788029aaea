# Makes sure that Vulkan::Headers exists, for our build and (installed beside bdaallocConfig.cmake) for our users'.
# The library needs the headers alone, so a machine without the loader is fine: FindVulkan alone would refuse it.
if(NOT TARGET Vulkan::Headers AND NOT Vulkan_INCLUDE_DIR)
    find_package(VulkanHeaders CONFIG QUIET)
endif()
if(NOT TARGET Vulkan::Headers)
    find_path(Vulkan_INCLUDE_DIR vulkan/vulkan_core.h HINTS "$ENV{VULKAN_SDK}/include")
    if(NOT Vulkan_INCLUDE_DIR)
        message(FATAL_ERROR "bdaalloc: no Vulkan headers found (Debian: libvulkan-dev). "
                            "Set Vulkan_INCLUDE_DIR to the folder that holds vulkan/vulkan_core.h.")
    endif()
    add_library(Vulkan::Headers INTERFACE IMPORTED)
    set_target_properties(Vulkan::Headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${Vulkan_INCLUDE_DIR}")
endif()
