// yaml.safe_dump(value, default_flow_style=False), without anchors: a container that occurs twice is written twice.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/limits.hpp"
#include "base/strings.hpp"
#include "value/mapping.hpp"
#include "value/number_text.hpp"
#include "value/python.hpp"
#include "value/yaml.hpp"
#include "value/yaml_emitter.hpp"
#include "value/yaml_nodes.hpp"

namespace squall {

namespace {

using yaml::Emitter;

// Where a node stands.
struct Place {
  bool root = false;
  bool in_mapping = false;
  bool simple_key = false;
};

// A scalar as PyYAML's representer makes it.
struct Scalar {
  std::string tag;
  std::string text;
  bool literal = false;  // prefers the "|" style
};

std::string float_text(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value < 0 ? "-.inf" : ".inf";
  std::string text = python_float(value);
  // "1e+22" is no YAML float.
  if (const size_t e = text.find('e'); e != std::string::npos && text.find('.') == std::string::npos) {
    text.insert(e, ".0");
  }
  return text;
}

// base64.encodebytes: a line feed after each 57 bytes.
std::string base64_lines(std::string_view bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 57) text += base64_encode(bytes.substr(at, 57)) + "\n";
  return text;
}

class Writer {
 public:
  explicit Writer(const YamlStyle& style) : style_(style), emitter_(style.indent, style.allow_unicode) {}

  Result<std::string> document(const Value& value) {
    SQ_CHECK(node(value, {.root = true}, 0));
    emitter_.set_indent(-1);
    emitter_.write_indent();
    if (open_ended_ && style_.document_end) {
      emitter_.write_indicator("...", true);
      emitter_.write_indent();
    }
    return emitter_.take();
  }

 private:
  Status node(const Value& value, const Place& place, size_t depth) {
    if (depth > limits::kJsonDepthMax) {
      return fail(Error(ErrorCode::kLimit, fmt::format("YAML is nested deeper than {} levels", limits::kJsonDepthMax))
                      .with_type("RecursionError"));
    }
    switch (value.kind()) {
      case Kind::kList:
      case Kind::kTuple: return list(value.as_list(), place, depth);
      case Kind::kDict: return dict(value.as_dict(), depth);
      case Kind::kSet: return set(value.as_list(), depth);
      default: break;
    }
    if (const Mapping* given = Mapping::of(value)) return mapping(given->entries(), depth);
    SQ_TRY(const Scalar made, represent(value));
    scalar(made, place);
    return {};
  }

  static Result<Scalar> represent(const Value& value) {
    switch (value.kind()) {
      case Kind::kNull: return Scalar{yaml::core_tag("null"), "null"};
      case Kind::kBool: return Scalar{yaml::core_tag("bool"), value.as_bool() ? "true" : "false"};
      case Kind::kInt:
      case Kind::kUInt:
      case Kind::kBigInt: return Scalar{yaml::core_tag("int"), python::str(value)};
      case Kind::kDouble: return Scalar{yaml::core_tag("float"), float_text(value.as_double())};
      case Kind::kString: return Scalar{yaml::core_tag("str"), std::string(value.as_string())};
      case Kind::kBytes: return Scalar{yaml::core_tag("binary"), base64_lines(value.as_string()), true};
      case Kind::kDateTime:
      case Kind::kDate: return Scalar{yaml::core_tag("timestamp"), python::str(value)};
      default:
        return fail(Error(ErrorCode::kInvalid, fmt::format("('cannot represent an object', {})", python::repr(value)))
                        .with_type("RepresenterError"));
    }
  }

  void scalar(const Scalar& made, const Place& place) {
    const std::u32string text = yaml::to_characters(made.text);
    const yaml::ScalarAnalysis analysis = yaml::analyze_scalar(text, style_.allow_unicode);
    const bool implicit = yaml::resolve_plain(made.text) == made.tag;
    const bool is_text = made.tag == yaml::core_tag("str");
    const bool split = !place.simple_key;
    const int outer = emitter_.indent();
    const bool plain =
        !made.literal && implicit && analysis.plain && !(place.simple_key && (analysis.empty || analysis.multiline));
    if (plain ? !implicit : !is_text) tag(made.tag);
    emitter_.set_indent(emitter_.deeper(true, false));
    open_ended_ = place.root && plain;
    if (plain) {
      emitter_.write_plain(text, split);
    } else if (made.literal && !place.simple_key && analysis.block) {
      emitter_.write_literal(text);
    } else if (!made.literal && analysis.single_quoted && !(place.simple_key && analysis.multiline)) {
      emitter_.write_single_quoted(text, split);
    } else {
      emitter_.write_double_quoted(text, split);
    }
    emitter_.set_indent(outer);
  }

