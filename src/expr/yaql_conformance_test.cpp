#include "expr/yaql/yaql.hpp"
#include "value/conformance.hpp"

namespace squall::expr {
namespace {

TEST(YaqlConformance, ExpressionsAsTheRealEngine) {
  SQ_LOAD_TOPIC(topic, "yaql_raw");
  conformance::Report report("yaql_raw", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    const auto compiled = YaqlExpression::compile(vector["expression"].string());
    if (!compiled) {
      report.judge(vector, fail(compiled.error()));
      continue;
    }
    YaqlScope scope;
    scope.data = conformance::decode_tagged(vector["data"]);
    report.judge(vector, compiled->evaluate(scope));
  }
  report.finish();
}

}  // namespace
}  // namespace squall::expr
