#include "value/yaml_emitter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.hpp"
#include "value/unicode_text.hpp"

namespace squall::yaml {

namespace {

constexpr int kBestWidth = 80;

bool is_break(char32_t c) { return c == U'\n' || c == 0x85 || c == 0x2028 || c == 0x2029; }
bool is_blank_or_break(char32_t c) { return c == 0 || c == U' ' || c == U'\t' || c == U'\r' || is_break(c); }
bool is_one_of(char32_t c, std::u32string_view set) { return set.find(c) != std::u32string_view::npos; }

// Characters that a scalar shows as they are when unicode is allowed.
bool is_shown(char32_t c) {
  return (c == 0x85 || (c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c < 0x10ffff)) &&
         c != 0xfeff;
}

}  // namespace

std::u32string to_characters(std::string_view text) {
  std::u32string characters;
  characters.reserve(text.size());
  for (size_t at = 0; at < text.size();) characters += next_python_char(text, at);
  return characters;
}

ScalarAnalysis analyze_scalar(std::u32string_view text, bool allow_unicode) {
  ScalarAnalysis result;
  if (text.empty()) {
    result.empty = true;
    result.block = false;
    return result;
  }
  bool indicators = text.substr(0, 3) == U"---" || text.substr(0, 3) == U"...";
  bool special = false;
  bool break_space = false;
  bool space_break = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    const bool before_blank = i + 1 >= text.size() || is_blank_or_break(text[i + 1]);
    if (i == 0) {
      indicators = indicators || is_one_of(c, U"#,[]{}&*!|>'\"%@`") || (is_one_of(c, U"?:-") && before_blank);
    } else {
      indicators = indicators || (c == U':' && before_blank) || (c == U'#' && is_blank_or_break(text[i - 1]));
    }
    result.multiline = result.multiline || is_break(c);
    if (c != U'\n' && (c < 0x20 || c > 0x7e)) special = special || !is_shown(c) || !allow_unicode;
    if (i > 0 && c == U' ') break_space = break_space || is_break(text[i - 1]);
    if (i > 0 && is_break(c)) space_break = space_break || text[i - 1] == U' ';
  }
  const bool blank_ends =
      text.front() == U' ' || is_break(text.front()) || text.back() == U' ' || is_break(text.back());
  result.plain = !blank_ends && !break_space && !space_break && !special && !result.multiline && !indicators;
  result.single_quoted = !break_space && !space_break && !special;
  result.block = text.back() != U' ' && !space_break && !special;
  return result;
}

int Emitter::deeper(bool flow, bool indentless) const {
  if (indent_ < 0) return flow ? best_indent_ : 0;
  return indentless ? indent_ : indent_ + best_indent_;
}

void Emitter::write(std::u32string_view text) {
  for (const char32_t c : text) append_utf8(out_, c);
  column_ += static_cast<int>(text.size());
}

void Emitter::write_indicator(std::string_view indicator, bool need_whitespace, bool whitespace, bool indention) {
  if (!whitespace_ && need_whitespace) {
    out_ += ' ';
    ++column_;
  }
  out_ += indicator;
  column_ += static_cast<int>(indicator.size());
  whitespace_ = whitespace;
  indention_ = indention_ && indention;
}

void Emitter::write_line_break(char32_t character) {
  append_utf8(out_, character);
  whitespace_ = true;
  indention_ = true;
  column_ = 0;
}

void Emitter::write_indent() {
  const int indent = std::max(indent_, 0);
  if (!indention_ || column_ > indent || (column_ == indent && !whitespace_)) write_line_break();
  if (column_ >= indent) return;
  whitespace_ = true;
  out_.append(static_cast<size_t>(indent - column_), ' ');
  column_ = indent;
}

void Emitter::write_breaks(std::u32string_view breaks) {
  if (breaks.front() == U'\n') write_line_break();
  for (const char32_t c : breaks) write_line_break(c);
}

