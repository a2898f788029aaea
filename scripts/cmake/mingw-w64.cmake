# Cross-compiles for Windows with Debian's gcc-mingw-w64-x86-64, or with gcc-mingw-w64-i686 where
# CMAKE_SYSTEM_PROCESSOR is i686: pointers have 32 bits there, and Vulkan's handles are integers.
set(CMAKE_SYSTEM_NAME Windows)
if(NOT CMAKE_SYSTEM_PROCESSOR)
    set(CMAKE_SYSTEM_PROCESSOR x86_64)
endif()
set(CMAKE_C_COMPILER ${CMAKE_SYSTEM_PROCESSOR}-w64-mingw32-gcc)
set(CMAKE_FIND_ROOT_PATH /usr/${CMAKE_SYSTEM_PROCESSOR}-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Vulkan's and cmocka's headers are the same on every system, but the host's include folder also holds the host's C
# library, which must not be seen: a folder of links to these few names is searched in its stead.
if(NOT CMAKE_IN_TRY_COMPILE)
    set(host_headers "${CMAKE_BINARY_DIR}/host-headers")
    foreach(name vulkan vk_video cmocka.h)
        find_path(host_${name} ${name} PATHS /usr/include /usr/local/include NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
        mark_as_advanced(host_${name})
        if(host_${name})
            file(MAKE_DIRECTORY "${host_headers}")
            file(CREATE_LINK "${host_${name}}/${name}" "${host_headers}/${name}" SYMBOLIC)
        endif()
    endforeach()
    set(Vulkan_INCLUDE_DIR "${host_headers}" CACHE PATH "Vulkan headers")
    set(CMOCKA_INCLUDE_DIR "${host_headers}" CACHE PATH "cmocka header")
endif()
