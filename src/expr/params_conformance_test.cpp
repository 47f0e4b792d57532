#include "expr/params.hpp"
#include "value/conformance.hpp"

namespace squall::expr {
namespace {

// {"$tuple": [1, 2]}, {"$int": "..."}: the short tags of these topics.
Value untagged(const Value& tagged) {
  if (tagged.is_list()) {
    List items;
    for (const Value& item : tagged.as_list()) items.push_back(untagged(item));
    return Value(std::move(items));
  }
  if (!tagged.is_dict()) return tagged;
  if (tagged.size() == 1 && tagged.as_dict().begin()->key.starts_with('$')) {
    const auto& [tag, content] = *tagged.as_dict().begin();
    if (tag == "$tuple") return Value::tuple(untagged(content).as_list());
    if (tag == "$set") return Value::set(untagged(content).as_list());
    if (tag == "$bytes") return Value::bytes(content.string());
    if (tag == "$float") return conformance::decode_by_type("float", Value::dict({{"repr", content}}));
    if (tag == "$int") return conformance::decode_by_type("int", Value::dict({{"repr", content}}));
    ADD_FAILURE() << "unknown tag " << tag;
  }
  Dict members;
  for (const auto& [key, member] : tagged.as_dict()) members.set(key, untagged(member));
  return Value(std::move(members));
}

void judge(conformance::Report& report, const Value& vector, const Result<Value>& came) {
  const std::string shown = came ? conformance::show(*came) : conformance::show(came.error());
  if (!vector.contains("error")) {
    const Value wanted = untagged(vector["value"]);
    const bool passed = came && conformance::same(wanted, *came);
    report.record(vector, passed, "wanted " + conformance::show(wanted) + "; came " + shown);
    return;
  }
  const Value& error = vector["error"];
  const bool passed = !came && came.error().type() == error["type"].string();
  report.record(vector, passed,
                "wanted " + error["type"].string() + ": " + error["message"].string() + "; came " + shown);
  if (passed && error.contains("message")) report.message(vector, error["message"].string(), came.error().message());
}

TEST(CastsConformance, ParametersAreCastAsInStackStorm) {
  SQ_LOAD_TOPIC(topic, "casts");
  conformance::Report report("casts", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    judge(report, vector, cast(untagged(vector["input"]), vector["type"].string()));
  }
  report.finish();
}

// The recorded datastore, looked up the way StackStorm's KeyValueLookup does it.
class KeyValueLookup final : public LazyObject {
 public:
  using Store = std::map<std::string, std::string>;
  // `scope` is "st2kv.system" or "st2kv.user"; `owner` is "" or "<user>:".
  KeyValueLookup(std::shared_ptr<const Store> store, std::string scope, std::string owner, std::string key)
      : store_(std::move(store)), scope_(std::move(scope)), owner_(std::move(owner)), key_(std::move(key)) {}

  std::string_view type_name() const override { return "KeyValueLookup"; }
  Result<Value> get(std::string_view name) const override {
    const std::string key = key_.empty() ? std::string(name) : key_ + "." + std::string(name);
    return Value::object(std::make_shared<KeyValueLookup>(store_, scope_, owner_, key));
  }
  Result<std::string> text() const override {
    const auto found = store_->find(scope_ + "/" + owner_ + key_);
    return found == store_->end() ? "" : found->second;
  }
  std::string name() const override { return scope_ + "." + key_; }

 private:
  std::shared_ptr<const Store> store_;
  std::string scope_, owner_, key_;
};

std::shared_ptr<const KeyValueLookup::Store> datastore(const Value& topic) {
  auto store = std::make_shared<KeyValueLookup::Store>();
  for (const Value& item : topic["datastore"].as_list()) {
    (*store)[item["scope"].string() + "/" + item["name"].string()] = item["value"].string();
  }
  return store;
}

// Stored values are plain here, so decrypting means no more than to refuse what is missing.
Result<Value> decrypt_kv(const Value& input, const List&) {
  const auto* lookup =
      input.kind() == Kind::kObject ? dynamic_cast<const LazyObject*>(input.as_object().get()) : nullptr;
  if (lookup == nullptr) return input;
  SQ_TRY(std::string stored, lookup->text());
  if (!stored.empty()) return Value(std::move(stored));
  return fail(Error(ErrorCode::kInvalid,
                    "Referenced datastore item \"" + lookup->name() + "\" doesn't exist or it contains an empty string")
                  .with_type("ValueError"));
}

Result<Value> answer(const Value& vector, const std::shared_ptr<const KeyValueLookup::Store>& store) {
  const Value& context = vector["action_context"];
  std::string user = context.contains("api_user") ? context["api_user"].string() : context["user"].string();
  if (user.empty()) user = "stanley";
  ParamInputs inputs;
  inputs.runner_parameters = vector["runner_parameters"];
  inputs.action_parameters = vector["action_parameters"];
  inputs.params = untagged(vector["params"]);
  inputs.action_context = context;
  inputs.extra = vector["additional_contexts"];
  inputs.st2kv = Value::dict({
      {"system", Value::object(std::make_shared<KeyValueLookup>(store, "st2kv.system", "", ""))},
      {"user", Value::object(std::make_shared<KeyValueLookup>(store, "st2kv.user", user + ":", ""))},
  });
  SQ_TRY(Value live, render_live_params(inputs));
  if (vector["phase"] == Value("live")) return live;
  inputs.params = live;
  SQ_TRY(const FinalParams final_params, render_final_params(inputs));
  return Value::dict({{"runner", final_params.runner}, {"action", final_params.action}});
}

TEST(ParamRenderingConformance, LiveAndFinalParametersAsInStackStorm) {
  SQ_LOAD_TOPIC(topic, "param_rendering");
  register_host_filter("decrypt_kv", decrypt_kv);
  const auto store = datastore(topic);
  conformance::Report report("param_rendering", topic);
  for (const Value& vector : topic["vectors"].as_list()) judge(report, vector, answer(vector, store));
  report.finish();
}

}  // namespace
}  // namespace squall::expr
