# squall_folder(NAME LINKS targets...): the static library squall_NAME from src/NAME/**.cpp and the test program
# squall_NAME_test from src/NAME/**_test.cpp. A folder without sources becomes an interface library.
function(squall_folder name)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/src/${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "(_test|_bench|/main)\\.cpp$")
  set(target squall_${name})

  if(NOT sources)
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${ARG_LINKS})
  else()
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PUBLIC ${ARG_LINKS} PRIVATE squall_options)
    squall_pch(${target})
  endif()

  if(SQUALL_TESTS AND tests)
    add_executable(${target}_test ${tests})
    target_link_libraries(${target}_test PRIVATE ${target} squall_options GTest::gmock GTest::gtest_main)
    target_compile_definitions(${target}_test PRIVATE SQUALL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    squall_pch(${target}_test)
    gtest_discover_tests(${target}_test DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300)
  endif()
endfunction()

# One precompiled header for all: the standard library and the headers that nearly every file includes.
function(squall_pch target)
  if(NOT SQUALL_PCH)
    return()
  endif()
  if(NOT TARGET squall_pch_owner)
    file(WRITE ${CMAKE_BINARY_DIR}/pch_owner.cpp "")
    add_library(squall_pch_owner STATIC ${CMAKE_BINARY_DIR}/pch_owner.cpp)
    target_link_libraries(squall_pch_owner PRIVATE squall_options)
    target_precompile_headers(squall_pch_owner PRIVATE <algorithm> <atomic> <chrono> <functional> <map> <memory>
      <mutex> <optional> <set> <string> <string_view> <tuple> <unordered_map> <variant> <vector>
      ${CMAKE_SOURCE_DIR}/src/value/value.hpp ${CMAKE_SOURCE_DIR}/src/base/result.hpp)
  endif()
  target_precompile_headers(${target} REUSE_FROM squall_pch_owner)
endfunction()
