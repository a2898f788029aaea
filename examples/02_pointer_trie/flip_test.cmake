# cmake -DPROGRAM=<02_pointer_trie> -P flip_test.cmake [option...]
#
# Runs the program with --flip and the options: passes when it ends with 1 and says how many answers differ. A crash, or
# a check that did not notice, is none of that.
set(options "")
foreach(i RANGE 4 ${CMAKE_ARGC}) # behind cmake -D… -P script
    if(i LESS CMAKE_ARGC)
        list(APPEND options ${CMAKE_ARGV${i}})
    endif()
endforeach()
execute_process(COMMAND ${PROGRAM} --flip ${options} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
message("${output}")
if(NOT code EQUAL 1)
    message(FATAL_ERROR "exit code ${code} where 1 was expected")
endif()
if(NOT output MATCHES "mismatch   [1-9][0-9]* of [0-9]+ answers")
    message(FATAL_ERROR "the mismatches were not counted")
endif()
if(output MATCHES "complaint")
    message(FATAL_ERROR "the validation layer or the library complained")
endif()
message("the flipped pointer was noticed")
