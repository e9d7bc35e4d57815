# Writes shipped_groups.c: the files of daemon/policy/groups as they are, each under its name.

function(write_shipped_groups file)
    file(GLOB groups CONFIGURE_DEPENDS policy/groups/*.group)
    set(texts "")
    foreach(group IN LISTS groups)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${group})
        cmake_path(GET group STEM name)
        file(READ ${group} text)
        string(REGEX REPLACE "([\\\"])" "\\\\\\1" text "${text}")
        string(REGEX REPLACE "([^\n]*)\n" "     \"\\1\\\\n\"\n" text "${text}")
        string(APPEND texts "    {\"${name}\", NULL,\n${text}    },\n")
    endforeach()
    file(CONFIGURE OUTPUT ${file} @ONLY CONTENT
        "#include \"policy/groups.h\"\n\nconst struct group shipped_groups[] = {\n@texts@    {NULL, NULL, NULL},\n};\n")
endfunction()

write_shipped_groups(${CMAKE_CURRENT_BINARY_DIR}/shipped_groups.c)
target_sources(policy PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/shipped_groups.c)
