// What HTTP servers and clients pass around.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace squall::net {

// Header names compare without case; the order and repeats are kept.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> entries) : entries_(entries) {}
  // The first value, or empty.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  // Replaces all of that name.
  void set(std::string_view name, std::string value);
  // Removes all of that name.
  void erase(std::string_view name);
  void add(std::string name, std::string value) { entries_.emplace_back(std::move(name), std::move(value)); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

// "a=1&b=2" decoded, in order. Text that is no valid percent encoding stands for itself.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;
QueryParameters parse_query(std::string_view query);

}  // namespace squall::net
