#include "value/json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "base/limits.hpp"
#include "base/strings.hpp"
#include "value/number_text.hpp"
#include "value/unicode_text.hpp"

namespace squall {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Reader {
 public:
  Reader(std::string_view text, JsonDialect dialect) : text_(text), python_(dialect == JsonDialect::kPython) {}

  Result<Value> document() {
    SQ_CHECK(check_encoding());
    skip_blanks();
    if (at_end() && !python_) {
      return fail(error(text_.empty() ? "Input is a zero-length, empty document" : "input data is empty", 0));
    }
    SQ_TRY(Value result, value(0));
    skip_blanks();
    if (!at_end()) return fail(error(python_ ? "Extra data" : "unexpected content after document", at_));
    return result;
  }

 private:
  // `position` in bytes; the message counts characters, as Python does.
  Error error(std::string_view message, size_t position) const {
    const std::string_view before = text_.substr(0, position);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    const size_t column = 1 + characters(before.substr(line_start));
    const std::string text = fmt::format("{}: line {} column {} (char {})", message, line, column, characters(before));
    return Error(ErrorCode::kInvalid, text, {"", static_cast<int>(line), static_cast<int>(column)})
        .with_type("JSONDecodeError");
  }

  static size_t characters(std::string_view text) {
    size_t count = 0;
    for (size_t at = 0; at < text.size(); ++count) next_python_char(text, at);
    return count;
  }

  // The two dialects disagree on words and place.
  tl::unexpected<Error> refuse(std::string_view python_words, size_t python_at, std::string_view orjson_words,
                               size_t orjson_at) const {
    if (python_) return fail(error(python_words, python_at));
    if (orjson_at >= text_.size()) return fail(end_of_data());
    return fail(error(orjson_words, orjson_at));
  }
  Error end_of_data() const { return error("unexpected end of data", text_.size()); }

