# cmake -DPROGRAM=<10_renderer> -DFOLDER=<folder> -P dump_test.cmake
#
# A run with --dump leaves its own dumps and none of an earlier, longer run's, and touches nothing that is no dump of its
# names.
function(draw frames)
    execute_process(COMMAND ${PROGRAM} --size 64x64 --instances 20 --frames ${frames} --dump ${FOLDER}/heap
                    RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
    message("${output}")
    if(NOT code EQUAL 0 AND NOT output MATCHES "skipped: ")
        message(FATAL_ERROR "exit code ${code}")
    endif()
endfunction()

function(expect_files)
    file(GLOB there RELATIVE ${FOLDER} ${FOLDER}/*)
    list(SORT there)
    if(NOT "${there}" STREQUAL "${ARGN}")
        message(FATAL_ERROR "there are ${there}, and not ${ARGN}")
    endif()
endfunction()

file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
draw(4)
file(GLOB there ${FOLDER}/*)
if(there STREQUAL "") # skipped
    return()
endif()
expect_files(heap-001.json heap-002.json heap-003.json heap-004.json)
configure_file(${FOLDER}/heap-004.json ${FOLDER}/heap-0004.json COPYONLY)
configure_file(${FOLDER}/heap-004.json ${FOLDER}/heap-x.json COPYONLY)
configure_file(${FOLDER}/heap-004.json ${FOLDER}/other-004.json COPYONLY)
configure_file(${FOLDER}/heap-004.json ${FOLDER}/heap-240.json COPYONLY) # behind a gap
file(WRITE ${FOLDER}/heap-005.json "{\"schema\":\"mine\"}")
file(WRITE ${FOLDER}/heap-006.json "")
set(kept heap-0004.json heap-001.json heap-002.json heap-005.json heap-006.json heap-x.json other-004.json)
draw(2)
expect_files(${kept})

# A name that is cut off would be one for all numbers.
string(REPEAT "./" 505 far)
execute_process(COMMAND ${PROGRAM} --size 64x64 --instances 20 --frames 2 --dump ${FOLDER}/${far}heap
                RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT code EQUAL 1 OR NOT output MATCHES "cannot write ")
    message(FATAL_ERROR "exit code ${code}: ${output}")
endif()
expect_files(${kept})
