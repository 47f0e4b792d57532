// What packs import and do not require: StackStorm runs them in an environment of its own that has these libraries.
#pragma once

#include <string>
#include <vector>

namespace squall::runners {

struct ImpliedRequirement {
  std::string module;       // "yaml"
  std::string requirement;  // "PyYAML"
};

// The libraries of StackStorm's environment that Python files in actions/, sensors/ or lib/ of the pack import at their
// top, unless `requirements` (the text of its requirements.txt) names them; ordered by module. An import that stands
// inside of a function or a `try` is somebody's precaution and does not count.
std::vector<ImpliedRequirement> implied_requirements(const std::string& pack_path, const std::string& requirements);

}  // namespace squall::runners
