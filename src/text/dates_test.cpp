#include "text/dates.hpp"

#include <gtest/gtest.h>

namespace squall {
namespace {

// A Saturday.
const Timestamp kNow = *parse_timestamp("2026-01-31T12:34:56Z");

struct Case {
  const char* text;
  const char* utc;
};

// Answers of python-dateutil's parser.parse with kNow's date as default.
class LenientDate : public testing::TestWithParam<Case> {};

TEST_P(LenientDate, ReadsAsDateutil) {
  const auto time = parse_lenient_date(GetParam().text, kNow);
  ASSERT_TRUE(time) << GetParam().text << ": " << time.error().to_string();
  EXPECT_EQ(format_timestamp(*time), GetParam().utc) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Dateutil, LenientDate,
    testing::Values(
        Case{"2001-01-01T00:00:00Z", "2001-01-01T00:00:00.000000Z"}, Case{"Jan 5 2001", "2001-01-05T00:00:00.000000Z"},
        Case{"20010101T101112", "2001-01-01T10:11:12.000000Z"}, Case{"1 Feb 2001 3pm", "2001-02-01T15:00:00.000000Z"},
        Case{"Thu, 25 Sep 2003 10:49:41 -0300", "2003-09-25T13:49:41.000000Z"},
        Case{"31/01/2026", "2026-01-31T00:00:00.000000Z"}, Case{"01/02/2026", "2026-01-02T00:00:00.000000Z"},
        Case{"10:36", "2026-01-31T10:36:00.000000Z"}, Case{"Feb", "2026-02-28T00:00:00.000000Z"},
        Case{"Tuesday", "2026-02-03T00:00:00.000000Z"}, Case{"2014-05-01 08:00:00,5", "2014-05-01T08:00:00.500000Z"},
        Case{"10h36m28.5s", "2026-01-31T10:36:28.500000Z"},
        Case{"5:50 AM on June 13, 1990", "1990-06-13T05:50:00.000000Z"},
        Case{"0:01:02 on July 4, 1976", "1976-07-04T00:01:02.000000Z"},
        Case{"10:00 GMT+3", "2026-01-31T13:00:00.000000Z"}, Case{"99-Jan-01", "1999-01-01T00:00:00.000000Z"},
        Case{"2003-09-25T10:49:41.123456789+05:30", "2003-09-25T05:19:41.123456Z"}));

TEST(LenientDate, BadTextsAreParserErrors) {
  const auto message = [](std::string_view text) {
    const auto time = parse_lenient_date(text, kNow);
    EXPECT_FALSE(time) << text;
    const Error error = time ? Error(ErrorCode::kInternal, "no error") : time.error();
    EXPECT_EQ(error.type(), "ParserError") << text;
    return error.message();
  };
  EXPECT_EQ(message("garbage"), "Unknown string format: garbage");
  EXPECT_EQ(message(""), "String does not contain a date: ");
  EXPECT_EQ(message("2001-13-01"), "month must be in 1..12: 2001-13-01");
  EXPECT_EQ(message("2001-02-29"), "day is out of range for month: 2001-02-29");
  EXPECT_EQ(message("24:00"), "hour must be in 0..23: 24:00");
  EXPECT_EQ(message("1 2 3 4"), "Unknown string format: 1 2 3 4");
  EXPECT_EQ(message(std::string("\0\0", 2)), std::string("String does not contain a date: \0\0", 34));
}

TEST(LenientDate, NumbersWithoutEndAreErrors) {
  EXPECT_EQ(parse_lenient_date(std::string(5000, '9'), kNow).error().type(), "OverflowError");
  EXPECT_EQ(parse_lenient_date("10:00+" + std::string(40, '9') + ":00", kNow).error().type(), "ValueError");
}

}  // namespace
}  // namespace squall
