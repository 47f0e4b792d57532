#include "text/semver.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "value/python.hpp"

namespace squall::semver {
namespace {

tl::unexpected<Error> value_error(std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type("ValueError"));
}
tl::unexpected<Error> type_error(std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type("TypeError"));
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool plain_number(std::string_view text) { return all_digits(text) && (text.size() == 1 || text[0] != '0'); }

// Dot-separated words of letters, digits and '-'; in a prerelease numbers have no leading zeros.
bool valid_words(std::string_view text, bool prerelease) {
  for (const std::string& word : split(text, '.')) {
    const bool allowed = std::all_of(word.begin(), word.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    });
    if (word.empty() || !allowed) return false;
    if (prerelease && all_digits(word) && !plain_number(word)) return false;
  }
  return true;
}

int sign(int n) { return n < 0 ? -1 : n > 0 ? 1 : 0; }

std::string_view without_zeros(std::string_view number) {
  while (number.size() > 1 && number[0] == '0') number.remove_prefix(1);
  return number;
}

int compare_numbers(std::string_view a, std::string_view b) {
  a = without_zeros(a);
  b = without_zeros(b);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return sign(a.compare(b));
}

int compare_prerelease(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return static_cast<int>(a.empty()) - static_cast<int>(b.empty());
  const std::vector<std::string> left = split(a, '.');
  const std::vector<std::string> right = split(b, '.');
  for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const bool left_number = all_digits(left[i]);
    const bool right_number = all_digits(right[i]);
    if (left_number != right_number) return left_number ? -1 : 1;
    const int order = left_number ? compare_numbers(left[i], right[i]) : sign(left[i].compare(right[i]));
    if (order != 0) return order;
  }
  return sign(static_cast<int>(left.size()) - static_cast<int>(right.size()));
}

std::string next_number(std::string number) {
  for (size_t i = number.size(); i-- > 0;) {
    if (number[i] != '9') {
      ++number[i];
      return number;
    }
    number[i] = '0';
  }
  return "1" + number;
}

// int() of Python on one part of a version that came as a list or dict.
Result<std::string> number_part(const char* name, const Value& value) {
  const auto negative = [&] {
    return value_error(fmt::format("'{}' is negative. A version can only be positive.", name));
  };
  if (value.is_string()) {
    std::string_view text = trim(value.as_string());
    const bool minus = text.starts_with('-');
    if (minus || text.starts_with('+')) text.remove_prefix(1);
    if (!all_digits(text)) return value_error("invalid literal for int() with base 10: " + python::repr(value));
    if (minus && without_zeros(text) != "0") return negative();
    return std::string(without_zeros(text));
  }
  if (value.is_bool()) return std::string(value.as_bool() ? "1" : "0");
  if (value.is_double()) {
    const double real = value.as_double();
    if (!(real > -1e15 && real < 1e15)) return value_error("cannot convert float to a version part");
    if (real <= -1) return negative();
    return std::to_string(static_cast<int64_t>(real));
  }
  if (!value.is_number()) {
    return type_error(fmt::format("int() argument must be a string, a bytes-like object or a real number, not '{}'",
                                  value.type_name()));
  }
  std::string text = python::str(value);
  if (text.starts_with('-')) return negative();
  return text;
}

constexpr std::array kParts = {"major", "minor", "patch", "prerelease", "build"};

Result<Version> from_parts(const std::array<Value, 5>& parts, size_t given) {
  Version version;
  const std::array numbers = {&version.major, &version.minor, &version.patch};
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i >= given && parts[i].is_null()) continue;
    SQ_TRY(*numbers[i], number_part(kParts[i], parts[i]));
  }
  if (!parts[3].is_null()) version.prerelease = python::str(parts[3]);
  if (!parts[4].is_null()) version.build = python::str(parts[4]);
  return version;
}

Result<Version> from_list(const List& list) {
  if (list.empty()) return type_error("Version.__init__() missing 1 required positional argument: 'major'");
  if (list.size() > kParts.size()) {
    return type_error(
        fmt::format("Version.__init__() takes from 2 to 6 positional arguments but {} were given", list.size() + 1));
  }
  std::array<Value, 5> parts;
  std::copy(list.begin(), list.end(), parts.begin());
  return from_parts(parts, list.size());
}

