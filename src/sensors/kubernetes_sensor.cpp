#include "sensors/kubernetes_sensor.hpp"

#include "base/log.hpp"
#include "sensors/kubernetes_sensor_payload.hpp"
#include "sensors/kubernetes_sensor_state.hpp"

namespace squall::sensors {

using kubernetes::Change;
using kubernetes::ChangeBatch;
using kubernetes::ChangeType;
using kubernetes::Informer;
using kubernetes::InformerState;
using kubernetes::InformerStatus;

namespace {
constexpr int64_t kResyncMinutesMax = 365 * 24 * 60;
}

// One watched resource: its informer, its triggers and its place in the store.
class KubernetesSensor::Watch final : public kubernetes::InformerStorage {
 public:
  Watch(KubernetesTarget target, std::string scope) : target_(std::move(target)), scope_(std::move(scope)) {}

  const KubernetesTarget& target() const { return target_; }
  const std::string& scope() const { return scope_; }
  bool has_triggers() const { return !triggers_.empty(); }
  bool is_started() const { return informer_ != nullptr; }

  void add(const std::string& trigger, const std::string& type, const Value& parameters) {
    const std::string event = type.substr(kKubernetesTriggerPrefix.size());
    triggers_[trigger] = {event, needs_kept_objects(event, parameters)};
    update_wishes();
  }
  void remove(const std::string& trigger) {
    triggers_.erase(trigger);
    update_wishes();
  }

  void start(SensorHost& host, Executor& executor, Informer::ClientSource client_source, std::string cluster_name,
             kubernetes::InformerOptions options, const Clock& clock, Random& random) {
    host_ = &host;
    cluster_name_ = std::move(cluster_name);
    client_source_ = std::move(client_source);
    options.api_version = target_.api_version;
    options.resource = target_.resource;
    options.kind = target_.kind;
    options.namespace_name = target_.namespace_name;
    options.label_selector = target_.label_selector;
    options.field_selector = target_.field_selector;
    options.project = project_kubernetes_object;
    const auto on_state = [this](const InformerStatus& status) { report(status); };
    informer_ =
        std::make_shared<Informer>(executor, client_source_, *this, std::move(options), on_state, clock, random);
    update_wishes();
    informer_->start();
  }
  void stop() {
    if (informer_) informer_->stop();
    informer_.reset();
  }

  Result<Saved> load_state() override {
    SQ_TRY(const KubernetesCursor cursor, read_kubernetes_cursor(host_->store(), scope_));
    return cursor.saved;
  }
  Result<std::vector<std::pair<std::string, kubernetes::ObjectCache::Entry>>> load_entries(const std::string& after,
                                                                                           size_t limit) override {
    return read_kubernetes_entries(host_->store(), scope_, after, limit);
  }
  Result<Value> load_object(const std::string& key) override {
    return read_kubernetes_object(host_->store(), scope_, key);
  }
  void commit(ChangeBatch batch, std::function<void(Status)> done) override {
    SensorCommit commit;
    for (const Change& change : batch.changes) {
      if (change.told) emit(change, commit.emissions);
    }
    commit.state = [scope = scope_, batch = std::move(batch)](store::WriteTx& transaction) {
      return write_kubernetes_batch(transaction, scope, batch);
    };
    host_->commit(std::move(commit), std::move(done));
  }

  Value status() const {
    const InformerStatus status = informer_ ? informer_->status() : InformerStatus();
    List triggers;
    for (const auto& [trigger, wish] : triggers_) triggers.emplace_back(trigger);
    return Value::dict({{"scope", scope_},
                        {"state", kubernetes::state_name(status.state)},
                        {"message", status.message},
                        {"since", format_timestamp(status.since)},
                        {"api_version", target_.api_version},
                        {"resource", status.resource.empty() ? target_.resource : status.resource},
                        {"kind", target_.kind},
                        {"namespace", target_.namespace_name},
                        {"resource_version", status.resource_version},
                        {"objects", status.objects},
                        {"pending", status.pending},
                        {"lists", status.lists},
                        {"last_list", status.last_list ? Value(format_timestamp(*status.last_list)) : Value()},
                        {"streams_lists", status.streams_lists},
                        {"keeps_objects", status.keeps_objects},
                        {"triggers", Value(std::move(triggers))}});
  }

