# OBJ files as programs write them: the same crystal in other words, and what is no mesh, with the line where it is not.
# Wants `tiny`, the options of a small picture.

file(READ ${CMAKE_CURRENT_SOURCE_DIR}/09_path_tracer/crystal.obj crystal)
string(REPEAT " " 5000 blanks) # more than fits a buffer that somebody would give it
string(REPLACE "v 0 0 0" "  \tv 0 0 \\\n 0" words "${crystal}")
string(REPLACE "f 1 2 3" "f 1 ${blanks} 2 \\\n\t3 # all of it" words "${words}")
string(REPLACE "f 6 2 5" " f \\\n 6 \\\n 2 \\\n 5" words "${words}")
set(words "# C:\\folder\\\n${words}")
string(REPLACE "\n" "\r\n" windows "${words}")
string(ASCII 239 187 191 mark) # before the first vertex
string(REGEX REPLACE "^#[^\n]*\n" "${mark}" mac "${crystal}")
string(REPLACE "\n" "\r" mac "${mac}")
foreach(name words windows mac)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${name}.obj "${${name}}")
    bda_add_driver_tests(09_path_tracer_${name} LABEL example EXPECT "scene +668 triangles" COMMAND 09_path_tracer ${tiny}
                         --mesh ${CMAKE_CURRENT_BINARY_DIR}/${name}.obj)
endforeach()

function(refuses_mesh name expect words)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/mesh_${name}.obj "v 0 0 0\nv 1 0 0\nv 0 1 0\n${words}\nf 1 2 3\n")
    example_refuses_on_drivers(09_path_tracer_mesh_${name} 09_path_tracer "mesh_${name}.obj:${expect}" ${tiny} --mesh
                               ${CMAKE_CURRENT_BINARY_DIR}/mesh_${name}.obj)
endfunction()

refuses_mesh(infinite "4: a vertex wants three finite numbers" "v 0 inf 0")
refuses_mesh(two "4: a vertex wants three finite numbers" "v 0 1 # 2")
refuses_mesh(glued "4: a vertex wants three finite numbers" "v 0 1 2x")
refuses_mesh(goes_on "4: a face wants three vertices" "f 1 \\\n2")
refuses_mesh(corner "5: '2.5 3' is no corner of a face" "# fine\nf 1 2.5 3")
refuses_mesh(more "4: 'x' is no corner of a face" "f 1 2 3 x")
refuses_mesh(nobody "6: there is no vertex 4" "\n\n f 1 2 4")