  Status check_encoding() const {
    if (!python_) {
      if (is_valid_utf8(text_)) return {};
      return fail(error("str is not valid UTF-8: surrogates not allowed", 0));
    }
    if (text_.substr(0, 3) == "\xef\xbb\xbf") return fail(error("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0));
    for (size_t at = 0; at < text_.size();) {
      const size_t start = at;
      const char32_t c = next_python_char(text_, at);
      if (at - start != 1 || c < 0x80) continue;
      return fail(Error(ErrorCode::kInvalid,
                        fmt::format("'utf-8' codec can't decode byte 0x{:02x} in position {}: invalid start byte",
                                    static_cast<unsigned char>(text_[start]), start))
                      .with_type("UnicodeDecodeError"));
    }
    return {};
  }

  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void skip_blanks() {
    while (!at_end() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }

  Result<Value> value(size_t depth) {
    if (depth > limits::kJsonDepthMax) {
      return fail(Error(ErrorCode::kLimit, fmt::format("JSON is nested deeper than {} levels", limits::kJsonDepthMax))
                      .with_type(python_ ? "RecursionError" : "JSONDecodeError"));
    }
    const char c = peek();
    if (c == '"') {
      SQ_TRY(std::string text, string());
      return Value(std::move(text));
    }
    if (c == '[') return list(depth);
    if (c == '{') return dict(depth);
    if (c == '-' || is_digit(c)) return number();
    return literal();
  }

  Result<Value> literal() {
    if (take("null")) return Value();
    if (take("true")) return Value(true);
    if (take("false")) return Value(false);
    if (python_) {
      if (take("NaN")) return Value(std::nan(""));
      if (take("Infinity")) return Value(HUGE_VAL);
    }
    const std::string_view rest = text_.substr(at_);
    const bool cut = std::string_view("null").substr(0, rest.size()) == rest ||
                     std::string_view("true").substr(0, rest.size()) == rest ||
                     std::string_view("false").substr(0, rest.size()) == rest;
    const char c = peek();
    const bool word = c == 'n' || c == 't' || c == 'f';
    return refuse("Expecting value", at_, word ? "invalid literal" : "unexpected character", cut ? text_.size() : at_);
  }

  Result<Value> list(size_t depth) {
    ++at_;
    List items;
    skip_blanks();
    if (take(']')) return Value(std::move(items));
    while (true) {
      SQ_TRY(Value item, value(depth + 1));
      items.push_back(std::move(item));
      skip_blanks();
      if (take(']')) return Value(std::move(items));
      const size_t comma = at_;
      if (!take(',')) return refuse("Expecting ',' delimiter", at_, "unexpected character", at_);
      skip_blanks();
      if (!python_ && peek() == ']') return fail(error("trailing comma is not allowed", comma));
    }
  }

  Result<Value> dict(size_t depth) {
    constexpr std::string_view kNoName = "Expecting property name enclosed in double quotes";
    ++at_;
    Dict members;
    skip_blanks();
    if (take('}')) return Value(std::move(members));
    while (true) {
      if (peek() != '"') return refuse(kNoName, at_, "unexpected character", at_);
      SQ_TRY(const std::string key, string());
      skip_blanks();
      if (!take(':')) return refuse("Expecting ':' delimiter", at_, "unexpected character", at_);
      skip_blanks();
      SQ_TRY(Value member, value(depth + 1));
      members.set(key, std::move(member));
      skip_blanks();
      if (take('}')) return Value(std::move(members));
      const size_t comma = at_;
      if (!take(',')) return refuse("Expecting ',' delimiter", at_, "unexpected character", at_);
      skip_blanks();
      if (!python_ && peek() == '}') return fail(error("trailing comma is not allowed", comma));
    }
  }

  Result<std::string> string() {
    const size_t start = at_++;
    std::string out;
    while (true) {
      const size_t run = at_;
      while (!at_end() && peek() != '"' && peek() != '\\' && static_cast<unsigned char>(peek()) >= 0x20) ++at_;
      out += text_.substr(run, at_ - run);
      if (at_end()) return refuse("Unterminated string starting at", start, "", at_);
      if (take('"')) return out;
      if (peek() != '\\') {
        return refuse("Invalid control character at", at_, "unexpected control character in string", at_);
      }
      SQ_CHECK(escape(start, out));
    }
  }

  Status escape(size_t string_start, std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    const size_t backslash = at_++;
    if (at_end()) return refuse("Unterminated string starting at", string_start, "", at_);
    if (peek() == 'u') return unicode_escape(backslash, out);
    const size_t named = kNames.find(peek());
    if (named == std::string_view::npos) {
      return refuse("Invalid \\escape", backslash, "invalid escaped character in string", at_);
    }
    out += kValues[named];
    ++at_;
    return {};
  }

  // The four digits after "\u" at `position`, or nothing.
  std::optional<char32_t> hex4(size_t position) const {
    const std::string_view digits = text_.substr(std::min(position, text_.size()), 4);
    uint32_t code = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (failed != std::errc() || end != digits.data() + 4) return std::nullopt;
    return code;
  }

  // Python wants a character after the digits, too.
  tl::unexpected<Error> bad_escape(size_t backslash) const {
    const size_t other = text_.find_first_not_of("0123456789abcdefABCDEF", backslash + 2);
    const bool cut = other == std::string_view::npos && backslash + 6 > text_.size();
    return refuse("Invalid \\uXXXX escape", backslash + 1, "invalid escaped sequence in string",
                  cut ? text_.size() : backslash);
  }

  Status unicode_escape(size_t backslash, std::string& out) {
    const auto high = hex4(backslash + 2);
    if (!high || (python_ && backslash + 6 >= text_.size())) return bad_escape(backslash);
    at_ = backslash + 6;
    if (*high < 0xd800 || *high > 0xdfff) {
      append_utf8(out, *high);
      return {};
    }
    const bool escape_follows = text_.substr(at_, 2) == "\\u";
    const auto low = escape_follows ? hex4(at_ + 2) : std::nullopt;
    if (*high < 0xdc00 && low && *low >= 0xdc00 && *low <= 0xdfff) {
      append_utf8(out, 0x10000 + ((*high - 0xd800) << 10) + (*low - 0xdc00));
      at_ += 6;
      return {};
    }
    if (python_) {
      append_utf8(out, *high);  // Python's text may hold half a pair
      return {};
    }
    if (*high >= 0xdc00) return fail(error("invalid high surrogate in string", backslash));
    if (escape_follows && !low) return bad_escape(at_);
    return refuse("", 0, escape_follows ? "invalid low surrogate in string" : "no low surrogate in string", at_);
  }

  Result<Value> number() {
    const size_t start = at_;
    const bool negative = take('-');
    if (python_ && negative && take("Infinity")) return Value(-HUGE_VAL);
    const size_t digits = at_;
    if (!is_digit(peek())) return refuse("Expecting value", start, "no digit after minus sign", at_);
    while (is_digit(peek())) ++at_;
    if (text_[digits] == '0' && at_ - digits > 1) {
      if (!python_) return fail(error("number with leading zero is not allowed", digits));
      at_ = digits + 1;  // Python stops here and finds extra data
    }
    const size_t integer_end = at_;
    if (take('.')) {
      if (!is_digit(peek()) && !python_) return refuse("", 0, "no digit after decimal point", at_);
      if (!is_digit(peek())) at_ = integer_end;  // Python takes "5." as 5 and stumbles over the rest
      while (is_digit(peek())) ++at_;
    }
    const size_t fraction_end = at_;
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!is_digit(peek()) && !python_) return refuse("", 0, "no digit after exponent sign", at_);
      if (!is_digit(peek())) at_ = fraction_end;
      while (is_digit(peek())) ++at_;
    }
    const std::string_view text = text_.substr(start, at_ - start);
    if (at_ == integer_end) return integer(text_.substr(digits, at_ - digits), negative, text, start);
    return real(text, start);
  }

  Result<Value> integer(std::string_view digits, bool negative, std::string_view text, size_t start) const {
    if (!python_ && digits.size() > kIntegerDigitsMax) return real(text, start);
    SQ_TRY(Value value, integer_from_digits(digits, 10, negative));
    if (!python_ && value.kind() == Kind::kBigInt) return real(text, start);
    return value;
  }

  Result<Value> real(std::string_view text, size_t start) const {
    double value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    // from_chars does not say which side it fell off; strtod does.
    if (failed == std::errc::result_out_of_range) value = std::strtod(std::string(text).c_str(), nullptr);
    if (std::isinf(value) && !python_) return fail(error("number is infinity when parsed as double", start));
    return Value(value);
  }

  std::string_view text_;
  bool python_;
  size_t at_ = 0;
};

}  // namespace

Result<Value> read_json_patiently(std::string_view text, JsonDialect dialect) {
  return Reader(text, dialect).document();
}

}  // namespace squall
