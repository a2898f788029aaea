# Models that 10_renderer must refuse with a sentence: nothing of them could be shown, or their nodes are a chain that no
# stack is made for. Wants `folder`, this one, and example_refuses_on_drivers.

function(refuses_model name expect model)
    example_refuses_on_drivers(10_renderer_${name} 10_renderer ${expect} --size 64x64 --frames 1 --model ${model})
endfunction()

function(refuses_triangle name expect a b c)
    set(model ${CMAKE_CURRENT_BINARY_DIR}/renderer_${name}.obj)
    file(WRITE ${model} "v ${a}\nv ${b}\nv ${c}\nf 1 2 3\n")
    refuses_model(${name} ${expect} ${model})
endfunction()

refuses_triangle(vast "has an extent of " "1e38 0 0" "-1e38 0 0" "0 1e38 0")
refuses_triangle(tiny "has an extent of .e-09" "1e-9 0 0" "-1e-9 0 0" "0 1e-9 0")
refuses_triangle(point "has an extent of 0" "1 2 3" "1 2 3" "1 2 3")
refuses_triangle(nowhere "has no finite place" "0 0 0" "nan 0 0" "0 1 0")
refuses_triangle(far "do not tell its vertices apart" "1e8 0 0" "100000100 0 0" "1e8 100 0")

# 20 000 nodes, each in the one before, above the model's own.
file(READ ${folder}/cube.gltf deep)
set(chain "")
foreach(i RANGE 3 20001)
    string(APPEND chain "{\"children\": [${i}]},\n")
endforeach()
string(REPLACE "{\"nodes\": [0]}" "{\"nodes\": [2]}" deep "${deep}")
string(REPLACE "}\n  ],\n  \"meshes\"" "},\n${chain}{\"children\": [0]}\n  ],\n  \"meshes\"" deep "${deep}")
set(model ${CMAKE_CURRENT_BINARY_DIR}/renderer_deep.gltf)
file(WRITE ${model} "${deep}")
refuses_model(deep "1000 levels deep" ${model})
