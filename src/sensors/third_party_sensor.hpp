// The sensor for third-party resources: custom objects as Kubernetes had them before there were CRDs.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/ids.hpp"
#include "base/stop_token.hpp"
#include "clients/kubernetes/backoff.hpp"
#include "net/http_client.hpp"
#include "sensors/sensor.hpp"
#include "sensors/third_party_objects.hpp"

namespace squall::sensors {

inline constexpr std::string_view kThirdPartyTrigger = "kubernetes.thirdpartyobject";
inline constexpr std::string_view kThirdPartyWatch = "/apis/extensions/v1beta1/watch/thirdpartyresources";
// Events that may wait for a commit; when more come the watch is given up and begun again with a list.
inline constexpr size_t kThirdPartyWaitingMax = 10'000;

struct ThirdPartySensorOptions {
  // The config of the pack kubernetes, with the keys of 2016: {kubernetes_api_url, extension_url, user, password,
  // verify}. Asked before each connection. Without a kubernetes_api_url the sensor is idle.
  std::function<Result<Value>()> config;
  Duration look_again = std::chrono::seconds(10);          // for a config, while idle
  Duration idle_timeout = std::chrono::minutes(10);        // such a watch sends nothing when nothing happens
  Duration quiet_is_fine_after = std::chrono::seconds(1);  // a watch that has not been refused by then is one
  kubernetes::Backoff::Limits backoff;
};

// Watches one URL of the legacy form (a path with /watch/ that answers with a document {"type", "object"} per line) and
// emits kubernetes.thirdpartyobject for every difference, once, also across restarts of either side: what is known of
// the objects and the events that follow are one commit. Each connection begins with a list of the same path without
// /watch, where the server has one, so that what happened meanwhile is found, deletions too.
//
// All that it refers to outlives it. Executor's thread only, as every Sensor.
class ThirdPartySensor final : public Sensor {
 public:
  ThirdPartySensor(Executor& executor, net::HttpClient& http, ThirdPartySensorOptions options,
                   const Clock& clock = Clock::system(), Random& random = Random::system());
  ~ThirdPartySensor() override;

  std::string ref() const override { return "kubernetes.ThirdPartyResource"; }
  std::vector<std::string> trigger_types() const override { return {std::string(kThirdPartyTrigger)}; }
  void add_trigger(const Value& trigger) override;
  void remove_trigger(const Value& trigger) override;
  void start(SensorHost& host) override;
  void stop() override;
  // {state: stopped | idle | connecting | watching | failing, message, since, url, objects, events, skipped}.
  Value status() const override;

 private:
  struct Connection;  // from the list to the end of the watch

  void set_state(std::string state, std::string message = {});
  void connect();
  Status open_scope(const std::string& url);
  net::HttpRequest request(const Value& config, std::string url) const;
  void list(const std::shared_ptr<Connection>& connection);
  void listed(const std::shared_ptr<Connection>& connection, const Result<net::HttpResponse>& answer);
  void watch(const std::shared_ptr<Connection>& connection);
  void on_document(const std::shared_ptr<Connection>& connection, const std::string& text);
  void commit(std::vector<ThirdPartyChange> changes);
  void commit_waiting();
  void ended(const std::shared_ptr<Connection>& connection, const std::string& reason, bool has_failed = true);
  void try_again(Duration delay);

  Executor& executor_;
  net::HttpClient& http_;
  const ThirdPartySensorOptions options_;
  const Clock& clock_;
  kubernetes::Backoff backoff_;

  SensorHost* host_ = nullptr;
  bool has_trigger_ = false;
  std::string state_ = "stopped", message_;
  Timestamp since_{};
  std::string url_;
  std::unique_ptr<ThirdPartyObjects> objects_;
  std::shared_ptr<Connection> connection_;
  std::vector<ThirdPartyChange> waiting_;  // for the commit before to end
  bool committing_ = false;
  Executor::TimerId timer_ = 0;
  int64_t events_ = 0, skipped_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false: callbacks of before must do nothing
};

}  // namespace squall::sensors
