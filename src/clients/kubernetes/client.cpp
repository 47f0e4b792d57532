#include "clients/kubernetes/client.hpp"

#include <condition_variable>
#include <future>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "clients/kubernetes/json_splitter.hpp"
#include "value/json.hpp"

namespace squall::kubernetes {
namespace {

constexpr size_t kWarningsRemembered = 200;
constexpr size_t kErrorBodyBytesMax = 1u << 20;
constexpr int kUnauthorized = 401;

std::string_view content_type_of(PatchType type) {
  switch (type) {
    case PatchType::kJson: return "application/json-patch+json";
    case PatchType::kMerge: return "application/merge-patch+json";
    case PatchType::kStrategic: return "application/strategic-merge-patch+json";
    case PatchType::kApply: return "application/apply-patch+yaml";
  }
  return "application/json";
}

Query write_query(const WriteOptions& options) {
  Query query;
  if (!options.field_manager.empty()) query.emplace_back("fieldManager", options.field_manager);
  if (!options.field_validation.empty()) query.emplace_back("fieldValidation", options.field_validation);
  if (options.dry_run) query.emplace_back("dryRun", "All");
  if (options.force) query.emplace_back("force", "true");
  return query;
}

ApiAnswer read_answer(int status, const net::Headers& headers, std::string body) {
  ApiAnswer answer;
  answer.status = status;
  answer.headers = headers;
  if (auto parsed = parse_json(body)) {
    answer.body = std::move(*parsed);
  } else {
    answer.text = std::move(body);
  }
  return answer;
}

// True when the whole time passed.
bool sleep_unless_stopped(const StopToken& stop, Duration delay) {
  struct Waiter {
    std::mutex mutex;
    std::condition_variable wake;
    bool stopped = false;
  };
  const auto waiter = std::make_shared<Waiter>();
  stop.on_stop([waiter] {
    const std::lock_guard lock(waiter->mutex);
    waiter->stopped = true;
    waiter->wake.notify_all();
  });
  std::unique_lock lock(waiter->mutex);
  return !waiter->wake.wait_for(lock, delay, [&] { return waiter->stopped; });
}

// How long to wait before the same request is made again; nothing when its outcome stands.
std::optional<Duration> delay_before_retry(const ApiRequest& request, const Result<ApiAnswer>& outcome, int tries) {
  if (!outcome) {
    const bool may_retry = request.method == "GET" && outcome.error().code() == ErrorCode::kUnavailable &&
                           outcome.error().type() != "TlsVerification";
    if (!may_retry || tries >= kUnreachableTriesMax) return std::nullopt;
    return std::chrono::milliseconds(250) * (1 << tries);
  }
  const auto wanted = retry_after_of(*outcome);
  const bool throttled = outcome->status == 429 || (outcome->status == 503 && wanted);
  if (!throttled || tries >= kThrottledTriesMax) return std::nullopt;
  return std::min<Duration>(wanted.value_or(std::chrono::seconds(1)), kThrottleWaitMax);
}

}  // namespace

Query list_query(const ListOptions& options) {
  Query query;
  if (!options.label_selector.empty()) query.emplace_back("labelSelector", options.label_selector);
  if (!options.field_selector.empty()) query.emplace_back("fieldSelector", options.field_selector);
  if (options.limit > 0) query.emplace_back("limit", std::to_string(options.limit));
  if (!options.continue_token.empty()) query.emplace_back("continue", options.continue_token);
  return query;
}

ListPage parse_list_page(const Value& list) {
  return {items_of(list), list["metadata"]["resourceVersion"].string(), list["metadata"]["continue"].string()};
}

std::shared_ptr<Client> Client::make(Configuration configuration, net::HttpClient& http, PluginRunner plugin_runner,
                                     const Clock& clock) {
  return std::make_shared<Client>(Private{}, std::move(configuration), http, std::move(plugin_runner), clock);
}

Client::Client(Private, Configuration configuration, net::HttpClient& http, PluginRunner plugin_runner,
               const Clock& clock)
    : configuration_(std::move(configuration)),
      http_(http),
      credentials_(std::make_shared<Credentials>(configuration_, std::move(plugin_runner), clock)) {}

Result<net::HttpRequest> Client::build(const ApiRequest& request, const Authorization& authorization) const {
  net::HttpRequest http;
  http.method = request.method;
  http.url = configuration_.server + request.path;
  char separator = '?';
  for (const auto& [name, value] : request.query) {
    http.url += separator + percent_encode(name) + "=" + percent_encode(value);
    separator = '&';
  }
  http.headers.set("Accept", "application/json");
  http.headers.set("User-Agent", "squall");
  if (!request.content_type.empty()) http.headers.set("Content-Type", request.content_type);
  const Impersonation& as = configuration_.impersonation;
  if (!as.user.empty()) http.headers.set("Impersonate-User", as.user);
  if (!as.uid.empty()) http.headers.set("Impersonate-Uid", as.uid);
  for (const std::string& group : as.groups) http.headers.add("Impersonate-Group", group);
  for (const auto& [key, values] : as.extra) {
    for (const std::string& value : values) http.headers.add("Impersonate-Extra-" + percent_encode(key), value);
  }
  http.accept_compressed = configuration_.compression;
  http.body = request.body;
  http.tls = configuration_.tls;
  http.proxy = configuration_.proxy_url;
  http.timeout = request.timeout;
  authorization.apply_to(http);
  return http;
}

// One asynchronous request; held by the callbacks that wait for it.
struct Client::Exchange {
  ApiRequest request;
  StopToken stop;
  Done done;
  uint64_t rejected = 0;  // generation of the credentials that the server refused
};

void Client::send(ApiRequest request, StopToken stop, Done done) {
  start(std::make_shared<Exchange>(Exchange{std::move(request), std::move(stop), std::move(done)}));
}

void Client::start(std::shared_ptr<Exchange> exchange) {
  credentials_->get([self = shared_from_this(), exchange](Result<Authorization> authorization) {
    if (!authorization) return exchange->done(fail(std::move(authorization).error()));
    const uint64_t generation = authorization->generation;
    if (generation == exchange->rejected) {
      return exchange->done(
          fail(Error(ErrorCode::kUnauthorized,
                     self->configuration_.server + " does not accept the credentials of " + self->configuration_.source)
                   .with_type("Unauthorized")
                   .with_http_status(kUnauthorized)));
    }
    auto http = self->build(exchange->request, *authorization);
    if (!http) return exchange->done(fail(std::move(http).error()));
    self->http_.send(std::move(*http), exchange->stop,
                     [self, exchange, generation](Result<net::HttpResponse> response) {
                       if (!response) return exchange->done(fail(self->transport_error(response.error())));
                       if (response->status == kUnauthorized && exchange->rejected == 0) {
                         exchange->rejected = generation;
                         self->credentials_->reject(generation);
                         return self->start(exchange);
                       }
                       self->log_warnings(response->headers);
                       exchange->done(read_answer(response->status, response->headers, std::move(response->body)));
                     });
  });
}

// One watch. Its callbacks come one after another.
struct Client::Stream {
  ApiRequest request;
  Duration idle_timeout;
  StopSource stop;
  WatchHandlers handlers;
  uint64_t rejected = 0;
  int status = 0;
  net::Headers headers;
  std::string error_body;
  JsonSplitter splitter{kWatchEventBytesMax};
  std::optional<Error> error;
};

void Client::watch(ApiRequest request, Duration idle_timeout, StopToken stop, WatchHandlers handlers) {
  auto stream = std::make_shared<Stream>();
  stream->request = std::move(request);
  stream->idle_timeout = idle_timeout;
  stream->handlers = std::move(handlers);
  stop.on_stop([weak = std::weak_ptr<Stream>(stream)] {
    if (const auto alive = weak.lock()) alive->stop.stop();
  });
  start_stream(std::move(stream));
}

void Client::start_stream(std::shared_ptr<Stream> stream) {
  credentials_->get([self = shared_from_this(), stream](Result<Authorization> authorization) {
    if (!authorization) return stream->handlers.on_end(fail(std::move(authorization).error()));
    const uint64_t generation = authorization->generation;
    auto http = self->build(stream->request, *authorization);
    if (!http) return stream->handlers.on_end(fail(std::move(http).error()));
    http->timeout = Duration::zero();
    http->idle_timeout = stream->idle_timeout;
    http->accept_compressed = false;  // a compressor in between may hold events back
    stream->status = 0;
    stream->error_body.clear();
    net::HttpClient::StreamHandlers handlers;
    handlers.valve = stream->handlers.valve;
    handlers.on_head = [self, stream](const net::HttpResponse& head) {
      stream->status = head.status;
      stream->headers = head.headers;
      self->log_warnings(head.headers);
      if (head.status == 200 && stream->handlers.on_open) stream->handlers.on_open();
    };
    handlers.on_chunk = [stream](std::string_view chunk) {
      if (stream->error) return;
      if (stream->status != 200) {
        if (stream->error_body.size() < kErrorBodyBytesMax) stream->error_body += chunk;
        return;
      }
      std::vector<Value> events;
      const auto on_document = [&](std::string_view document) {
        auto event = parse_json(document);
        if (event) {
          events.push_back(std::move(*event));
        } else if (!stream->error) {
          stream->error = event.error().with_context("an event of the watch is not JSON");
        }
      };
      if (auto status = stream->splitter.feed(chunk, on_document); !status) stream->error = status.error();
      if (!events.empty()) stream->handlers.on_events(std::move(events));
      if (stream->error) stream->stop.stop();
    };
    handlers.on_done = [self, stream, generation](Status status) {
      if (stream->error) return stream->handlers.on_end(fail(*stream->error));
      if (!status) return stream->handlers.on_end(fail(self->transport_error(status.error())));
      if (stream->status == kUnauthorized && stream->rejected == 0) {
        stream->rejected = generation;
        self->credentials_->reject(generation);
        return self->start_stream(stream);
      }
      if (!stream->splitter.at_boundary()) {
        return stream->handlers.on_end(fail(ErrorCode::kUnavailable, "the watch ended in the middle of an event"));
      }
      stream->handlers.on_end(read_answer(stream->status, stream->headers, std::move(stream->error_body)));
    };
    self->http_.stream(std::move(*http), stream->stop.token(), std::move(handlers));
  });
}

Error Client::transport_error(const Error& error) const {
  return error.with_context("Kubernetes API server " + configuration_.server);
}

void Client::log_warnings(const net::Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (!equals_ignore_case(name, "Warning")) continue;
    {
      const std::lock_guard lock(mutex_);
      if (warnings_seen_.size() >= kWarningsRemembered) warnings_seen_.clear();
      if (!warnings_seen_.insert(value).second) continue;
    }
    log_warning("Kubernetes API server warns", {{"server", configuration_.server}, {"warning", value}});
  }
}

