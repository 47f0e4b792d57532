// Filters for HTML and URLs.
#include <algorithm>
#include <set>

#include "base/strings.hpp"
#include "expr/jinja/filters.hpp"
#include "expr/jinja/html_entities.hpp"
#include "expr/jinja/methods.hpp"
#include "expr/jinja/urlize.hpp"
#include "expr/python/text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;

namespace {

// markupsafe.escape.
Result<std::string> escaped(Runtime& rt, const Value& value) {
  SQ_TRY(std::string text, rt.str(value));
  if (value.kind() == Kind::kMarkup) return text;
  std::string out = py::html_escape(text);
  SQ_CHECK(rt.charge_text(out.size()));
  return out;
}

Result<Value> escape(Runtime& rt, const Bound& a) {
  SQ_TRY(std::string text, escaped(rt, a[0]));
  return Value::markup(std::move(text));
}

Result<Value> force_escape(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string text, rt.str(a[0]));
  return Value::markup(py::html_escape(text));
}

Result<Value> safe(Runtime& rt, const Bound& a) {
  SQ_TRY(std::string text, rt.str(a[0]));
  return Value::markup(std::move(text));
}

// Drops everything from `open` to `close`, as long as both are there.
std::string without(std::string_view text, std::string_view open, std::string_view close) {
  std::string out;
  while (true) {
    const size_t start = text.find(open);
    const size_t end = start == std::string_view::npos ? start : text.find(close, start);
    if (end == std::string_view::npos) return out.append(text);
    out += text.substr(0, start);
    text.remove_prefix(end + close.size());
  }
}

// Python joins what stands before and behind a tag and searches again from the start; so may a new tag arise.
std::string without_tags(std::string text) {
  std::string out = without(text, "<", ">");
  while (out != text) {
    text = std::move(out);
    out = without(text, "<", ">");
  }
  return out;
}

Result<Value> strip_tags(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string text, rt.str(a[0]));
  SQ_CHECK(rt.charge(text.size() / 8));
  const std::string plain = without_tags(without(text, "<!--", "-->"));
  std::string out;
  for (const std::string_view word : py::split_blanks(plain)) {
    if (!out.empty()) out += " ";
    out += word;
  }
  return Value(html_unescape(out));
}

Result<Value> to_json(Runtime& rt, const Bound& a) {
  PythonJsonOptions options;
  options.sort_keys = true;
  options.indent = a[1];
  if (!a[1].is_null()) options.item_separator = ",";
  SQ_TRY(const std::string text, python_json(rt, a[0], options));
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "\\u003c"; break;
      case '>': out += "\\u003e"; break;
      case '&': out += "\\u0026"; break;
      case '\'': out += "\\u0027"; break;
      default: out.push_back(c);
    }
  }
  return Value::markup(std::move(out));
}

Result<std::string> url_quote(Runtime& rt, const Value& value, bool for_query) {
  std::string text;
  if (value.kind() == Kind::kBytes) {
    text = std::string(value.as_string());
  } else {
    SQ_TRY(text, rt.str(value));
  }
  SQ_CHECK(rt.charge_text(text.size() * 3));
  std::string quoted = percent_encode(text, !for_query);
  return for_query ? replace_all(quoted, "%20", "+") : quoted;
}

Result<Value> url_encode(Runtime& rt, const Bound& a) {
  const Value& now = rt.resolve(a[0]);
  if (is_strict_undefined(now)) return raise_undefined(now);
  const bool plain = now.is_string() || now.kind() == Kind::kMarkup || !rt.is_iterable(now);
  if (plain) {
    SQ_TRY(std::string quoted, url_quote(rt, now, false));
    return Value(std::move(quoted));
  }
  List pairs;
  if (rt.is_mapping(now)) {
    for (const auto& [key, member] : dict_entries(now)) pairs.push_back(Value::tuple({key, member}));
  } else {
    SQ_TRY(pairs, rt.to_list(now));
  }
  std::string out;
  for (const Value& pair : pairs) {
    if (!rt.is_iterable(pair)) {
      return py::type_error("cannot unpack non-iterable " + std::string(rt.type_name(pair)) + " object");
    }
    SQ_TRY(const List parts, rt.to_list(pair));
    if (parts.size() > 2) return py::value_error("too many values to unpack (expected 2)");
    if (parts.size() < 2) {
      return py::value_error("not enough values to unpack (expected 2, got " + std::to_string(parts.size()) + ")");
    }
    SQ_TRY(const std::string key, url_quote(rt, parts[0], true));
    SQ_TRY(const std::string member, url_quote(rt, parts[1], true));
    out += (out.empty() ? "" : "&") + key + "=" + member;
    SQ_CHECK(rt.charge_text(out.size()));
  }
  return Value(std::move(out));
}

