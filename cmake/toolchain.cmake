# Flags that every target shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# -O3 buys nothing measurable here and costs a third of the build time.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

find_program(CCACHE ccache)
if(CCACHE)
  # Precompiled headers need the sloppiness; BASEDIR and NOHASHDIR let clones and build folders share objects.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_NOHASHDIR=1
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE})
endif()

add_library(squall_options INTERFACE)
target_include_directories(squall_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(squall_options INTERFACE -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor
                       -Wno-missing-field-initializers)
# GCC 12 sees overlaps and overflows in `"text" + std::string` that are not there (GCC bugs 105651, 105329).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(squall_options INTERFACE -fpch-preprocess -Wno-restrict -Wno-stringop-overflow
                         -Wno-stringop-overread -Wno-maybe-uninitialized -Wno-array-bounds)
endif()

find_program(MOLD mold)
if(MOLD)
  target_link_options(squall_options INTERFACE -fuse-ld=mold)
endif()
target_link_options(squall_options INTERFACE $<$<CONFIG:Release>:-Wl,--gc-sections>)
target_compile_options(squall_options INTERFACE $<$<CONFIG:Release>:-ffunction-sections;-fdata-sections>)

if(SQUALL_SANITIZE)
  target_compile_options(squall_options INTERFACE -fsanitize=${SQUALL_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(squall_options INTERFACE -fsanitize=${SQUALL_SANITIZE})
endif()

if(SQUALL_TESTS)
  enable_testing()
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
