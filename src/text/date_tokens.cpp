#include "text/date_tokens.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace squall::dates {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0; }
bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); }

// A run of letters or digits, with the dots (and commas after two digits) that may belong to it.
struct Run {
  enum class State { kWord, kNumber, kDottedWord, kDottedNumber };
  std::string text;
  State state = State::kWord;
  bool seen_letters = false;

  // False when `c` does not belong to the run.
  bool take(char c) {
    const bool after_dot = text.back() == '.';
    switch (state) {
      case State::kWord:
        seen_letters = true;
        if (c == '.') state = State::kDottedWord;
        if (!is_letter(c) && c != '.') return false;
        break;
      case State::kNumber:
        if (c == '.' || (c == ',' && text.size() >= 2)) {
          state = State::kDottedNumber;
        } else if (!is_digit(c)) {
          return false;
        }
        break;
      case State::kDottedWord:
        seen_letters = true;
        if (is_digit(c) && after_dot) {
          state = State::kDottedNumber;
        } else if (c != '.' && !is_letter(c)) {
          return false;
        }
        break;
      case State::kDottedNumber:
        if (is_letter(c) && after_dot) {
          state = State::kDottedWord;
        } else if (c != '.' && !is_digit(c)) {
          return false;
        }
        break;
    }
    text.push_back(c);
    return true;
  }

  bool dotted() const { return state == State::kDottedWord || state == State::kDottedNumber; }
};

// The dots of a dotted run turned out to be separators.
void split_at_dots(const std::string& text, std::vector<std::string>& tokens) {
  std::string part;
  for (const char c : text) {
    if (c != '.' && c != ',') {
      part.push_back(c);
      continue;
    }
    if (!part.empty()) tokens.push_back(std::move(part));
    part.clear();
    tokens.emplace_back(1, c);
  }
  if (!part.empty()) tokens.push_back(std::move(part));
}

void finish(Run run, std::vector<std::string>& tokens) {
  const auto dots = std::count(run.text.begin(), run.text.end(), '.');
  const char last = run.text.back();
  if (run.dotted() && (run.seen_letters || dots > 1 || last == '.' || last == ',')) {
    return split_at_dots(run.text, tokens);
  }
  if (run.state == Run::State::kDottedNumber && dots == 0) {
    std::replace(run.text.begin(), run.text.end(), ',', '.');
  }
  tokens.push_back(std::move(run.text));
}

}  // namespace

std::vector<std::string> tokenize(std::string_view text) {
  std::string cleaned(text);
  std::erase(cleaned, '\0');
  std::vector<std::string> tokens;
  for (size_t at = 0; at < cleaned.size();) {
    const char c = cleaned[at++];
    if (!is_letter(c) && !is_digit(c)) {
      tokens.emplace_back(1, is_blank(c) ? ' ' : c);
      continue;
    }
    Run run;
    run.text.push_back(c);
    run.state = is_letter(c) ? Run::State::kWord : Run::State::kNumber;
    while (at < cleaned.size() && run.take(cleaned[at])) ++at;
    finish(std::move(run), tokens);
  }
  return tokens;
}

bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

int64_t digits_value(std::string_view digits) { return parse_int(digits).value_or(kHuge); }

}  // namespace squall::dates
