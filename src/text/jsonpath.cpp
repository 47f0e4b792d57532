#include "text/jsonpath.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/strings.hpp"
#include "text/jsonpath_node.hpp"

namespace squall {
namespace jsonpath {
namespace {

// A value together with the way that led to it. Without a parent it is where a search began.
struct Datum {
  enum class Step { kRoot, kThis, kField, kIndex };

  Value value;
  Step step = Step::kRoot;
  std::string field;
  int64_t index = 0;
  std::shared_ptr<const Datum> parent;
};
// Null where `parent` was asked of something that has none; jsonpath_rw has None there.
using DatumPtr = std::shared_ptr<const Datum>;
using Data = std::vector<DatumPtr>;

tl::unexpected<Error> python_error(const char* type, std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type(type));
}

std::string step_text(const Datum& datum) {
  switch (datum.step) {
    case Datum::Step::kRoot: return "$";
    case Datum::Step::kThis: return "`this`";
    case Datum::Step::kField: return datum.field;
    default: return fmt::format("[{}]", datum.index);
  }
}

std::string full_path(const Datum& datum) {
  if (datum.parent == nullptr) return step_text(datum);
  std::string text = step_text(datum);
  for (const Datum* at = datum.parent.get(); at->parent != nullptr; at = at->parent.get()) {
    text = step_text(*at) + "." + text;
  }
  return text;
}

bool has_length(const Value& value) {
  return value.is_list() || value.is_dict() || value.is_string() || value.kind() == Kind::kTuple ||
         value.kind() == Kind::kMarkup;
}

class Search {
 public:
  Result<Data> find(const Node& node, const DatumPtr& at) {
    SQ_CHECK(count(1));
    switch (node.kind) {
      case Node::Kind::kRoot: return Data{root_of(at)};
      case Node::Kind::kThis: return Data{wrap(at)};
      case Node::Kind::kParent: return Data{at == nullptr ? nullptr : at->parent};
      case Node::Kind::kFields: return fields(node, wrap(at));
      case Node::Kind::kIndex: return index(node.index, wrap(at));
      case Node::Kind::kSlice: return slice(node, wrap(at));
      case Node::Kind::kChild: return child(node, at);
      case Node::Kind::kDescendants: return descendants(node, at);
      case Node::Kind::kWhere: return where(node, at);
      case Node::Kind::kUnion: return both(node, at);
      default: return python_error("NotImplementedError", "the operator & of JSONPath is not implemented");
    }
  }

 private:
  static DatumPtr wrap(const DatumPtr& at) {
    return at != nullptr ? at : std::make_shared<const Datum>(Datum{.step = Datum::Step::kThis});
  }
  static DatumPtr root_of(const DatumPtr& at) {
    const Datum* root = at.get();
    while (root != nullptr && root->parent != nullptr) root = root->parent.get();
    return std::make_shared<const Datum>(Datum{.value = root == nullptr ? Value() : root->value});
  }
  static DatumPtr field_of(const DatumPtr& at, const std::string& key, const Value& value) {
    return std::make_shared<const Datum>(
        Datum{.value = value, .step = Datum::Step::kField, .field = key, .parent = at});
  }
  static DatumPtr item_of(const DatumPtr& at, int64_t index, const Value& value) {
    return std::make_shared<const Datum>(
        Datum{.value = value, .step = Datum::Step::kIndex, .index = index, .parent = at});
  }

