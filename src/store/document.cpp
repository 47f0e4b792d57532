#include "store/document.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/limits.hpp"
#include "base/strings.hpp"
#include "store/store_limits.hpp"
#include "value/json_form.hpp"

namespace squall::store {
namespace {

// A document's fault while the recursion unwinds: the path grows towards the front.
struct Fault {
  std::string path;
  std::string what;
};

// Looks for faults, and for numbers that JSON lacks.
class Checker {
 public:
  bool check(const Value& value, size_t depth) {
    if (depth > limits::kJsonDepthMax) {
      return fault(fmt::format("is nested deeper than {} levels (kJsonDepthMax)", limits::kJsonDepthMax));
    }
    weight_ += kValueWeightBytes;
    switch (value.kind()) {
      case Kind::kDouble:
        if (!std::isfinite(value.as_double())) has_unknown_numbers_ = true;
        return true;
      case Kind::kString: return check_text(value.as_string());
      case Kind::kList: return check_list(value.as_list(), depth);
      case Kind::kDict: return check_dict(value.as_dict(), depth);
      default: break;
    }
    if (value.is_json_kind()) return true;
    return fault(fmt::format("is a {}, which JSON cannot hold", value.type_name()));
  }

  bool has_unknown_numbers() const { return has_unknown_numbers_; }
  size_t weight() const { return weight_; }
  Error error() const {
    return Error(ErrorCode::kInvalid,
                 fmt::format("the document cannot be stored: {}{} {}", "$", fault_.path, fault_.what));
  }

 private:
  bool fault(std::string what) {
    fault_.what = std::move(what);
    return false;
  }
  bool check_text(std::string_view text) {
    weight_ += text.size();
    return is_valid_utf8(text) || fault("is text that is not valid UTF-8");
  }
  bool check_list(const List& list, size_t depth) {
    for (size_t i = 0; i < list.size(); ++i) {
      if (check(list[i], depth + 1)) continue;
      fault_.path.insert(0, fmt::format("[{}]", i));
      return false;
    }
    return true;
  }
  bool check_dict(const Dict& dict, size_t depth) {
    for (const auto& [key, value] : dict) {
      if (!check_text(key)) return fault("has a key that is not valid UTF-8");
      if (check(value, depth + 1)) continue;
      fault_.path.insert(0, "." + key);
      return false;
    }
    return true;
  }

  Fault fault_;
  size_t weight_ = 0;
  bool has_unknown_numbers_ = false;
};

Value without_unknown_numbers(const Value& value) {
  if (value.is_double()) return std::isfinite(value.as_double()) ? value : Value();
  if (value.is_list()) {
    List list;
    list.reserve(value.size());
    for (const Value& item : value.as_list()) list.push_back(without_unknown_numbers(item));
    return Value(std::move(list));
  }
  if (value.is_dict()) {
    Dict dict;
    dict.reserve(value.size());
    for (const auto& [key, member] : value.as_dict()) dict.set(key, without_unknown_numbers(member));
    return Value(std::move(dict));
  }
  return value;
}

}  // namespace

Status check_id(std::string_view id) {
  if (id.empty()) return fail(ErrorCode::kInvalid, "a record's id must not be empty");
  if (id.size() > kIdBytesMax) {
    return fail(ErrorCode::kInvalid,
                fmt::format("a record's id of {} bytes is over the limit of {} (kIdBytesMax)", id.size(), kIdBytesMax));
  }
  if (!is_valid_utf8(id)) return fail(ErrorCode::kInvalid, "a record's id must be valid UTF-8");
  return {};
}

Result<Value> storable(const Value& document) {
  if (!document.is_dict()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("the document cannot be stored: it is a {}, not an object", document.type_name()));
  }
  Checker checker;
  if (!checker.check(document, 1)) return fail(checker.error());
  if (checker.weight() > limits::kDocumentBytesMax) {
    return fail(ErrorCode::kInvalid,
                fmt::format("the document cannot be stored: it has about {} bytes, the limit is {} (kDocumentBytesMax)",
                            checker.weight(), limits::kDocumentBytesMax));
  }
  return checker.has_unknown_numbers() ? without_unknown_numbers(document) : document;
}

Result<ReadyDocument> make_ready(Collection collection, std::string_view id, const Value& document) {
  SQ_CHECK(check_id(id));
  SQ_TRY(Value clean, storable(document));
  ReadyDocument ready{std::move(clean), {}};
  const CollectionSchema& schema = schema_of(collection);
  ready.keys.reserve(schema.fields.size());
  for (const IndexedField& field : schema.fields) {
    SQ_TRY(IndexKey key, document_key(schema, field, ready.document));
    ready.keys.push_back(std::move(key));
  }
  return ready;
}

Status check_document(Collection collection, std::string_view id, const Value& document) {
  SQ_TRY([[maybe_unused]] const ReadyDocument ready, make_ready(collection, id, document));
  return {};
}

Result<IndexKey> index_key(const IndexedField& field, const Value& value) {
  if (value.is_null()) return IndexKey();
  if (field.type == FieldType::kText) {
    if (value.is_string()) return IndexKey(std::string(value.as_string()));
    return fail(ErrorCode::kInvalid,
                fmt::format("the field '{}' must be text, not {}", field.name, value.json_type_name()));
  }
  if (value.is_bool()) return IndexKey(int64_t{value.as_bool()});
  if (value.kind() == Kind::kInt) return IndexKey(value.as_int());
  return fail(ErrorCode::kInvalid, fmt::format("the field '{}' must be a 64-bit integer or a boolean, not {}",
                                               field.name, value.json_type_name()));
}

Result<IndexKey> document_key(const CollectionSchema& schema, const IndexedField& field, const Value& document) {
  auto key = index_key(field, document.at_path(field.path));
  if (!key) return fail(key.error().with_context(fmt::format("a document of '{}', at '{}'", schema.name, field.path)));
  return key;
}

}  // namespace squall::store
