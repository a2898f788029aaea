# What programs that talk to a real Vulkan driver need: volk, and a ctest for each driver that is here.
#
#   bda_volk                                    volk as a library, compiled from the distribution's volk.c
#   bda_driver_program(target)                  what such a program must be linked with under the address sanitizer
#   bda_add_driver_tests(name LABEL label COMMAND program [argument...])
#                                               the tests label.name.driver, one per driver, validation layers on
#
# Drivers: `system` is the distribution's lavapipe, `lavapipe25` a newer one unpacked by scripts/test.sh, `gpu` whatever
# the machine has, in place of the others and only with BDA_TEST_GPU.

find_path(VOLK_INCLUDE_DIR volk.h)
find_file(VOLK_SOURCE volk.c PATHS ${VOLK_INCLUDE_DIR} PATH_SUFFIXES include)
if(VOLK_INCLUDE_DIR AND VOLK_SOURCE)
    add_library(bda_volk STATIC "${VOLK_SOURCE}")
    target_include_directories(bda_volk SYSTEM PUBLIC "${VOLK_INCLUDE_DIR}")
    target_link_libraries(bda_volk PUBLIC Vulkan::Headers ${CMAKE_DL_LIBS})
    if(NOT MSVC)
        target_compile_options(bda_volk PRIVATE -w) # not our source, not our warnings
    endif()
elseif(NOT CMAKE_CROSSCOMPILING)
    message(FATAL_ERROR "bdaalloc: the tests and examples need volk.h and volk.c (Debian: libvulkan-volk-dev). "
                        "Install it, or configure with -DBDA_BUILD_TESTS=OFF -DBDA_BUILD_EXAMPLES=OFF "
                        "-DBDA_BUILD_BENCH=OFF for the library alone.")
endif()

# lavapipe 22 is unloaded before the leak checker runs, which then reports 128 bytes of a module without a name: no
# suppression can match. A dlclose that does nothing, seen by the loader thanks to the exported symbols, keeps it loaded.
function(bda_driver_program target)
    if(BDA_SANITIZE MATCHES "address")
        target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/suite/support/no_dlclose.c)
        set_target_properties(${target} PROPERTIES ENABLE_EXPORTS ON)
    endif()
endfunction()

# ---- Which drivers are here -------------------------------------------------------------------------------------

set(bda_drivers "")
if(BDA_TEST_GPU)
    list(APPEND bda_drivers gpu)
    set(bda_driver_gpu_env "") # the loader finds it by itself
elseif(NOT CMAKE_CROSSCOMPILING)
    file(GLOB icd /usr/share/vulkan/icd.d/lvp_icd*.json /usr/local/share/vulkan/icd.d/lvp_icd*.json
                  /etc/vulkan/icd.d/lvp_icd*.json)
    if(icd)
        list(GET icd 0 icd)
        list(APPEND bda_drivers system)
        # The older name is for loaders before 1.3.207.
        set(bda_driver_system_env "VK_DRIVER_FILES=${icd};VK_ICD_FILENAMES=${icd}")
    endif()

    set(BDA_LAVAPIPE25 "$ENV{BDA_LAVAPIPE25}" CACHE PATH "Where a newer lavapipe is unpacked")
    if(NOT BDA_LAVAPIPE25)
        set(newer "${PROJECT_SOURCE_DIR}/build/lavapipe25")
    else()
        set(newer "${BDA_LAVAPIPE25}")
    endif()
    file(GLOB icd "${newer}/lvp_icd.json")
    file(GLOB libraries "${newer}/usr/lib/*-linux-gnu*")
    if(icd AND libraries)
        list(APPEND bda_drivers lavapipe25)
        set(bda_driver_lavapipe25_env "VK_DRIVER_FILES=${icd};VK_ICD_FILENAMES=${icd};LD_LIBRARY_PATH=${libraries}")
    endif()
endif()

# The layers are not compiled with a sanitizer, and the thread sanitizer would mistake their locks for missing ones.
find_file(BDA_VALIDATION_LAYER VkLayer_khronos_validation.json
          PATHS /usr/share /usr/local/share /etc PATH_SUFFIXES vulkan/explicit_layer.d NO_CMAKE_FIND_ROOT_PATH)
mark_as_advanced(BDA_VALIDATION_LAYER)
set(bda_layers_env "")
if(BDA_VALIDATION_LAYER AND NOT BDA_SANITIZE)
    # Every message goes to the output, also where the program has a messenger of its own.
    file(WRITE ${PROJECT_BINARY_DIR}/vk_layer_settings.txt
         "khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG\n"
         "khronos_validation.report_flags = error,warn\n"
         "khronos_validation.log_filename = stdout\n"
         "khronos_validation.enables = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT\n")
    set(bda_layers_env "VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation"
                       "VK_LAYER_SETTINGS_PATH=${PROJECT_BINARY_DIR}")
endif()
message(STATUS "bdaalloc: driver tests on [${bda_drivers}], validation layers [${bda_layers_env}]")

# EXPECT text: the test passes when the program's output matches; without it, any message of the layers is a failure.
function(bda_add_driver_tests name)
    cmake_parse_arguments(arg "" "LABEL;EXPECT" "COMMAND" ${ARGN})
    foreach(driver IN LISTS bda_drivers)
        set(test ${arg_LABEL}.${name}.${driver})
        add_test(NAME ${test} COMMAND ${arg_COMMAND})
        set_tests_properties(${test} PROPERTIES
            LABELS "${arg_LABEL};${driver}"
            ENVIRONMENT "${bda_driver_${driver}_env};${bda_layers_env};BDA_TEST_DRIVER=${driver}"
            SKIP_RETURN_CODE 77
            TIMEOUT 600)
        if(arg_EXPECT)
            set_tests_properties(${test} PROPERTIES PASS_REGULAR_EXPRESSION "${arg_EXPECT}")
        elseif(bda_layers_env)
            set_tests_properties(${test} PROPERTIES
                FAIL_REGULAR_EXPRESSION "Validation (Error|Warning)|VUID-|UNASSIGNED-|SYNC-HAZARD")
        endif()
    endforeach()
endfunction()
