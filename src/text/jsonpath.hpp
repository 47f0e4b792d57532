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

namespace jsonpath {
struct Node;

inline constexpr size_t kNestingMax = 200;       // parentheses and operators inside each other
inline constexpr size_t kStepsMax = 1000;        // operators and brackets of one path
inline constexpr size_t kVisitsMax = 2'000'000;  // values looked at by one search: `$..*..*..*` grows without measure
}  // namespace jsonpath

struct JsonPathMatch {
  Value value;
  std::string path;  // str(full_path), e.g. "store.book.[0].title"
};

// A parsed path. Immutable, copyable, thread-safe.
class JsonPath {
 public:
  // type() of an error is jsonpath_rw's exception: "JsonPathLexerError", "Exception", or "AttributeError" where the
  // text ends too early.
  static Result<JsonPath> parse(std::string_view text);
  // All matches in jsonpath_rw's order. Fails as jsonpath_rw does: an index into a number ("TypeError"), into an object
  // ("KeyError"), too far from the end ("IndexError"), `&` ("NotImplementedError"); and above kVisitsMax (kLimit).
  Result<std::vector<JsonPathMatch>> find(const Value& data) const;

 private:
  explicit JsonPath(std::shared_ptr<const jsonpath::Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const jsonpath::Node> root_;  // shared, because paths are copied and never changed
};

}  // namespace squall
