// What commands read besides their arguments.
#pragma once

#include <string>

#include "base/result.hpp"

namespace squall::cli {

// All of standard input.
std::string read_standard_input();
// The file's bytes; "-" is standard input.
Result<std::string> read_input(const std::string& path);

}  // namespace squall::cli
