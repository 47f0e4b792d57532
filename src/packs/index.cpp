#include "packs/index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::packs {
namespace {

constexpr std::string_view kFileScheme = "file://";

bool is_url(std::string_view location) { return location.starts_with("http://") || location.starts_with("https://"); }

// One index on its way.
struct Fetched {
  std::string text;
  std::string message;  // why there is no text
};

Value status_of(const std::string& location, const Fetched& fetched, Value& packs) {
  const auto status = [&](const Value& error, const std::string& message, int64_t count) {
    return Value::dict({{"url", location}, {"packs", count}, {"message", message}, {"error", error}});
  };
  if (!fetched.message.empty()) return status("unresponsive", fetched.message, 0);
  const auto document = parse_json(fetched.text);
  if (!document) return status("malformed", document.error().message(), 0);
  if (document->is_list()) return status("malformed", "Expected an index object, got a list instead.", 0);
  if (document->is_dict() && document->empty()) return status("empty", "The index URL returned an empty object.", 0);
  if (!(*document)["packs"].is_dict()) return status("malformed", "Index object is missing \"packs\" attribute.", 0);
  packs = (*document)["packs"];
  return status(Value(), "Success.", static_cast<int64_t>(packs.size()));
}

IndexContents combined(const std::vector<std::string>& locations, const std::vector<Fetched>& fetched) {
  IndexContents contents;
  for (size_t i = 0; i < locations.size(); ++i) {
    Value packs;
    const Value status = status_of(locations[i], fetched[i], packs);
    if (!status["error"].is_null()) {
      log_warning("an index of packs cannot be used",
                  {{"index", locations[i]}, {"reason", status["message"].string()}});
    }
    contents.status.push_back(status);
    if (!packs.is_dict()) continue;
    for (const auto& [name, pack] : packs.as_dict()) {
      if (!contents.packs.contains(name)) contents.packs.set(name, pack);
    }
  }
  return contents;
}

// Python's `query in value`, after both were made lower case.
bool has(const Value& value, const std::string& query) {
  if (value.is_string()) return to_lower(value.as_string()).find(query) != std::string::npos;
  if (value.is_list()) {
    return std::any_of(value.as_list().begin(), value.as_list().end(),
                       [&](const Value& item) { return item.is_string() && to_lower(item.as_string()) == query; });
  }
  if (value.is_dict()) {
    return std::any_of(value.as_dict().begin(), value.as_dict().end(),
                       [&](const Dict::Entry& member) { return to_lower(member.key) == query; });
  }
  return to_lower(python::str(value)).find(query) != std::string::npos;
}

}  // namespace

PackIndex::PackIndex(net::HttpClient& http, Executor& executor, std::vector<std::string> locations)
    : http_(http), executor_(executor), locations_(std::move(locations)) {}

void PackIndex::fetch(std::function<void(IndexContents)> done) {
  struct Fetch {
    std::vector<std::string> locations;
    std::vector<Fetched> fetched;
    size_t left = 0;
    std::function<void(IndexContents)> done;
  };
  auto fetch = std::make_shared<Fetch>(
      Fetch{locations_, std::vector<Fetched>(locations_.size()), locations_.size(), std::move(done)});
  const auto arrived = [fetch](size_t i, Fetched fetched) {
    fetch->fetched[i] = std::move(fetched);
    if (--fetch->left == 0) fetch->done(combined(fetch->locations, fetch->fetched));
  };
  if (locations_.empty()) return executor_.post([fetch] { fetch->done({}); });
  for (size_t i = 0; i < locations_.size(); ++i) {
    const std::string& location = locations_[i];
    if (!is_url(location)) {
      const std::string path = location.starts_with(kFileScheme) ? location.substr(kFileScheme.size()) : location;
      const auto text = read_file(path);
      executor_.post(
          [arrived, i, read = text ? Fetched{*text, ""} : Fetched{"", text.error().message()}] { arrived(i, read); });
      continue;
    }
    net::HttpRequest request;
    request.url = location;
    request.follow_redirects = true;
    request.accept_compressed = true;
    request.headers.set("Accept", "application/json");
    http_.send(std::move(request), {}, [this, arrived, i](const Result<net::HttpResponse>& response) {
      Fetched fetched;
      if (!response) {
        fetched.message = response.error().message();
      } else if (response->status != 200) {
        fetched.message = fmt::format("the server answered with status {}", response->status);
      } else {
        fetched.text = response->body;
      }
      executor_.post([arrived, i, fetched] { arrived(i, fetched); });
    });
  }
}

Value search_packs(const Value& packs, std::string_view query) {
  const std::string wanted = to_lower(query);
  std::array<List, 3> found;
  for (const auto& [name, pack] : packs.as_dict()) {
    if (!pack.is_dict()) continue;
    for (const auto& [key, value] : pack.as_dict()) {
      if (key == "repo_url" || key == "email" || !has(value, wanted)) continue;
      found[key == "name" ? 0 : key == "keywords" ? 1 : 2].push_back(pack);
      break;
    }
  }
  Value all = Value::empty_list();
  for (const List& some : found) {
    for (const Value& pack : some) all.push_back(pack);
  }
  return all;
}

}  // namespace squall::packs
