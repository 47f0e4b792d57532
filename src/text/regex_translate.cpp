#include "text/regex_translate.hpp"

#include <algorithm>

#include "text/regex_translator.hpp"
#include "text/unicode.hpp"

namespace squall::regex {

Result<Translation> Translator::parse_all() {
  SQ_TRY(Piece piece, alternation(0));
  if (flags_.ascii && global_unicode_) {
    return fail(Error(ErrorCode::kInvalid, "ASCII and UNICODE flags are incompatible").with_type("ValueError"));
  }
  if (!scanner_.peek().end) return fail(scanner_.error("unbalanced parenthesis"));
  for (const auto& [group, position] : conditions_) {
    if (group >= groups_.size()) {
      return fail(scanner_.error_at("invalid group reference " + std::to_string(group), position));
    }
  }
  if (variable_look_behind_) {
    return fail(Error(ErrorCode::kInvalid, "look-behind requires fixed-width pattern").with_type("re.error"));
  }
  Translation translation{std::move(piece.code), flags_.caseless(), groups_.size() - 1, {}};
  for (const auto& [name, number] : names_) translation.names.emplace_back(encode_utf8(name), number);
  return translation;
}

Result<Piece> Translator::alternation(size_t depth) {
  if (depth > kNestingMax) {
    return fail(ErrorCode::kLimit,
                "the regular expression nests deeper than " + std::to_string(kNestingMax) + " groups");
  }
  SQ_TRY(Piece piece, sequence(depth, depth == 0));
  while (scanner_.match(U'|')) {
    SQ_TRY(const Piece branch, sequence(depth, false));
    piece.code += "|" + branch.code;
    piece.width = Width::either(piece.width, branch.width);
  }
  return piece;
}

Result<Piece> Translator::sequence(size_t depth, bool first) {
  Run run;
  while (!scanner_.peek().end && !scanner_.peek().is(U'|') && !scanner_.peek().is(U')')) {
    SQ_CHECK(step(run, scanner_.get(), depth, first));
  }
  return std::move(run).finish();
}

Status Translator::step(Run& run, const Token& token, size_t depth, bool first) {
  if (flags_.verbose && !token.escaped) {
    if (contains(U" \t\n\r\v\f", token.ch)) return {};
    if (token.ch == U'#') {
      skip_comment();
      return {};
    }
  }
  if (token.escaped) return escape(run, token);
  switch (token.ch) {
    case U'[': return set(run);
    case U'(': return open_parenthesis(run, depth, first);
    case U'*':
    case U'+':
    case U'?':
    case U'{': return repeat(run, token);
    case U'.': run.append(emit_any(flags_), kOneChar, Run::Last::kItem); return {};
    case U'^': run.append(emit_caret(flags_), {}, Run::Last::kPosition); return {};
    case U'$': run.append(emit_dollar(flags_), {}, Run::Last::kPosition); return {};
    default: run.append(emit_literal(token.ch, flags_), kOneChar, Run::Last::kItem); return {};
  }
}

void Translator::skip_comment() {
  for (;;) {
    const Token token = scanner_.get();
    if (token.end || token.is(U'\n')) return;
  }
}

Status Translator::escape(Run& run, const Token& token) {
  const size_t start = scanner_.position() - 2;
  const char32_t ch = token.ch;
  if (contains(U"AZbB", ch)) {
    run.append(emit_assertion(static_cast<char>(ch), flags_), {}, Run::Last::kPosition);
    return {};
  }
  if (contains(U"dDsSwW", ch)) {
    run.append(emit_set({SetItem{0, 0, static_cast<char>(ch)}}, false, flags_), kOneChar, Run::Last::kItem);
    return {};
  }
  if (const auto simple = simple_escape(ch)) {
    run.append(emit_literal(*simple, flags_), kOneChar, Run::Last::kItem);
    return {};
  }
  if (contains(U"123456789", ch)) return number_escape(run, start, ch);
  SQ_TRY(const char32_t literal, code_point_escape(ch, start, false));
  run.append(emit_literal(literal, flags_), kOneChar, Run::Last::kItem);
  return {};
}

// "\1" to "\99" are groups; three octal digits are a character.
Status Translator::number_escape(Run& run, size_t start, char32_t digit) {
  std::u32string digits(1, digit);
  digits += scanner_.get_while(1, kDigits);
  if (digits.size() == 2 && contains(kOctalDigits, digits[0]) && contains(kOctalDigits, digits[1])) {
    digits += scanner_.get_while(1, kOctalDigits);
  }
  const size_t length = digits.size() + 1;
  if (digits.size() == 3) {
    const char32_t value = (digits[0] - U'0') * 64 + (digits[1] - U'0') * 8 + (digits[2] - U'0');
    if (value > 0377) {
      return fail(scanner_.error(
          "octal escape value " + scanner_.slice(start, start + length) + " outside of range 0-0o377", length));
    }
    run.append(emit_literal(value, flags_), kOneChar, Run::Last::kItem);
    return {};
  }
  const uint64_t group = *parse_group_number(digits);
  if (group >= groups_.size()) {
    return fail(scanner_.error("invalid group reference " + std::to_string(group), length - 1));
  }
  return reference(run, group, length);
}

// The escapes \x \u \U \N, octal ones, and punctuation, which patterns and sets share.
Result<char32_t> Translator::code_point_escape(char32_t letter, size_t start, bool in_set) {
  const auto bad = [&](std::string message) {
    message += scanner_.slice(start, scanner_.position());
    return fail(scanner_.error(std::move(message), scanner_.position() - start));
  };
  if (letter == U'x' || letter == U'u' || letter == U'U') {
    const size_t wanted = letter == U'x' ? 2 : letter == U'u' ? 4 : 8;
    const std::u32string digits = scanner_.get_while(wanted, kHexDigits);
    if (digits.size() != wanted) return bad("incomplete escape ");
    const unsigned long value = std::stoul(encode_utf8(digits), nullptr, 16);
    if (value > 0x10FFFF) return bad("bad escape ");
    return static_cast<char32_t>(value);
  }
  if (letter == U'N') {
    if (!scanner_.match(U'{')) return fail(scanner_.error("missing {"));
    SQ_TRY(const std::u32string name, scanner_.get_until(U'}', "character name"));
    const bool plausible = std::all_of(name.begin(), name.end(), [](char32_t c) {
      return is_ascii_letter(c) || contains(kDigits, c) || c == U' ' || c == U'-';
    });
    if (!plausible) return fail(scanner_.error("undefined character name " + quoted(name), name.size() + 4));
    return fail(ErrorCode::kInvalid, "characters by name (" + scanner_.slice(start, scanner_.position()) +
                                         ") are not supported in regular expressions; write \\uXXXX");
  }
  if (letter == U'0' || (in_set && contains(kOctalDigits, letter))) {
    std::u32string digits(1, letter);
    digits += scanner_.get_while(2, kOctalDigits);
    const unsigned long value = std::stoul(encode_utf8(digits), nullptr, 8);
    if (value > 0377) {
      return fail(scanner_.error(
          "octal escape value " + scanner_.slice(start, scanner_.position()) + " outside of range 0-0o377",
          scanner_.position() - start));
    }
    return static_cast<char32_t>(value);
  }
  if (is_ascii_letter(letter) || contains(kDigits, letter)) return bad("bad escape ");
  return letter;
}

Status Translator::set(Run& run) {
  const size_t start = scanner_.position() - 1;
  const bool negated = scanner_.match(U'^');
  const auto unterminated = [&] {
    return fail(scanner_.error("unterminated character set", scanner_.position() - start));
  };
  std::vector<SetItem> items;
  for (;;) {
    const Token token = scanner_.get();
    if (token.end) return unterminated();
    if (token.is(U']') && !items.empty()) break;
    SQ_TRY(SetItem item, set_member(token));
    if (!scanner_.match(U'-')) {
      items.push_back(item);
      continue;
    }
    const Token upper = scanner_.get();
    if (upper.end) return unterminated();
    if (upper.is(U']')) {
      items.push_back(item);
      items.push_back(SetItem{U'-', U'-', 0});
      break;
    }
    SQ_TRY(const SetItem last, set_member(upper));
    if (item.category != 0 || last.category != 0 || last.lo < item.lo) {
      const std::string range = token_text(token) + "-" + token_text(upper);
      const size_t length = (token.escaped ? 2 : 1) + 1 + (upper.escaped ? 2 : 1);
      return fail(scanner_.error("bad character range " + range, length));
    }
    items.push_back(SetItem{item.lo, last.lo, 0});
  }
  run.append(emit_set(items, negated, flags_), kOneChar, Run::Last::kItem);
  return {};
}

Result<SetItem> Translator::set_member(const Token& token) {
  if (!token.escaped) return SetItem{token.ch, token.ch, 0};
  if (contains(U"dDsSwW", token.ch)) return SetItem{0, 0, static_cast<char>(token.ch)};
  if (const auto simple = simple_escape(token.ch)) return SetItem{*simple, *simple, 0};
  SQ_TRY(const char32_t ch, code_point_escape(token.ch, scanner_.position() - 2, true));
  return SetItem{ch, ch, 0};
}

Status Translator::repeat(Run& run, const Token& token) {
  const size_t here = scanner_.position();
  uint64_t min = token.ch == U'+' ? 1 : 0;
  uint64_t max = token.ch == U'?' ? 1 : kUnbounded;
  if (token.ch == U'{') {
    const auto literal = [&] {
      scanner_.seek(here);
      run.append(emit_literal(U'{', flags_), kOneChar, Run::Last::kItem);
      return Status();
    };
    if (scanner_.peek().is(U'}')) return literal();
    const std::u32string lo = scanner_.get_while(SIZE_MAX, kDigits);
    const std::u32string hi = scanner_.match(U',') ? scanner_.get_while(SIZE_MAX, kDigits) : lo;
    if (!scanner_.match(U'}')) return literal();
    if (!lo.empty()) min = *parse_group_number(lo);
    if (!hi.empty()) max = *parse_group_number(hi);
    if (min >= kUnbounded || (!hi.empty() && max >= kUnbounded)) {
      return fail(Error(ErrorCode::kInvalid, "the repetition number is too large").with_type("OverflowError"));
    }
    if (max < min) return fail(scanner_.error("min repeat greater than max repeat", scanner_.position() - here));
  }
  const size_t offset = scanner_.position() - here + 1;
  if (run.last() == Run::Last::kNone || run.last() == Run::Last::kPosition) {
    return fail(scanner_.error("nothing to repeat", offset));
  }
  if (run.last() == Run::Last::kRepeat) return fail(scanner_.error("multiple repeat", offset));
  if (min > kPcreRepeatMax || (max != kUnbounded && max > kPcreRepeatMax)) {
    return fail(ErrorCode::kLimit, "a regular expression can repeat at most 65535 times");
  }
  std::string quantifier(1, token.ch == U'{' ? '{' : static_cast<char>(token.ch));
  if (token.ch == U'{') {
    quantifier += std::to_string(min) + "," + (max == kUnbounded ? "" : std::to_string(max)) + "}";
  }
  if (scanner_.match(U'?'))
    quantifier.push_back('?');
  else if (scanner_.match(U'+'))
    quantifier.push_back('+');
  run.repeat(quantifier, min, max);
  return {};
}

Result<Translation> translate(std::string_view pattern, RegexFlags flags) { return Translator(pattern, flags).run(); }

}  // namespace squall::regex
