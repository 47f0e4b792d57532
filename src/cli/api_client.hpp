// ApiClient: the command line's side of the REST API.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "cli/profile.hpp"
#include "net/http_client.hpp"
#include "value/value.hpp"

namespace squall::cli {

using Query = std::vector<std::pair<std::string, std::string>>;

// Blocking; for one thread.
class ApiClient {
 public:
  // "/v1" is added to the profile's address. A user with a password gets a token when the first request is made, from
  // the cache or from the server.
  explicit ApiClient(Profile profile) : profile_(std::move(profile)) {}

  Result<Value> get(const std::string& path, const Query& query = {});
  Result<Value> post(const std::string& path, const Value& body);
  Result<Value> put(const std::string& path, const Value& body);
  Result<Value> remove(const std::string& path);
  // Matches in all of the list that was fetched last (X-Total-Count), -1 when unknown.
  int64_t total() const { return total_; }
  const std::string& url() const { return profile_.url; }

 private:
  Result<Value> send(const std::string& method, const std::string& path, const Query& query, const Value* body);
  Result<Value> send_once(const std::string& method, const std::string& path, const Query& query, const Value* body);
  Status log_in();
  bool take_cached_token();
  void keep_token(const Value& token) const;
  bool has_password() const { return !profile_.user.empty() && !profile_.password.empty(); }

  Profile profile_;
  bool token_from_cache_ = false;
  net::HttpClient http_;
  int64_t total_ = -1;
};

}  // namespace squall::cli
