#include "packs/schema_patterns.hpp"

#include "text/regex.hpp"
#include "value/schema.hpp"

namespace squall::packs {
namespace {

bool search(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::compile_cached(pattern);
  if (!regex) return false;
  const auto match = regex->search(text);
  return match && match->has_value();
}

}  // namespace

void install_schema_patterns() {
  [[maybe_unused]] static const bool installed = [] {
    schema::set_pattern_matcher(search);
    return true;
  }();
}

}  // namespace squall::packs
