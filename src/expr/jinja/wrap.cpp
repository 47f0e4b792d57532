#include "expr/jinja/wrap.hpp"

#include <algorithm>

#include "expr/python/text.hpp"

namespace squall::expr::jinja {

namespace {

using Chunk = std::u32string;

// textwrap knows ASCII blanks only.
bool is_blank(char32_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_word_or_punctuation(char32_t c) {
  return py::is_word(c) || c == '!' || c == '"' || c == '\'' || c == '&' || c == '.' || c == ',' || c == '?';
}
bool is_letter(char32_t c) { return py::is_word(c) && !py::is_digit(c); }

// Splits where a line may end: at blanks, after hyphens between letters, around dashes of two or more.
class Splitter {
 public:
  explicit Splitter(const Chunk& text) : text_(text) {}

  std::vector<Chunk> run(bool at_hyphens) {
    while (at_ < text_.size()) {
      size_t end = at_ + 1;
      if (is_blank(text_[at_])) {
        while (end < text_.size() && is_blank(text_[end])) ++end;
      } else if (const size_t dash = at_hyphens ? dash_end(at_) : 0; dash != 0 && follows_word(at_)) {
        end = dash;
      } else {
        end = at_hyphens ? word_end() : blank_after(at_);
      }
      chunks_.push_back(text_.substr(at_, end - at_));
      at_ = end;
    }
    return std::move(chunks_);
  }

 private:
  size_t blank_after(size_t from) const {
    while (from < text_.size() && !is_blank(text_[from])) ++from;
    return from;
  }

  bool follows_word(size_t at) const { return at > 0 && is_word_or_punctuation(text_[at - 1]); }

  // The end of "--" and more before a word character, or 0.
  size_t dash_end(size_t at) const {
    size_t end = at;
    while (end < text_.size() && text_[end] == '-') ++end;
    return end - at >= 2 && end < text_.size() && py::is_word(text_[end]) ? end : 0;
  }

  bool letter_at(size_t at) const { return at < text_.size() && is_letter(text_[at]); }

  // A hyphen at `at` after which the word may be broken.
  bool breaks_after_hyphen(size_t at) const {
    if (text_[at] != '-') return false;
    const bool two_letters = at >= 2 && letter_at(at - 1) && letter_at(at - 2);
    const bool letter_hyphen_letter = at >= 3 && letter_at(at - 1) && text_[at - 2] == '-' && letter_at(at - 3);
    if (!two_letters && !letter_hyphen_letter) return false;
    if (!letter_at(at + 1)) return false;
    return letter_at(at + 2) || (at + 2 < text_.size() && text_[at + 2] == '-' && letter_at(at + 3));
  }

  size_t word_end() const {
    for (size_t end = at_ + 1; end < text_.size(); ++end) {
      if (is_blank(text_[end])) return end;
      if (breaks_after_hyphen(end)) return end + 1;
      if (follows_word(end) && dash_end(end) != 0) return end;
    }
    return text_.size();
  }

  const Chunk& text_;
  size_t at_ = 0;
  std::vector<Chunk> chunks_;
};

bool is_all_blank(const Chunk& chunk) { return std::all_of(chunk.begin(), chunk.end(), py::is_space); }

// How much of a word that fits on no line goes onto this one.
size_t break_point(const Chunk& chunk, size_t space_left, bool break_on_hyphens) {
  if (!break_on_hyphens || chunk.size() <= space_left || space_left == 0) return space_left;
  const size_t hyphen = chunk.rfind(U'-', space_left - 1);
  const bool useful = hyphen != Chunk::npos && hyphen > 0 && chunk.find_first_not_of(U'-') < hyphen;
  return useful ? hyphen + 1 : space_left;
}

}  // namespace

std::vector<std::string> wrap_text(std::string_view text, size_t width, bool break_long_words, bool break_on_hyphens) {
  const Chunk wide = py::decode(text);
  std::vector<Chunk> chunks = Splitter(wide).run(break_on_hyphens);
  std::reverse(chunks.begin(), chunks.end());
  std::vector<std::string> lines;
  while (!chunks.empty()) {
    if (!lines.empty() && is_all_blank(chunks.back())) chunks.pop_back();
    std::vector<Chunk> line;
    size_t length = 0;
    while (!chunks.empty() && length + chunks.back().size() <= width) {
      length += chunks.back().size();
      line.push_back(std::move(chunks.back()));
      chunks.pop_back();
    }
    if (!chunks.empty() && chunks.back().size() > width) {
      if (break_long_words) {
        const size_t end = break_point(chunks.back(), width - length, break_on_hyphens);
        line.push_back(chunks.back().substr(0, end));
        chunks.back().erase(0, end);
      } else if (line.empty()) {
        line.push_back(std::move(chunks.back()));
        chunks.pop_back();
      }
    }
    if (!line.empty() && is_all_blank(line.back())) line.pop_back();
    if (line.empty()) continue;
    Chunk joined;
    for (const Chunk& chunk : line) joined += chunk;
    lines.push_back(py::encode(joined));
  }
  return lines;
}

}  // namespace squall::expr::jinja
