// Filters on text: case, padding, wrapping, replacing.
#include <algorithm>

#include "base/strings.hpp"
#include "expr/jinja/filters.hpp"
#include "expr/jinja/format.hpp"
#include "expr/jinja/pretty.hpp"
#include "expr/jinja/wrap.hpp"
#include "expr/python/text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;

namespace {

bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }
bool is_markup(const Value& value) { return value.kind() == Kind::kMarkup; }

// markupsafe.soft_str: Markup stays Markup.
Result<Value> soft_str(Runtime& rt, const Value& value) {
  if (is_text(value)) return value;
  SQ_TRY(std::string text, rt.str(value));
  return Value(std::move(text));
}

Value like(const Value& model, std::string text) {
  return is_markup(model) ? Value::markup(std::move(text)) : Value(std::move(text));
}

template <std::string (*Change)(std::string_view)>
Result<Value> change(Runtime& rt, const Bound& a) {
  SQ_TRY(const Value text, soft_str(rt, a[0]));
  SQ_CHECK(rt.charge_text(text.size()));
  return like(text, Change(text.as_string()));
}

Result<Value> string(Runtime& rt, const Bound& a) { return soft_str(rt, a[0]); }

// Jinja's own title(): words start after blanks and ( { [ < -.
Result<Value> title(Runtime& rt, const Bound& a) {
  SQ_TRY(const Value value, soft_str(rt, a[0]));
  std::string out;
  std::u32string word;
  const auto is_divider = [](char32_t c) {
    return py::is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
  };
  const auto flush = [&] {
    if (!word.empty()) {
      out += py::upper(py::encode(word.substr(0, 1)));
      out += py::lower(py::encode(word.substr(1)));
    }
    word.clear();
  };
  bool divider = false;
  for (const char32_t c : py::decode(value.as_string())) {
    if (is_divider(c) != divider) {
      flush();
      divider = !divider;
    }
    word.push_back(c);
  }
  flush();
  return Value(std::move(out));
}

Result<Value> center(Runtime& rt, const Bound& a) {
  SQ_TRY(const Value text, soft_str(rt, a[0]));
  SQ_TRY(const size_t width, to_width(rt, a.value_or(1, 80)));
  return like(text, py::center(text.as_string(), width));
}

Result<Value> trim(Runtime& rt, const Bound& a) {
  SQ_TRY(const Value text, soft_str(rt, a[0]));
  if (a[1].is_null()) return like(text, std::string(py::strip(text.as_string())));
  if (!is_text(a[1])) return type_error("strip arg must be None or str");
  const std::u32string chars = py::decode(a[1].as_string());
  return like(text, std::string(py::lstrip(py::rstrip(text.as_string(), chars), chars)));
}

Result<Value> replace(Runtime& rt, const Bound& a) {
  int64_t count = -1;
  if (!a[3].is_null()) {
    SQ_TRY(count, to_index(rt, a[3]));
  }
  SQ_TRY(std::string text, rt.str(a[0]));
  SQ_TRY(std::string from, rt.str(a[1]));
  SQ_TRY(std::string to, rt.str(a[2]));
  bool markup = false;
  if (rt.autoescape) {
    if (is_markup(a[1]) || (is_markup(a[2]) && !is_markup(a[0]))) text = is_markup(a[0]) ? text : py::html_escape(text);
    markup = is_markup(a[0]) || is_markup(a[1]) || is_markup(a[2]);
    if (markup && !is_markup(a[2])) to = py::html_escape(to);
  }
  const size_t matches = from.empty() ? text.size() + 1 : text.size() / from.size();
  if (to.size() > from.size() && matches > kTextBytesMax / (to.size() - from.size() + 1)) {
    return py::limit_error("a replacement may exceed kTextBytesMax");
  }
  std::string out = py::replace(text, from, to, count);
  SQ_CHECK(rt.charge_text(out.size()));
  return markup ? Value::markup(std::move(out)) : Value(std::move(out));
}

Result<Value> format(Runtime& rt, const Bound& a) {
  if (!a.rest.empty() && !a.keywords.empty()) {
    return raise("FilterArgumentError", "can't handle positional and keyword arguments at the same time");
  }
  SQ_TRY(const Value text, soft_str(rt, a[0]));
  return percent_format(rt, text, a.keywords.empty() ? Value::tuple(a.rest) : Value(a.keywords));
}

Result<Value> indent(Runtime& rt, const Bound& a) {
  std::string indention(4, ' ');
  if (a.has(1)) {
    if (is_text(a[1])) {
      indention = std::string(a[1].as_string());
    } else {
      SQ_TRY(const size_t width, to_width(rt, a[1]));
      indention = std::string(width, ' ');
    }
  }
  SQ_TRY(const bool first, rt.truthy(a.value_or(2, false)));
  SQ_TRY(const bool blank, rt.truthy(a.value_or(3, false)));
  if (is_undefined(a[0])) return raise_undefined(a[0]);
  // Jinja starts with `s += "\n"`, which a list takes.
  if (a[0].is_list()) return raise("AttributeError", "'list' object has no attribute 'splitlines'");
  if (a[0].kind() == Kind::kTuple) return type_error("can only concatenate tuple (not \"str\") to tuple");
  if (!is_text(a[0])) {
    return type_error("unsupported operand type(s) for +=: '" + std::string(rt.type_name(a[0])) + "' and 'str'");
  }
  const std::string text = std::string(a[0].as_string()) + "\n";
  std::string out = first ? indention : "";
  bool is_first = true;
  for (const std::string_view line : py::split_lines(text)) {
    if (!is_first) {
      out += "\n";
      if (blank || !line.empty()) out += indention;
    }
    out += line;
    is_first = false;
    SQ_CHECK(rt.charge_text(out.size()));
  }
  return like(a[0], std::move(out));
}

