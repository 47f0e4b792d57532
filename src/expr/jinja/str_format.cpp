#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/strings.hpp"
#include "expr/jinja/format.hpp"
#include "expr/python/text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;
using py::value_error;

namespace {

bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }
bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }

// --- format(value, spec)
// ----------------------------------------------------------------------------------------------

// "[[fill]align][sign][z][#][0][width][grouping][.precision][type]"
struct Spec {
  std::string fill = " ";
  char align = 0;
  char sign = 0;  // as if '-'
  bool alternate = false, zero = false, no_negative_zero = false;
  size_t width = 0;
  char grouping = 0;
  std::optional<size_t> precision;
  char type = 0;
};

class SpecParser {
 public:
  explicit SpecParser(std::string_view spec) : text_(py::decode(spec)) {}

  Result<Spec> parse(std::string_view type_name) {
    Spec spec;
    const auto is_align = [](char32_t c) { return c == '<' || c == '>' || c == '=' || c == '^'; };
    if (text_.size() > 1 && is_align(text_[1])) {
      spec.fill = py::encode(text_.substr(0, 1));
      spec.align = static_cast<char>(text_[1]);
      at_ = 2;
    } else if (!text_.empty() && is_align(text_[0])) {
      spec.align = static_cast<char>(text_[at_++]);
    }
    if (peek() == '+' || peek() == '-' || peek() == ' ') spec.sign = static_cast<char>(text_[at_++]);
    spec.no_negative_zero = skip('z');
    spec.alternate = skip('#');
    if (skip('0')) {
      spec.zero = true;
      if (spec.align == 0) {
        spec.fill = "0";
        spec.align = '=';
      }
    }
    SQ_TRY(const auto width, number());
    spec.width = width.value_or(0);
    if (peek() == ',' || peek() == '_') spec.grouping = static_cast<char>(text_[at_++]);
    if (skip('.')) {
      SQ_TRY(spec.precision, number());
      if (!spec.precision) return value_error("Format specifier missing precision");
    }
    if (at_ + 1 < text_.size()) {
      return value_error("Invalid format specifier '" + py::encode(text_) + "' for object of type '" +
                         std::string(type_name) + "'");
    }
    if (at_ < text_.size()) spec.type = text_[at_] < 0x80 ? static_cast<char>(text_[at_]) : '?';
    const std::string_view groupable = spec.grouping == '_' ? "deEfFgG%boxX" : "deEfFgG%";
    if (spec.grouping != 0 && spec.type != 0 && groupable.find(spec.type) == std::string_view::npos) {
      return value_error(std::string("Cannot specify '") + spec.grouping + "' with '" + spec.type + "'.");
    }
    return spec;
  }

 private:
  char32_t peek() const { return at_ < text_.size() ? text_[at_] : 0; }
  bool skip(char32_t c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  Result<std::optional<size_t>> number() {
    std::optional<size_t> value;
    while (is_digit(peek())) {
      value = value.value_or(0) * 10 + (text_[at_++] - '0');
      if (*value > kTextBytesMax) return py::limit_error("a width or a precision exceeds kTextBytesMax");
    }
    return value;
  }

  std::u32string text_;
  size_t at_ = 0;
};

tl::unexpected<Error> unknown_code(const Spec& spec, std::string_view type_name) {
  return value_error(std::string("Unknown format code '") + spec.type + "' for object of type '" +
                     std::string(type_name) + "'");
}

std::string pad(const Spec& spec, const std::string& text, char default_align) {
  const char align = spec.align != 0 ? spec.align : default_align;
  if (align == '<') return py::left_justify(text, spec.width, spec.fill);
  if (align != '^') return py::right_justify(text, spec.width, spec.fill);
  // format() puts the odd blank to the right.
  const size_t length = utf8_length(text);
  const size_t left = spec.width > length ? (spec.width - length) / 2 : 0;
  return py::left_justify(py::right_justify(text, length + left, spec.fill), spec.width, spec.fill);
}

// Separators between groups of digits; leading zeros fill up to `width` with separators of their own.
std::string grouped(std::string digits, char separator, size_t group, size_t width) {
  if (separator == 0) {
    if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
    return digits;
  }
  std::string reversed;
  size_t count = 0;
  for (size_t i = digits.size(); i > 0 || reversed.size() < width;) {
    if (count > 0 && count % group == 0) {
      reversed.push_back(separator);
      if (i == 0 && reversed.size() >= width) {
        // A separator never leads.
        reversed.push_back('0');
        break;
      }
    }
    reversed.push_back(i > 0 ? digits[--i] : '0');
    ++count;
  }
  return {reversed.rbegin(), reversed.rend()};
}

// prefix: sign and "0x"; digits: the part that is grouped; rest: from the point on.
std::string number_text(const Spec& spec, const std::string& prefix, const std::string& digits, const std::string& rest,
                        size_t group) {
  const bool fill_inside = spec.align == '=';
  const bool zero_fill = fill_inside && spec.fill == "0";
  const size_t around = prefix.size() + rest.size();
  const size_t digit_width = zero_fill && spec.width > around ? spec.width - around : 0;
  const std::string body = grouped(digits, spec.grouping, group, digit_width) + rest;
  if (!fill_inside) return pad(spec, prefix + body, '>');
  return prefix + py::right_justify(body, spec.width > prefix.size() ? spec.width - prefix.size() : 0, spec.fill);
}

std::string sign_of(const Spec& spec, bool negative) {
  return negative ? "-" : spec.sign == '-' || spec.sign == 0 ? "" : std::string(1, spec.sign);
}

// Without a type a float keeps a digit behind the point, so that it takes an exponent one digit sooner than 'g'.
char general_code(double magnitude, int precision) {
  if (!std::isfinite(magnitude) || magnitude == 0) return 'g';
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), "%.*e", std::clamp(precision - 1, 0, 300), magnitude);
  return std::atoi(std::strchr(text.data(), 'e') + 1) == precision - 1 ? 'e' : 'g';
}

