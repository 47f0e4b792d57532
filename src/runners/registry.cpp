#include "runners/registry.hpp"

#include "base/assert.hpp"

namespace squall::runners {

void RunnerRegistry::add(std::string name, std::unique_ptr<Runner> runner) {
  SQ_ASSERT(runner != nullptr);
  const bool is_new = runners_.emplace(std::move(name), runner.get()).second;
  SQ_ASSERT(is_new);
  owned_.push_back(std::move(runner));
}

void RunnerRegistry::add_alias(std::string name, std::string_view of) {
  Runner* runner = find(of);
  SQ_ASSERT(runner != nullptr);
  const bool is_new = runners_.emplace(std::move(name), runner).second;
  SQ_ASSERT(is_new);
}

Runner* RunnerRegistry::find(std::string_view name) const {
  const auto found = runners_.find(name);
  return found == runners_.end() ? nullptr : found->second;
}

std::vector<std::string> RunnerRegistry::names() const {
  std::vector<std::string> result;
  for (const auto& [name, runner] : runners_) result.push_back(name);
  return result;
}

}  // namespace squall::runners