Result<ResourceInfo> Client::find_resource(const std::string& api_version, const std::string& kind_or_resource) {
  const std::lock_guard lock(mutex_);
  const auto found = discovered_.find(api_version);
  std::vector<std::string> kinds;
  if (found != discovered_.end()) {
    for (const ResourceInfo& info : found->second) {
      if (info.kind == kind_or_resource || info.id.resource == kind_or_resource) return info;
      kinds.push_back(info.kind);
    }
  }
  return fail(Error(ErrorCode::kNotFound, "the server has no '" + kind_or_resource + "' in " + api_version +
                                              (kinds.empty() ? "" : "; it has " + join(kinds, ", ")))
                  .with_type("NotFound")
                  .with_http_status(404));
}

void Client::resolve(const std::string& api_version, const std::string& kind_or_resource, StopToken stop,
                     ResolveDone done) {
  if (auto parsed = parse_api_version(api_version); !parsed) return done(fail(std::move(parsed).error()));
  if (auto known = find_resource(api_version, kind_or_resource)) return done(std::move(known));
  ApiRequest request;
  request.path = api_version_path(api_version);
  send(std::move(request), std::move(stop),
       [self = shared_from_this(), api_version, kind_or_resource, done = std::move(done)](Result<ApiAnswer> answer) {
         if (!answer) return done(fail(std::move(answer).error()));
         const int status = answer->status;
         auto body = body_of(std::move(*answer));
         if (!body && status != 404) return done(fail(body.error().with_context("discovery of " + api_version)));
         {
           const std::lock_guard lock(self->mutex_);
           if (body) {
             self->discovered_[api_version] = parse_resource_list(*body);
           } else {
             self->discovered_.erase(api_version);
           }
         }
         done(self->find_resource(api_version, kind_or_resource));
       });
}

