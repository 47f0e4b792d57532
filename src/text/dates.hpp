// Lenient dates, as Python's dateutil.parser.parse reads them in the time-difference criteria and DateTimer.
#pragma once

#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "value/value.hpp"

namespace squall {

// Reads ISO 8601 in all its forms, RFC 2822, "Jan 31 2026 10:00", "31/01/2026" and epoch-less partial dates (missing
// parts come from `now`). A text without an offset counts as UTC. type() of the error is "ParserError".
Result<Timestamp> parse_lenient_date(std::string_view text, Timestamp now);

// The same, but as dateutil gives it: with the offset of the text, or none.
Result<DateTime> parse_lenient_date_time(std::string_view text, Timestamp now);

}  // namespace squall
