// The jsonpath_rw dialect that StackStorm's criteria and its jsonpath_query filter use
// (recorded in tests/conformance/jsonpath.json).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall {

struct JsonPathMatch {
  Value value;
  std::string path;  // str(full_path), e.g. "store.book.[0].title"
};

// A parsed path. Immutable, copyable, thread-safe.
class JsonPath {
 public:
  static Result<JsonPath> parse(std::string_view text);
  // All matches in jsonpath_rw's order.
  Result<std::vector<JsonPathMatch>> find(const Value& data) const;

 private:
  struct Node;
  explicit JsonPath(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

}  // namespace squall
