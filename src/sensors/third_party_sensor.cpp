#include "sensors/third_party_sensor.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"
#include "clients/kubernetes/json_splitter.hpp"
#include "crypto/hash.hpp"
#include "runners/outcome.hpp"
#include "value/json.hpp"

namespace squall::sensors {
namespace {

constexpr int kOk = 200;
constexpr size_t kEventBytesMax = 8u << 20;
constexpr size_t kScopeDigits = 32;
constexpr size_t kShownBytesMax = 200;  // of an answer or an event in a message
constexpr std::string_view kWatchPart = "/watch/";

std::string scope_of(const std::string& url) { return "thirdparty/" + crypto::sha256_hex(url).substr(0, kScopeDigits); }

// Where the same objects can be listed; empty when the path does not tell.
std::string list_url(const std::string& url) {
  const size_t watch = url.find(kWatchPart);
  if (watch == std::string::npos) return {};
  return url.substr(0, watch) + url.substr(watch + kWatchPart.size() - 1);
}

std::string with_version(const std::string& url, const std::string& version) {
  if (version.empty()) return url;
  return url + (url.find('?') == std::string::npos ? "?" : "&") + "resourceVersion=" + percent_encode(version);
}

std::string shown(std::string_view text) {
  return runners::text_of(trim(text.substr(0, kShownBytesMax))) + (text.size() > kShownBytesMax ? "..." : "");
}

std::string answer_text(int status, std::string_view body) {
  std::string text = "the server answers with status " + std::to_string(status);
  if (status == 401 || status == 403) text += " (check user and password in the config of the pack kubernetes)";
  if (status == 404) text += " (check extension_url in the config of the pack kubernetes)";
  return trim(body).empty() ? text : text + ": " + shown(body);
}

}  // namespace

struct ThirdPartySensor::Connection {
  Value config;
  std::string version;  // of the list; empty: none
  StopSource stop;
  kubernetes::JsonSplitter splitter{kEventBytesMax};  // HTTP client's thread
  int status = 0;                                     // HTTP client's thread, until the end
  std::string refusal;                                // body of an answer other than 200; HTTP client's thread
};

ThirdPartySensor::ThirdPartySensor(Executor& executor, net::HttpClient& http, ThirdPartySensorOptions options,
                                   const Clock& clock, Random& random)
    : executor_(executor),
      http_(http),
      options_(std::move(options)),
      clock_(clock),
      backoff_(options_.backoff, random),
      since_(clock.now()) {}

ThirdPartySensor::~ThirdPartySensor() { stop(); }

void ThirdPartySensor::set_state(std::string state, std::string message) {
  if (state_ != state) {
    since_ = clock_.now();
    if (state == "failing") {
      log_warning("third-party sensor cannot watch, keeps trying", {{"url", url_}, {"error", message}});
    } else if (state == "watching") {
      log_info("third-party sensor watches", {{"url", url_}});
    }
  }
  state_ = std::move(state);
  message_ = std::move(message);
}

void ThirdPartySensor::add_trigger(const Value&) {
  has_trigger_ = true;
  if (host_ != nullptr && connection_ == nullptr && timer_ == 0) connect();
}

// The type has no parameters, so that this was the only one.
void ThirdPartySensor::remove_trigger(const Value&) {
  has_trigger_ = false;
  SensorHost* host = host_;
  stop();
  if (host != nullptr) start(*host);
}

void ThirdPartySensor::start(SensorHost& host) {
  if (host_ != nullptr) return;
  host_ = &host;
  connect();
}

void ThirdPartySensor::stop() {
  if (host_ == nullptr) return;
  host_ = nullptr;
  *alive_ = false;
  alive_ = std::make_shared<bool>(true);
  executor_.cancel(timer_);
  timer_ = 0;
  if (connection_) connection_->stop.stop();
  connection_.reset();
  // What was heard and is not durable is heard again.
  objects_.reset();
  waiting_.clear();
  committing_ = false;
  set_state("stopped");
}

void ThirdPartySensor::try_again(Duration delay) {
  executor_.cancel(timer_);
  timer_ = executor_.post_after(delay, [this, alive = alive_] {
    if (!*alive) return;
    timer_ = 0;
    connect();
  });
}

void ThirdPartySensor::connect() {
  if (!has_trigger_) return set_state("idle", "no rule and no trigger asks for " + std::string(kThirdPartyTrigger));
  if (committing_) return try_again(std::chrono::milliseconds(100));  // only what is durable is built upon
  const Result<Value> found = options_.config ? options_.config() : Result<Value>(Value());
  if (!found) {
    set_state("failing", "the config of the pack kubernetes cannot be used: " + found.error().to_string());
    return try_again(options_.look_again);
  }
  const Value& config = *found;
  std::string server = config["kubernetes_api_url"].string();
  while (server.ends_with('/')) server.pop_back();
  if (server.empty()) {
    set_state("idle", "the config of the pack kubernetes has no kubernetes_api_url");
    return try_again(options_.look_again);
  }
  const std::string path = config["extension_url"].string();
  if (const Status opened = open_scope(server + (path.empty() ? std::string(kThirdPartyWatch) : path)); !opened) {
    set_state("failing", opened.error().to_string());
    return try_again(backoff_.next(clock_.monotonic()));
  }
  if (state_ != "failing") set_state("connecting");
  connection_ = std::make_shared<Connection>();
  connection_->config = config;
  if (list_url(url_).empty()) return watch(connection_);
  list(connection_);
}

// Takes up what is known of the objects behind the URL; what is kept of others is of no use any more.
Status ThirdPartySensor::open_scope(const std::string& url) {
  const std::string scope = scope_of(url);
  url_ = url;
  if (objects_ && objects_->scope() == scope) return {};
  auto objects = std::make_unique<ThirdPartyObjects>(scope);
  SQ_CHECK(objects->load(host_->store()));
  objects_ = std::move(objects);
  SensorCommit commit;
  commit.state = [scope](store::WriteTx& transaction) { return erase_other_third_party_scopes(transaction, scope); };
  host_->commit(std::move(commit), [](const Status& status) {
    if (!status) log_warning("third-party sensor cannot erase old state", {{"error", status.error().to_string()}});
  });
  return {};
}

net::HttpRequest ThirdPartySensor::request(const Value& config, std::string url) const {
  net::HttpRequest request;
  request.url = std::move(url);
  request.headers.set("Accept", "application/json");
  request.username = config["user"].string();
  request.password = config["password"].string();
  const Value& verify = config["verify"];
  request.tls.verify = verify.bool_or(true);
  if (verify.is_string()) request.tls.ca_file = verify.string();  // as Python's requests takes it
  return request;
}

void ThirdPartySensor::list(const std::shared_ptr<Connection>& connection) {
  http_.send(request(connection->config, list_url(url_)), connection->stop.token(),
             [this, connection, alive = alive_, &executor = executor_](Result<net::HttpResponse> answer) {
               executor.post([this, connection, alive, answer = std::move(answer)] {
                 if (*alive && connection_ == connection) listed(connection, answer);
               });
             });
}

void ThirdPartySensor::listed(const std::shared_ptr<Connection>& connection, const Result<net::HttpResponse>& answer) {
  if (!answer) return ended(connection, answer.error().to_string());
  const auto document = answer->status == kOk ? parse_json(answer->body) : Result<Value>(Value());
  if (answer->status == 404 || answer->status == 405) return watch(connection);  // it has the watch alone
  if (answer->status != kOk) return ended(connection, answer_text(answer->status, answer->body));
  if (!document || !(*document)["items"].is_list())
    return ended(connection, "the list of objects cannot be understood: " + shown(answer->body));
  connection->version = (*document)["metadata"]["resourceVersion"].string();
  int64_t refused = 0;
  commit(objects_->replace((*document)["items"], refused));
  skipped_ += refused;
  if (refused > 0) log_warning("third-party sensor skips objects", {{"url", url_}, {"count", std::to_string(refused)}});
  watch(connection);
}

void ThirdPartySensor::watch(const std::shared_ptr<Connection>& connection) {
  net::HttpRequest watch = request(connection->config, with_version(url_, connection->version));
  watch.timeout = Duration::zero();
  watch.idle_timeout = options_.idle_timeout;
  const auto on_executor = [this, connection, alive = alive_, &executor = executor_](std::function<void()> task) {
    executor.post([this, connection, alive, task = std::move(task)] {
      if (*alive && connection_ == connection) task();
    });
  };
  net::HttpClient::StreamHandlers handlers;
  handlers.on_head = [this, connection, on_executor](const net::HttpResponse& head) {
    connection->status = head.status;
    if (head.status == kOk) on_executor([this] { set_state("watching"); });
  };
  handlers.on_chunk = [this, connection, on_executor](std::string_view chunk) {
    if (connection->status != kOk) {
      if (connection->refusal.size() <= kShownBytesMax) connection->refusal += chunk.substr(0, kShownBytesMax + 1);
      return;
    }
    const Status fed = connection->splitter.feed(chunk, [&](std::string_view document) {
      on_executor([this, connection, text = std::string(document)] { on_document(connection, text); });
    });
    if (fed) return;
    connection->status = -1;
    on_executor([this, connection, reason = fed.error().message()] { ended(connection, reason); });
  };
  handlers.on_done = [this, connection, on_executor](const Status& status) {
    const bool has_failed = !status || connection->status != kOk;
    std::string reason = "the server has ended the watch";
    if (has_failed)
      reason = !status ? status.error().to_string() : answer_text(connection->status, connection->refusal);
    on_executor([this, connection, has_failed, reason = std::move(reason)] { ended(connection, reason, has_failed); });
  };
  http_.stream(std::move(watch), connection->stop.token(), std::move(handlers));
  // Where nothing happens nothing comes, not even a head; a server that says no says so soon.
  executor_.post_after(options_.quiet_is_fine_after, [this, connection, alive = alive_] {
    if (*alive && connection_ == connection) set_state("watching");
  });
}

void ThirdPartySensor::on_document(const std::shared_ptr<Connection>& connection, const std::string& text) {
  const auto skip = [this](const std::string& reason) {
    ++skipped_;
    log_warning("third-party sensor skips an event", {{"url", url_}, {"reason", reason}});
  };
  const auto document = parse_json(text);
  if (!document) return skip("it is no JSON: " + document.error().message());
  const std::string event = (*document)["type"].string();
  if (event == "BOOKMARK") return;
  // Often a version that the server has forgotten: the next list finds what was missed.
  if (event == "ERROR") return ended(connection, "the server reports " + shown(to_json((*document)["object"])));
  auto changes = objects_->apply(event, (*document)["object"]);
  if (!changes) return skip(changes.error().message());
  commit(std::move(*changes));
  if (waiting_.size() > kThirdPartyWaitingMax) ended(connection, "more events come than can be made durable");
}

void ThirdPartySensor::commit(std::vector<ThirdPartyChange> changes) {
  waiting_.insert(waiting_.end(), std::make_move_iterator(changes.begin()), std::make_move_iterator(changes.end()));
  commit_waiting();
}

// One commit at a time: everything that came meanwhile goes into the next one.
void ThirdPartySensor::commit_waiting() {
  if (committing_ || waiting_.empty()) return;
  committing_ = true;
  SensorCommit commit;
  for (ThirdPartyChange& change : waiting_) {
    std::string trace_tag = "kubernetes/thirdparty/" + change.key + "/" + change.payload["uid"].string();
    commit.emissions.push_back({std::string(kThirdPartyTrigger), std::move(change.payload), std::move(trace_tag)});
  }
  const auto count = static_cast<int64_t>(waiting_.size());
  waiting_.clear();
  commit.state = objects_->take_writes();
  host_->commit(std::move(commit), [this, count, alive = alive_](const Status& status) {
    if (!*alive) return;
    committing_ = false;
    if (status) {
      events_ += count;
      return commit_waiting();
    }
    // What is in memory is ahead of the store: begin again with what is durable.
    objects_.reset();
    waiting_.clear();
    if (connection_) ended(connection_, "events could not be kept: " + status.error().to_string());
  });
}

void ThirdPartySensor::ended(const std::shared_ptr<Connection>& connection, const std::string& reason,
                             bool has_failed) {
  if (connection_ != connection) return;
  connection->stop.stop();
  connection_.reset();
  set_state(has_failed ? "failing" : "connecting", reason);
  try_again(backoff_.next(clock_.monotonic()));
}

Value ThirdPartySensor::status() const {
  return Value::dict({{"state", state_},
                      {"message", message_},
                      {"since", format_timestamp(since_)},
                      {"url", url_},
                      {"objects", objects_ ? objects_->size() : 0},
                      {"events", events_},
                      {"skipped", skipped_}});
}

}  // namespace squall::sensors
