# Off, checked access is nothing: shaders compile to the same code, byte for byte, with the header as it is and with one
# from which everything of checked access has been taken, by text.
#
#   cmake -DGLSLANG=… -DINCLUDE=… -DOUTPUT=<folder> -DSHADERS=<file;…> -P glsl_off.cmake

file(READ ${INCLUDE}/bdaalloc/bdaalloc.glsl text)
string(FIND "${text}" "/* ---- Checked access ---" begin)
string(FIND "${text}" "/* ---- Load and store ---" end)
if(begin EQUAL -1 OR end EQUAL -1)
    message(FATAL_ERROR "the header's parts have other names now")
endif()
string(SUBSTRING "${text}" 0 ${begin} before)
string(SUBSTRING "${text}" ${end} -1 behind)
set(text "${before}${behind}")
string(REGEX REPLACE "#ifdef BDA_CHECKED[^\n]*\n[^#]*#else\n([^#]*)#endif" "\\1" text "${text}")
string(REGEX REPLACE "BDA_REFUSE\\([^\n]*(, |T\\(0\\))\\)" "" text "${text}")
string(REGEX REPLACE "BDA_GOOD\\(p, Bytes, Align\\)" "p" text "${text}")
string(REPLACE "BDA_INDEX(" "bda_element(" text "${text}")
string(REGEX MATCH "(BDA_GOOD|BDA_INDEX|BDA_REFUSE|bda_check)[^s]" left "${text}")
if(left)
    message(FATAL_ERROR "this of checked access is left: ${left}")
endif()
file(WRITE ${OUTPUT}/bare/bdaalloc/bdaalloc.glsl "${text}")

foreach(shader IN LISTS SHADERS)
    get_filename_component(name ${shader} NAME)
    get_filename_component(folder ${shader} DIRECTORY)
    file(READ ${shader} source)
    string(REGEX REPLACE "BDA_AT\\([^)]*\\)+" "" source "${source}")
    string(REGEX REPLACE "bda_checks\\([^)]*\\);" "" source "${source}")
    file(WRITE ${OUTPUT}/bare/${name} "${source}")
    execute_process(COMMAND ${GLSLANG} --quiet -V --target-env vulkan1.2 -I${INCLUDE} ${shader}
                            -o ${OUTPUT}/${name}.spv
                    COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND ${GLSLANG} --quiet -V --target-env vulkan1.2 -I${OUTPUT}/bare -I${folder}
                            ${OUTPUT}/bare/${name} -o ${OUTPUT}/bare/${name}.spv
                    COMMAND_ERROR_IS_FATAL ANY)
    file(SHA256 ${OUTPUT}/${name}.spv with)
    file(SHA256 ${OUTPUT}/bare/${name}.spv without)
    if(NOT with STREQUAL without)
        message(FATAL_ERROR "${name}: checked access, switched off, is not nothing")
    endif()
    message(STATUS "${name}: the same code")
endforeach()