 private:
  struct Wish {
    std::string event;  // "created", "modified" or "deleted"
    bool keeps_objects;
  };

  void update_wishes() {
    if (!informer_) return;
    bool announcing = false;
    bool keeping = false;
    for (const auto& [trigger, wish] : triggers_) {
      announcing |= wish.event == kubernetes::change_name(ChangeType::kCreated);
      keeping |= wish.keeps_objects;
    }
    informer_->set_wishes(announcing, keeping);
  }

  void emit(const Change& change, std::vector<Emission>& emissions) {
    Value payload;
    for (const auto& [trigger, wish] : triggers_) {
      if (wish.event != kubernetes::change_name(change.type)) continue;
      if (payload.is_null()) payload = kubernetes_payload(change, resource(), cluster());
      emissions.push_back({trigger, payload, trace_tag(change)});
    }
  }

  // All that happens to one object has one trace.
  std::string trace_tag(const Change& change) const {
    return "kubernetes/" + resource() + "/" + change.key + "/" + change.uid;
  }

  std::string resource() const {
    return target_.resource.empty() && informer_ ? informer_->status().resource : target_.resource;
  }
  std::string cluster() const {
    if (!cluster_name_.empty()) return cluster_name_;
    const auto client = client_source_();
    return client ? (*client)->configuration().cluster : std::string();
  }

  // One line when it begins to fail and one when it works again.
  void report(const InformerStatus& status) {
    if (status.state == InformerState::kFailing && !failing_) {
      failing_ = true;
      log_warning("kubernetes sensor cannot watch, keeps trying", {{"scope", scope_}, {"error", status.message}});
    } else if (status.state == InformerState::kWatching && failing_) {
      failing_ = false;
      log_info("kubernetes sensor watches again", {{"scope", scope_}});
    }
  }

