// Client: one Kubernetes API server as one user.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/stop_token.hpp"
#include "clients/kubernetes/credentials.hpp"
#include "clients/kubernetes/kubeconfig.hpp"
#include "clients/kubernetes/resource.hpp"
#include "net/http_client.hpp"

namespace squall::kubernetes {

inline constexpr Duration kRequestTimeout = std::chrono::seconds(60);
inline constexpr int kThrottledTriesMax = 6;                            // of one blocking call
inline constexpr Duration kThrottleWaitMax = std::chrono::seconds(30);  // for one Retry-After
inline constexpr int kUnreachableTriesMax = 4;                          // of one blocking GET
inline constexpr size_t kWatchEventBytesMax = 64u << 20;                // one event of a watch
inline constexpr std::string_view kDefaultFieldManager = "squall";

using Query = std::vector<std::pair<std::string, std::string>>;

struct ApiRequest {
  std::string method = "GET";
  std::string path;
  Query query;  // not yet encoded
  std::string content_type;
  std::string body;
  Duration timeout = kRequestTimeout;
};

enum class PatchType { kJson, kMerge, kStrategic, kApply };

// What writes have in common.
struct WriteOptions {
  std::string field_manager = std::string(kDefaultFieldManager);
  std::string field_validation;  // "Strict", "Warn", "Ignore" or empty
  bool dry_run = false;
  bool force = false;       // apply only: take fields over from other managers
  std::string subresource;  // "status"
};

struct DeleteOptions {
  std::string propagation;  // "Background", "Foreground", "Orphan" or empty
  std::string uid;          // only this very object
  std::string resource_version;
  int64_t grace_period_seconds = -1;  // -1: the server's default
  bool dry_run = false;
};

struct ListOptions {
  std::string label_selector, field_selector;
  int64_t limit = 0;  // of a page; 0: the server's choice
  std::string continue_token;
};

struct ListPage {
  List items;
  std::string resource_version;
  std::string continue_token;  // empty: the last page
};

// Query parameters of a list request.
Query list_query(const ListOptions& options);
ListPage parse_list_page(const Value& list);

// Thread-safe; shared, because requests in flight hold it. Callbacks of the asynchronous functions run on the HTTP
// client's thread (or on a plugin runner's) and must not block. On 401 the credentials are renewed and the request is
// made again, once. The blocking functions also wait and try again on 429 and on 503 with Retry-After, and reads when
// the server cannot be reached; a stop ends them with kCanceled. Errors: see error_of_status(); transport errors name
// the server.
class Client : public std::enable_shared_from_this<Client> {
 public:
  // `http` and `clock` must outlive the client and what it has in flight.
  static std::shared_ptr<Client> make(Configuration configuration, net::HttpClient& http, PluginRunner plugin_runner,
                                      const Clock& clock = Clock::system());

  const Configuration& configuration() const { return configuration_; }

  using Done = std::function<void(Result<ApiAnswer>)>;
  void send(ApiRequest request, StopToken stop, Done done);

  struct WatchHandlers {
    std::function<void(std::vector<Value> events)> on_events;  // {type, object}, in order
    std::function<void()> on_open;                             // the server accepted the watch
    std::shared_ptr<net::Valve> valve;                         // holds the events back while it is shut; may be null
    // Once. An answer of status 200: the server ended the stream. kTimeout: no byte for `idle_timeout`.
    Done on_end;
  };
  void watch(ApiRequest request, Duration idle_timeout, StopToken stop, WatchHandlers handlers);

  // Looks up a type by kind or plural name. Remembered; a type that is unknown is asked for again.
  using ResolveDone = std::function<void(Result<ResourceInfo>)>;
  void resolve(const std::string& api_version, const std::string& kind_or_resource, StopToken stop, ResolveDone done);

  // A path of this API version is gone (404): its types are looked up anew.
  void forget_types(const std::string& api_version);

  // The blocking functions, for threads that may wait.
  Result<ApiAnswer> call(const ApiRequest& request, StopToken stop = {});
  Result<ResourceInfo> resolve(const std::string& api_version, const std::string& kind_or_resource,
                               StopToken stop = {});
  Result<Value> get(const ResourceId& resource, std::string_view name, StopToken stop = {});
  Result<ListPage> list(const ResourceId& resource, const ListOptions& options, StopToken stop = {});
  Result<Value> create(const ResourceId& resource, const Value& object, const WriteOptions& options = {},
                       StopToken stop = {});
  Result<Value> update(const ResourceId& resource, std::string_view name, const Value& object,
                       const WriteOptions& options = {}, StopToken stop = {});
  Result<Value> patch(const ResourceId& resource, std::string_view name, PatchType type, const Value& patch,
                      const WriteOptions& options = {}, StopToken stop = {});
  // Server-side apply.
  Result<Value> apply(const ResourceId& resource, std::string_view name, const Value& object,
                      const WriteOptions& options = {}, StopToken stop = {});
  // The object when it still exists (finalizers), else a Status.
  Result<Value> remove(const ResourceId& resource, std::string_view name, const DeleteOptions& options = {},
                       StopToken stop = {});

 private:
  struct Private {};
  struct Exchange;
  struct Stream;

 public:
  Client(Private, Configuration configuration, net::HttpClient& http, PluginRunner plugin_runner, const Clock& clock);

 private:
  Result<net::HttpRequest> build(const ApiRequest& request, const Authorization& authorization) const;
  void start(std::shared_ptr<Exchange> exchange);
  void start_stream(std::shared_ptr<Stream> stream);
  void log_warnings(const net::Headers& headers);
  Error transport_error(const Error& error) const;
  Result<ResourceInfo> find_resource(const std::string& api_version, const std::string& kind_or_resource);
  Result<Value> call_for_body(const ApiRequest& request, const StopToken& stop);

  const Configuration configuration_;
  net::HttpClient& http_;
  const std::shared_ptr<Credentials> credentials_;

  std::mutex mutex_;
  std::map<std::string, std::vector<ResourceInfo>, std::less<>> discovered_;  // by apiVersion
  std::set<std::string> warnings_seen_;
};

}  // namespace squall::kubernetes
