// Groups, look-around, conditions, inline flags and references.
#include <algorithm>

#include "text/regex_translator.hpp"
#include "text/unicode.hpp"

namespace squall::regex {

Status Translator::open_parenthesis(Run& run, size_t depth, bool first) {
  const size_t start = scanner_.position() - 1;
  std::optional<std::u32string> name;
  if (!scanner_.match(U'?')) return group(run, depth, start, name);
  const Token option = scanner_.get();
  if (option.end) return fail(scanner_.error("unexpected end of pattern"));
  const auto unknown = [&](const std::string& before, const Token& token) {
    return fail(scanner_.error("unknown extension ?" + before + token_text(token),
                               before.size() + (token.escaped ? 2 : 1) + 1));
  };
  if (option.escaped) return unknown("", option);
  switch (option.ch) {
    case U'P': {
      if (scanner_.match(U'<')) {
        SQ_TRY(name, scanner_.get_until(U'>', "group name"));
        SQ_CHECK(check_name(*name));
        return group(run, depth, start, name);
      }
      if (scanner_.match(U'=')) return extension_p(run, name);
      const Token token = scanner_.get();
      if (token.end) return fail(scanner_.error("unexpected end of pattern"));
      return unknown("P", token);
    }
    case U':': return scoped(run, depth, start, false, {});
    case U'>': return scoped(run, depth, start, true, {});
    case U'#':
      for (;;) {
        if (scanner_.peek().end) {
          return fail(scanner_.error("missing ), unterminated comment", scanner_.position() - start));
        }
        if (scanner_.get().is(U')')) return {};
      }
    case U'=':
    case U'!': return look_around(run, depth, start, option.ch, false);
    case U'<': {
      const Token sign = scanner_.get();
      if (sign.end) return fail(scanner_.error("unexpected end of pattern"));
      if (!sign.is(U'=') && !sign.is(U'!')) return unknown("<", sign);
      return look_around(run, depth, start, sign.ch, true);
    }
    case U'(': return conditional(run, depth, start);
    default: break;
  }
  if (!contains(U"iLmsxau-", option.ch)) return unknown("", option);
  SQ_TRY(const std::optional<FlagChange> change, inline_flags(option.ch));
  if (change) return scoped(run, depth, start, false, *change);
  if (!first || run.last() != Run::Last::kNone) {
    return fail(scanner_.error("global flags not at the start of the expression", scanner_.position() - start));
  }
  return {};
}

// "(?P=name)".
Status Translator::extension_p(Run& run, std::optional<std::u32string>& name) {
  SQ_TRY(name, scanner_.get_until(U')', "group name"));
  SQ_CHECK(check_name(*name));
  const auto known = std::find_if(names_.begin(), names_.end(), [&](const auto& n) { return n.first == *name; });
  if (known == names_.end()) {
    return fail(scanner_.error("unknown group name " + quoted(*name), name->size() + 1));
  }
  return reference(run, known->second, name->size() + 1);
}

Result<Piece> Translator::closed(size_t depth, size_t start) {
  SQ_TRY(Piece piece, alternation(depth + 1));
  if (!scanner_.match(U')')) {
    return fail(scanner_.error("missing ), unterminated subpattern", scanner_.position() - start));
  }
  return piece;
}

Status Translator::look_around(Run& run, size_t depth, size_t start, char32_t sign, bool behind) {
  const bool outermost = behind && !look_behind_groups_;
  if (outermost) look_behind_groups_ = groups_.size();
  SQ_TRY(const Piece piece, closed(depth, start));
  if (outermost) look_behind_groups_.reset();
  if (behind && piece.width.lo != piece.width.hi) variable_look_behind_ = true;
  std::string code = behind ? "(?<" : "(?";
  code.push_back(static_cast<char>(sign));
  run.append(code + piece.code + ")", {}, Run::Last::kItem);
  return {};
}

Status Translator::conditional(Run& run, size_t depth, size_t start) {
  SQ_TRY(const uint64_t group, conditional_group());
  SQ_CHECK(check_look_behind(group));
  if (depth >= kNestingMax) return fail(ErrorCode::kLimit, "the regular expression nests too deep");
  SQ_TRY(const Piece yes, sequence(depth + 1, false));
  std::string code = "(?(" + std::to_string(group) + ")" + yes.code;
  Width width{0, yes.width.hi};
  if (scanner_.match(U'|')) {
    SQ_TRY(const Piece no, sequence(depth + 1, false));
    if (scanner_.peek().is(U'|')) {
      return fail(scanner_.error("conditional backref with more than two branches"));
    }
    code += "|" + no.code;
    width = Width::either(yes.width, no.width);
  }
  if (!scanner_.match(U')')) {
    return fail(scanner_.error("missing ), unterminated subpattern", scanner_.position() - start));
  }
  run.append(code + ")", width, Run::Last::kItem);
  return {};
}

Result<uint64_t> Translator::conditional_group() {
  SQ_TRY(const std::u32string name, scanner_.get_until(U')', "group name"));
  const size_t offset = name.size() + 1;
  if (is_python_identifier(name)) {
    for (const auto& [known, number] : names_) {
      if (known == name) return number;
    }
    return fail(scanner_.error("unknown group name " + quoted(name), offset));
  }
  const std::optional<uint64_t> number = parse_group_number(name);
  if (!number) return fail(scanner_.error("bad character in group name " + quoted(name), offset));
  if (*number == 0) return fail(scanner_.error("bad group number", offset));
  if (*number >= kGroupsMax) {
    return fail(scanner_.error("invalid group reference " + encode_utf8(name), offset));
  }
  conditions_.emplace(*number, scanner_.position() - offset);
  return *number;
}

Status Translator::group(Run& run, size_t depth, size_t start, const std::optional<std::u32string>& name) {
  const size_t number = groups_.size();
  if (name) {
    for (const auto& [known, other] : names_) {
      if (known != *name) continue;
      return fail(scanner_.error("redefinition of group name " + quoted(*name) + " as group " + std::to_string(number) +
                                     "; was group " + std::to_string(other),
                                 name->size() + 1));
    }
    names_.emplace_back(*name, number);
  }
  groups_.emplace_back();
  const Flags before = flags_;
  SQ_TRY(const Piece piece, closed(depth, start));
  flags_ = before;
  groups_[number].width = piece.width;
  run.append("(" + piece.code + ")", piece.width, Run::Last::kItem);
  return {};
}

Status Translator::scoped(Run& run, size_t depth, size_t start, bool atomic, const FlagChange& change) {
  const Flags before = flags_;
  const auto apply = [&](char32_t letter, bool& flag) {
    flag = (flag || change.has_on(letter)) && !change.has_off(letter);
  };
  apply(U'i', flags_.ignore_case);
  apply(U'm', flags_.multi_line);
  apply(U's', flags_.dot_all);
  apply(U'x', flags_.verbose);
  if (change.has_on(U'a') || change.has_on(U'u')) flags_.ascii = change.has_on(U'a');
  std::string code = atomic ? "(?>" : "(?:";
  if (flags_.caseless() != before.caseless()) code = flags_.caseless() ? "(?i:" : "(?-i:";
  SQ_TRY(const Piece piece, closed(depth, start));
  flags_ = before;
  run.append(code + piece.code + ")", piece.width, Run::Last::kItem);
  return {};
}

// Nothing for global flags, "(?i)", which are applied here already.
Result<std::optional<FlagChange>> Translator::inline_flags(char32_t first) {
  FlagChange change;
  Token token{first, false, false};
  while (!token.is(U'-') && !token.is(U')') && !token.is(U':')) {
    if (token.is(U'L')) {
      return fail(scanner_.error("bad inline flags: cannot use 'L' flag with a str pattern"));
    }
    change.on.push_back(token.ch);
    if (change.has_on(U'a') && change.has_on(U'u')) {
      return fail(scanner_.error("bad inline flags: flags 'a', 'u' and 'L' are incompatible"));
    }
    token = scanner_.get();
    if (token.end) return fail(scanner_.error("missing -, : or )"));
    if (!token.escaped && contains(U"iLmsxau-:)", token.ch)) continue;
    const bool letter = !token.escaped && (is_ascii_letter(token.ch) || token.ch >= 0x80);
    return fail(scanner_.error(letter ? "unknown flag" : "missing -, : or )", token.escaped ? 2 : 1));
  }
  if (token.is(U')')) {
    apply_global(change);
    return std::optional<FlagChange>();
  }
  if (token.is(U'-')) SQ_CHECK(flags_off(change));
  for (const char32_t flag : change.on) {
    if (change.has_off(flag)) return fail(scanner_.error("bad inline flags: flag turned on and off", 1));
  }
  return std::optional<FlagChange>(std::move(change));
}

Status Translator::flags_off(FlagChange& change) {
  Token token = scanner_.get();
  const char* missing = "missing flag";
  for (;;) {
    if (token.end) return fail(scanner_.error(missing));
    if (token.is(U':') && !change.off.empty()) return {};
    if (token.escaped || !contains(U"iLmsxau", token.ch)) {
      const bool letter = !token.escaped && (is_ascii_letter(token.ch) || token.ch >= 0x80);
      return fail(scanner_.error(letter ? "unknown flag" : missing, token.escaped ? 2 : 1));
    }
    if (contains(U"auL", token.ch)) {
      return fail(scanner_.error("bad inline flags: cannot turn off flags 'a', 'u' and 'L'"));
    }
    change.off.push_back(token.ch);
    missing = "missing :";
    token = scanner_.get();
  }
}

void Translator::apply_global(const FlagChange& change) {
  flags_.ignore_case |= change.has_on(U'i');
  flags_.multi_line |= change.has_on(U'm');
  flags_.dot_all |= change.has_on(U's');
  flags_.verbose |= change.has_on(U'x');
  flags_.ascii |= change.has_on(U'a');
  global_unicode_ |= change.has_on(U'u');
}

Status Translator::check_name(const std::u32string& name) const {
  if (is_python_identifier(name)) return {};
  return fail(scanner_.error("bad character in group name " + quoted(name), name.size() + 1));
}

Status Translator::reference(Run& run, uint64_t group, size_t offset) {
  if (!groups_[group].width) return fail(scanner_.error("cannot refer to an open group", offset));
  SQ_CHECK(check_look_behind(group));
  std::string code = "\\g{" + std::to_string(group) + "}";
  // CPython compares without case here as well; PCRE2 is told apart from the ASCII classes around.
  if (flags_.ignore_case && flags_.ascii) code = "(?i:" + code + ")";
  run.append(std::move(code), *groups_[group].width, Run::Last::kItem);
  return {};
}

Status Translator::check_look_behind(uint64_t group) const {
  if (!look_behind_groups_) return {};
  if (group >= groups_.size() || !groups_[group].width) {
    return fail(scanner_.error("cannot refer to an open group"));
  }
  if (group >= *look_behind_groups_) {
    return fail(scanner_.error("cannot refer to group defined in the same lookbehind subpattern"));
  }
  return {};
}

}  // namespace squall::regex
