// ApiClient: the command line's side of the REST API.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "net/http_client.hpp"
#include "value/value.hpp"

namespace squall::cli {

using Query = std::vector<std::pair<std::string, std::string>>;

// Blocking; for one thread.
class ApiClient {
 public:
  // `url`: "http://127.0.0.1:9101"; "/v1" is added to it.
  explicit ApiClient(std::string url) : url_(std::move(url)) {}

  Result<Value> get(const std::string& path, const Query& query = {});
  Result<Value> post(const std::string& path, const Value& body);
  Result<Value> put(const std::string& path, const Value& body);
  Result<Value> remove(const std::string& path);
  // Matches in all of the list that was fetched last (X-Total-Count), -1 when unknown.
  int64_t total() const { return total_; }

 private:
  Result<Value> send(const std::string& method, const std::string& path, const Query& query, const Value* body);

  std::string url_;
  net::HttpClient http_;
  int64_t total_ = -1;
};

}  // namespace squall::cli
