#include "auth/access.hpp"

#include "base/strings.hpp"
#include "crypto/hash.hpp"

namespace squall::auth {
namespace {

using store::Collection;

// StackStorm's constant (st2common/util/hash.py); with another one its keys would not be known here.
constexpr std::string_view kApiKeySalt = "saltnpepper";
constexpr size_t kTokenDigits = 32;
constexpr size_t kApiKeyBytes = 32;
constexpr size_t kSignatureDigits = 64;

Error unauthorized(const std::string& reason) {
  return Error(ErrorCode::kUnauthorized, reason.empty() ? "Unauthorized" : "Unauthorized - " + reason);
}

}  // namespace

std::string api_key_hash(std::string_view key) {
  return crypto::sha512_hex(std::string(kApiKeySalt) + std::string(key));
}

Access::Access(Executor& executor, const Clock& clock, store::Store& store, Random& random, AccessOptions options)
    : executor_(executor), clock_(clock), store_(store), random_(random), options_(options) {
  signing_key_.resize(kApiKeyBytes);
  random_.fill(signing_key_.data(), signing_key_.size());
}

void Access::write(store::Store::WriteFunction function, const Value& answer, const Done& done) {
  store_.write(std::move(function), [this, answer, done](const Status& status) {
    executor_.post([answer, done, status] { done(status ? Result<Value>(answer) : fail(status.error())); });
  });
}

Result<Identity> Access::check_token(std::string_view token) const {
  SQ_TRY(const Value found, store_.find(Collection::kTokens, crypto::sha256_hex(token)));
  if (found.is_null()) return fail(unauthorized(""));
  const auto expires = parse_timestamp(found["expiry"].string_or(""));
  if (!expires || *expires <= clock_.now()) return fail(unauthorized("Token has expired."));
  return Identity{found["user"].string(), "authentication token", "", expires};
}

Result<Identity> Access::check_api_key(std::string_view key) const {
  const std::string hash = api_key_hash(key);
  SQ_TRY(const Value found, find_api_key(key));
  if (found.is_null() || found["key_hash"].string_or("") != hash)
    return fail(unauthorized("ApiKey with key_hash=" + hash + " not found."));
  if (!found["enabled"].bool_or(true)) return fail(unauthorized("API key is disabled."));
  return Identity{found["user"].string(), "API key", "", std::nullopt};
}

void Access::make_token(const std::string& user, int64_t ttl_s, const Value& metadata, const Done& done) {
  const Duration ttl = ttl_s > 0 ? Duration(std::chrono::seconds(ttl_s)) : options_.token_ttl_max;
  const std::string token = random_.hex(kTokenDigits);
  const std::string hash = crypto::sha256_hex(token);
  const Value stored = Value::dict({{"user", user},
                                    {"expiry", format_timestamp(clock_.now() + ttl)},
                                    {"metadata", metadata.is_dict() ? metadata : Value::empty_dict()},
                                    {"service", false},
                                    {"id", new_object_id(clock_)}});
  Value shown = stored;
  shown.set("token", token);
  // What has expired goes with the next token that comes.
  write(
      [hash, stored, now = format_timestamp(clock_.now())](store::WriteTx& tx) -> Status {
        store::Query expired;
        expired.filters = {{"expiry", store::Compare::kLess, Value(now)}};
        expired.ids_only = true;
        SQ_TRY(const store::Page page, tx.list(Collection::kTokens, expired));
        for (const store::Record& record : page.records) {
          SQ_TRY([[maybe_unused]] const bool existed, tx.erase(Collection::kTokens, record.id));
        }
        return tx.put(Collection::kTokens, hash, stored);
      },
      shown, done);
}

void Access::make_api_key(const Value& given, const std::string& user, const Done& done) {
  std::string key;
  std::string hash = given["key_hash"].string();
  if (hash.empty()) {
    std::string bytes(kApiKeyBytes, '\0');
    random_.fill(bytes.data(), bytes.size());
    key = replace_all(replace_all(replace_all(base64_encode(bytes), "+", "-"), "/", "_"), "=", "");
    hash = api_key_hash(key);
  }
  const std::string id = new_object_id(clock_);
  const Value stored = Value::dict({{"uid", "api_key:" + hash},
                                    {"user", given["user"].truthy() ? given["user"] : Value(user)},
                                    {"key_hash", hash},
                                    {"metadata", given["metadata"].is_dict() ? given["metadata"] : Value::empty_dict()},
                                    {"created_at", format_timestamp(clock_.now())},
                                    {"enabled", given["enabled"].bool_or(true)},
                                    {"id", id}});
  Value shown = stored;
  shown.set("key", key.empty() ? Value() : Value(key));
  write([id, stored](store::WriteTx& tx) { return tx.insert(Collection::kApiKeys, id, stored); }, shown, done);
}

Result<Value> Access::find_api_key(std::string_view id_or_key) const {
  if (is_object_id(id_or_key)) return store_.find(Collection::kApiKeys, std::string(id_or_key));
  Value found;
  SQ_CHECK(store_.read([&](store::ReadTx& tx) -> Status {
    store::Query query;
    query.filters = {{"key_hash", store::Compare::kEqual, Value(api_key_hash(id_or_key))}};
    query.limit = 1;
    SQ_TRY(const store::Page page, tx.list(Collection::kApiKeys, query));
    if (!page.records.empty()) found = page.records.front().document;
    return {};
  }));
  return found;
}

void Access::put_api_key(const Value& document, const Done& done) {
  write([document](store::WriteTx& tx) { return tx.put(Collection::kApiKeys, document["id"].string(), document); },
        document, done);
}

void Access::remove_api_key(const std::string& id, const Done& done) {
  write(
      [id](store::WriteTx& tx) -> Status {
        SQ_TRY([[maybe_unused]] const bool existed, tx.erase(Collection::kApiKeys, id));
        return {};
      },
      Value(), done);
}

std::string Access::execution_token(const std::string& execution_id) const {
  return execution_id + crypto::hmac_sha256_hex(signing_key_, execution_id);
}

std::string Access::execution_of(std::string_view token) const {
  if (token.size() <= kSignatureDigits) return {};
  const std::string id(token.substr(0, token.size() - kSignatureDigits));
  return crypto::equal_in_constant_time(execution_token(id), token) ? id : std::string();
}

}  // namespace squall::auth
