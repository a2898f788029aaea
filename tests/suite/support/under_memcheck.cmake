# Runs a program under valgrind's memcheck: passes when the program does and each of the texts is found in the report.
#
#     cmake -DVALGRIND=... -DPROGRAM=... "-DEXPECT=regex;regex" -P under_memcheck.cmake
execute_process(COMMAND ${VALGRIND} --num-callers=24 ${PROGRAM}
                RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE report)
message("${output}${report}")
if(result EQUAL 77)
    message("skipped: ${PROGRAM} was")
    return()
elseif(NOT result EQUAL 0)
    message(FATAL_ERROR "the program answered ${result}")
endif()
foreach(text IN LISTS EXPECT)
    if(NOT report MATCHES "${text}")
        message(FATAL_ERROR "memcheck did not say '${text}'")
    endif()
endforeach()