void Client::forget_types(const std::string& api_version) {
  const std::lock_guard lock(mutex_);
  discovered_.erase(api_version);
}

Result<ApiAnswer> Client::call(const ApiRequest& request, StopToken stop) {
  for (int tries = 1;; ++tries) {
    // Held by the callback as well: this thread may be through before the promise's other side is.
    const auto promise = std::make_shared<std::promise<Result<ApiAnswer>>>();
    auto future = promise->get_future();
    send(request, stop, [promise](Result<ApiAnswer> answer) { promise->set_value(std::move(answer)); });
    Result<ApiAnswer> outcome = future.get();
    const auto delay = delay_before_retry(request, outcome, tries);
    if (!delay) return outcome;
    if (stop.stopped() || !sleep_unless_stopped(stop, *delay)) {
      return fail(ErrorCode::kCanceled, "stopped while waiting for the Kubernetes API server");
    }
  }
}

Result<ResourceInfo> Client::resolve(const std::string& api_version, const std::string& kind_or_resource,
                                     StopToken stop) {
  const auto promise = std::make_shared<std::promise<Result<ResourceInfo>>>();
  auto future = promise->get_future();
  resolve(api_version, kind_or_resource, std::move(stop),
          [promise](Result<ResourceInfo> info) { promise->set_value(std::move(info)); });
  return future.get();
}

