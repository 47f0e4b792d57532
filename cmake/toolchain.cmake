# Flags that every target shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE)
  # Precompiled headers need the sloppiness; NOHASHDIR lets build folders share objects.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

add_library(squall_options INTERFACE)
target_include_directories(squall_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(squall_options INTERFACE -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor
                       -Wno-missing-field-initializers -fpch-preprocess)
# GCC 12 sees an overlap in `"text" + std::string` that is not there (GCC bug 105651).
target_compile_options(squall_options INTERFACE -Wno-restrict)

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
  # GCC 12 reports false positives in the standard library when it instruments.
  target_compile_options(squall_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow)
endif()

if(SQUALL_TESTS)
  enable_testing()
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
