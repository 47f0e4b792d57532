#include <simdjson.h>

#include "base/limits.hpp"
#include "value/json.hpp"
#include "value/json_reader.hpp"

namespace squall {

namespace {

// False when the document is nested too deeply or holds a kind of number that the patient reader has to judge.
bool convert(const simdjson::dom::element& element, size_t depth, Value& out) {
  using simdjson::dom::element_type;
  if (depth > limits::kJsonDepthMax) return false;
  switch (element.type()) {
    case element_type::NULL_VALUE: out = Value(); return true;
    case element_type::BOOL: out = Value(element.get_bool().value_unsafe()); return true;
    case element_type::INT64: out = Value(element.get_int64().value_unsafe()); return true;
    case element_type::UINT64: out = Value(element.get_uint64().value_unsafe()); return true;
    case element_type::DOUBLE: out = Value(element.get_double().value_unsafe()); return true;
    case element_type::STRING: out = Value(element.get_string().value_unsafe()); return true;
    case element_type::ARRAY: {
      const simdjson::dom::array array = element.get_array().value_unsafe();
      List items;
      items.reserve(array.size());
      for (const simdjson::dom::element item : array) {
        if (!convert(item, depth + 1, items.emplace_back())) return false;
      }
      out = Value(std::move(items));
      return true;
    }
    case element_type::OBJECT: {
      const simdjson::dom::object object = element.get_object().value_unsafe();
      Dict members;
      members.reserve(object.size());
      for (const simdjson::dom::key_value_pair member : object) {
        if (!convert(member.value, depth + 1, members[member.key])) return false;
      }
      out = Value(std::move(members));
      return true;
    }
  }
  return false;
}

// A parser keeps its buffers, about five times the document: worth keeping for small documents only.
constexpr size_t kKeptParserBytesMax = 256u << 10;

bool read_fast(std::string_view text, Value& out) {
  thread_local simdjson::dom::parser kept;
  simdjson::dom::parser fresh;
  simdjson::dom::parser& parser = text.size() <= kKeptParserBytesMax ? kept : fresh;
  simdjson::dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return false;
  return convert(root, 0, out);
}

}  // namespace

Result<Value> parse_json(std::string_view text, JsonDialect dialect) {
  // Later versions of simdjson skip a byte order mark, which both of our dialects refuse.
  const bool has_mark = text.substr(0, 3) == "\xef\xbb\xbf";
  Value value;
  if (!text.empty() && !has_mark && read_fast(text, value)) return value;
  return read_json_patiently(text, dialect);
}

}  // namespace squall
