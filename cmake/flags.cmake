# How everything is compiled and linked: the interface library `flags`, used by every layer.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
# No NDEBUG: an assertion that fails ends the daemon, and the kernel stays closed.
set(CMAKE_C_FLAGS_RELEASE -O2)

add_library(flags INTERFACE)
target_include_directories(flags INTERFACE ${PROJECT_SOURCE_DIR}/daemon)
target_compile_definitions(flags INTERFACE _GNU_SOURCE EGRESSD_VERSION="${PROJECT_VERSION}")
target_compile_options(flags INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
    -Wimplicit-fallthrough -Wformat=2 $<$<BOOL:${EGRESSD_WERROR}>:-Werror>)

if(EGRESSD_SANITIZE)
    set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=undefined)
    target_compile_options(flags INTERFACE ${sanitizers} -fno-omit-frame-pointer)
    target_link_options(flags INTERFACE ${sanitizers})
endif()

if(EGRESSD_FUZZ)
    target_compile_options(flags INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(EGRESSD_STATIC)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
        set(branch_protection -mbranch-protection=standard)
    else()
        set(branch_protection -fcf-protection)
    endif()
    # Where the tree lies must not show: the same tree gives the same bytes.
    target_compile_options(flags INTERFACE -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=
        -ffile-prefix-map=${PROJECT_BINARY_DIR}/=
        -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong
        -fstack-clash-protection ${branch_protection} -ffunction-sections -fdata-sections)
    target_link_options(flags INTERFACE
        -static-pie -s -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections)
endif()
