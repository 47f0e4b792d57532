// The vectors of rule_flow that are about criteria, without a server: what a real StackStorm answered to the rule's
// registration, and which enforcement it stored.
#include <gtest/gtest.h>

#include <set>

#include "expr/expr.hpp"
#include "rules/criteria.hpp"
#include "value/conformance.hpp"

namespace squall::rules {
namespace {

const Timestamp kNow = *parse_timestamp("2026-01-31T12:00:00Z");

// st2kv.system with the keys of the recording.
class Key final : public expr::LazyObject {
 public:
  explicit Key(std::string name) : name_(std::move(name)) {}
  std::string_view type_name() const override { return "KeyValueLookup"; }
  Result<Value> get(std::string_view name) const override {
    return Value::object(std::make_shared<Key>(name_.empty() ? std::string(name) : name_ + "." + std::string(name)));
  }
  Result<std::string> text() const override { return std::string(name_ == "chainconf_str" ? "kv value" : ""); }

 private:
  std::string name_;
};

struct Answer {
  std::string outcome;  // "refused", "none", "succeeded" or "failed"
  std::string message;
};

Answer expected(const Value& vector) {
  const Value& rule = vector["expect"]["rules"][0];
  if (rule["http_status"] == Value(400)) return {"refused", rule["faultstring"].string()};
  const Value& enforcement = vector["expect"]["trigger_instances"][0]["enforcements"][0];
  if (enforcement.is_null()) return {"none", ""};
  return {enforcement["status"].string(), enforcement["failure_reason"].string()};
}

Answer ours(const Value& vector) {
  const Value& rule = vector["rules"][0];
  const auto compiled = CompiledCriteria::compile(rule["criteria"]);
  if (!compiled) return {"refused", compiled.error().message()};
  const Value st2kv = Value::dict({{"system", Value::object(std::make_shared<Key>(""))}});
  const Verdict verdict =
      compiled->evaluate({.payload = vector["inject"]["body"]["payload"], .st2kv = st2kv, .now = kNow});
  if (verdict.error) {
    return {"failed", failure_reason(verdict, rule["pack"].string() + "." + rule["name"].string(), "{{id}}")};
  }
  return {verdict.matched ? "succeeded" : "none", ""};
}

TEST(CriteriaConformance, RuleFlow) {
  SQ_LOAD_TOPIC(topic, "rule_flow");
  conformance::Report report("rule_flow_criteria", topic);
  const std::set<std::string> groups = {"operators", "criteria", "search", "exists"};
  for (const Value& vector : topic["vectors"].as_list()) {
    if (groups.count(vector["group"].string()) == 0) {
      report.leave_out(vector);  // asked through the API
      continue;
    }
    const Answer wanted = expected(vector);
    const Answer came = ours(conformance::decode_tagged(vector));
    report.record(vector, wanted.outcome == came.outcome,
                  "wanted " + wanted.outcome + " " + wanted.message + "; came " + came.outcome + " " + came.message);
    if (!wanted.message.empty()) report.message(vector, wanted.message, came.message);
  }
  report.finish();
}

}  // namespace
}  // namespace squall::rules