Result<Version> from_dict(const Dict& dict) {
  std::array<Value, 5> parts;
  for (const auto& [key, value] : dict) {
    const auto part = std::find(kParts.begin(), kParts.end(), key);
    if (part == kParts.end()) {
      return type_error(fmt::format("Version.__init__() got an unexpected keyword argument '{}'", key));
    }
    parts[static_cast<size_t>(part - kParts.begin())] = value;
  }
  if (dict.find("major") == nullptr) {
    return type_error("Version.__init__() missing 1 required positional argument: 'major'");
  }
  return from_parts(parts, 1);
}

Result<Version> parse_value(const Value& version) {
  if (version.is_string()) return parse(version.as_string());
  return type_error(fmt::format("not expecting type '<class '{}'>'", version.type_name()));
}

}  // namespace

Result<Version> parse(std::string_view text) {
  const auto invalid = [&] { return value_error(std::string(text) + " is not valid SemVer string"); };
  std::string_view rest = text;
  if (rest.ends_with('\n')) rest.remove_suffix(1);  // semver's expression ends in '$', which lets one newline pass
  Version version;
  const size_t plus = rest.find('+');
  if (plus != rest.npos) {
    version.build = rest.substr(plus + 1);
    if (!valid_words(version.build, false)) return invalid();
    rest = rest.substr(0, plus);
  }
  const size_t dash = rest.find('-');
  if (dash != rest.npos) {
    version.prerelease = rest.substr(dash + 1);
    if (!valid_words(version.prerelease, true)) return invalid();
    rest = rest.substr(0, dash);
  }
  const std::vector<std::string> numbers = split(rest, '.');
  if (numbers.size() != 3 || !std::all_of(numbers.begin(), numbers.end(), plain_number)) return invalid();
  version.major = numbers[0];
  version.minor = numbers[1];
  version.patch = numbers[2];
  return version;
}

int compare(const Version& a, const Version& b) {
  if (const int order = compare_numbers(a.major, b.major)) return order;
  if (const int order = compare_numbers(a.minor, b.minor)) return order;
  if (const int order = compare_numbers(a.patch, b.patch)) return order;
  return compare_prerelease(a.prerelease, b.prerelease);
}

std::string bump(const Version& version, Part part) {
  if (part == Part::kMajor) return fmt::format("{}.0.0", next_number(version.major));
  if (part == Part::kMinor) return fmt::format("{}.{}.0", version.major, next_number(version.minor));
  return fmt::format("{}.{}.{}", version.major, version.minor, next_number(version.patch));
}

Result<int> version_compare(const Value& version, const Value& other) {
  SQ_TRY(const Version left, parse_value(version));
  Result<Version> right = fail(ErrorCode::kInternal, "");
  if (other.is_string()) {
    right = parse(other.as_string());
  } else if (other.is_list() || other.kind() == Kind::kTuple) {
    right = from_list(other.as_list());
  } else if (other.is_dict()) {
    right = from_dict(other.as_dict());
  } else {
    return type_error(fmt::format("Expected str, bytes, dict, tuple, list, or Version instance, but got <class '{}'>",
                                  other.type_name()));
  }
  if (!right) return fail(right.error());
  return compare(left, *right);
}

Result<bool> version_match(const Value& version, const Value& expression) {
  SQ_TRY(const Version left, parse_value(version));
  if (!expression.is_string()) {
    return type_error(fmt::format("'{}' object is not subscriptable", expression.type_name()));
  }
  const std::string_view text = expression.as_string();
  std::string_view wanted = text;
  std::string_view sign = text.substr(0, 2);
  if (sign == ">=" || sign == "<=" || sign == "==" || sign == "!=") {
    wanted.remove_prefix(2);
  } else if (!text.empty() && (text[0] == '>' || text[0] == '<')) {
    sign = text.substr(0, 1);
    wanted.remove_prefix(1);
  } else if (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    sign = "==";
  } else {
    return value_error(
        "match_expr parameter should be in format <op><ver>, where <op> is one of "
        "['<', '>', '==', '<=', '>=', '!=']. You provided: " +
        python::repr(expression));
  }
  SQ_TRY(const Version right, parse(wanted));
  const int order = compare(left, right);
  if (order < 0) return sign == "<" || sign == "<=" || sign == "!=";
  if (order > 0) return sign == ">" || sign == ">=" || sign == "!=";
  return sign == "==" || sign == "<=" || sign == ">=";
}

Result<std::string> version_bump(const Value& version, Part part) {
  SQ_TRY(const Version parsed, parse_value(version));
  return bump(parsed, part);
}

Result<std::string> version_strip_patch(const Value& version) {
  SQ_TRY(const Version parsed, parse_value(version));
  return fmt::format("{}.{}", parsed.major, parsed.minor);
}

}  // namespace squall::semver