  const KubernetesTarget target_;
  const std::string scope_;
  SensorHost* host_ = nullptr;
  std::string cluster_name_;
  Informer::ClientSource client_source_;
  std::shared_ptr<Informer> informer_;
  std::map<std::string, Wish> triggers_;  // by ref
  bool failing_ = false;
};

KubernetesSensor::KubernetesSensor(Executor& executor, kubernetes::KubernetesClients& clients,
                                   KubernetesSensorOptions options, const Clock& clock, Random& random)
    : executor_(executor), clients_(clients), options_(std::move(options)), clock_(clock), random_(random) {}

KubernetesSensor::~KubernetesSensor() { stop(); }

std::vector<std::string> KubernetesSensor::trigger_types() const {
  std::vector<std::string> types;
  for (const ChangeType type : {ChangeType::kCreated, ChangeType::kModified, ChangeType::kDeleted}) {
    types.push_back(std::string(kKubernetesTriggerPrefix) + std::string(kubernetes::change_name(type)));
  }
  return types;
}

void KubernetesSensor::add_trigger(const Value& trigger) {
  const std::string ref = trigger["ref"].string();
  const std::string type = trigger["type"].string();
  remove_trigger(trigger);
  if (!type.starts_with(kKubernetesTriggerPrefix)) return;
  const auto target = parse_kubernetes_target(trigger["parameters"]);
  if (!target) {
    log_error("kubernetes trigger cannot work", {{"trigger", ref}, {"error", target.error().message()}});
    refused_[ref] = target.error().message();
    return;
  }
  const std::string scope = target->scope();
  if (const auto timer = forget_timers_.find(scope); timer != forget_timers_.end()) {
    executor_.cancel(timer->second);
    forget_timers_.erase(timer);
  }
  auto& watch = watches_[scope];
  if (!watch) watch = std::make_shared<Watch>(*target, scope);
  watch->add(ref, type, trigger["parameters"]);
  scopes_of_triggers_[ref] = scope;
  if (host_ != nullptr) start_watch(watch);
}

void KubernetesSensor::remove_trigger(const Value& trigger) {
  const std::string ref = trigger["ref"].string();
  refused_.erase(ref);
  const auto found = scopes_of_triggers_.find(ref);
  if (found == scopes_of_triggers_.end()) return;
  const std::string scope = found->second;
  scopes_of_triggers_.erase(found);
  const std::shared_ptr<Watch> watch = watches_.at(scope);
  watch->remove(ref);
  if (watch->has_triggers()) return;
  watch->stop();
  watches_.erase(scope);
  if (host_ != nullptr) forget_later(scope);
}

void KubernetesSensor::start(SensorHost& host) {
  if (host_ != nullptr) return;
  host_ = &host;
  for (const auto& [scope, watch] : watches_) start_watch(watch);
  const auto scopes = read_kubernetes_scopes(host.store());
  if (!scopes) {
    log_warning("kubernetes sensor cannot look for old state", {{"error", scopes.error().message()}});
    return;
  }
  for (const std::string& scope : *scopes) {
    if (!watches_.contains(scope)) forget_later(scope);
  }
}

void KubernetesSensor::stop() {
  if (host_ == nullptr) return;
  host_ = nullptr;
  *alive_ = false;
  alive_ = std::make_shared<bool>(true);
  for (const auto& [scope, watch] : watches_) watch->stop();
  for (const auto& [scope, timer] : forget_timers_) executor_.cancel(timer);
  forget_timers_.clear();
  erasing_.clear();
}

void KubernetesSensor::start_watch(const std::shared_ptr<Watch>& watch) {
  if (watch->is_started() || erasing_.contains(watch->scope())) return;
  const auto cursor = read_kubernetes_cursor(host_->store(), watch->scope());
  if (cursor && cursor->erasing) return forget(watch->scope());  // starts it at its end
  const Value config = options_.config ? options_.config() : Value();
  kubernetes::InformerOptions informer = options_.informer;
  const int64_t resync_minutes = config["resync_minutes"].int_or(-1);
  if (resync_minutes >= 0) informer.resync_every = std::chrono::minutes(std::min(resync_minutes, kResyncMinutesMax));
  watch->start(
      *host_, executor_, [this, target = watch->target()] { return client_for(target); },
      config["cluster_name"].string(), std::move(informer), clock_, random_);
}

Result<std::shared_ptr<kubernetes::Client>> KubernetesSensor::client_for(const KubernetesTarget& target) const {
  const Value config = options_.config ? options_.config() : Value();
  return clients_.get(config["kubeconfig"].string(),
                      target.context.empty() ? config["context"].string() : target.context);
}

// ---- State that nobody needs any more

void KubernetesSensor::forget_later(const std::string& scope) {
  forget_timers_[scope] = executor_.post_after(options_.state_kept, [this, scope, alive = alive_] {
    if (!*alive || forget_timers_.erase(scope) == 0) return;
    forget(scope);
  });
}

void KubernetesSensor::forget(const std::string& scope) {
  erasing_.insert(scope);
  const auto more = std::make_shared<bool>(false);
  SensorCommit commit;
  commit.state = [scope, more](store::WriteTx& transaction) -> Status {
    SQ_TRY(*more, erase_kubernetes_scope(transaction, scope, kKubernetesEraseAtOnce));
    return {};
  };
  host_->commit(std::move(commit), [this, scope, more, alive = alive_](const Status& status) {
    if (*alive) forgotten(scope, *more, status);
  });
}

void KubernetesSensor::forgotten(const std::string& scope, bool more, const Status& status) {
  if (!status) {
    log_warning("kubernetes sensor cannot erase old state, tries again later",
                {{"scope", scope}, {"error", status.error().message()}});
    executor_.post_after(std::chrono::seconds(10), [this, scope, alive = alive_] {
      if (*alive) forget(scope);
    });
    return;
  }
  if (more) return forget(scope);
  erasing_.erase(scope);
  if (const auto found = watches_.find(scope); found != watches_.end()) start_watch(found->second);
}

// ---- For people

Value KubernetesSensor::status() const {
  List watches;
  std::string state = host_ == nullptr ? "stopped" : watches_.empty() ? "idle" : "watching";
  std::string message;
  for (const auto& [scope, watch] : watches_) {
    Value status = watch->status();
    const std::string watch_state = status["state"].string();
    if (host_ != nullptr && watch_state == "failing") {
      state = watch_state;
      message = scope + ": " + status["message"].string();
    } else if (host_ != nullptr && watch_state != "watching" && state == "watching") {
      state = "starting";
    }
    watches.push_back(std::move(status));
  }
  Value refused = Value::empty_dict();
  for (const auto& [trigger, why] : refused_) refused.set(trigger, why);
  return Value::dict(
      {{"state", state}, {"message", message}, {"watches", Value(std::move(watches))}, {"refused", refused}});
}

}  // namespace squall::sensors