  void tag(std::string_view name) {
    emitter_.write_indicator("!!" + std::string(name.substr(yaml::kTagPrefix.size())), true);
  }

  Status list(const List& items, const Place& place, size_t depth) {
    if (items.empty()) {
      emitter_.write_indicator("[", true, true);
      emitter_.write_indicator("]", false);
      return {};
    }
    const int outer = emitter_.indent();
    emitter_.set_indent(emitter_.deeper(false, place.in_mapping && !emitter_.only_indicators()));
    for (const Value& item : items) {
      emitter_.write_indent();
      emitter_.write_indicator("-", true, false, true);
      SQ_CHECK(node(item, {}, depth + 1));
    }
    emitter_.set_indent(outer);
    return {};
  }

  Status dict(const Dict& members, size_t depth) {
    std::vector<const Dict::Entry*> entries;
    entries.reserve(members.size());
    for (const Dict::Entry& entry : members) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
    }
    if (entries.empty()) {
      emitter_.write_indicator("{", true, true);
      emitter_.write_indicator("}", false);
      return {};
    }
    const int outer = emitter_.indent();
    emitter_.set_indent(emitter_.deeper(false, false));
    for (const Dict::Entry* entry : entries) SQ_CHECK(member(Value(entry->key), entry->value, depth));
    emitter_.set_indent(outer);
    return {};
  }

  // A dict whose keys are not all text, so there is at least one.
  Status mapping(Mapping::Entries entries, size_t depth) {
    // Python gives up sorting when two keys cannot be compared.
    if (Mapping::Entries sorted = entries; style_.sort_keys && sort_by_key(sorted)) entries = std::move(sorted);
    const int outer = emitter_.indent();
    emitter_.set_indent(emitter_.deeper(false, false));
    for (const auto& [key, value] : entries) SQ_CHECK(member(key, value, depth));
    emitter_.set_indent(outer);
    return {};
  }

  // A set is a mapping to nulls.
  Status set(const List& items, size_t depth) {
    tag(yaml::core_tag("set"));
    if (items.empty()) {
      emitter_.write_indicator("{", true, true);
      emitter_.write_indicator("}", false);
      return {};
    }
    List sorted = items;
    if (style_.sort_keys) sort_if_orderable(sorted);
    const int outer = emitter_.indent();
    emitter_.set_indent(emitter_.deeper(false, false));
    for (const Value& item : sorted) SQ_CHECK(member(item, Value(), depth));
    emitter_.set_indent(outer);
    return {};
  }

  // Python gives up sorting when two members cannot be compared.
  static void sort_if_orderable(List& items) {
    for (const Value& a : items) {
      for (const Value& b : items) {
        if (!python::less(a, b)) return;
      }
    }
    std::stable_sort(items.begin(), items.end(), [](const Value& a, const Value& b) { return *python::less(a, b); });
  }

  Status member(const Value& key, const Value& value, size_t depth) {
    emitter_.write_indent();
    if (is_simple_key(key)) {
      SQ_CHECK(node(key, {.in_mapping = true, .simple_key = true}, depth + 1));
      emitter_.write_indicator(":", false);
    } else {
      emitter_.write_indicator("?", true, false, true);
      SQ_CHECK(node(key, {.in_mapping = true}, depth + 1));
      emitter_.write_indent();
      emitter_.write_indicator(":", true, false, true);
    }
    return node(value, {.in_mapping = true}, depth + 1);
  }

  // A key of one line and under 128 characters, where PyYAML counts the tag ("!!str"), too.
  bool is_simple_key(const Value& key) const {
    const Result<Scalar> made = represent(key);
    if (!made) return false;
    const std::u32string text = yaml::to_characters(made->text);
    const yaml::ScalarAnalysis analysis = yaml::analyze_scalar(text, style_.allow_unicode);
    const size_t tag_size = made->tag.size() - yaml::kTagPrefix.size() + 2;
    return text.size() + tag_size < 128 && !analysis.empty && !analysis.multiline;
  }

  const YamlStyle& style_;
  Emitter emitter_;
  bool open_ended_ = false;
};

}  // namespace

Result<std::string> write_yaml(const Value& value, const YamlStyle& style) { return Writer(style).document(value); }

}  // namespace squall
