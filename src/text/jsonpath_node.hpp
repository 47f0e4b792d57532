// The tree of a JSONPath; for jsonpath.cpp and jsonpath_parse.cpp only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace squall::jsonpath {

struct Node {
  enum class Kind { kRoot, kThis, kParent, kFields, kIndex, kSlice, kChild, kDescendants, kWhere, kUnion, kIntersect };

  Kind kind = Kind::kRoot;
  std::vector<std::string> fields = {};  // kFields; "*" among them means all
  int64_t index = 0;                     // kIndex; out of 64 bits: the nearest
  std::optional<int64_t> begin = {};     // kSlice
  std::optional<int64_t> end = {};
  std::shared_ptr<const Node> left = {};  // from kChild on
  std::shared_ptr<const Node> right = {};
};
using NodePtr = std::shared_ptr<const Node>;

Result<NodePtr> parse(std::string_view text);

}  // namespace squall::jsonpath
