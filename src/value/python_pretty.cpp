// pprint.pformat(value, width=..., sort_dicts=False).
#include <algorithm>

#include "base/strings.hpp"
#include "value/python.hpp"
#include "value/unicode_text.hpp"

namespace squall::python {

namespace {

size_t width_of(std::string_view text) { return utf8_length(text); }

bool is_line_end(char32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}
bool is_space(char32_t c) {
  return is_line_end(c) || c == 0x09 || c == 0x1f || c == 0x20 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f || c == 0x3000;
}

// str.splitlines(keepends=True).
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_python_char(text, at);
    if (!is_line_end(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(start, at - start));
    start = at;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

// re.findall(r"\S*\s*", line): words with the blanks after them.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  size_t start = 0;
  bool in_blanks = false;
  for (size_t at = 0; at < line.size();) {
    const size_t before = at;
    const bool blank = is_space(next_python_char(line, at));
    if (in_blanks && !blank) {
      words.push_back(line.substr(start, before - start));
      start = before;
    }
    in_blanks = blank;
  }
  if (start < line.size()) words.push_back(line.substr(start));
  return words;
}

class Printer {
 public:
  explicit Printer(size_t width) : width_(static_cast<long>(width)) {}

  // `indent`: the column where the value starts; `allowance`: what has to fit behind it on its last line.
  void print(const Value& value, long indent, long allowance, bool outermost) {
    const std::string whole = repr(value);
    if (value.empty() || static_cast<long>(width_of(whole)) <= width_ - indent - allowance) {
      out_ += whole;
      return;
    }
    switch (value.kind()) {
      case Kind::kDict: print_dict(value.as_dict(), indent, allowance + 1); return;
      case Kind::kList:
        out_ += '[';
        print_items(value.as_list(), indent, allowance + 1);
        out_ += ']';
        return;
      case Kind::kTuple: {
        const std::string_view closing = value.size() == 1 ? ",)" : ")";
        out_ += '(';
        print_items(value.as_list(), indent, allowance + static_cast<long>(closing.size()));
        out_ += closing;
        return;
      }
      case Kind::kString: print_text(value.as_string(), indent, allowance, outermost); return;
      default: out_ += whole;
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void new_line(long indent) {
    out_ += '\n';
    out_.append(static_cast<size_t>(indent), ' ');
  }

  void print_items(const List& items, long indent, long allowance) {
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) {
        out_ += ',';
        new_line(indent + 1);
      }
      print(items[i], indent + 1, i + 1 == items.size() ? allowance : 1, false);
    }
  }

  void print_dict(const Dict& members, long indent, long allowance) {
    out_ += '{';
    size_t left = members.size();
    for (const auto& [key, member] : members) {
      const std::string name = repr(Value(key));
      out_ += name + ": ";
      --left;
      print(member, indent + 1 + static_cast<long>(width_of(name)) + 2, left == 0 ? allowance : 1, false);
      if (left == 0) break;
      out_ += ',';
      new_line(indent + 1);
    }
    out_ += '}';
  }

  // Long texts become several literals side by side, broken at line ends and blanks.
  void print_text(std::string_view text, long indent, long allowance, bool outermost) {
    if (outermost) {
      ++indent;
      ++allowance;
    }
    const std::vector<std::string> chunks = text_chunks(text, width_ - indent, allowance);
    if (chunks.size() > 1 && outermost) out_ += '(';
    for (size_t i = 0; i < chunks.size(); ++i) {
      if (i > 0) new_line(indent);
      out_ += chunks[i];
    }
    if (chunks.size() > 1 && outermost) out_ += ')';
  }

  static std::vector<std::string> text_chunks(std::string_view text, long room, long allowance) {
    std::vector<std::string> chunks;
    const std::vector<std::string_view> lines = lines_of(text);
    for (size_t i = 0; i < lines.size(); ++i) {
      const bool last_line = i + 1 == lines.size();
      const std::string whole = repr(Value(lines[i]));
      if (static_cast<long>(width_of(whole)) <= room - (last_line ? allowance : 0)) {
        chunks.push_back(whole);
        continue;
      }
      const std::vector<std::string_view> words = words_of(lines[i]);
      std::string current;
      for (size_t j = 0; j < words.size(); ++j) {
        const std::string candidate = current + std::string(words[j]);
        const long limit = room - (last_line && j + 1 == words.size() ? allowance : 0);
        if (static_cast<long>(width_of(repr(Value(candidate)))) <= limit) {
          current = candidate;
          continue;
        }
        if (!current.empty()) chunks.push_back(repr(Value(current)));
        current = std::string(words[j]);
      }
      if (!current.empty()) chunks.push_back(repr(Value(current)));
    }
    return chunks;
  }

  long width_;
  std::string out_;
};

}  // namespace

std::string pretty(const Value& value, size_t width) {
  Printer printer(width);
  printer.print(value, 0, 0, true);
  return printer.take();
}

}  // namespace squall::python
