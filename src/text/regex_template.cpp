#include "text/regex_template.hpp"

#include "base/strings.hpp"
#include "text/regex_scan.hpp"
#include "text/unicode.hpp"

namespace squall::regex {
namespace {

constexpr uint64_t kGroupsMax = 0x3FFFFFFF;

class TemplateParser {
 public:
  TemplateParser(std::string_view text, size_t group_count, const std::vector<std::pair<std::string, size_t>>& names)
      : scanner_(text), group_count_(group_count), names_(names) {}

  Result<std::vector<TemplatePart>> run() {
    const Status status = parse();
    if (const auto error = scanner_.lone_backslash()) return fail(*error);
    SQ_CHECK(status);
    if (!literal_.empty()) parts_.push_back({std::move(literal_), TemplatePart::kNoGroup});
    return std::move(parts_);
  }

 private:
  Status parse() {
    while (!scanner_.peek().end) {
      const Token token = scanner_.get();
      if (token.escaped) {
        SQ_CHECK(escape(token));
      } else {
        append_utf8(literal_, token.ch);
      }
    }
    return {};
  }

  Status escape(const Token& token) {
    if (token.ch == U'g') return named();
    if (token.ch == U'0') {
      append_octal(scanner_.get_while(2, kOctalDigits));
      return {};
    }
    if (contains(kDigits, token.ch)) return number(token.ch);
    if (const auto simple = simple_escape(token.ch)) {
      append_utf8(literal_, *simple);
      return {};
    }
    if (is_ascii_letter(token.ch)) return fail(scanner_.error("bad escape " + token_text(token), 2));
    literal_ += token_text(token);
    return {};
  }

  Status named() {
    if (!scanner_.match(U'<')) return fail(scanner_.error("missing <"));
    SQ_TRY(const std::u32string name, scanner_.get_until(U'>', "group name"));
    const size_t offset = name.size() + 1;
    if (is_python_identifier(name)) {
      const std::string wanted = encode_utf8(name);
      for (const auto& [known, number] : names_) {
        if (known == wanted) return add_group(number, offset);
      }
      return fail(Error(ErrorCode::kInvalid, "unknown group name " + quoted(name)).with_type("IndexError"));
    }
    const std::optional<uint64_t> number = parse_group_number(name);
    if (!number) return fail(scanner_.error("bad character in group name " + quoted(name), offset));
    if (*number >= kGroupsMax) {
      return fail(scanner_.error("invalid group reference " + encode_utf8(name), offset));
    }
    return add_group(*number, offset);
  }

  Status number(char32_t first) {
    std::u32string digits(1, first);
    digits += scanner_.get_while(1, kDigits);
    if (digits.size() == 2 && contains(kOctalDigits, digits[0]) && contains(kOctalDigits, digits[1])) {
      digits += scanner_.get_while(1, kOctalDigits);
    }
    if (digits.size() < 3) return add_group(*parse_group_number(digits), digits.size());
    if (digits[0] > U'3') {
      return fail(scanner_.error("octal escape value \\" + encode_utf8(digits) + " outside of range 0-0o377", 4));
    }
    append_octal(digits);
    return {};
  }

  void append_octal(const std::u32string& digits) {
    char32_t value = 0;
    for (const char32_t digit : digits) value = value * 8 + (digit - U'0');
    append_utf8(literal_, value & 0xFF);
  }

  Status add_group(uint64_t number, size_t offset) {
    if (number > group_count_) {
      return fail(scanner_.error("invalid group reference " + std::to_string(number), offset));
    }
    parts_.push_back({std::move(literal_), static_cast<size_t>(number)});
    literal_.clear();
    return {};
  }

  Scanner scanner_;
  size_t group_count_;
  const std::vector<std::pair<std::string, size_t>>& names_;
  std::string literal_;
  std::vector<TemplatePart> parts_;
};

}  // namespace

Result<std::vector<TemplatePart>> parse_template(std::string_view text, size_t group_count,
                                                 const std::vector<std::pair<std::string, size_t>>& names) {
  return TemplateParser(text, group_count, names).run();
}

}  // namespace squall::regex
