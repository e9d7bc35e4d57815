# Writes public_suffixes.c: the names under which anybody can register (the ICANN section of the Public
# Suffix List, https://publicsuffix.org, as Debian packages it), so that a wildcard on one is refused.
# Single labels are left out, they are refused without a list; so are the few that are not ASCII.

set(EGRESSD_PUBLIC_SUFFIX_LIST /usr/share/publicsuffix/public_suffix_list.dat CACHE FILEPATH
    "The Public Suffix List")
if(NOT EXISTS ${EGRESSD_PUBLIC_SUFFIX_LIST})
    message(FATAL_ERROR "${EGRESSD_PUBLIC_SUFFIX_LIST} is missing: install the package publicsuffix, or "
        "set EGRESSD_PUBLIC_SUFFIX_LIST to the list from https://publicsuffix.org")
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${EGRESSD_PUBLIC_SUFFIX_LIST})

function(write_public_suffixes file)
    file(READ ${EGRESSD_PUBLIC_SUFFIX_LIST} list)
    string(FIND "${list}" "===BEGIN ICANN DOMAINS===" begin)
    string(FIND "${list}" "// ===END ICANN DOMAINS===" end)
    if(begin EQUAL -1 OR end LESS begin)
        message(FATAL_ERROR "${EGRESSD_PUBLIC_SUFFIX_LIST} has no ICANN section")
    endif()
    math(EXPR length "${end} - ${begin}")
    string(SUBSTRING "${list}" ${begin} ${length} list)

    string(REGEX REPLACE "===[^\n]*" "" list "${list}")
    string(REGEX REPLACE "//[^\n]*" "" list "${list}")
    string(REGEX REPLACE "[^\n]*[^\n -~][^\n]*" "" list "${list}")
    string(REGEX REPLACE "\n+" "\n" list "${list}")
    string(REGEX REPLACE "([^\n]+)\n" "    \"\\1\\\\n\"\n" list "${list}")
    string(REGEX REPLACE "    \"[^.\"]+\"\n" "" list "${list}")
    file(CONFIGURE OUTPUT ${file} @ONLY CONTENT
        "#include \"policy/public_suffixes.h\"\n\nconst char public_suffixes[] =\n    \"\\n\"@list@    ;\n")
endfunction()

write_public_suffixes(${CMAKE_CURRENT_BINARY_DIR}/public_suffixes.c)
target_sources(policy PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/public_suffixes.c)
