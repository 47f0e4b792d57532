#include "text/regex_scan.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "text/unicode.hpp"

namespace squall::regex {

Scanner::Scanner(std::string_view text) : text_(decode_utf8(text)) { load(); }

void Scanner::load() {
  next_ = Token();
  if (position_ >= text_.size()) return;
  if (text_[position_] != U'\\') {
    next_ = Token{text_[position_], false, false};
    return;
  }
  if (position_ + 1 == text_.size()) {
    lone_backslash_ = true;
    return;
  }
  next_ = Token{text_[position_ + 1], true, false};
}

Token Scanner::get() {
  const Token token = next_;
  if (!token.end) {
    position_ += token.escaped ? 2 : 1;
    load();
  }
  return token;
}

bool Scanner::match(char32_t plain) {
  if (!next_.is(plain)) return false;
  get();
  return true;
}

std::u32string Scanner::get_while(size_t count_max, std::u32string_view allowed) {
  std::u32string taken;
  while (taken.size() < count_max && !next_.end && !next_.escaped && contains(allowed, next_.ch)) {
    taken.push_back(get().ch);
  }
  return taken;
}

Result<std::u32string> Scanner::get_until(char32_t terminator, std::string_view what) {
  std::u32string name;
  for (;;) {
    const Token token = get();
    if (token.end) {
      if (name.empty()) return fail(error("missing " + std::string(what)));
      return fail(error("missing " + encode_utf8({&terminator, 1}) + ", unterminated name", name.size()));
    }
    if (token.is(terminator)) {
      if (name.empty()) return fail(error("missing " + std::string(what), 1));
      return name;
    }
    if (token.escaped) name.push_back(U'\\');
    name.push_back(token.ch);
  }
}

void Scanner::seek(size_t position) {
  position_ = position;
  load();
}

std::string Scanner::slice(size_t begin, size_t end) const {
  return encode_utf8(std::u32string_view(text_).substr(begin, end - begin));
}

Error Scanner::error(std::string message, size_t offset) const {
  return error_at(std::move(message), position_ - offset);
}

Error Scanner::error_at(std::string message, size_t position) const {
  message += " at position " + std::to_string(position);
  if (text_.find(U'\n') != std::u32string::npos) {
    const std::u32string_view before = std::u32string_view(text_).substr(0, position);
    const auto line = std::count(before.begin(), before.end(), U'\n') + 1;
    const size_t line_start = before.rfind(U'\n') == before.npos ? 0 : before.rfind(U'\n') + 1;
    message += " (line " + std::to_string(line) + ", column " + std::to_string(position - line_start + 1) + ")";
  }
  return Error(ErrorCode::kInvalid, std::move(message)).with_type("re.error");
}

std::optional<Error> Scanner::lone_backslash() const {
  if (!lone_backslash_) return std::nullopt;
  return error_at("bad escape (end of pattern)", text_.size() - 1);
}

std::string token_text(const Token& token) {
  std::string text = token.escaped ? "\\" : "";
  append_utf8(text, token.ch);
  return text;
}

std::optional<uint64_t> parse_group_number(std::u32string_view name) {
  constexpr std::u32string_view kBlanks = U" \t\n\r\f\v";
  while (!name.empty() && contains(kBlanks, name.front())) name.remove_prefix(1);
  while (!name.empty() && contains(kBlanks, name.back())) name.remove_suffix(1);
  if (!name.empty() && name.front() == U'+') name.remove_prefix(1);
  uint64_t number = 0;
  bool digit_before = false;
  for (const char32_t ch : name) {
    if (ch == U'_' && digit_before) {
      digit_before = false;
      continue;
    }
    if (!contains(kDigits, ch)) return std::nullopt;
    number = std::min<uint64_t>(number * 10 + (ch - U'0'), uint64_t{1} << 40);  // far above any group count
    digit_before = true;
  }
  if (!digit_before) return std::nullopt;
  return number;
}

std::string quoted(std::u32string_view name) {
  const bool has_single = name.find(U'\'') != name.npos;
  const char quote = has_single && name.find(U'"') == name.npos ? '"' : '\'';
  std::string text(1, quote);
  for (const char32_t ch : name) {
    if (ch == U'\\' || ch == static_cast<char32_t>(quote)) text.push_back('\\');
    append_utf8(text, ch);
  }
  return text + quote;
}

std::optional<char32_t> simple_escape(char32_t letter) {
  switch (letter) {
    case U'a': return 7;
    case U'b': return 8;
    case U'f': return 12;
    case U'n': return 10;
    case U'r': return 13;
    case U't': return 9;
    case U'v': return 11;
    case U'\\': return U'\\';
    default: return std::nullopt;
  }
}

bool contains(std::u32string_view set, char32_t ch) { return set.find(ch) != set.npos; }
bool is_ascii_letter(char32_t ch) { return (ch >= U'a' && ch <= U'z') || (ch >= U'A' && ch <= U'Z'); }

}  // namespace squall::regex