Result<Value> xml_attributes(Runtime& rt, const Bound& a) {
  const Value& now = rt.resolve(a[0]);
  if (is_undefined(now)) return raise_undefined(now);
  if (!rt.is_mapping(now)) {
    return raise("AttributeError", "'" + std::string(rt.type_name(now)) + "' object has no attribute 'items'");
  }
  SQ_TRY(const bool autospace, rt.truthy(a.value_or(1, true)));
  std::string out;
  for (const auto& [key, member] : dict_entries(now)) {
    if (member.is_null() || is_undefined(member)) continue;
    if (!key.is_string() && key.kind() != Kind::kMarkup) {
      return py::type_error("expected string or bytes-like object, got '" + std::string(rt.type_name(key)) + "'");
    }
    if (key.as_string().find_first_of(" \t\n\r\f\v/>=") != std::string_view::npos) {
      return py::value_error("Invalid character in attribute name: " + python::repr(key));
    }
    SQ_TRY(const std::string name, escaped(rt, key));
    SQ_TRY(const std::string value, escaped(rt, member));
    out += (out.empty() ? "" : " ") + name + "=\"" + value + "\"";
    SQ_CHECK(rt.charge_text(out.size()));
  }
  if (autospace && !out.empty()) out.insert(0, " ");
  return rt.autoescape ? Value::markup(std::move(out)) : Value(std::move(out));
}

Result<Value> urlize(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string text, escaped(rt, a[0]));
  UrlizeOptions options;
  const bool limited = !a[1].is_null();
  if (limited) options.trim_limit = static_cast<size_t>(std::max<int64_t>(0, py::to_int64(a[1]).value_or(INT64_MAX)));
  std::set<std::string> relations{"noopener"};
  SQ_TRY(const bool nofollow, rt.truthy(a.value_or(2, false)));
  if (nofollow) relations.insert("nofollow");
  if (!a[4].is_null()) {
    SQ_TRY(const std::string given, rt.str(a[4]));
    for (const std::string_view word : py::split_blanks(given)) relations.insert(std::string(word));
  }
  for (const std::string& relation : relations) options.rel += (options.rel.empty() ? "" : " ") + relation;
  options.rel = py::html_escape(options.rel);
  if (!a[3].is_null()) {
    SQ_TRY(const std::string target, rt.str(a[3]));
    options.target = py::html_escape(target);
  }
  if (!a[5].is_null()) {
    SQ_TRY(const List schemes, rt.to_list(a[5]));
    for (const Value& scheme : schemes) {
      SQ_TRY(std::string name, rt.str(scheme));
      if (!is_uri_scheme(name)) {
        return raise("FilterArgumentError", python::repr(Value(name)) + " is not a valid URI scheme prefix.");
      }
      options.extra_schemes.push_back(std::move(name));
    }
  }
  SQ_CHECK(rt.charge(text.size()));
  bool shortened = false;
  std::string out = make_links(text, options, shortened);
  // len(address) > limit
  if (limited && shortened) {
    SQ_CHECK(rt.compare(CompareOp::kGt, Value(0), a[1]));
    if (a[1].is_double()) {
      return py::type_error("slice indices must be integers or None or have an __index__ method");
    }
  }
  SQ_CHECK(rt.charge_text(out.size()));
  return rt.autoescape ? Value::markup(std::move(out)) : Value(std::move(out));
}

}  // namespace

std::span<const Filter> html_filters() {
  static const Filter kFilters[] = {
      {"e", Signature("escape: s"), escape, {}},
      {"escape", Signature("escape: s"), escape, {}},
      {"forceescape", Signature("do_forceescape: value"), force_escape, {}},
      {"safe", Signature("do_mark_safe: value"), safe, {}},
      {"striptags", Signature("do_striptags: value"), strip_tags, {}},
      {"tojson", Signature("do_tojson: eval_ctx~ value indent?"), to_json, {}},
      {"urlencode", Signature("do_urlencode: value"), url_encode, {}},
      {"urlize",
       Signature("do_urlize: eval_ctx~ value trim_url_limit? nofollow? target? rel? extra_schemes?"),
       urlize,
       {}},
      {"xmlattr", Signature("do_xmlattr: eval_ctx~ d autospace?"), xml_attributes, {}},
  };
  return kFilters;
}

}  // namespace squall::expr::jinja
