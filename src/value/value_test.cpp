#include "value/value.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace squall {
namespace {

TEST(Value, KindsOfIntegers) {
  EXPECT_EQ(Value(uint64_t{INT64_MAX}).kind(), Kind::kInt);
  EXPECT_EQ(Value(uint64_t{INT64_MAX} + 1).kind(), Kind::kUInt);
  EXPECT_EQ(Value(true).kind(), Kind::kBool);
  EXPECT_FALSE(Value(true).is_int());
  EXPECT_EQ(Value("text").kind(), Kind::kString);
  EXPECT_EQ(Value().kind(), Kind::kNull);
}

TEST(Value, CopyingSharesAndChangingCopies) {
  Value a = Value::dict({{"list", Value::list({1, 2})}});
  Value b = a;
  EXPECT_TRUE(a.same_storage(b));
  b.set("x", 5);
  EXPECT_FALSE(a.same_storage(b));
  EXPECT_FALSE(a.contains("x"));
  // The untouched part is still shared.
  EXPECT_TRUE(a["list"].same_storage(b["list"]));
  b.mut_dict()["list"].push_back(3);
  EXPECT_EQ(a["list"].size(), 2u);
  EXPECT_EQ(b["list"].size(), 3u);
}

TEST(Value, ChangingAnUnsharedContainerKeepsItsStorage) {
  Value a = Value::list({1});
  const List* before = &a.as_list();
  a.push_back(2);
  EXPECT_EQ(&a.as_list(), before);
  Value copy = a;
  a.push_back(3);
  EXPECT_NE(&a.as_list(), before);
  EXPECT_EQ(copy.size(), 2u);
}

TEST(Value, AValueMayBePutIntoItself) {
  Value a = Value::list({1});
  a.push_back(a);
  EXPECT_EQ(a, Value::list({1, Value::list({1})}));
}

TEST(Value, MovedFromIsNull) {
  Value a = "text";
  const Value b = std::move(a);
  EXPECT_EQ(b, Value("text"));
  EXPECT_TRUE(a.is_null());  // NOLINT(bugprone-use-after-move): that is what is tested
}

TEST(Value, ANullBecomesTheContainerAskedFor) {
  Value a;
  a.set("k", 1);
  EXPECT_TRUE(a.is_dict());
  Value b;
  b.push_back(1);
  EXPECT_TRUE(b.is_list());
}

TEST(Value, NumbersCompareByValueAndExactly) {
  EXPECT_EQ(Value(1), Value(1.0));
  EXPECT_FALSE(Value(1) == Value(true));
  EXPECT_FALSE(Value(int64_t{9007199254740993}) == Value(9007199254740992.0));
  EXPECT_EQ(Value(uint64_t{1} << 63), Value(9223372036854775808.0));
  EXPECT_FALSE(Value(INT64_MAX) == Value(9223372036854775808.0));
  EXPECT_FALSE(Value(-1) == Value(UINT64_MAX));
}

TEST(Value, DictsCompareWithoutOrderAndListsWith) {
  EXPECT_EQ(Value::dict({{"a", 1}, {"b", 2}}), Value::dict({{"b", 2}, {"a", 1}}));
  EXPECT_FALSE(Value::dict({{"a", 1}}) == Value::dict({{"a", 1}, {"b", Value()}}));
  EXPECT_FALSE(Value::list({1, 2}) == Value::list({2, 1}));
  EXPECT_FALSE(Value::list({1}) == Value::tuple({1}));
}

TEST(Value, LenientReads) {
  const Value value = Value::dict({{"a", Value::dict({{"b", "text"}})}, {"n", 7}});
  EXPECT_EQ(value["a"]["b"].string(), "text");
  EXPECT_EQ(value["a"]["nothing"]["deeper"].string(), "");
  EXPECT_EQ(value["n"].string_or("none"), "none");
  EXPECT_EQ(value["n"].int_or(0), 7);
  EXPECT_EQ(value["n"].double_or(0), 7.0);
  EXPECT_EQ(value[3].int_or(-1), -1);
}

TEST(Value, AtPath) {
  const Value value = Value::dict({{"a", Value::list({Value::dict({{"b", 5}})})}});
  EXPECT_EQ(value.at_path("a.0.b"), Value(5));
  EXPECT_TRUE(value.at_path("a.1.b").is_null());
  EXPECT_TRUE(value.at_path("a.x.b").is_null());
  EXPECT_TRUE(value.at_path("a.-1").is_null());
  EXPECT_EQ(value.at_path(""), value);
}

TEST(Value, Truthiness) {
  for (const Value& value : {Value(), Value(false), Value(0), Value(0.0), Value(""), Value::empty_list(),
                             Value::empty_dict(), Value::undefined("x"), Value::time_delta(0)}) {
    EXPECT_FALSE(value.truthy()) << value.type_name();
  }
  for (const Value& value : {Value(true), Value(-1), Value("0"), Value::list({Value()}), Value::date(0)}) {
    EXPECT_TRUE(value.truthy()) << value.type_name();
  }
}

Value nested_lists(int depth) {
  Value value;
  for (int i = 0; i < depth; ++i) {
    Value outer = Value::empty_list();
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  return value;
}

TEST(Value, ADeepValueNeedsNoDeepStack) {
  const Value deep = nested_lists(1'000'000);
  const Value other = nested_lists(1'000'000);
  EXPECT_FALSE(deep == other);  // beyond limits::kJsonDepthMax only shared storage is equal
  EXPECT_EQ(deep, Value(deep));
  EXPECT_EQ(nested_lists(900), nested_lists(900));
}

TEST(Dict, KeepsInsertionOrder) {
  Dict dict;
  for (const char* key : {"z", "a", "m", "a"}) dict.set(key, key);
  std::string keys;
  for (const auto& [key, value] : dict) keys += key;
  EXPECT_EQ(keys, "zam");
}

TEST(Dict, FindsThroughItsIndex) {
  Dict dict;
  constexpr int kCount = 5000;
  for (int i = 0; i < kCount; ++i) dict.set("key" + std::to_string(i), i);
  for (int i = 0; i < kCount; ++i) ASSERT_EQ(*dict.find("key" + std::to_string(i)), Value(i));
  EXPECT_EQ(dict.find("key5000"), nullptr);
  EXPECT_EQ(dict.find(""), nullptr);
  for (int i = 0; i < 20; i += 2) ASSERT_TRUE(dict.erase("key" + std::to_string(i)));
  for (int i = 0; i < kCount; ++i)
    ASSERT_EQ(dict.find("key" + std::to_string(i)) != nullptr, i >= 20 || i % 2 == 1) << i;
}

TEST(Dict, ErasesWithTheIndexAndWithout) {
  for (const int count : {4, 8, 9, 100}) {
    Dict dict;
    for (int i = 0; i < count; ++i) dict.set(std::to_string(i), i);
    EXPECT_TRUE(dict.erase("2"));
    EXPECT_FALSE(dict.erase("2"));
    EXPECT_EQ(dict.size(), static_cast<size_t>(count - 1));
    EXPECT_EQ(dict.find("2"), nullptr);
    for (int i = 3; i < count; ++i) EXPECT_EQ(*dict.find(std::to_string(i)), Value(i)) << count;
    dict.set("2", "new");
    EXPECT_EQ(std::prev(dict.end())->key, "2");
  }
}

}  // namespace
}  // namespace squall
