// Splits a date text into words, numbers and single characters, as dateutil's timelex does. For dates.cpp only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace squall::dates {

// "Sep.20.2009" -> Sep . 20 . 2009, but "4:30:21.447" keeps 21.447 whole. Bytes outside ASCII count as letters; any
// white space becomes " ".
std::vector<std::string> tokenize(std::string_view text);

bool all_digits(std::string_view text);
// The number that digits spell; kHuge for all that no int64 holds.
int64_t digits_value(std::string_view digits);
inline constexpr int64_t kHuge = INT64_MAX;

}  // namespace squall::dates
