# The outside libraries, under the same names however they are found: mnl, nftnl, json-c, uv.

if(NOT EGRESSD_STATIC)
    find_package(PkgConfig REQUIRED)
    foreach(pair mnl=libmnl nftnl=libnftnl json-c=json-c uv=libuv)
        string(REPLACE "=" ";" pair ${pair})
        list(GET pair 0 name)
        list(GET pair 1 module)
        pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
        add_library(outside_${name} INTERFACE)
        target_link_libraries(outside_${name} INTERFACE PkgConfig::${name})
        add_library(${name} ALIAS outside_${name})
    endforeach()
    return()
endif()

# Static archives: the system's where it has them; else those of a Debian release that does, by
# static-libraries.sh. Debian 12 lacks libmnl.a alone; a cross build lacks all four.
set(static_root ${PROJECT_SOURCE_DIR}/build/static/${CMAKE_SYSTEM_PROCESSOR})
set(static_library_dir ${static_root}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
set(missing_packages "")

function(find_static name archives header)
    set(only)
    if(CMAKE_CROSSCOMPILING)
        set(only NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    endif()
    find_library(${name}_ARCHIVE NAMES ${archives} PATHS ${static_library_dir} ${only})
    find_path(${name}_HEADERS NAMES ${header} PATHS ${static_root}/usr/include ${only})
endfunction()

function(find_static_all)
    find_static(mnl libmnl.a libmnl/libmnl.h)
    find_static(nftnl libnftnl.a libnftnl/rule.h)
    find_static(json-c libjson-c.a json-c/json.h)
    find_static(uv "libuv_a.a;libuv.a" uv.h)
endfunction()

function(add_static name)
    add_library(outside_${name} STATIC IMPORTED GLOBAL)
    set_target_properties(outside_${name} PROPERTIES IMPORTED_LOCATION ${${name}_ARCHIVE})
    target_include_directories(outside_${name} SYSTEM INTERFACE ${${name}_HEADERS})
    target_link_libraries(outside_${name} INTERFACE ${ARGN})
    add_library(${name} ALIAS outside_${name})
endfunction()

find_static_all()
foreach(pair mnl=libmnl-dev/trixie nftnl=libnftnl-dev/bookworm json-c=libjson-c-dev/bookworm
        uv=libuv1-dev/bookworm)
    string(REPLACE "=" ";" pair ${pair})
    list(GET pair 0 name)
    if(NOT ${name}_ARCHIVE OR NOT ${name}_HEADERS)
        list(GET pair 1 package)
        list(APPEND missing_packages ${package})
    endif()
endforeach()

if(missing_packages)
    set(debian_architecture ${CMAKE_SYSTEM_PROCESSOR})
    string(REPLACE x86_64 amd64 debian_architecture ${debian_architecture})
    string(REPLACE aarch64 arm64 debian_architecture ${debian_architecture})
    set(fetch ${PROJECT_SOURCE_DIR}/cmake/static-libraries.sh ${debian_architecture} ${static_root}
        ${missing_packages})
    list(JOIN fetch " " fetch_text)
    message(STATUS "No static archive on this system of: ${missing_packages}\n   ${fetch_text}")
    execute_process(COMMAND ${fetch} RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "A static build needs the archives and headers of ${missing_packages}. "
            "Install them (Debian 13 and later have all in their -dev packages), "
            "or see why this failed:\n  ${fetch_text}")
    endif()
    find_static_all()
endif()

add_static(mnl)
add_static(nftnl outside_mnl)
add_static(json-c m)
add_static(uv pthread dl)
