#include "rules/criteria.hpp"

#include <gtest/gtest.h>

#include "expr/expr.hpp"

namespace squall::rules {
namespace {

const Timestamp kNow = *parse_timestamp("2026-01-31T12:00:00Z");

Value criterion(std::string_view type, Value pattern) {
  return Value::dict({{"type", type}, {"pattern", std::move(pattern)}});
}

Verdict judge(const Value& criteria, const Value& payload, bool explain = false, const Value& st2kv = Value()) {
  const auto compiled = CompiledCriteria::compile(criteria);
  EXPECT_TRUE(compiled) << compiled.error().to_string();
  return compiled->evaluate({.payload = payload, .st2kv = st2kv, .now = kNow}, explain);
}

// A datastore key that is looked up when its text is asked for.
class Key final : public expr::LazyObject {
 public:
  explicit Key(std::string name) : name_(std::move(name)) {}
  std::string_view type_name() const override { return "KeyValueLookup"; }
  Result<Value> get(std::string_view name) const override {
    return Value::object(std::make_shared<Key>(name_.empty() ? std::string(name) : name_ + "." + std::string(name)));
  }
  Result<std::string> text() const override {
    if (name_ == "locked") return fail(ErrorCode::kForbidden, "no access to locked");
    return name_ == "a.b" ? "stored" : "";
  }

