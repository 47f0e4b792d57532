// Expected texts were recorded from Python 3.11.
#include "value/python.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "value/number_text.hpp"
#include "value/unicode_text.hpp"

namespace squall::python {
namespace {

std::string literal(std::string_view text) {
  const Result<Value> value = literal_eval(text);
  return value ? repr(*value) : value.error().type() + ": " + value.error().message();
}

TEST(PythonRepr, Numbers) {
  EXPECT_EQ(float_repr(1e16), "1e+16");
  EXPECT_EQ(float_repr(9999999999999998.0), "9999999999999998.0");
  EXPECT_EQ(float_repr(0.0001), "0.0001");
  EXPECT_EQ(float_repr(0.00001), "1e-05");
  EXPECT_EQ(float_repr(1.5e-7), "1.5e-07");
  EXPECT_EQ(float_repr(5e-324), "5e-324");
  EXPECT_EQ(float_repr(-0.0), "-0.0");
  EXPECT_EQ(float_repr(100), "100.0");
  EXPECT_EQ(repr(Value(UINT64_MAX)), "18446744073709551615");
  EXPECT_EQ(repr(Value(INT64_MIN)), "-9223372036854775808");
}

TEST(PythonRepr, Text) {
  EXPECT_EQ(repr("it's"), R"("it's")");
  EXPECT_EQ(repr(R"(both ' and ")"), R"('both \' and "')");
  EXPECT_EQ(repr("\x01\x7f\xc2\xa0\xc2\xad"), R"('\x01\x7f\xa0\xad')");
  EXPECT_EQ(repr("\xf0\x9f\x98\x80\xe2\x80\xa8"), "'\xf0\x9f\x98\x80\\u2028'");
  EXPECT_EQ(repr("\xed\xa0\x80"), R"('\ud800')");  // half a surrogate pair
  EXPECT_EQ(repr("a\xff"), R"('a\udcff')");        // a bad byte, as surrogateescape reads it
  EXPECT_EQ(repr(Value::bytes("a\xff'\n")), R"(b"a\xff'\n")");
}

TEST(PythonRepr, Containers) {
  EXPECT_EQ(repr(Value::tuple({1})), "(1,)");
  EXPECT_EQ(repr(Value::tuple({})), "()");
  EXPECT_EQ(repr(Value::set({})), "set()");
  EXPECT_EQ(repr(Value::set({1, "a"})), "{1, 'a'}");
  EXPECT_EQ(repr(Value::dict({{"k'", Value::list({Value(), true, 1.0})}})), R"({"k'": [None, True, 1.0]})");
  Value deep;
  for (int i = 0; i < 5000; ++i) deep = Value::list({deep});
  EXPECT_NE(repr(deep).find("[...]"), std::string::npos);
}

TEST(PythonRepr, Times) {
  const DateTime time{.micros = 978'397'200'000'005, .has_offset = true, .offset_seconds = -5400};
  EXPECT_EQ(repr(Value::date_time(time)),
            "datetime.datetime(2001, 1, 2, 1, 0, 0, 5, "
            "tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=81000)))");
  EXPECT_EQ(str(Value::date_time(time)), "2001-01-02 01:00:00.000005-01:30");
  EXPECT_EQ(repr(Value::date(-1)), "datetime.date(1969, 12, 31)");
  EXPECT_EQ(str(Value::date(-719162)), "0001-01-01");
  EXPECT_EQ(str(Value::time_delta(-1)), "-1 day, 23:59:59.999999");
  EXPECT_EQ(repr(Value::time_delta(-1)), "datetime.timedelta(days=-1, seconds=86399, microseconds=999999)");
  EXPECT_EQ(str(Value::time_delta(2 * 86'400'000'000 + 61'000'000)), "2 days, 0:01:01");
  EXPECT_EQ(repr(Value::time_delta(0)), "datetime.timedelta(0)");
}

TEST(PythonCompare, Equality) {
  EXPECT_TRUE(equal(true, 1));
  EXPECT_TRUE(equal(1, 1.0));
  EXPECT_TRUE(equal(Value::big_int("18446744073709551616"), 18446744073709551616.0));
  EXPECT_FALSE(equal(Value::big_int("18446744073709551617"), 18446744073709551616.0));
  EXPECT_FALSE(equal(std::nan(""), std::nan("")));
  EXPECT_FALSE(equal(Value::list({1}), Value::tuple({1})));
  EXPECT_TRUE(equal(Value::list({1}), Value::list({true})));
  EXPECT_TRUE(equal(Value::set({1, 2}), Value::set({2, 1})));
  EXPECT_TRUE(equal("a", Value::markup("a")));
  EXPECT_FALSE(equal("a", Value::bytes("a")));
  const Value noon = Value::date_time({.micros = 43'200'000'000, .has_offset = true});
  const Value one = Value::date_time({.micros = 46'800'000'000, .has_offset = true, .offset_seconds = 3600});
  EXPECT_TRUE(equal(noon, one));
  EXPECT_FALSE(equal(noon, Value::date_time({.micros = 43'200'000'000})));
}

TEST(PythonCompare, Order) {
  EXPECT_TRUE(*less(1, 1.5));
  EXPECT_TRUE(*less(INT64_MAX, 9223372036854775808.0));
  EXPECT_FALSE(*less(9223372036854775808.0, UINT64_MAX / 2));
  EXPECT_TRUE(*less(Value::big_int("-18446744073709551616"), -18446744073709551615.0 * 0.5));
  EXPECT_TRUE(*less(1e300, HUGE_VAL));
  EXPECT_FALSE(*less(1, std::nan("")));
  EXPECT_TRUE(*less("a", "b"));
  EXPECT_TRUE(*less(Value::list({1, "a"}), Value::list({1, "a", 0})));
  EXPECT_TRUE(*less(Value::set({1}), Value::set({1, 2})));
  const auto mixed = less("a", 1);
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().type(), "TypeError");
  EXPECT_EQ(mixed.error().message(), "'<' not supported between instances of 'str' and 'int'");
  EXPECT_EQ(less(Value::list({"a"}), Value::list({1})).error().message(),
            "'<' not supported between instances of 'str' and 'int'");
  EXPECT_EQ(less(Value::date(1), 1).error().message(),
            "'<' not supported between instances of 'datetime.date' and 'int'");
}

TEST(PythonCompare, Membership) {
  EXPECT_TRUE(*in("ell", "hello"));
  EXPECT_TRUE(*in("", "x"));
  EXPECT_TRUE(*in(1.0, Value::list({1})));
  EXPECT_TRUE(*in("k", Value::dict({{"k", 1}})));
  EXPECT_FALSE(*in(1, Value::dict({{"1", 1}})));
  EXPECT_EQ(in(1, "x").error().message(), "'in <string>' requires string as left operand, not int");
  EXPECT_EQ(in(Value::empty_list(), Value::empty_dict()).error().message(), "unhashable type: 'list'");
  EXPECT_EQ(in(1, 5).error().message(), "argument of type 'int' is not iterable");
  EXPECT_EQ(in(1, Value()).error().message(), "argument of type 'NoneType' is not iterable");
}

TEST(PythonLiteral, Values) {
  EXPECT_EQ(literal("1_000"), "1000");
  EXPECT_EQ(literal("-0x1F"), "-31");
  EXPECT_EQ(literal("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(literal("0xFFFFFFFFFFFFFFFFFFFF"), "1208925819614629174706175");
  EXPECT_EQ(literal("1.e5"), "100000.0");
  EXPECT_EQ(literal("1e400"), "inf");
  EXPECT_EQ(literal("  [1, 'a' \"b\", None,]\n"), "[1, 'ab', None]");
  EXPECT_EQ(literal("1, 2"), "(1, 2)");
  EXPECT_EQ(literal("(1)"), "1");
  EXPECT_EQ(literal("{'a': {1, 1.0, 2}, 'a': set()}"), "{'a': set()}");
  EXPECT_EQ(literal(R"('\x41\u0042\101\n\q' r'\n')"), R"('ABA\n\\q\\n')");
  EXPECT_EQ(literal(R"(b'\xff' b"'")"), R"(b"\xff'")");
  EXPECT_EQ(literal("'''a\nb'''"), "'a\\nb'");
  EXPECT_EQ(literal("[1, # a comment\n 2]"), "[1, 2]");
}

TEST(PythonLiteral, ComplainsLikePython) {
  EXPECT_EQ(literal(""), "SyntaxError: invalid syntax (<unknown>, line 0)");
  EXPECT_EQ(literal("a b"), "SyntaxError: invalid syntax (<unknown>, line 1)");
  EXPECT_EQ(literal("abc"), "ValueError: malformed node or string on line 1: <ast.Name object at 0x..>");
  EXPECT_EQ(literal("[1, f(x)]"), "ValueError: malformed node or string on line 1: <ast.Call object at 0x..>");
  EXPECT_EQ(literal("1+1"), "ValueError: malformed node or string on line 1: <ast.BinOp object at 0x..>");
  EXPECT_EQ(literal("a+b*c"), "ValueError: malformed node or string on line 1: <ast.Name object at 0x..>");
  EXPECT_EQ(literal("[x for x in y if x]"),
            "ValueError: malformed node or string on line 1: <ast.ListComp object at 0x..>");
  EXPECT_EQ(literal("not 1 in a[1:2]"), "ValueError: malformed node or string on line 1: <ast.UnaryOp object at 0x..>");
  EXPECT_EQ(literal("{{ x }}"), "ValueError: malformed node or string on line 1: <ast.Name object at 0x..>");
  EXPECT_EQ(literal("{[1]: 2}"), "TypeError: unhashable type: 'list'");
  EXPECT_EQ(literal("[1"), "SyntaxError: '[' was never closed (<unknown>, line 1)");
  EXPECT_EQ(literal("(1]"),
            "SyntaxError: closing parenthesis ']' does not match opening parenthesis '(' (<unknown>, line 1)");
  EXPECT_EQ(literal("[1 2]"), "SyntaxError: invalid syntax. Perhaps you forgot a comma? (<unknown>, line 1)");
  EXPECT_EQ(literal("it's"), "SyntaxError: unterminated string literal (detected at line 1) (<unknown>, line 1)");
  EXPECT_EQ(literal("007"),
            "SyntaxError: leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal "
            "integers (<unknown>, line 1)");
  EXPECT_EQ(literal("\xe2\x82\xac"), "SyntaxError: invalid character '\xe2\x82\xac' (U+20AC) (<unknown>, line 1)");
  EXPECT_EQ(
      literal("'\\x4'"),
      "SyntaxError: (unicode error) 'unicodeescape' codec can't decode bytes in position 0-2: truncated \\xXX escape "
      "(<unknown>, line 1)");
}

TEST(PythonLiteral, IsNotExhaustedByDepthOrLength) {
  EXPECT_EQ(literal(std::string(300, '[')), "SyntaxError: too many nested parentheses (<unknown>, line 1)");
  EXPECT_EQ(literal(std::string(100'000, '-') + "1").substr(0, 11), "SyntaxError");
  EXPECT_EQ(literal(std::string(100'000, '9')).substr(0, 11), "SyntaxError");
  std::string nots;
  for (int i = 0; i < 100'000; ++i) nots += "not ";
  EXPECT_EQ(literal(nots + "1").substr(0, 11), "SyntaxError");
}

TEST(PythonPretty, WrapsContainersAndTexts) {
  const Value value = Value::dict({{"type", "object"}, {"items", Value::list({Value::dict({{"a", "x"}}), "one two"})}});
  EXPECT_EQ(pretty(value, 80), "{'type': 'object', 'items': [{'a': 'x'}, 'one two']}");
  EXPECT_EQ(pretty(value, 30), "{'type': 'object',\n 'items': [{'a': 'x'},\n           'one two']}");
  EXPECT_EQ(pretty("Name of the node to invoke", 20), "('Name of the node '\n 'to invoke')");
}

TEST(NumberText, IntegersOfAnySize) {
  EXPECT_EQ(integer_from_digits("9223372036854775808", 10, true)->kind(), Kind::kInt);
  EXPECT_EQ(integer_from_digits("9223372036854775809", 10, true)->kind(), Kind::kBigInt);
  EXPECT_EQ(integer_from_digits("ffffffffffffffff", 16, false)->kind(), Kind::kUInt);
  EXPECT_EQ(integer_from_digits("10000000000000000", 16, false)->as_string(), "18446744073709551616");
  EXPECT_EQ(integer_from_digits("00012", 8, true)->as_int(), -10);
  EXPECT_EQ(integer_from_digits(std::string(4301, '1'), 10, false).error().code(), ErrorCode::kLimit);
  EXPECT_EQ(integer_from_double(-1e20).as_string(), "-100000000000000000000");
  EXPECT_EQ(integer_from_double(-2.9).as_int(), -2);
}

TEST(UnicodeText, Classes) {
  EXPECT_TRUE(is_printable(U' '));
  EXPECT_FALSE(is_printable(0xa0));
  EXPECT_FALSE(is_printable(0x378));  // unassigned
  EXPECT_TRUE(is_printable(0x1f600));
  EXPECT_FALSE(is_printable(0x10ffff));
  EXPECT_TRUE(is_identifier_start(0xe9));
  EXPECT_FALSE(is_identifier_start(0x661));  // a digit
  EXPECT_TRUE(is_identifier_continue(0x661));
}

}  // namespace
}  // namespace squall::python
