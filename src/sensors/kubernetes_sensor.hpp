// The Kubernetes sensor: what is created, modified and deleted in clusters becomes trigger instances.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/executor.hpp"
#include "base/ids.hpp"
#include "clients/kubernetes/clients.hpp"
#include "clients/kubernetes/informer.hpp"
#include "sensors/kubernetes_sensor_target.hpp"
#include "sensors/sensor.hpp"

namespace squall::sensors {

// How long the state of a resource that no trigger refers to any more is kept. A rule that comes back in time (it was
// edited, its pack was registered again) goes on where it was, instead of seeing every object as new.
inline constexpr Duration kKubernetesStateKept = std::chrono::minutes(10);
inline constexpr size_t kKubernetesEraseAtOnce = 200;

struct KubernetesSensorOptions {
  // The pack's config {kubeconfig, context, cluster_name}; asked before each connection. May be empty.
  std::function<Value()> config;
  kubernetes::InformerOptions informer;  // times and sizes; the rest comes from the triggers
  Duration state_kept = kKubernetesStateKept;
};

// Trigger types kubernetes.object_created, object_modified and object_deleted, with parameters as KubernetesTarget
// says. Triggers with the same target share one informer. Every difference between what the sensor saw last and what is
// there now is emitted once, in order of the changes of each object, also across restarts of either side: what was
// seen, how far it got and the events that follow are one commit. The first time that a resource is watched, all
// objects that exist are emitted as created (as soon as there is a trigger for it); objects that leave a label selector
// are emitted as deleted. While the host does not take commits nothing more is read.
//
// Made with everything it refers to; those outlive it. Executor's thread only, as every Sensor.
class KubernetesSensor final : public Sensor {
 public:
  KubernetesSensor(Executor& executor, kubernetes::KubernetesClients& clients, KubernetesSensorOptions options,
                   const Clock& clock = Clock::system(), Random& random = Random::system());
  ~KubernetesSensor() override;

  std::string ref() const override { return std::string(kKubernetesSensor); }
  std::vector<std::string> trigger_types() const override;
  void add_trigger(const Value& trigger) override;
  void remove_trigger(const Value& trigger) override;
  void start(SensorHost& host) override;
  void stop() override;
  // {state: stopped | watching | failing | starting | idle, message, watches: [{scope, state, message, since, resource,
  // resource_version, objects, pending, lists, last_list, streams_lists, keeps_objects, triggers}], refused: {trigger:
  // why}}.
  Value status() const override;

 private:
  class Watch;

  void start_watch(const std::shared_ptr<Watch>& watch);
  void forget_later(const std::string& scope);
  void forget(const std::string& scope);
  void forgotten(const std::string& scope, bool more, const Status& status);
  Result<std::shared_ptr<kubernetes::Client>> client_for(const KubernetesTarget& target) const;

  Executor& executor_;
  kubernetes::KubernetesClients& clients_;
  const KubernetesSensorOptions options_;
  const Clock& clock_;
  Random& random_;

  SensorHost* host_ = nullptr;
  std::map<std::string, std::shared_ptr<Watch>> watches_;       // by scope
  std::map<std::string, std::string> scopes_of_triggers_;       // trigger ref -> scope
  std::map<std::string, std::string> refused_;                  // trigger ref -> why it cannot work
  std::map<std::string, Executor::TimerId> forget_timers_;      // by scope
  std::set<std::string> erasing_;                               // scopes that are being erased
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false: callbacks of before must do nothing
};

}  // namespace squall::sensors
