# Makes sure that Vulkan::Headers exists, for our build and (installed beside bdaallocConfig.cmake) for our users'.
# The library needs the headers alone, so a machine without the loader is fine: FindVulkan alone would refuse it.
if(NOT TARGET Vulkan::Headers AND NOT Vulkan_INCLUDE_DIR)
    find_package(VulkanHeaders CONFIG QUIET)
endif()
if(NOT TARGET Vulkan::Headers)
    # A variable of its own: what was found once must not count as the user's wish the next time.
    set(bdaalloc_headers "${Vulkan_INCLUDE_DIR}")
    if(NOT bdaalloc_headers)
        find_path(BDA_VULKAN_HEADERS vulkan/vulkan_core.h HINTS "$ENV{VULKAN_SDK}/include")
        mark_as_advanced(BDA_VULKAN_HEADERS)
        set(bdaalloc_headers "${BDA_VULKAN_HEADERS}")
    endif()
    if(NOT bdaalloc_headers)
        message(FATAL_ERROR "bdaalloc: no Vulkan headers found (Debian: libvulkan-dev). "
                            "Set Vulkan_INCLUDE_DIR to the folder that holds vulkan/vulkan_core.h.")
    endif()
    add_library(Vulkan::Headers INTERFACE IMPORTED)
    set_target_properties(Vulkan::Headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${bdaalloc_headers}")
endif()
