// The filters of StackStorm's environment: Jinja's 54 and StackStorm's own.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "expr/expr.hpp"
#include "expr/jinja/arguments.hpp"
#include "expr/jinja/environment.hpp"
#include "expr/jinja/runtime.hpp"

namespace squall::expr::jinja {

struct Filter {
  std::string_view name;
  Signature signature;
  // The first argument is the value piped in. Containers come unresolved (see Runtime::resolve).
  Result<Value> (*run)(Runtime& rt, const Bound& arguments);
  HostFilter host;  // instead of `run`
};

// Null for an unknown name. The result stays valid for the life of the process.
const Filter* find_filter(std::string_view name, Environment environment);
Result<Value> run_filter(Runtime& rt, const Filter& filter, const Value& input, const CallArguments& arguments);
// See register_host_filter() in expr.hpp.
void add_host_filter(std::string_view name, HostFilter filter);

std::span<const Filter> text_filters();
std::span<const Filter> html_filters();
std::span<const Filter> list_filters();
std::span<const Filter> select_filters();
std::span<const Filter> number_filters();
std::span<const Filter> st2_filters();
// Orquesta's functions as filters: what they are without the context that it binds to the functions.
std::span<const Filter> orquesta_filters();

// --- Helpers the filter files share -------------------------------------------------------------------------------

// Jinja's make_attrgetter: a dotted path, digits as indexes.
class AttributeGetter {
 public:
  // Null: the item itself.
  static Result<AttributeGetter> parse(Runtime& rt, const Value& attribute);
  Result<Value> get(Runtime& rt, const Value& item, const Value* fallback = nullptr) const;

 private:
  List parts_;
};
// Text in lower case, everything else as it is: the sort keys of Jinja.
Value ignore_case(const Value& value);
// Sorts in place by `keys`, which go with the items. Stable.
Status sort_by_keys(Runtime& rt, List& items, const List& keys, bool reverse);
// A padding width or count that a template gave, checked against the limit of text.
Result<size_t> to_width(Runtime& rt, const Value& value);
// JSON in Python's dialect: keys that are not text are converted, undefined and objects refused.
struct PythonJsonOptions {
  Value indent;  // null, a number or a text
  bool sort_keys = false;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
Result<std::string> python_json(Runtime& rt, const Value& value, const PythonJsonOptions& options = {});

}  // namespace squall::expr::jinja