// "1.000e+02" is "1e+02".
void strip_zeros(std::string& digits) {
  const size_t exponent = digits.find('e');
  size_t end = exponent;
  if (digits.find('.') == std::string::npos) return;
  while (digits[end - 1] == '0') --end;
  if (digits[end - 1] == '.') --end;
  digits.erase(end, exponent - end);
}

Result<std::string> format_float(const Spec& spec, double value, std::string_view type_name) {
  char type = spec.type;
  int precision = static_cast<int>(std::min<size_t>(spec.precision.value_or(6), 1u << 20));
  std::string suffix;
  std::string digits;
  double magnitude = std::fabs(value);
  if (type == '%') {
    magnitude *= 100;
    suffix = "%";
    type = 'f';
  }
  if (type == 'n') type = 'g';
  if (type == 0 && !spec.precision) {
    digits = python::float_repr(magnitude);
  } else {
    const char code = type == 0 ? general_code(magnitude, precision) : type;
    if (std::string_view("eEfFgG").find(code) == std::string_view::npos) return unknown_code(spec, type_name);
    if (type == 0 && precision == 0) precision = 1;
    if (code == 'e' && type == 0) --precision;
    const std::string c_format = std::string("%") + (spec.alternate ? "#" : "") + ".*" + code;
    const int size = std::snprintf(nullptr, 0, c_format.c_str(), precision, magnitude);
    digits.resize(static_cast<size_t>(size) + 1);
    std::snprintf(digits.data(), digits.size(), c_format.c_str(), precision, magnitude);
    digits.pop_back();
    if (code == 'e' && type == 0) strip_zeros(digits);
    // Without a type a float always shows that it is one.
    if (type == 0 && std::isfinite(value) && digits.find_first_of(".e") == std::string::npos) digits += ".0";
  }
  if (!std::isfinite(value)) {
    digits = std::isnan(value) ? "nan" : "inf";
    if (type == 'E' || type == 'F' || type == 'G') digits = to_upper(digits);
    Spec plain = spec;
    plain.grouping = 0;
    return number_text(plain, sign_of(spec, std::signbit(value) && !std::isnan(value)), digits, suffix, 3);
  }
  const size_t end = digits.find_first_not_of("0123456789");
  const std::string whole = digits.substr(0, end);
  const std::string rest = end == std::string::npos ? "" : digits.substr(end);
  const bool is_zero = digits.substr(0, digits.find_first_of("eE")).find_first_of("123456789") == std::string::npos;
  const bool negative = std::signbit(value) && !(spec.no_negative_zero && is_zero);
  return number_text(spec, sign_of(spec, negative), whole, rest + suffix, 3);
}

