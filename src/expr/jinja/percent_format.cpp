#include <cmath>
#include <cstdio>

#include "base/strings.hpp"
#include "expr/jinja/arguments.hpp"
#include "expr/jinja/format.hpp"
#include "expr/python/text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;
using py::value_error;

namespace {

bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }

// "%[(key)][flags][width][.precision]type"
struct Conversion {
  bool left = false, plus = false, blank = false, zero = false, alternate = false;
  std::optional<int64_t> width, precision;
  char32_t type = 0;
};

class PercentFormatter {
 public:
  PercentFormatter(Runtime& rt, const Value& text, const Value& values)
      : rt_(rt), markup_(text.kind() == Kind::kMarkup), text_(py::decode(text.as_string())), values_(values) {}

  Result<Value> run() {
    while (at_ < text_.size()) {
      const char32_t c = text_[at_++];
      if (c != '%') {
        append_utf8(out_, c);
        continue;
      }
      SQ_CHECK(conversion());
    }
    // A tuple must be used up; of the others only mappings and lists may go unused.
    const bool all_used = values_.kind() == Kind::kTuple ? used_ == values_.size() : used_ > 0 || is_container(values_);
    if (!all_used && !keyed_) return type_error("not all arguments converted during string formatting");
    SQ_CHECK(rt_.charge_text(out_.size()));
    return markup_ ? Value::markup(std::move(out_)) : Value(std::move(out_));
  }

 private:
  // Has __getitem__ and is no text or tuple: Python takes it for a mapping.
  bool is_container(const Value& value) const {
    const PyObject* object = as_py_object(value);
    return value.is_list() || rt_.is_mapping(value) || is_undefined(value) ||
           (object != nullptr && object->has_items());
  }

  Result<Value> next_value() {
    if (values_.kind() == Kind::kTuple) {
      if (used_ < values_.size()) return values_.as_list()[used_++];
    } else if (used_++ == 0 && !keyed_) {
      return values_;
    }
    return type_error("not enough arguments for format string");
  }

  Status conversion() {
    std::optional<Value> keyed;
    if (at_ < text_.size() && text_[at_] == '%') {
      ++at_;
      out_ += "%";
      return {};
    }
    if (at_ < text_.size() && text_[at_] == '(') {
      SQ_TRY(keyed, keyed_value());
    }
    Conversion spec;
    SQ_CHECK(parse_spec(spec));
    const size_t type_at = at_ - 1;
    Value value;
    if (keyed) {
      value = *std::move(keyed);
    } else {
      SQ_TRY(value, next_value());
    }
    return append(spec, value, type_at);
  }

  Result<Value> keyed_value() {
    size_t depth = 1;
    const size_t start = ++at_;
    while (at_ < text_.size() && depth > 0) {
      if (text_[at_] == '(') ++depth;
      if (text_[at_] == ')') --depth;
      ++at_;
    }
    if (depth > 0) return value_error("incomplete format key");
    if (!is_container(values_)) return type_error("format requires a mapping");
    keyed_ = true;
    const Value key(py::encode(std::u32string_view(text_).substr(start, at_ - 1 - start)));
    SQ_TRY(auto found, rt_.find_item(values_, key));
    if (found) return *std::move(found);
    if (values_.is_list()) return type_error("list indices must be integers or slices, not str");
    return raise("KeyError", python::repr(key));
  }

