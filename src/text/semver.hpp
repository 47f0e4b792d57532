// Semantic versions, strictly as Python's semver 3 and StackStorm's version_* filters read them (recorded in
// tests/conformance/semver.json).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::semver {

// Numbers are decimal text without leading zeros, because semver sets no limit to them.
struct Version {
  std::string major = "0";
  std::string minor = "0";
  std::string patch = "0";
  std::string prerelease;  // without '-'; empty: none
  std::string build;       // without '+'; never compared
};

enum class Part { kMajor, kMinor, kPatch };

// type() is "ValueError", the message semver's: "1.0 is not valid SemVer string".
Result<Version> parse(std::string_view text);
// Negative, zero or positive.
int compare(const Version& a, const Version& b);
// The next version: lower parts become 0, prerelease and build are dropped.
std::string bump(const Version& version, Part part);

// The filters as templates call them; wrong types are errors of type "TypeError".
Result<int> version_compare(const Value& version, const Value& other);      // other: text, list or dict of parts
Result<bool> version_match(const Value& version, const Value& expression);  // ">=1.2.3"
Result<std::string> version_bump(const Value& version, Part part);
Result<std::string> version_strip_patch(const Value& version);

}  // namespace squall::semver
