# Runs a program under valgrind's memcheck. It passes when the program does, and memcheck reports each of the texts in
# EXPECT, or nothing at all where there are none; from so many places as CONTEXTS says, where it is set.
#
#     cmake -DVALGRIND=... "-DEXPECT=regex;regex" [-DCONTEXTS=n] -P under_memcheck.cmake PROGRAM [ARGUMENT...]
#
# What stands behind the script's name is the command. The program's 77 is told as "skipped: ".
set(command "")
set(found NO)
foreach(i RANGE 1 ${CMAKE_ARGC})
    if(found AND i LESS CMAKE_ARGC)
        list(APPEND command ${CMAKE_ARGV${i}})
    elseif("${CMAKE_ARGV${i}}" MATCHES "under_memcheck.cmake$")
        set(found YES)
    endif()
endforeach()
if(NOT EXPECT)
    set(strict --error-exitcode=9)
endif()
execute_process(COMMAND ${VALGRIND} --num-callers=24 ${strict}
                        --suppressions=${CMAKE_CURRENT_LIST_DIR}/memcheck.supp ${command}
                RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE report)
message("${output}${report}")
if(result EQUAL 77)
    message("skipped: the program was")
    return()
elseif(NOT result EQUAL 0)
    message(FATAL_ERROR "the program answered ${result}")
endif()
if(CONTEXTS)
    list(APPEND EXPECT "errors from ${CONTEXTS} contexts")
endif()
foreach(text IN LISTS EXPECT)
    if(NOT report MATCHES "${text}")
        message(FATAL_ERROR "memcheck did not say '${text}'")
    endif()
endforeach()
