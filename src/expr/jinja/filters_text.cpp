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
      if (!py::is_integer(a[1])) {
        return type_error("can't multiply sequence by non-int of type '" + std::string(rt.type_name(a[1])) + "'");
      }
      if (!py::to_int64(a[1])) return raise("OverflowError", "cannot fit 'int' into an index-sized integer");
      SQ_TRY(const size_t width, to_width(rt, a[1]));
      indention = std::string(width, ' ');
    }
  }
  if (is_undefined(a[0])) return raise_undefined(a[0]);
  // Jinja starts with `s += "\n"`, which a list takes.
  if (a[0].is_list()) return raise("AttributeError", "'list' object has no attribute 'splitlines'");
  if (a[0].kind() == Kind::kTuple) return type_error("can only concatenate tuple (not \"str\") to tuple");
  if (!is_text(a[0])) {
    return type_error("unsupported operand type(s) for +=: '" + std::string(rt.type_name(a[0])) + "' and 'str'");
  }
  SQ_TRY(const bool blank, rt.truthy(a.value_or(3, false)));
  SQ_TRY(const bool first, rt.truthy(a.value_or(2, false)));
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

// len()
Result<int64_t> size_of(Runtime& rt, const Value& value) {
  SQ_TRY(const auto size, rt.length(value));
  if (!size) return type_error("object of type '" + std::string(rt.type_name(value)) + "' has no len()");
  return static_cast<int64_t>(*size);
}

// assert value >= least, f"expected {name} >= {least}, got {value}"
Status expect_at_least(Runtime& rt, std::string_view name, const Value& value, int64_t least) {
  SQ_TRY(const bool enough, rt.compare(CompareOp::kGtEq, value, Value(least)));
  if (enough) return {};
  SQ_TRY(const std::string shown, rt.str(value));
  return raise("AssertionError", "expected " + std::string(name) + " >= " + std::to_string(least) + ", got " + shown);
}

Result<Value> truncate(Runtime& rt, const Bound& a) {
  const Value given = a.value_or(1, 255);
  const Value end = a.value_or(3, Value("..."));
  const Value leeway = a[4].is_null() ? Value(5) : a[4];
  SQ_TRY(const int64_t end_size, size_of(rt, end));
  SQ_CHECK(expect_at_least(rt, "length", given, end_size));
  SQ_CHECK(expect_at_least(rt, "leeway", leeway, 0));
  SQ_TRY(const int64_t size, size_of(rt, a[0]));
  SQ_TRY(const Value room, rt.binary(py::BinaryOp::kAdd, given, leeway));
  SQ_TRY(const bool fits, rt.compare(CompareOp::kLtEq, Value(size), room));
  if (fits) return a[0];
  SQ_TRY(const bool kill_words, rt.truthy(a.value_or(2, false)));
  if (given.is_double()) return type_error("slice indices must be integers or None or have an __index__ method");
  SQ_TRY(const int64_t length, to_index(rt, given));
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

Result<int64_t> wrap_width(Runtime& rt, const Value& width) {
  SQ_TRY(const bool too_small, rt.compare(CompareOp::kLtEq, width, Value(0)));
  if (too_small) {
    SQ_TRY(const std::string shown, rt.repr(width));
    return py::value_error("invalid width " + shown + " (must be > 0)");
  }
  if (width.is_double()) return static_cast<int64_t>(std::min(width.as_double(), 1e9));
  return py::to_int64(width).value_or(INT64_MAX);
}

Result<Value> word_wrap(Runtime& rt, const Bound& a) {
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
  // The width is looked at for each line only: no line, no mistake.
  const auto lines = py::split_lines(a[0].as_string());
  int64_t width = 79;
  if (a.has(1) && !lines.empty()) {
    SQ_TRY(width, wrap_width(rt, a[1]));
  }
  for (const std::string_view line : lines) {
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