 private:
  std::string name_;
};

Value datastore() { return Value::dict({{"system", Value::object(std::make_shared<Key>(""))}}); }

TEST(Criteria, NoCriteriaMatchEvenAnEmptyPayload) {
  EXPECT_TRUE(judge(Value(), Value::empty_dict()).matched);
  EXPECT_TRUE(judge(Value::empty_dict(), Value()).matched);
  EXPECT_TRUE(CompiledCriteria().evaluate({}).matched);
}

TEST(Criteria, AnEmptyPayloadMatchesNoCriterion) {
  const Value criteria = Value::dict({{"trigger.a", criterion("nexists", true)}});
  const Verdict verdict = judge(criteria, Value::empty_dict(), true);
  EXPECT_FALSE(verdict.matched);
  EXPECT_FALSE(verdict.error);
  ASSERT_EQ(verdict.outcomes.size(), 1u);
  EXPECT_FALSE(verdict.outcomes[0].evaluated);
}

TEST(Criteria, EvaluationEndsAtTheFirstMissUnlessExplained) {
  const Value criteria = Value::dict(
      {{"trigger.a", criterion("eq", 1)}, {"trigger.b", criterion("eq", 2)}, {"trigger.c", criterion("gt", 3)}});
  const Value payload = Value::dict({{"a", 1}, {"b", 0}, {"c", "text"}});
  EXPECT_EQ(judge(criteria, payload).outcomes.size(), 2u);

  const Verdict explained = judge(criteria, payload, true);
  ASSERT_EQ(explained.outcomes.size(), 3u);
  EXPECT_TRUE(explained.outcomes[0].matched);
  EXPECT_EQ(explained.outcomes[1].value, Value(0));
  ASSERT_TRUE(explained.outcomes[2].error);
  EXPECT_EQ(explained.outcomes[2].error->type(), "TypeError");
  // The rule missed before the criterion with the error, so StackStorm would not have seen it.
  EXPECT_FALSE(explained.error);
}

TEST(Criteria, ALabelAfterTheHashTellsEqualPathsApart) {
  const Value criteria = Value::dict({{"trigger.n#low", criterion("gt", 40)}, {"trigger.n#high", criterion("lt", 50)}});
  EXPECT_TRUE(judge(criteria, Value::dict({{"n", 45}})).matched);
  EXPECT_FALSE(judge(criteria, Value::dict({{"n", 55}})).matched);
}

TEST(Criteria, APathThatFailsIsAnErrorOfTheRule) {
  const Verdict verdict = judge(Value::dict({{"trigger.n[0]", criterion("eq", 1)}}), Value::dict({{"n", 5}}));
  ASSERT_TRUE(verdict.error);
  EXPECT_FALSE(verdict.matched);
  EXPECT_EQ(failure_reason(verdict, "p.r", "ti"),
            "Failed to match rule \"p.r\" against trigger instance \"ti\": Failed transforming criteria key "
            "trigger.n[0]: object of type 'int' has no len()");
}

TEST(Criteria, TemplatesKeepTypes) {
  const Value criteria = Value::dict({{"trigger.a", criterion("eq", "{{ trigger.b }}")}});
  EXPECT_TRUE(judge(criteria, Value::dict({{"a", 5}, {"b", 5}})).matched);
  EXPECT_FALSE(judge(criteria, Value::dict({{"a", 5}, {"b", "5"}})).matched);
  EXPECT_TRUE(judge(criteria, Value::dict({{"a", Value::list({1})}, {"b", Value::list({1})}})).matched);
}

TEST(Criteria, TemplatesInsideTextGiveText) {
  const Value criteria = Value::dict({{"trigger.a", criterion("eq", "p-{{ trigger.b }}")}});
  const Verdict verdict = judge(criteria, Value::dict({{"a", "p-x"}, {"b", "x"}}));
  EXPECT_TRUE(verdict.matched);
  EXPECT_EQ(verdict.outcomes[0].pattern, Value("p-x"));
}

TEST(Criteria, AnUndefinedNameIsAnErrorOfThePattern) {
  const Verdict verdict =
      judge(Value::dict({{"trigger.a", criterion("eq", "{{ nothing.here }}")}}), Value::dict({{"a", 1}}));
  ASSERT_TRUE(verdict.error);
  EXPECT_FALSE(verdict.error_in_operator);
  EXPECT_EQ(verdict.error->type(), "UndefinedError");
}

TEST(Criteria, ATrailingNewlineOfAPatternIsDropped) {
  // Block texts of YAML end in one; Jinja takes it away.
  EXPECT_TRUE(judge(Value::dict({{"trigger.a", criterion("eq", "x\n")}}), Value::dict({{"a", "x"}})).matched);
  EXPECT_TRUE(judge(Value::dict({{"trigger.a", criterion("regex", "^x$\n")}}), Value::dict({{"a", "x"}})).matched);
}

TEST(Criteria, DatastoreKeysAreSeenByTemplatesAndPaths) {
  const Value payload = Value::dict({{"a", "stored"}});
  EXPECT_TRUE(judge(Value::dict({{"trigger.a", criterion("eq", "{{ st2kv.system.a.b | string }}")}}), payload, false,
                    datastore())
                  .matched);
  EXPECT_TRUE(judge(Value::dict({{"system.a.b", criterion("eq", "stored")}}), payload, false, datastore()).matched);
  EXPECT_TRUE(judge(Value::dict({{"system.none", criterion("eq", "")}}), payload, false, datastore()).matched);
  const Verdict refused = judge(Value::dict({{"system.locked", criterion("eq", "x")}}), payload, false, datastore());
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code(), ErrorCode::kForbidden);
}

Value search(std::string_view condition, Value children) {
  return Value::dict({{"trigger.items",
                       Value::dict({{"type", "search"}, {"condition", condition}, {"pattern", std::move(children)}})}});
}

TEST(Search, OneOddItemDoesNotHideTheOthers) {
  const Value criteria = search("any", Value::dict({{"item.n", criterion("regex", "^web")}}));
  const Value odd_and_good =
      Value::dict({{"items", Value::list({Value::dict({{"x", 1}}), Value::dict({{"n", "web1"}})})}});
  EXPECT_TRUE(judge(criteria, odd_and_good).matched);
  EXPECT_FALSE(judge(criteria, odd_and_good).error);

  const Verdict none = judge(criteria, Value::dict({{"items", Value::list({Value::dict({{"x", 1}})})}}));
  EXPECT_FALSE(none.matched);
  ASSERT_TRUE(none.error);
  EXPECT_EQ(none.error->message(), "expected string or bytes-like object, got 'NoneType'");
}

TEST(Search, ChildrenMayUseTemplatesAndSearchThemselves) {
  const Value children = Value::dict(
      {{"item.sub", Value::dict({{"type", "search"},
                                 {"condition", "any"},
                                 {"pattern", Value::dict({{"item.k", criterion("eq", "{{ trigger.wanted }}")}})}})}});
  const Value items = Value::list({Value::dict({{"sub", Value::list({Value::dict({{"k", 2}})})}})});
  EXPECT_TRUE(judge(search("any", children), Value::dict({{"items", items}, {"wanted", 2}})).matched);
  EXPECT_FALSE(judge(search("any", children), Value::dict({{"items", items}, {"wanted", 3}})).matched);
}

TEST(Search, ThePatternItselfMayComeFromATemplate) {
  const Value criteria =
      Value::dict({{"trigger.items",
                    Value::dict({{"type", "search"}, {"condition", "any"}, {"pattern", "{{ trigger.children }}"}})}});
  const Value items = Value::list({Value::dict({{"k", 1}})});
  const Value good = Value::dict({{"items", items}, {"children", Value::dict({{"item.k", criterion("eq", 1)}})}});
  EXPECT_TRUE(judge(criteria, good).matched);
  const Value bad = Value::dict({{"items", items}, {"children", Value::dict({{"item.k", criterion("nosuch", 1)}})}});
  EXPECT_TRUE(judge(criteria, bad).error);
}

struct Bad {
  const char* name;
  Value criteria;
  const char* where;
  const char* message;
};

TEST(CriteriaRegistration, SaysWhatIsWrongAndWhere) {
  const Value nested = search("any", Value::dict({{"item.k", criterion("regx", "a")}}));
  const std::vector<Bad> cases = {
      {"no dict", Value::list({1}), "criteria", "Criteria should be a dict."},
      {"no object", Value::dict({{"trigger.a", 5}}), "criteria[\"trigger.a\"]", "expected an object"},
      {"no type", Value::dict({{"trigger.a", Value::empty_dict()}}), "criteria[\"trigger.a\"]",
       "Operator not specified for field: trigger.a"},
      {"unknown", Value::dict({{"trigger.a", criterion("EQUALS", 1)}}), "criteria[\"trigger.a\"]",
       "Did you mean 'equals'?"},
      {"no pattern", Value::dict({{"trigger.a", Value::dict({{"type", "exists"}})}}), "criteria[\"trigger.a\"]",
       "For field: trigger.a, no pattern specified for operator exists"},
      {"bad regex", Value::dict({{"trigger.a", criterion("regex", "a(")}}), "criteria[\"trigger.a\"]",
       "missing ), unterminated subpattern at position 1"},
      {"bad path", Value::dict({{"trigger..[", criterion("eq", 1)}}), "criteria[\"trigger..[\"]", "not a JSONPath"},
      {"bad child", nested, "criteria[\"trigger.items\"].pattern[\"item.k\"]", "Did you mean 'regex'?"},
      {"no children", search("any", Value::list({1})), "criteria[\"trigger.items\"]", "object of criteria"},
  };
  for (const Bad& bad : cases) {
    const auto parsed = parse_criteria(bad.criteria);
    ASSERT_FALSE(parsed) << bad.name;
    EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalid) << bad.name;
    EXPECT_EQ(parsed.error().where().file, bad.where) << bad.name;
    EXPECT_NE(parsed.error().message().find(bad.message), std::string::npos) << parsed.error().message();
    EXPECT_FALSE(CompiledCriteria::compile(bad.criteria)) << bad.name;
  }
}

TEST(CriteriaRegistration, SearchInsideSearchHasALimit) {
  Value children = Value::dict({{"item.k", criterion("eq", 1)}});
  for (size_t i = 0; i <= kSearchNestingMax; ++i) {
    children =
        Value::dict({{"item.sub", Value::dict({{"type", "search"}, {"condition", "any"}, {"pattern", children}})}});
  }
  EXPECT_EQ(parse_criteria(children).error().code(), ErrorCode::kLimit);
}

TEST(CriteriaRegistration, GivesTheCriteriaInTheirOrder) {
  const auto parsed =
      parse_criteria(Value::dict({{"trigger.b", criterion("eq", 1)}, {"trigger.a#2", criterion("gt", 2)}}));
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->size(), 2u);
  EXPECT_EQ((*parsed)[0].key, "trigger.b");
  EXPECT_EQ((*parsed)[1].key, "trigger.a#2");
  EXPECT_EQ((*parsed)[1].operator_name, "gt");
}

}  // namespace
}  // namespace squall::rules