  Result<std::optional<int64_t>> parse_number(std::string_view star_error) {
    if (at_ < text_.size() && text_[at_] == '*') {
      ++at_;
      SQ_TRY(const Value value, next_value());
      if (!py::is_integer(value)) return type_error(std::string(star_error));
      SQ_TRY(const int64_t number, to_index(rt_, value));
      return std::optional(number);
    }
    std::optional<int64_t> number;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      number = number.value_or(0) * 10 + (text_[at_++] - '0');
      if (*number > INT32_MAX) return value_error("width too big");
    }
    return number;
  }

  Status parse_spec(Conversion& spec) {
    for (; at_ < text_.size(); ++at_) {
      const char32_t c = text_[at_];
      if (c == '-')
        spec.left = true;
      else if (c == '+')
        spec.plus = true;
      else if (c == ' ')
        spec.blank = true;
      else if (c == '0')
        spec.zero = true;
      else if (c == '#')
        spec.alternate = true;
      else
        break;
    }
    SQ_TRY(spec.width, parse_number("* wants int"));
    if (spec.width && *spec.width < 0) {
      spec.left = true;
      spec.width = -*spec.width;
    }
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      SQ_TRY(spec.precision, parse_number("* wants int"));
      spec.precision = std::max<int64_t>(0, spec.precision.value_or(0));
    }
    while (at_ < text_.size() && (text_[at_] == 'h' || text_[at_] == 'l' || text_[at_] == 'L')) ++at_;
    if (at_ == text_.size()) return value_error("incomplete format");
    spec.type = text_[at_++];
    const int64_t room = static_cast<int64_t>(kTextBytesMax);
    SQ_CHECK(rt_.charge_text(static_cast<size_t>(std::min(room + 1, spec.width.value_or(0)))));
    return rt_.charge_text(static_cast<size_t>(std::min(room + 1, spec.precision.value_or(0))));
  }

  Status append(const Conversion& spec, const Value& value, size_t type_at) {
    switch (spec.type) {
      case 's':
      case 'r':
      case 'a': return append_text(spec, value);
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o': return append_integer(spec, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': return append_float(spec, value);
      case 'c': return append_character(spec, value);
      default: {
        char hex[16];
        std::snprintf(hex, sizeof hex, "0x%x", static_cast<unsigned>(spec.type));
        const std::string shown =
            spec.type < 0x7f && spec.type > 0x1e ? std::string(1, static_cast<char>(spec.type)) : "?";
        return value_error("unsupported format character '" + shown + "' (" + hex + ") at index " +
                           std::to_string(type_at));
      }
    }
  }

  void pad(const Conversion& spec, const std::string& text) {
    const auto width = static_cast<size_t>(spec.width.value_or(0));
    out_ += spec.left ? py::left_justify(text, width) : py::right_justify(text, width);
  }

  Status append_text(const Conversion& spec, const Value& value) {
    SQ_TRY(std::string text, spec.type == 's' ? rt_.str(value) : rt_.repr(value));
    if (spec.type == 'a') text = ascii(text);
    if (markup_ && value.kind() != Kind::kMarkup) text = py::html_escape(text);
    if (spec.precision) text.resize(py::byte_offset(text, static_cast<size_t>(*spec.precision)));
    pad(spec, text);
    return {};
  }

  static std::string ascii(std::string_view text) {
    std::string out;
    for (const char32_t c : py::decode(text)) {
      char escape[16];
      if (c < 0x80) {
        out.push_back(static_cast<char>(c));
        continue;
      }
      std::snprintf(escape, sizeof escape,
                    c < 0x100     ? "\\x%02x"
                    : c < 0x10000 ? "\\u%04x"
                                  : "\\U%08x",
                    static_cast<unsigned>(c));
      out += escape;
    }
    return out;
  }

  std::string sign_of(const Conversion& spec, bool negative) const {
    return negative ? "-" : spec.plus ? "+" : spec.blank ? " " : "";
  }

  // Sign and prefix stand before the zeros that fill up.
  void append_number(const Conversion& spec, const std::string& prefix, std::string digits) {
    const size_t width = static_cast<size_t>(spec.width.value_or(0));
    const size_t length = prefix.size() + digits.size();
    if (spec.zero && !spec.left && width > length) digits.insert(0, width - length, '0');
    pad(spec, prefix + digits);
  }

  Status append_integer(const Conversion& spec, const Value& value) {
    const bool decimal = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
    Value number = value;
    if (decimal && is_undefined(value)) return raise_undefined(value);
    if (decimal && value.is_double()) {
      SQ_TRY(number, py::truncate(value.as_double()));
    } else if (!py::is_integer(value)) {
      const std::string type = py::encode(std::u32string(1, spec.type));
      return type_error("%" + type + " format: " + (decimal ? "a real number" : "an integer") + " is required, not " +
                        std::string(rt_.type_name(value)));
    }
    std::string digits = py::digits(number, decimal ? 10 : spec.type == 'o' ? 8 : 16);
    if (spec.type == 'X') digits = to_upper(digits);
    if (spec.type == 'x') digits = to_lower(digits);
    if (spec.precision && static_cast<size_t>(*spec.precision) > digits.size()) {
      digits.insert(0, static_cast<size_t>(*spec.precision) - digits.size(), '0');
    }
    std::string prefix = sign_of(spec, py::is_negative(number));
    if (spec.alternate && !decimal) prefix += spec.type == 'o' ? "0o" : spec.type == 'x' ? "0x" : "0X";
    append_number(spec, prefix, std::move(digits));
    return {};
  }

  Status append_float(const Conversion& spec, const Value& value) {
    if (is_undefined(value)) return raise_undefined(value);
    if (!py::is_numeric(value)) return type_error("must be real number, not " + std::string(rt_.type_name(value)));
    SQ_TRY(const double number, py::to_double(value));
    const std::string c_format = std::string("%") + (spec.alternate ? "#" : "") + ".*" + static_cast<char>(spec.type);
    const int precision = static_cast<int>(spec.precision.value_or(6));
    const int size = std::snprintf(nullptr, 0, c_format.c_str(), precision, std::fabs(number));
    std::string digits(static_cast<size_t>(size) + 1, '\0');
    std::snprintf(digits.data(), digits.size(), c_format.c_str(), precision, std::fabs(number));
    digits.pop_back();
    if (!std::isfinite(number) && spec.zero) {
      Conversion plain = spec;
      plain.zero = false;
      append_number(plain, sign_of(spec, std::signbit(number) && !std::isnan(number)), std::move(digits));
      return {};
    }
    append_number(spec, sign_of(spec, std::signbit(number) && !std::isnan(number)), std::move(digits));
    return {};
  }

  Status append_character(const Conversion& spec, const Value& value) {
    if (is_text(value)) {
      if (utf8_length(value.as_string()) != 1) return type_error("%c requires int or char");
      pad(spec, std::string(value.as_string()));
      return {};
    }
    if (!py::is_integer(value)) return type_error("%c requires int or char");
    const auto code = py::to_int64(value);
    if (!code || *code < 0 || *code > 0x10ffff) return raise("OverflowError", "%c arg not in range(0x110000)");
    std::string text;
    append_utf8(text, static_cast<char32_t>(*code));
    pad(spec, text);
    return {};
  }

  Runtime& rt_;
  bool markup_;
  std::u32string text_;
  const Value& values_;
  size_t at_ = 0;
  size_t used_ = 0;
  bool keyed_ = false;
  std::string out_;
};

}  // namespace

Result<Value> percent_format(Runtime& rt, const Value& text, const Value& values) {
  const Value now = rt.resolve(values);
  return PercentFormatter(rt, text, now).run();
}

}  // namespace squall::expr::jinja
