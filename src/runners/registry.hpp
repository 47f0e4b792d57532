// RunnerRegistry: runner types by name.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runners/runner.hpp"

namespace squall::runners {

// Filled at start-up, read-only afterwards. Owns its runners, so whatever they use (ProcessHost, HttpClient) outlives it.
class RunnerRegistry {
 public:
  // The name must be free.
  void add(std::string name, std::unique_ptr<Runner> runner);
  // A second name of a runner that is there, e.g. "run-local", which packs of before StackStorm 1.0 use.
  void add_alias(std::string name, std::string_view of);
  // Null when there is none of that name.
  Runner* find(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  std::vector<std::unique_ptr<Runner>> owned_;
  std::map<std::string, Runner*, std::less<>> runners_;
};

}  // namespace squall::runners
