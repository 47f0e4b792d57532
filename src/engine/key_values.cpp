#include "engine/key_values.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"
#include "engine/datastore.hpp"
#include "expr/expr.hpp"
#include "value/python.hpp"

namespace squall::engine {
namespace {

// The value as it is stored; null when there is none. Of users `name` is "user:name".
Result<Value> stored_value(store::Store& store, const std::string& scope, const std::string& name) {
  SQ_TRY(const Value pair, store.find(store::Collection::kKeyValues, key_value_id(scope, name)));
  return pair["value"];
}

class KeyValueLookup final : public expr::LazyObject {
 public:
  KeyValueLookup(store::Store& store, std::string scope, std::string prefix, std::string key)
      : store_(store), scope_(std::move(scope)), prefix_(std::move(prefix)), key_(std::move(key)) {}

  std::string_view type_name() const override { return "KeyValueLookup"; }

  Result<Value> get(std::string_view name) const override {
    const std::string longer = key_.empty() ? std::string(name) : key_ + "." + std::string(name);
    return Value::object(std::make_shared<KeyValueLookup>(store_, scope_, prefix_, longer));
  }

  std::string name() const override { return scope_ + "." + key_; }

  Result<std::string> text() const override {
    SQ_TRY(const Value found, stored_value(store_, scope_, prefix_ + key_));
    return found.string();
  }

 private:
  store::Store& store_;
  std::string scope_;
  std::string prefix_;  // user keys are stored as "user:name"
  std::string key_;
};

}  // namespace

Value make_st2kv(store::Store& store, const std::string& user) {
  const auto lookup = [&](std::string_view scope, std::string prefix) {
    return Value::object(std::make_shared<KeyValueLookup>(store, std::string(scope), std::move(prefix), ""));
  };
  return Value::dict({{"system", lookup(kSystemScope, "")}, {"user", lookup(kUserScope, user + ":")}});
}

Result<crypto::SymmetricKey> open_datastore_key(const std::string& file, bool make) {
  const auto text = read_file(file);
  if (!text && make && text.error().code() == ErrorCode::kNotFound) {
    crypto::SymmetricKey key = crypto::SymmetricKey::generate(Random::system());
    SQ_CHECK(write_file_atomically(file, key.to_json(), 0600));
    return key;
  }
  return crypto::SymmetricKey::read(file);
}

Result<Value> decrypt_kv(const crypto::SymmetricKey& key, const Value& input) {
  const auto* lookup =
      input.kind() == Kind::kObject ? dynamic_cast<const expr::LazyObject*>(input.as_object().get()) : nullptr;
  SQ_TRY(const std::string stored, lookup != nullptr ? lookup->text() : Result<std::string>(python::str(input)));
  if (lookup != nullptr && stored.empty()) {
    return fail(Error(ErrorCode::kInvalid, "Referenced datastore item \"" + lookup->name() +
                                               "\" doesn't exist or it contains an empty string")
                    .with_type("ValueError"));
  }
  SQ_TRY(std::string plain, key.decrypt(stored));
  add_log_secret(plain);
  return Value(std::move(plain));
}

namespace {

// Stands for "no default given": null is a default like any other.
const Value& no_default() {
  static const Value kNone = Value::list({Value("no default")});
  return kNone;
}

Result<Value> st2kv_of_workflow(store::Store& store, const std::string& user, const crypto::SymmetricKey* key,
                                const List& arguments) {
  if (!arguments[0].is_string()) {
    return fail(Error(ErrorCode::kInvalid, "Given key is not typeof string.").with_type("TypeError"));
  }
  if (!arguments[1].is_bool()) {
    return fail(Error(ErrorCode::kInvalid, "Decrypt parameter is not typeof bool.").with_type("TypeError"));
  }
  std::string name(arguments[0].as_string());
  std::string scope(kUserScope);
  if (name.starts_with("system.")) {
    name = name.substr(7);
    scope = kSystemScope;
  } else {
    name = user + ":" + (name.starts_with("user.") ? name.substr(5) : name);
  }
  SQ_TRY(const Value found, stored_value(store, scope, name));
  if (!found.is_null()) {
    if (!arguments[1].as_bool()) return found;
    if (key == nullptr) return fail(ErrorCode::kUnavailable, "there is no key to decrypt values of the datastore with");
    return decrypt_kv(*key, found);
  }
  if (!(arguments[2] == no_default())) return arguments[2];
  return fail(Error(ErrorCode::kNotFound, "The key \"" + name + "\" does not exist in the StackStorm datastore.")
                  .with_type("ExpressionEvaluationException"));
}

}  // namespace

std::vector<std::shared_ptr<const expr::HostFunction>> workflow_functions(store::Store& store, const std::string& user,
                                                                          const crypto::SymmetricKey* key) {
  const std::vector<expr::HostParameter> parameters = {
      {"key", true, {}}, {"decrypt", false, Value(false)}, {"default", false, no_default()}};
  return {std::make_shared<expr::HostFunction>("st2kv", parameters, [&store, user, key](const List& arguments) {
    return st2kv_of_workflow(store, user, key, arguments);
  })};
}

}  // namespace squall::engine