Result<Value> truncate(Runtime& rt, const Bound& a) {
  SQ_TRY(const int64_t length, to_index(rt, a.value_or(1, 255)));
  SQ_TRY(const bool kill_words, rt.truthy(a.value_or(2, false)));
  const Value end = a.value_or(3, Value("..."));
  int64_t leeway = 5;
  if (!a[4].is_null()) {
    SQ_TRY(leeway, to_index(rt, a[4]));
  }
  SQ_TRY(const auto end_length, rt.length(end));
  const auto end_size = static_cast<int64_t>(end_length.value_or(0));
  if (length < end_size) {
    return raise("AssertionError",
                 "expected length >= " + std::to_string(end_size) + ", got " + std::to_string(length));
  }
  if (leeway < 0) return raise("AssertionError", "expected leeway >= 0, got " + std::to_string(leeway));
  SQ_TRY(const auto size, rt.length(a[0]));
  if (!size) return type_error("object of type '" + std::string(rt.type_name(a[0])) + "' has no len()");
  if (static_cast<int64_t>(*size) <= length + leeway) return a[0];
  const bool is_list = a[0].is_list() || a[0].kind() == Kind::kTuple;
  if (is_list && kill_words) return rt.binary(py::BinaryOp::kAdd, a[0], end);
  if (is_list) {
    return raise("AttributeError", "'" + std::string(rt.type_name(a[0])) + "' object has no attribute 'rsplit'");
  }
  if (!is_text(a[0])) return type_error("unhashable type: 'slice'");
  SQ_TRY(const std::string end_text, rt.str(end));
  const std::string_view text = a[0].as_string();
  std::string_view kept = text.substr(0, py::byte_offset(text, static_cast<size_t>(length - end_size)));
  if (!kill_words) {
    if (const size_t blank = kept.rfind(' '); blank != std::string_view::npos) kept = kept.substr(0, blank);
  }
  return like(a[0], std::string(kept) + end_text);
}

Result<Value> word_wrap(Runtime& rt, const Bound& a) {
  SQ_TRY(const int64_t width, to_index(rt, a.value_or(1, 79)));
  SQ_TRY(const bool break_long_words, rt.truthy(a.value_or(2, true)));
  SQ_TRY(const std::string separator, a[3].is_null() ? Result<std::string>("\n") : rt.str(a[3]));
  SQ_TRY(const bool break_on_hyphens, rt.truthy(a.value_or(4, true)));
  if (is_undefined(a[0])) return raise_undefined(a[0]);
  if (!is_text(a[0])) {
    return raise("AttributeError", "'" + std::string(rt.type_name(a[0])) + "' object has no attribute 'splitlines'");
  }
  SQ_CHECK(rt.charge(a[0].size()));
  std::string out;
  bool is_first = true;
  for (const std::string_view line : py::split_lines(a[0].as_string())) {
    if (width <= 0) return py::value_error("invalid width " + std::to_string(width) + " (must be > 0)");
    if (!is_first) out += separator;
    is_first = false;
    const auto wrapped = wrap_text(line, static_cast<size_t>(width), break_long_words, break_on_hyphens);
    for (size_t i = 0; i < wrapped.size(); ++i) out += (i > 0 ? separator : "") + wrapped[i];
    SQ_CHECK(rt.charge_text(out.size()));
  }
  return Value(std::move(out));
}

Result<Value> word_count(Runtime& rt, const Bound& a) {
  SQ_TRY(const Value text, soft_str(rt, a[0]));
  int64_t words = 0;
  bool inside = false;
  for (const char32_t c : py::decode(text.as_string())) {
    if (py::is_word(c) && !inside) ++words;
    inside = py::is_word(c);
  }
  return Value(words);
}

Result<Value> pretty_print(Runtime& rt, const Bound& a) {
  SQ_TRY(std::string text, pretty_format(rt, a[0]));
  return Value(std::move(text));
}

}  // namespace

std::span<const Filter> text_filters() {
  static const Filter kFilters[] = {
      {"capitalize", Signature("do_capitalize: s"), change<py::capitalize>, {}},
      {"center", Signature("do_center: value width?"), center, {}},
      {"format", Signature("do_format: value *"), format, {}},
      {"indent", Signature("do_indent: s width? first? blank?"), indent, {}},
      {"lower", Signature("do_lower: s"), change<py::lower>, {}},
      {"pprint", Signature("do_pprint: value"), pretty_print, {}},
      {"replace", Signature("do_replace: eval_ctx~ s old new count?"), replace, {}},
      {"string", Signature("soft_str: s"), string, {}},
      {"title", Signature("do_title: s"), title, {}},
      {"trim", Signature("do_trim: value chars?"), trim, {}},
      {"truncate", Signature("do_truncate: env~ s length? killwords? end? leeway?"), truncate, {}},
      {"upper", Signature("do_upper: s"), change<py::upper>, {}},
      {"wordcount", Signature("do_wordcount: s"), word_count, {}},
      {"wordwrap",
       Signature("do_wordwrap: environment~ s width? break_long_words? wrapstring? break_on_hyphens?"),
       word_wrap,
       {}},
  };
  return kFilters;
}

}  // namespace squall::expr::jinja
