#include <gtest/gtest.h>

#include "text/jsonpath.hpp"
#include "value/conformance.hpp"

namespace squall {
namespace {

Result<Value> run(const Value& vector) {
  SQ_TRY(const JsonPath path, JsonPath::parse(vector["path"].as_string()));
  SQ_TRY(const auto matches, path.find(vector["data"]));
  const bool filter = vector.contains("fn");
  Value list = Value::empty_list();
  for (const JsonPathMatch& match : matches) {
    list.push_back(filter ? match.value : Value::dict({{"value", match.value}, {"path", match.path}}));
  }
  if (filter && list.empty()) return Value();
  return list;
}

TEST(JsonPathConformance, JsonPathRw) {
  SQ_LOAD_TOPIC(topic, "jsonpath");
  conformance::Report report("jsonpath", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    const Value decoded = conformance::decode_tagged(vector);
    if (decoded["path"].is_string()) {
      report.judge(vector, run(decoded));
    } else {
      report.leave_out(vector);  // the filter's own check of its argument: src/expr
    }
  }
  report.finish();
}

}  // namespace
}  // namespace squall