Result<std::string> format_integer(const Spec& spec, const Value& value, std::string_view type_name) {
  const char type = spec.type == 0 || spec.type == 'n' ? 'd' : spec.type;
  if (spec.no_negative_zero) {
    return value_error("Negative zero coercion (z) not allowed in integer format specifier");
  }
  if (std::string_view("eEfFgG%").find(type) != std::string_view::npos) {
    SQ_TRY(const double real, py::to_double(value));
    return format_float(spec, real, type_name);
  }
  if (spec.precision) return value_error("Precision not allowed in integer format specifier");
  if (type == 'c') {
    if (spec.sign != 0) return value_error("Sign not allowed with integer format specifier 'c'");
    const auto code = py::to_int64(value);
    if (!code || *code < 0 || *code > 0x10ffff) return raise("OverflowError", "%c arg not in range(0x110000)");
    std::string text;
    append_utf8(text, static_cast<char32_t>(*code));
    return pad(spec, text, '<');
  }
  const int base = type == 'd' ? 10 : type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 0;
  if (base == 0) return unknown_code(spec, type_name);
  std::string digits = to_lower(py::digits(value, base));
  std::string prefix = sign_of(spec, py::is_negative(value));
  if (spec.alternate && base != 10) prefix += std::string("0") + type;
  if (type == 'X') digits = to_upper(digits);
  return number_text(spec, prefix, digits, "", base == 10 ? 3 : 4);
}

Result<std::string> format_text(const Spec& spec, std::string_view text, std::string_view type_name) {
  if (spec.type != 0 && spec.type != 's') return unknown_code(spec, type_name);
  if (spec.sign != 0) return value_error("Sign not allowed in string format specifier");
  if (spec.no_negative_zero) {
    return value_error("Negative zero coercion (z) not allowed in string format specifier");
  }
  if (spec.alternate) return value_error("Alternate form (#) not allowed in string format specifier");
  if (spec.grouping != 0) return value_error(std::string("Cannot specify '") + spec.grouping + "' with 's'.");
  if (spec.align == '=' && !spec.zero) return value_error("'=' alignment not allowed in string format specifier");
  std::string_view shown = text;
  if (spec.precision) shown = shown.substr(0, py::byte_offset(shown, *spec.precision));
  Spec padded = spec;
  if (padded.align == '=') padded.align = '<';
  return pad(padded, std::string(shown), '<');
}

// --- "...{field!conversion:spec}..."
// ------------------------------------------------------------------------------------

class StrFormatter {
 public:
  StrFormatter(Runtime& rt, const List& positional, const Value& keyword)
      : rt_(rt), positional_(positional), keyword_(keyword) {}

