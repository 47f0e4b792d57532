// A Kubernetes API server in this process, for tests: lists in pages, watches with history and bookmarks, writes with
// resourceVersions and finalizers, and every fault that a real one has shown. Knows nothing of schemas and permissions.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/strings.hpp"
#include "clients/kubernetes/fake_objects.hpp"
#include "net/http_server.hpp"
#include "net/test_server.hpp"
#include "value/json.hpp"

namespace squall::kubernetes::testing {

// Thread-safe: tests use it while it serves.
class FakeApiServer {
 public:
  struct Request {
    std::string method, path, raw_query, body, content_type, authorization;
    net::QueryParameters query;
    net::Headers headers;

    std::string query_value(std::string_view name) const {
      for (const auto& [key, value] : query) {
        if (key == name) return value;
      }
      return {};
    }
    bool is_watch() const { return !query_value("watch").empty(); }
    // Of a whole collection; not the probe with limit=1.
    bool is_list() const { return method == "GET" && !is_watch() && is_collection && query_value("limit") != "1"; }
    bool is_streamed_list() const { return is_watch() && query_value("sendInitialEvents") == "true"; }
    bool is_collection = false;
  };
  struct Refusal {
    int status;
    std::string body;
    net::Headers headers;
  };

  FakeApiServer() { start(); }
  ~FakeApiServer() { stop(); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // Connections are refused between stop() and start(); the port stays the same.
  void start() {
    thread_ = std::make_unique<net::testing::LoopThread>();
    net::ServerOptions options;
    options.port = port_;
    for (int tries = 0; server_ == nullptr; ++tries) {
      auto started = net::HttpServer::start(thread_->loop, options, [this](net::ServerRequest request, auto responder) {
        serve(std::move(request), std::move(responder));
      });
      if (started) {
        server_ = std::move(*started);
      } else if (tries > 100) {
        throw std::runtime_error(started.error().to_string());
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
    port_ = server_->port();
  }
  void stop() {
    if (!thread_) return;
    {
      const std::lock_guard lock(mutex_);
      watches_.clear();
    }
    thread_->stop();
    server_.reset();
    thread_.reset();
  }

  // Creates or replaces as a user would; returns the object.
  Value put(const std::string& plural, const std::string& space, const std::string& name, Value content = {}) {
    const std::lock_guard lock(mutex_);
    Value object = objects_.replace(plural, space, name, std::move(content));
    flush();
    return object;
  }
  void erase(const std::string& plural, const std::string& space, const std::string& name) {
    const std::lock_guard lock(mutex_);
    objects_.erase(plural, space, name);
    flush();
  }
  Value find(const std::string& plural, const std::string& space, const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return objects_.find(plural, space, name);
  }
  int64_t revision() const {
    const std::lock_guard lock(mutex_);
    return objects_.revision();
  }
  // Going back in time, as after a restored backup.
  void set_revision(int64_t revision) {
    const std::lock_guard lock(mutex_);
    objects_.set_revision(revision);
  }

  // The type is deleted with all its objects, or defined again. Without it everything about it is 404, and open watches
  // of it end.
  void remove_type(const std::string& plural) {
    const std::lock_guard lock(mutex_);
    objects_.erase_all(plural);
    flush();
    removed_.insert(plural);
    std::erase_if(watches_, [&](const Watch& watch) {
      if (watch.selection.plural != plural) return false;
      watch.stream->close();
      return true;
    });
  }
  void define_type(const std::string& plural) {
    const std::lock_guard lock(mutex_);
    removed_.erase(plural);
  }

  // What the server makes of sendInitialEvents.
  enum class Streaming { kOffered, kRefused, kRefusedInBand, kUnknown };
  void set_streaming(Streaming streaming) {
    const std::lock_guard lock(mutex_);
    streaming_ = streaming;
  }
  // The next streamed list ends after so many objects.
  void cut_streamed_list(size_t after) {
    const std::lock_guard lock(mutex_);
    cut_after_ = after;
  }

  // As a backup is restored: everything is as it was then, and so is the revision, from which the server goes on
  // counting. All connections are gone.
  using Backup = FakeObjects;
  Backup back_up() const {
    const std::lock_guard lock(mutex_);
    return objects_;
  }
  void restore(const Backup& backup) {
    {
      const std::lock_guard lock(mutex_);
      objects_.restore(backup);
    }
    close_watches();
  }

  // History up to now is forgotten: watches from before get 410, in-band or as HTTP status; continue tokens too.
  void compact(bool as_http_status = false) {
    const std::lock_guard lock(mutex_);
    objects_.compact();
    expired_as_status_ = as_http_status;
  }

  // What the watches that are open now get.
  void send_bookmark() {
    const std::lock_guard lock(mutex_);
    const Value metadata = Value::dict({{"resourceVersion", std::to_string(objects_.revision())}});
    const Value object = Value::dict({{"kind", "Bookmark"}, {"metadata", metadata}});
    for (Watch& watch : watches_) send(watch, Value::dict({{"type", "BOOKMARK"}, {"object", object}}));
  }
  void send_raw(const std::string& text) {
    const std::lock_guard lock(mutex_);
    for (Watch& watch : watches_) watch.stream->write(text);
  }
  void close_watches() {
    const std::lock_guard lock(mutex_);
    for (Watch& watch : watches_) watch.stream->close();
    watches_.clear();
  }
  size_t watch_count() {
    const std::lock_guard lock(mutex_);
    return watches_.size();
  }
  // Watches stay open but get nothing.
  void set_silent(bool silent) {
    const std::lock_guard lock(mutex_);
    silent_ = silent;
  }

  using Match = std::function<bool(const Request&)>;
  // The next requests for which `match` is true get these answers, one each.
  void refuse(Match match, std::vector<Refusal> refusals) {
    const std::lock_guard lock(mutex_);
    refusals_.emplace_back(std::move(match), std::move(refusals));
  }
  // Called with every request before it is served, on the server's thread, without a lock.
  void on_request(std::function<void(const Request&)> callback) {
    const std::lock_guard lock(mutex_);
    callback_ = std::move(callback);
  }
  // Only requests with this header value are served; others get 401.
  void require_authorization(std::string value) {
    const std::lock_guard lock(mutex_);
    authorization_ = std::move(value);
  }

  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  size_t count(const Match& match) const {
    const std::lock_guard lock(mutex_);
    return static_cast<size_t>(std::count_if(requests_.begin(), requests_.end(), match));
  }
  void forget_requests() {
    const std::lock_guard lock(mutex_);
    requests_.clear();
  }

  static std::string status_body(int code, const std::string& reason, const std::string& message) {
    return to_json(FakeObjects::status(code, reason, message));
  }

 private:
  struct Watch {
    std::shared_ptr<net::ResponseStream> stream;
    FakeObjects::Selection selection;
    size_t next_event;  // index into the history
    int64_t from;       // nothing up to this revision is sent
  };

  void serve(net::ServerRequest request, const std::shared_ptr<net::Responder>& responder) {
    Request seen{request.method,
                 request.path,
                 "",
                 request.body,
                 std::string(request.headers.get("Content-Type")),
                 std::string(request.headers.get("Authorization")),
                 request.query,
                 request.headers};
    const auto target = FakeObjects::parse_path(request.path);
    seen.is_collection = target && target->name.empty();
    std::function<void(const Request&)> callback;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(seen);
      callback = callback_;
    }
    if (callback) callback(seen);

    const std::lock_guard lock(mutex_);
    if (auto refusal = next_refusal(seen)) {
      return respond(*responder, refusal->status, refusal->body, refusal->headers);
    }
    if (!authorization_.empty() && seen.authorization != authorization_) {
      return respond(*responder, 401, status_body(401, "Unauthorized", "Unauthorized"));
    }
    if (target && removed_.contains(target->plural)) return respond(*responder, 404, "404 page not found\n");
    if (!target) {
      const auto answer = FakeObjects::discovery(request.path, removed_);
      return answer ? respond(*responder, 200, to_json(*answer)) : respond(*responder, 404, "404 page not found\n");
    }
    if (seen.is_watch()) return open_watch(seen, *target, *responder);
    const FakeObjects::Answer answer = objects_.serve(seen.method, *target, seen.query, seen.content_type, seen.body);
    respond(*responder, answer.status, to_json(answer.body));
    flush();
  }

  void open_watch(const Request& request, const FakeObjects::Target& target, net::Responder& responder) {
    const int64_t from = parse_int(request.query_value("resourceVersion")).value_or(0);
    const bool expired = from < objects_.compacted();
    const std::string text = "too old resource version: " + std::to_string(from);
    if (expired && expired_as_status_) return respond(responder, 410, status_body(410, "Expired", text));
    const bool streamed = request.is_streamed_list() && streaming_ != Streaming::kUnknown;
    if (streamed && streaming_ == Streaming::kRefused) {
      return respond(responder, 422, status_body(422, "Invalid", "sendInitialEvents is forbidden for watch"));
    }
    auto stream = responder.start_stream({});
    if (streamed && streaming_ == Streaming::kRefusedInBand) {
      stream->write(R"({"type":"ERROR","object":)" + status_body(500, "InternalError", "streaming is disabled") +
                    "}\n");
      return stream->close();
    }
    if (expired && !request.is_streamed_list()) {
      stream->write(R"({"type":"ERROR","object":)" + status_body(410, "Expired", text) + "}\n");
      return stream->close();
    }
    watches_.push_back({std::move(stream), target, objects_.events_after(from), from});
    if (request.is_streamed_list()) send_initial_events(watches_.back(), streamed);
    flush();
  }

  void send_initial_events(Watch& watch, bool with_end) {
    watch.from = objects_.revision();
    watch.next_event = objects_.history().size();
    size_t sent = 0;
    for (const Value& object : objects_.all(watch.selection)) {
      if (cut_after_ && sent++ == *cut_after_) {
        cut_after_.reset();
        watch.stream->close();
        return watches_.pop_back();
      }
      send(watch, Value::dict({{"type", "ADDED"}, {"object", object}}));
    }
    if (!with_end) return;
    const Value metadata = Value::dict({{"resourceVersion", std::to_string(watch.from)},
                                        {"annotations", Value::dict({{"k8s.io/initial-events-end", "true"}})}});
    send(watch, Value::dict({{"type", "BOOKMARK"}, {"object", Value::dict({{"metadata", metadata}})}}));
  }

  // Sends what the watches have not got yet.
  void flush() {
    if (silent_) return;
    const auto& history = objects_.history();
    for (Watch& watch : watches_) {
      for (; watch.next_event < history.size(); ++watch.next_event) {
        const FakeObjects::Event& event = history[watch.next_event];
        if (event.revision <= watch.from || !watch.selection.covers(event.plural, event.object)) continue;
        send(watch, Value::dict({{"type", event.type}, {"object", event.object}}));
      }
    }
  }
  static void send(Watch& watch, const Value& event) { watch.stream->write(to_json(event) + "\n"); }

  static void respond(net::Responder& responder, int status, std::string body, net::Headers headers = {}) {
    responder.respond({status, "application/json", std::move(body), std::move(headers)});
  }

  std::optional<Refusal> next_refusal(const Request& request) {
    for (auto& [match, list] : refusals_) {
      if (list.empty() || !match(request)) continue;
      Refusal refusal = list.front();
      list.erase(list.begin());
      return refusal;
    }
    return std::nullopt;
  }

  mutable std::mutex mutex_;
  FakeObjects objects_;
  std::vector<Watch> watches_;
  std::vector<Request> requests_;
  std::vector<std::pair<Match, std::vector<Refusal>>> refusals_;
  std::function<void(const Request&)> callback_;
  std::string authorization_;
  bool expired_as_status_ = false;
  bool silent_ = false;
  std::set<std::string> removed_;  // types
  Streaming streaming_ = Streaming::kOffered;
  std::optional<size_t> cut_after_;

  uint16_t port_ = 0;
  std::unique_ptr<net::testing::LoopThread> thread_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace squall::kubernetes::testing