Result<Value> Client::call_for_body(const ApiRequest& request, const StopToken& stop) {
  SQ_TRY(ApiAnswer answer, call(request, stop));
  return body_of(std::move(answer));
}

Result<Value> Client::get(const ResourceId& resource, std::string_view name, StopToken stop) {
  ApiRequest request;
  request.path = resource.path(name);
  return call_for_body(request, stop);
}

Result<ListPage> Client::list(const ResourceId& resource, const ListOptions& options, StopToken stop) {
  ApiRequest request;
  request.path = resource.path();
  request.query = list_query(options);
  SQ_TRY(const Value body, call_for_body(request, stop));
  return parse_list_page(body);
}

Result<Value> Client::create(const ResourceId& resource, const Value& object, const WriteOptions& options,
                             StopToken stop) {
  ApiRequest request{"POST", resource.path(), write_query(options), "application/json", to_json(object)};
  return call_for_body(request, stop);
}

Result<Value> Client::update(const ResourceId& resource, std::string_view name, const Value& object,
                             const WriteOptions& options, StopToken stop) {
  ApiRequest request{"PUT", resource.path(name, options.subresource), write_query(options), "application/json",
                     to_json(object)};
  return call_for_body(request, stop);
}

Result<Value> Client::patch(const ResourceId& resource, std::string_view name, PatchType type, const Value& patch,
                            const WriteOptions& options, StopToken stop) {
  ApiRequest request{"PATCH", resource.path(name, options.subresource), write_query(options),
                     std::string(content_type_of(type)), to_json(patch)};
  return call_for_body(request, stop);
}

Result<Value> Client::apply(const ResourceId& resource, std::string_view name, const Value& object,
                            const WriteOptions& options, StopToken stop) {
  return patch(resource, name, PatchType::kApply, object, options, std::move(stop));
}

Result<Value> Client::remove(const ResourceId& resource, std::string_view name, const DeleteOptions& options,
                             StopToken stop) {
  Value body = Value::dict({{"apiVersion", "v1"}, {"kind", "DeleteOptions"}});
  if (!options.propagation.empty()) body.set("propagationPolicy", options.propagation);
  if (options.grace_period_seconds >= 0) body.set("gracePeriodSeconds", options.grace_period_seconds);
  if (options.dry_run) body.set("dryRun", Value::list({"All"}));
  Value preconditions = Value::empty_dict();
  if (!options.uid.empty()) preconditions.set("uid", options.uid);
  if (!options.resource_version.empty()) preconditions.set("resourceVersion", options.resource_version);
  if (!preconditions.empty()) body.set("preconditions", std::move(preconditions));
  ApiRequest request{"DELETE", resource.path(name), {}, "application/json", to_json(body)};
  return call_for_body(request, stop);
}

}  // namespace squall::kubernetes
