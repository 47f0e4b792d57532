#include "engine/key_values.hpp"

#include "expr/expr.hpp"

namespace squall::engine {
namespace {

class KeyValueLookup final : public expr::LazyObject {
 public:
  KeyValueLookup(store::Store& store, std::string scope, std::string prefix, std::string key)
      : store_(store), scope_(std::move(scope)), prefix_(std::move(prefix)), key_(std::move(key)) {}

  std::string_view type_name() const override { return "KeyValueLookup"; }

  Result<Value> get(std::string_view name) const override {
    const std::string longer = key_.empty() ? std::string(name) : key_ + "." + std::string(name);
    return Value::object(std::make_shared<KeyValueLookup>(store_, scope_, prefix_, longer));
  }

  Result<std::string> text() const override {
    std::string found;
    SQ_CHECK(store_.read([&](store::ReadTx& tx) -> Status {
      store::Query query;
      query.filters = {{"name", store::Compare::kEqual, prefix_ + key_}, {"scope", store::Compare::kEqual, scope_}};
      query.limit = 1;
      SQ_TRY(const store::Page page, tx.list(store::Collection::kKeyValues, query));
      if (!page.records.empty()) found = page.records.front().document["value"].string();
      return {};
    }));
    return found;
  }

 private:
  store::Store& store_;
  std::string scope_;
  std::string prefix_;  // user keys are stored as "user:name"
  std::string key_;
};

}  // namespace

Value make_st2kv(store::Store& store, const std::string& user) {
  const auto lookup = [&](const char* scope, std::string prefix) {
    return Value::object(std::make_shared<KeyValueLookup>(store, scope, std::move(prefix), ""));
  };
  return Value::dict({{"system", lookup("st2kv.system", "")}, {"user", lookup("st2kv.user", user + ":")}});
}

}  // namespace squall::engine
