# egressd_layer(NAME [USES LAYER_OR_LIBRARY...])
#
# One library for the folder called NAME. USES is the layering: a layer can name only layers that
# stand above it in the file, so nothing goes in circles, and test/style/layers.sh holds the #include
# lines to it.
#
# Sources are found, not listed: several people add files at once, and a list would be what they
# collide on. A new file re-runs CMake by itself.
function(egressd_layer name)
    cmake_parse_arguments(PARSE_ARGV 1 layer "" "" "USES")
    file(GLOB sources CONFIGURE_DEPENDS ${name}/*.c)

    foreach(used IN LISTS layer_USES)
        if(NOT TARGET ${used})
            message(FATAL_ERROR
                "layer ${name} uses ${used}, which is neither a layer above this line nor a library")
        endif()
    endforeach()

    set(visibility PUBLIC)
    if(sources)
        add_library(${name} STATIC ${sources})
    else()
        add_library(${name} INTERFACE)
        set(visibility INTERFACE)
    endif()
    target_link_libraries(${name} ${visibility} flags ${layer_USES})

    list(JOIN layer_USES " " uses)
    set_property(GLOBAL APPEND PROPERTY EGRESSD_LAYERING "${name}: ${uses}")
endfunction()