// Plain scalars have no line breaks here: analyze_scalar() sends those to the quoted styles.
void Emitter::write_plain(std::u32string_view text, bool split) {
  if (text.empty()) return;
  if (!whitespace_) write(U" ");
  whitespace_ = false;
  indention_ = false;
  for (size_t start = 0; start < text.size();) {
    const bool blanks = text[start] == U' ';
    size_t end = start;
    while (end < text.size() && (text[end] == U' ') == blanks) ++end;
    if (blanks && end == start + 1 && column_ > kBestWidth && split) {
      write_indent();
      whitespace_ = false;
      indention_ = false;
    } else {
      write(text.substr(start, end - start));
    }
    start = end;
  }
}

void Emitter::write_single_quoted(std::u32string_view text, bool split) {
  write_indicator("'", true);
  for (size_t start = 0; start < text.size();) {
    size_t end = start;
    if (text[start] == U' ') {
      while (end < text.size() && text[end] == U' ') ++end;
      const bool inside = start != 0 && end != text.size();
      if (end == start + 1 && column_ > kBestWidth && split && inside) {
        write_indent();
      } else {
        write(text.substr(start, end - start));
      }
    } else if (is_break(text[start])) {
      while (end < text.size() && is_break(text[end])) ++end;
      write_breaks(text.substr(start, end - start));
      write_indent();
    } else if (text[start] == U'\'') {
      write(U"''");
      ++end;
    } else {
      while (end < text.size() && text[end] != U' ' && text[end] != U'\'' && !is_break(text[end])) ++end;
      write(text.substr(start, end - start));
    }
    start = end;
  }
  write_indicator("'", false);
}

void Emitter::write_escape(char32_t c) {
  constexpr std::u32string_view kNamed = U"\x07\b\t\n\v\f\r\x1b\"\\\x85\xa0\x2028\x2029";
  constexpr std::string_view kLetters = "abtnvfre\"\\N_LP";
  const auto code = static_cast<uint32_t>(c);
  const size_t before = out_.size();
  if (c == 0) {
    out_ += "\\0";
  } else if (const size_t named = kNamed.find(c); named != std::u32string_view::npos) {
    out_ += '\\';
    out_ += kLetters[named];
  } else {
    out_ += c <= 0xff     ? fmt::format("\\x{:02X}", code)
            : c <= 0xffff ? fmt::format("\\u{:04X}", code)
                          : fmt::format("\\U{:08X}", code);
  }
  column_ += static_cast<int>(out_.size() - before);
}

void Emitter::write_double_quoted(std::u32string_view text, bool split) {
  const auto plain = [&](char32_t c) {
    if (is_one_of(c, U"\"\\\x85\x2028\x2029\xfeff")) return false;
    if (c >= 0x20 && c <= 0x7e) return true;
    return allow_unicode_ && ((c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd));
  };
  write_indicator("\"", true);
  size_t start = 0;  // text before is written
  for (size_t end = 0; end < text.size(); ++end) {
    const char32_t c = text[end];
    if (!plain(c)) {
      write(text.substr(start, end - start));
      write_escape(c);
      start = end + 1;
    }
    const bool inside = end > 0 && end + 1 < text.size();
    const int pending = static_cast<int>(end) - static_cast<int>(start);
    if (!inside || (c != U' ' && start < end) || column_ + pending <= kBestWidth || !split) continue;
    if (start < end) {
      write(text.substr(start, end - start));
      start = end;
    }
    write(U"\\");
    write_indent();
    whitespace_ = false;
    indention_ = false;
    if (text[start] == U' ') write(U"\\");
  }
  if (start < text.size()) write(text.substr(start));
  write_indicator("\"", false);
}

void Emitter::write_literal(std::u32string_view text) {
  std::string hints;
  if (!text.empty()) {
    if (text.front() == U' ' || is_break(text.front())) hints += std::to_string(best_indent_);
    if (!is_break(text.back())) {
      hints += '-';
    } else if (text.size() == 1 || is_break(text[text.size() - 2])) {
      hints += '+';
    }
  }
  write_indicator("|" + hints, true);
  write_line_break();
  for (size_t start = 0; start < text.size();) {
    size_t end = start;
    while (end < text.size() && is_break(text[end]) == is_break(text[start])) ++end;
    if (is_break(text[start])) {
      for (const char32_t c : text.substr(start, end - start)) write_line_break(c);
    } else {
      write_indent();
      write(text.substr(start, end - start));
      if (end == text.size()) write_line_break();
    }
    start = end;
  }
}

}  // namespace squall::yaml
