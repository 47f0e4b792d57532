#include "net/http_message.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace squall::net {

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [key, value] : entries_) {
    if (equals_ignore_case(key, name)) return value;
  }
  return {};
}

bool Headers::has(std::string_view name) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [name](const auto& entry) { return equals_ignore_case(entry.first, name); });
}

void Headers::set(std::string_view name, std::string value) {
  erase(name);
  add(std::string(name), std::move(value));
}

void Headers::erase(std::string_view name) {
  std::erase_if(entries_, [name](const auto& entry) { return equals_ignore_case(entry.first, name); });
}

QueryParameters parse_query(std::string_view query) {
  const auto decode = [](std::string_view text) {
    auto decoded = percent_decode(text, /*plus_is_blank=*/true);
    // A stray '%' stands for itself, as in every browser and in Python's urllib.
    return decoded ? std::move(*decoded) : std::string(text);
  };
  QueryParameters parameters;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    parameters.emplace_back(decode(pair.substr(0, equals)),
                            equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1)));
  }
  return parameters;
}

}  // namespace squall::net
