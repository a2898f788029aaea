# Every example under valgrind's memcheck, which the library tells whose the bytes of mapped memory are (BDA_DEBUG=memory).
# A software driver runs shaders as host code, so memcheck sees theirs, too. It must be silent but for what is planted:
# 07_fault writes behind 'particles'; 08_checked's shader is not let do it. (The use after free there is one of bytes that
# are another's by then.) Small, since everything takes some fifty times as long; on one driver, without layers.
function(example_memcheck name)
    cmake_parse_arguments(arg "" "CONTEXTS" "EXPECT;ARGUMENTS" ${ARGN})
    add_test(NAME example.${name}.${driver}.valgrind
             COMMAND ${CMAKE_COMMAND} -DVALGRIND=${VALGRIND} "-DEXPECT=${arg_EXPECT}"
                     -DCONTEXTS=${arg_CONTEXTS}
                     -P ${PROJECT_SOURCE_DIR}/scripts/cmake/under_memcheck.cmake $<TARGET_FILE:${name}> ${arg_ARGUMENTS})
    set_tests_properties(example.${name}.${driver}.valgrind PROPERTIES
        LABELS "example;${driver}"
        ENVIRONMENT "${bda_driver_${driver}_env};BDA_VALIDATE=0;BDA_TEST_DRIVER=${driver};BDA_DEBUG=memory"
        SKIP_REGULAR_EXPRESSION "skipped: "
        COST 15
        TIMEOUT 900)
endfunction()

set(driver system)
foreach(name 01_first_pointer 03_gpu_built_list 04_engine 05_cpp 06_loader 08_checked)
    if(TARGET ${name})
        example_memcheck(${name})
    endif()
endforeach()
example_memcheck(02_pointer_trie ARGUMENTS ${PROJECT_SOURCE_DIR}/LICENSE)
example_memcheck(07_fault CONTEXTS 1 EXPECT "4,000 bytes inside a 'particles' .4000 bytes.")
if(TARGET 09_path_tracer)
    example_memcheck(09_path_tracer ARGUMENTS --size 16x12 --samples 1 --rounds 1 --detail 4 --pointers-only)
    example_memcheck(10_renderer ARGUMENTS --size 64x36 --instances 10 --frames 2)
    set_tests_properties(example.10_renderer.${driver}.valgrind PROPERTIES COST 40)
endif()
