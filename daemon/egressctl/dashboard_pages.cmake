# The files of dashboard/ as arrays of bytes, so that the page needs no file at run time.

set(dashboard_types "index.html|/|text/html" "style.css|/style.css|text/css"
    "script.js|/script.js|text/javascript" "icon.svg|/icon.svg|image/svg+xml")

function(write_dashboard_pages file)
    set(arrays "")
    set(pages "")
    foreach(page IN LISTS dashboard_types)
        string(REPLACE "|" ";" page ${page})
        list(GET page 0 name)
        list(GET page 1 path)
        list(GET page 2 type)
        set(source ${CMAKE_CURRENT_SOURCE_DIR}/egressctl/dashboard/${name})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
        file(READ ${source} bytes HEX)
        string(REGEX REPLACE "(..)" "0x\\1," bytes ${bytes})
        string(MAKE_C_IDENTIFIER ${name} symbol)
        string(APPEND arrays "static const unsigned char ${symbol}[] = {${bytes}};\n")
        string(APPEND pages "    {\"${path}\", \"${type}\", ${symbol}, sizeof(${symbol})},\n")
    endforeach()
    file(CONFIGURE OUTPUT ${file} @ONLY CONTENT
        "#include \"egressctl/dashboard_pages.h\"\n\n@arrays@\n\
const struct dashboard_page dashboard_pages[] = {\n@pages@};\n\
const size_t dashboard_page_count = sizeof(dashboard_pages) / sizeof(dashboard_pages[0]);\n")
endfunction()

write_dashboard_pages(${CMAKE_CURRENT_BINARY_DIR}/dashboard_pages.c)
target_sources(egressctl PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/dashboard_pages.c)