  Status count(size_t visits) {
    visits_ += visits;
    if (visits_ <= kVisitsMax) return {};
    return fail(ErrorCode::kLimit, fmt::format("the JSONPath looked at more than {} values", kVisitsMax));
  }
  Status append(Data& data, Result<Data> more) {
    if (!more) return fail(std::move(more).error());
    data.insert(data.end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
    return count(more->size());
  }

  Result<Data> fields(const Node& node, const DatumPtr& at) {
    Data found;
    if (!at->value.is_dict()) return found;
    const Dict& dict = at->value.as_dict();
    if (std::find(node.fields.begin(), node.fields.end(), "*") != node.fields.end()) {
      for (const auto& [key, value] : dict) found.push_back(field_of(at, key, value));
      return found;
    }
    for (const std::string& field : node.fields) {
      if (const Value* value = dict.find(field)) found.push_back(field_of(at, field, *value));
    }
    return found;
  }

  // len(value) of Python.
  static Result<int64_t> length(const Value& value) {
    if (!has_length(value)) {
      return python_error("TypeError", "object of type '" + std::string(value.type_name()) + "' has no len()");
    }
    if (value.is_list() || value.kind() == Kind::kTuple) return static_cast<int64_t>(value.as_list().size());
    if (value.is_dict()) return static_cast<int64_t>(value.size());
    return static_cast<int64_t>(utf8_length(value.as_string()));
  }

  static Value character(std::string_view text, int64_t index) {
    size_t offset = 0;
    for (; index > 0; --index) next_code_point(text, offset);
    const size_t begin = offset;
    next_code_point(text, offset);
    return Value(text.substr(begin, offset - begin));
  }

  Result<Data> index(int64_t index, const DatumPtr& at) {
    SQ_TRY(const int64_t size, length(at->value));
    if (index >= size) return Data();
    if (at->value.is_dict()) return python_error("KeyError", std::to_string(index));
    const bool text = at->value.is_string() || at->value.kind() == Kind::kMarkup;
    if (index < -size)
      return python_error("IndexError", text ? "string index out of range" : "list index out of range");
    const int64_t place = index < 0 ? index + size : index;
    return Data{item_of(
        at, index, text ? character(at->value.as_string(), place) : at->value.as_list()[static_cast<size_t>(place)])};
  }

  // An object, a text or a whole number counts as a list of one.
  Result<Data> slice(const Node& node, const DatumPtr& at) {
    const Value& value = at->value;
    if (value.is_dict() || value.is_string() || value.is_bool() || value.is_int() || value.kind() == Kind::kBigInt) {
      Datum wrapped = *at;
      wrapped.value = Value::list({value});
      return slice(node, std::make_shared<const Datum>(std::move(wrapped)));
    }
    SQ_TRY(const int64_t size, length(value));
    const auto place = [&](std::optional<int64_t> bound, int64_t fallback) {
      if (!bound) return fallback;
      return std::clamp(*bound < 0 ? *bound + size : *bound, int64_t{0}, size);
    };
    Data found;
    for (int64_t i = place(node.begin, 0); i < place(node.end, size); ++i) {
      found.push_back(item_of(at, i, value.as_list()[static_cast<size_t>(i)]));
    }
    return found;
  }

  Result<Data> child(const Node& node, const DatumPtr& at) {
    SQ_TRY(const Data parents, find(*node.left, at));
    Data found;
    for (const DatumPtr& parent : parents) SQ_CHECK(append(found, find(*node.right, parent)));
    return found;
  }

  Result<Data> where(const Node& node, const DatumPtr& at) {
    SQ_TRY(const Data candidates, find(*node.left, at));
    Data found;
    for (const DatumPtr& candidate : candidates) {
      SQ_TRY(const Data inside, find(*node.right, candidate));
      if (!inside.empty()) found.push_back(candidate);
    }
    return found;
  }

  Result<Data> both(const Node& node, const DatumPtr& at) {
    SQ_TRY(Data found, find(*node.left, at));
    SQ_CHECK(append(found, find(*node.right, at)));
    return found;
  }

  Result<Data> descendants(const Node& node, const DatumPtr& at) {
    SQ_TRY(const Data tops, find(*node.left, at));
    Data found;
    for (const DatumPtr& top : tops) SQ_CHECK(descend(*node.right, top, found));
    return found;
  }

  // The value itself first, then all below it, in order.
  Status descend(const Node& wanted, const DatumPtr& at, Data& found) {
    SQ_CHECK(append(found, find(wanted, at)));
    if (at == nullptr) return python_error("AttributeError", "'NoneType' object has no attribute 'value'");
    if (at->value.is_list()) {
      const List& list = at->value.as_list();
      for (size_t i = 0; i < list.size(); ++i) {
        SQ_CHECK(descend(wanted, item_of(at, static_cast<int64_t>(i), list[i]), found));
      }
    } else if (at->value.is_dict()) {
      for (const auto& [key, value] : at->value.as_dict()) SQ_CHECK(descend(wanted, field_of(at, key, value), found));
    }
    return {};
  }

  size_t visits_ = 0;
};

}  // namespace
}  // namespace jsonpath

Result<JsonPath> JsonPath::parse(std::string_view text) {
  SQ_TRY(jsonpath::NodePtr root, jsonpath::parse(text));
  return JsonPath(std::move(root));
}

Result<std::vector<JsonPathMatch>> JsonPath::find(const Value& data) const {
  using namespace jsonpath;
  // A path that begins with `$` starts at the root, any other one at "this".
  const auto start = std::make_shared<const Datum>(Datum{.value = data, .step = Datum::Step::kThis});
  SQ_TRY(const Data found, Search().find(*root_, start));
  std::vector<JsonPathMatch> matches;
  matches.reserve(found.size());
  for (const DatumPtr& datum : found) {
    if (datum == nullptr) return python_error("AttributeError", "'NoneType' object has no attribute 'value'");
    matches.push_back({datum->value, full_path(*datum)});
  }
  return matches;
}

}  // namespace squall
