// PackIndex: which packs there are to install, as index files tell (stackstorm-features.md A-6).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.hpp"
#include "base/result.hpp"
#include "net/http_client.hpp"
#include "value/value.hpp"

namespace squall::packs {

// What the indexes say together.
struct IndexContents {
  Value packs = Value::empty_dict();   // by name; of one name in two indexes the earlier index has it
  Value status = Value::empty_list();  // per index {url, packs, message, error}, as StackStorm tells it
};

// An index is a JSON document {"packs": {name: {name, repo_url, version, ...}}}, at a URL or in a file (a path, or
// file://...). Fetched anew at every call: it is asked for by people. Lives on the executor.
class PackIndex {
 public:
  PackIndex(net::HttpClient& http, Executor& executor, std::vector<std::string> locations);

  const std::vector<std::string>& locations() const { return locations_; }
  // `done` runs on the executor. An index that cannot be read is told in the status; what the others have counts.
  void fetch(std::function<void(IndexContents)> done);

 private:
  net::HttpClient& http_;
  Executor& executor_;
  std::vector<std::string> locations_;
};

// The packs that the query is a part of, ignoring case: those with it in their name first, then those with such a
// keyword, then those with it elsewhere. `repo_url` and `email` are not looked into.
Value search_packs(const Value& packs, std::string_view query);

}  // namespace squall::packs