  Result<std::string> run(std::string_view text, int depth) {
    if (depth < 0) return value_error("Max string recursion exceeded");
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const char c = text[at];
      if (c != '{' && c != '}') {
        out.push_back(c);
        ++at;
        continue;
      }
      if (at + 1 < text.size() && text[at + 1] == c) {
        out.push_back(c);
        at += 2;
        continue;
      }
      if (c == '}') return value_error("Single '}' encountered in format string");
      if (at + 1 == text.size()) return value_error("Single '{' encountered in format string");
      SQ_TRY(const size_t end, field_end(text, at + 1));
      SQ_TRY(const std::string shown, field(text.substr(at + 1, end - at - 1), depth));
      out += shown;
      at = end + 1;
      SQ_CHECK(rt_.charge_text(out.size()));
    }
    return out;
  }

 private:
  static Result<size_t> field_end(std::string_view text, size_t at) {
    int nested = 1;
    bool in_spec = false;
    for (; at < text.size(); ++at) {
      if (text[at] == '{' && !in_spec) return value_error("unexpected '{' in field name");
      if (text[at] == '{') ++nested;
      in_spec = in_spec || text[at] == ':' || text[at] == '!';
      if (text[at] == '}' && --nested == 0) return at;
      // A bracket in an index may hold anything.
      if (text[at] == '[' && nested == 1) {
        const size_t close = text.find(']', at);
        if (close == std::string_view::npos) break;
        at = close;
      }
    }
    if (text.ends_with('!')) return value_error("end of string while looking for conversion specifier");
    return value_error(in_spec ? "unmatched '{' in format spec" : "expected '}' before end of string");
  }

  Result<std::string> field(std::string_view body, int depth) {
    SQ_CHECK(rt_.charge());
    size_t name_end = 0;
    while (name_end < body.size() && body[name_end] != '!' && body[name_end] != ':') {
      if (body[name_end] == '[') {
        const size_t close = body.find(']', name_end);
        if (close != std::string_view::npos) name_end = close;
      }
      ++name_end;
    }
    const std::string_view name = body.substr(0, name_end);
    std::string_view rest = body.substr(name_end);
    char conversion = 0;
    if (!rest.empty() && rest[0] == '!') {
      if (rest.size() < 2) return value_error("end of string while looking for conversion specifier");
      conversion = rest[1];
      rest.remove_prefix(2);
      if (!rest.empty() && rest[0] != ':') return value_error("expected ':' after conversion specifier");
    }
    SQ_TRY(Value value, lookup(name));
    if (conversion != 0) {
      if (conversion != 's' && conversion != 'r' && conversion != 'a') {
        return value_error(std::string("Unknown conversion specifier ") + conversion);
      }
      SQ_TRY(std::string shown, conversion == 's' ? rt_.str(value) : rt_.repr(value));
      value = Value(std::move(shown));
    }
    SQ_TRY(const std::string spec, run(rest.empty() ? rest : rest.substr(1), depth - 1));
    return format_value(rt_, value, spec);
  }

  // "0.name[key]": the first part names an argument, the rest goes into it as the sandbox allows.
  Result<Value> lookup(std::string_view name) {
    const size_t first_end = name.find_first_of(".[");
    const std::string_view first = name.substr(0, first_end);
    SQ_TRY(Value value, argument(first, name));
    std::string_view rest = first_end == std::string_view::npos ? "" : name.substr(first_end);
    while (!rest.empty()) {
      if (rest[0] == '.') {
        const size_t end = rest.find_first_of(".[", 1);
        const std::string_view part = rest.substr(1, end == std::string_view::npos ? end : end - 1);
        if (part.empty()) return value_error("Empty attribute in format string");
        SQ_TRY(value, rt_.get_attribute(value, part));
        rest = end == std::string_view::npos ? "" : rest.substr(end);
        continue;
      }
      const size_t close = rest.find(']');
      if (rest[0] != '[' || close == std::string_view::npos) {
        return value_error("Only '.' or '[' may follow ']' in format field specifier");
      }
      const std::string_view part = rest.substr(1, close - 1);
      if (part.empty()) return value_error("Empty attribute in format string");
      const bool is_index = part.find_first_not_of("0123456789") == std::string_view::npos;
      Value key(part);
      if (is_index) {
        SQ_TRY(key, py::parse_integer(part));
      }
      SQ_TRY(value, rt_.get_item(value, key));
      rest.remove_prefix(close + 1);
    }
    return value;
  }

  Result<Value> argument(std::string_view first, std::string_view whole) {
    const bool is_index = !first.empty() && first.find_first_not_of("0123456789") == std::string_view::npos;
    // The sandbox's formatter numbers only fields that are entirely empty; ".x" asks for the argument "".
    if (!is_index && !whole.empty()) {
      SQ_TRY(auto found, rt_.find_item(keyword_, Value(first)));
      if (found) return *std::move(found);
      return raise("KeyError", python::repr(Value(first)));
    }
    size_t index = 0;
    if (is_index) {
      // Only a field that is nothing but a number counts as numbered by hand.
      const bool manual = first == whole;
      if (manual && automatic_.value_or(false)) {
        return value_error("cannot switch from manual field specification to automatic field numbering");
      }
      if (manual) automatic_ = false;
      const auto given = parse_int(first);
      if (!given) return value_error("Too many decimal digits in format string");
      index = static_cast<size_t>(*given);
    } else {
      if (!automatic_.value_or(true)) {
        return value_error("cannot switch from manual field specification to automatic field numbering");
      }
      automatic_ = true;
      index = next_++;
    }
    if (index < positional_.size()) return positional_[index];
    return raise("IndexError", "tuple index out of range");
  }

  Runtime& rt_;
  const List& positional_;
  const Value& keyword_;
  std::optional<bool> automatic_;
  size_t next_ = 0;
};

}  // namespace

Result<std::string> format_value(Runtime& rt, const Value& value, std::string_view text) {
  if (text.empty()) return rt.str(value);
  const std::string type(rt.type_name(value));
  if (!is_text(value) && !py::is_numeric(value)) {
    return type_error("unsupported format string passed to " + type + ".__format__");
  }
  SQ_TRY(const Spec spec, SpecParser(text).parse(type));
  SQ_CHECK(rt.charge_text(spec.width * spec.fill.size()));
  SQ_CHECK(rt.charge_text(spec.precision.value_or(0)));
  if (is_text(value)) return format_text(spec, value.as_string(), type);
  if (value.is_double()) return format_float(spec, value.as_double(), type);
  return format_integer(spec, value, type);
}

Result<std::string> str_format(Runtime& rt, std::string_view text, const List& positional, const Value& keyword) {
  return StrFormatter(rt, positional, keyword).run(text, 2);
}

}  // namespace squall::expr::jinja
