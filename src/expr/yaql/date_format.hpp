// strftime and strptime of Python's datetime, in the C locale.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::expr::yaql {

std::string format_date(const DateTime& time, std::string_view format);
// "ValueError" with Python's words when the text does not match.
Result<DateTime> parse_date(std::string_view text, std::string_view format);

}  // namespace squall::expr::yaql
