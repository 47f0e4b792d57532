// The lower half of PyYAML's pure Python emitter: where lines break, how scalars are quoted. Only yaml_write.cpp uses
// it.
#pragma once

#include <string>
#include <string_view>

namespace squall::yaml {

// What a scalar's text allows (PyYAML: ScalarAnalysis), outside of flow collections.
struct ScalarAnalysis {
  bool empty = false;
  bool multiline = false;
  bool plain = true;
  bool single_quoted = true;
  bool block = true;
};
ScalarAnalysis analyze_scalar(std::u32string_view text, bool allow_unicode);

std::u32string to_characters(std::string_view text);

class Emitter {
 public:
  Emitter(int indent, bool allow_unicode) : best_indent_(indent), allow_unicode_(allow_unicode) {}

  std::string take() { return std::move(out_); }

  int indent() const { return indent_; }
  void set_indent(int indent) { indent_ = indent; }
  // One level deeper than `indent_`; the first level of blocks is 0.
  int deeper(bool flow, bool indentless) const;
  // True when nothing but indicators stands on the line: a list after "key:" need not be indented then.
  bool only_indicators() const { return indention_; }

  void write_indicator(std::string_view indicator, bool need_whitespace, bool whitespace = false,
                       bool indention = false);
  void write_indent();
  // `split`: long lines may be broken.
  void write_plain(std::u32string_view text, bool split);
  void write_single_quoted(std::u32string_view text, bool split);
  void write_double_quoted(std::u32string_view text, bool split);
  void write_literal(std::u32string_view text);

 private:
  void write(std::u32string_view text);
  void write_line_break(char32_t character = U'\n');
  // The breaks of a folded scalar: a single line feed has to be doubled.
  void write_breaks(std::u32string_view breaks);
  void write_escape(char32_t c);

  int best_indent_;
  bool allow_unicode_;
  std::string out_;
  int indent_ = -1;  // none yet
  int column_ = 0;
  bool whitespace_ = true;
  bool indention_ = true;
};

}  // namespace squall::yaml
