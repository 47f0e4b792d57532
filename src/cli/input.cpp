#include "cli/input.hpp"

#include <iostream>
#include <iterator>

#include "base/strings.hpp"

namespace squall::cli {

std::string read_standard_input() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

Result<std::string> read_input(const std::string& path) {
  return path == "-" ? read_standard_input() : read_file(path);
}

}  // namespace squall::cli
