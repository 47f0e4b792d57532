#include "value/mapping.hpp"

#include <gtest/gtest.h>

#include "value/json.hpp"
#include "value/python.hpp"
#include "value/yaml.hpp"

namespace squall {
namespace {

std::string shown(const Result<std::string>& text) {
  return text ? *text : text.error().type() + ": " + text.error().message();
}

std::string python_json(const Value& value, bool sort_keys = false) {
  JsonStyle style = JsonStyle::python();
  style.sort_keys = sort_keys;
  return shown(write_json(value, style));
}

TEST(Mapping, TextKeysMakeAnOrdinaryDict) {
  const Value made = make_mapping({{"a", 1}, {"b", 2}});
  EXPECT_EQ(made, Value::dict({{"a", 1}, {"b", 2}}));
  EXPECT_EQ(Mapping::of(made), nullptr);
}

TEST(Mapping, PythonShowsTheKeysAsTheyAre) {
  const Value made = Value::list({make_mapping({{1, "a"}, {"1", Value()}, {Value(), 2}})});
  EXPECT_EQ(python::repr(made), "[{1: 'a', '1': None, None: 2}]");
  EXPECT_EQ(python::str(made[0]), "{1: 'a', '1': None, None: 2}");
}

TEST(Mapping, JsonDumpsWritesWhatPythonAllowsForKeys) {
  EXPECT_EQ(python_json(make_mapping({{1, 1}, {1.5, 2}, {true, 3}, {Value(), 4}, {"x", 5}})),
            R"({"1": 1, "1.5": 2, "true": 3, "null": 4, "x": 5})");
  EXPECT_EQ(python_json(make_mapping({{10, "b"}, {9, "a"}}), true), R"({"9": "a", "10": "b"})");
  EXPECT_EQ(python_json(make_mapping({{1, "a"}, {"1", "b"}}), true),
            "TypeError: '<' not supported between instances of 'str' and 'int'");
  EXPECT_EQ(python_json(make_mapping({{Value::tuple({1, 2}), 3}})),
            "TypeError: keys must be str, int, float, bool or None, not tuple");
}

TEST(Mapping, OrjsonRefusesKeysThatAreNotText) {
  EXPECT_EQ(shown(write_json(make_mapping({{1, "a"}}), JsonStyle())), "TypeError: Dict key must be str");
  EXPECT_EQ(to_json(make_mapping({{1, "a"}})), R"({"1":"a"})") << "a record has to take it all the same";
}

TEST(Mapping, YamlWritesKeysOfEveryKind) {
  EXPECT_EQ(shown(write_yaml(make_mapping({{2, "b"}, {1, "a"}}))), "1: a\n2: b\n");
  EXPECT_EQ(shown(write_yaml(make_mapping({{"b", 2}, {Value(), 3}, {1.5, Value::list({1})}}))),
            "b: 2\nnull: 3\n1.5:\n- 1\n");
}

}  // namespace
}  // namespace squall
