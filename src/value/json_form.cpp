#include "value/json_form.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/strings.hpp"
#include "value/python.hpp"

namespace squall {
namespace {

// One walk over a value. Containers are copied only from the first member on that changes.
class Former {
 public:
  explicit Former(const JsonFormOptions& options) : options_(options) {}

  // False: refused, see error(). Else `form` is set when the value needs another form.
  bool walk(const Value& value, size_t depth, std::optional<Value>& form) {
    if (!charge(kValueWeightBytes)) return false;
    switch (value.kind()) {
      case Kind::kNull:
      case Kind::kBool:
      case Kind::kInt:
      case Kind::kUInt: return true;
      case Kind::kDouble:
        if (!std::isfinite(value.as_double())) form = Value();
        return true;
      case Kind::kString: return walk_text(value.as_string(), false, form);
      case Kind::kMarkup: return walk_text(value.as_string(), true, form);
      case Kind::kBytes: return walk_bytes(value.as_string(), form);
      case Kind::kList: return walk_list(value.as_list(), false, depth, form);
      case Kind::kTuple:
      case Kind::kSet: return walk_list(value.as_list(), true, depth, form);
      case Kind::kDict: return walk_dict(value.as_dict(), depth, form);
      case Kind::kDate: form = Value(python::iso_date(value.as_date())); return true;
      case Kind::kDateTime: form = Value(python::iso_date_time(value.as_date_time())); return true;
      case Kind::kTimeDelta: form = Value(python::str(value)); return true;
      case Kind::kBigInt: return refuse("is an integer outside 64 bits, which JSON documents cannot hold");
      case Kind::kUndefined: return refuse("is undefined");
      case Kind::kObject: return refuse(fmt::format("is a {}, which JSON cannot hold", value.type_name()));
    }
    return refuse("is of an unknown kind");
  }

  Error error() const { return Error(ErrorCode::kInvalid, "$" + path_ + " " + what_); }

 private:
  bool refuse(std::string what) {
    what_ = std::move(what);
    return false;
  }

  bool charge(size_t bytes) {
    weight_ += bytes;
    return weight_ <= options_.bytes_max ||
           refuse(fmt::format("makes the whole larger than {} bytes", options_.bytes_max));
  }

  bool walk_text(std::string_view text, bool convert, std::optional<Value>& form) {
    if (!charge(text.size())) return false;
    if (is_valid_utf8(text)) {
      if (convert) form = Value(text);
      return true;
    }
    if (!options_.repair_texts) return refuse("is text that is not valid UTF-8");
    form = Value(valid_text(text));
    return true;
  }

  bool walk_bytes(std::string_view bytes, std::optional<Value>& form) {
    if (is_valid_utf8(bytes) || options_.repair_texts) return walk_text(bytes, true, form);
    return refuse("is bytes that are not UTF-8 text; encode them, for example as base64");
  }

  bool walk_list(const List& list, bool convert, size_t depth, std::optional<Value>& form) {
    if (depth >= options_.depth_max) return refuse_depth();
    std::optional<List> changed;
    if (convert) changed = list;
    for (size_t i = 0; i < list.size(); ++i) {
      std::optional<Value> member;
      if (!walk(list[i], depth + 1, member)) {
        path_.insert(0, fmt::format("[{}]", i));
        return false;
      }
      if (!member) continue;
      if (!changed) changed = list;
      (*changed)[i] = std::move(*member);
    }
    if (changed) form = Value(std::move(*changed));
    return true;
  }

  bool walk_dict(const Dict& dict, size_t depth, std::optional<Value>& form) {
    if (depth >= options_.depth_max) return refuse_depth();
    std::optional<Dict> changed;
    bool bad_keys = false;
    for (const auto& [key, value] : dict) {
      std::optional<Value> member;
      if (!is_valid_utf8(key)) {
        if (!options_.repair_texts) return refuse("has a key that is not valid UTF-8");
        bad_keys = true;
      }
      if (!charge(key.size()) || !walk(value, depth + 1, member)) {
        path_.insert(0, "." + valid_text(key));
        return false;
      }
      if (!member) continue;
      if (!changed) changed = dict;
      changed->set(key, std::move(*member));
    }
    if (bad_keys) {
      Dict repaired;
      for (const auto& [key, value] : changed ? *changed : dict) repaired.set(valid_text(key), value);
      changed = std::move(repaired);
    }
    if (changed) form = Value(std::move(*changed));
    return true;
  }

  bool refuse_depth() { return refuse(fmt::format("is nested deeper than {} levels", options_.depth_max)); }

  const JsonFormOptions& options_;
  size_t weight_ = 0;
  std::string path_;  // grows towards the front while the recursion unwinds
  std::string what_;
};

}  // namespace

Result<Value> json_form(const Value& value, const JsonFormOptions& options) {
  Former former(options);
  std::optional<Value> form;
  if (!former.walk(value, 0, form)) return fail(former.error());
  return form ? *std::move(form) : value;
}

std::string valid_text(std::string_view bytes) {
  if (is_valid_utf8(bytes)) return std::string(bytes);
  std::string text;
  text.reserve(bytes.size());
  for (size_t offset = 0; offset < bytes.size();) append_utf8(text, next_code_point(bytes, offset));
  return text;
}

}  // namespace squall
