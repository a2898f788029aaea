# cmake -DPROGRAM=<program> -DEXPECT=<regular expression> -P refused_test.cmake [argument...]
#
# Runs the program with the arguments: passes when it ends with 1 and a sentence that matches. A crash is none of that,
# nor a complaint of the validation layer or the library, which ends with 1 as well.
set(arguments "")
foreach(i RANGE 5 ${CMAKE_ARGC}) # behind cmake -D… -D… -P script
    if(i LESS CMAKE_ARGC)
        list(APPEND arguments ${CMAKE_ARGV${i}})
    endif()
endforeach()
execute_process(COMMAND ${PROGRAM} ${arguments} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
message("${output}")
if(NOT code EQUAL 1)
    message(FATAL_ERROR "exit code ${code} where 1 was expected")
endif()
if(NOT output MATCHES "${EXPECT}")
    message(FATAL_ERROR "the sentence is not '${EXPECT}'")
endif()
if(output MATCHES "complaint")
    message(FATAL_ERROR "the validation layer or the library complained")
endif()
message("refused as it should be")
