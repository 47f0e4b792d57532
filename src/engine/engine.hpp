// Engine: events in, rules, executions, sensors. The heart of squall, behind one facade for the API and the command
// line.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/result.hpp"
#include "crypto/symmetric.hpp"
#include "engine/catalog.hpp"
#include "engine/content_registry.hpp"
#include "engine/datastore.hpp"
#include "engine/event_hub.hpp"
#include "engine/execution_driver.hpp"
#include "engine/pack_reader.hpp"
#include "engine/trigger_processor.hpp"
#include "runners/registry.hpp"
#include "sensors/sensor.hpp"
#include "store/store.hpp"

namespace squall::engine {

struct EngineOptions {
  DriverOptions driver;
  std::vector<std::string> pack_directories;
  std::string install_directory;  // one of them, where packs.install puts packs
  std::string shipped_packs;      // directory of the packs that ship with squall; they lie below packs of the same ref
  std::string configs_directory;
  std::string overrides_directory;  // of packs/overrides.hpp
};

// Owned by app/. Everything runs on the executor's thread; answers come through `done` callbacks on that thread, once
// the change they tell of is durable. Life: made, start(), stop(); the store outlives it.
class Engine final : public sensors::SensorHost {
 public:
  struct Dependencies {
    Executor& executor;
    const Clock& clock;
    store::Store& store;
    runners::RunnerRegistry& runners;
    const SecretSealer& sealer;
    // A commit failed: the engine's memory is ahead of the disk, the process has to end.
    std::function<void(const Error&)> on_fatal;
    // Of encrypted datastore values; null: there are none to read.
    const crypto::SymmetricKey* datastore_key = nullptr;
  };
  Engine(Dependencies dependencies, EngineOptions options);
  ~Engine() override;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Built-in sensors, before start().
  void add_sensor(std::unique_ptr<sensors::Sensor> sensor);
  // What runs the sensors of packs, before start(); without it they are registered and do not run.
  void set_sensor_fleet(std::unique_ptr<sensors::SensorFleet> fleet) { fleet_ = std::move(fleet); }

  // Loads the catalog, registers runner types and packs, takes up unfinished executions, starts the sensors. Blocking.
  Result<RegisterReport> start();
  // Stops sensors and running work without recording an end; what is unfinished goes on at the next start.
  void stop();

  using DocumentDone = std::function<void(Result<Value>)>;
  void run_action(ExecutionRequest request, DocumentDone done);
  // The trigger instance, once it and all that follows from it are durable.
  void inject(TriggerEvent event, DocumentDone done);
  void cancel(const std::string& id, const std::string& user, DocumentDone done);
  void pause(const std::string& id, const std::string& user, DocumentDone done);
  void resume(const std::string& id, const std::string& user, DocumentDone done);
  // Answers an inquiry: {id, response}; see ExecutionDriver::respond().
  void respond(const std::string& id, const Value& response, const std::string& user, DocumentDone done);
  // Loads packs again from the pack directories: all, or those named; all kinds of their content, or some. Meanwhile
  // the engine goes on.
  void register_packs(const std::vector<std::string>& names, const RegisterTypes& types,
                      std::function<void(Result<RegisterReport>)> done);
  // Removes packs and all that is registered of them, as far as they are there: {pack: {"actions": n, ...}}.
  void unregister_packs(const std::vector<std::string>& names, DocumentDone done);
  // Makes what is registered of these packs agree with the disk: a pack that is there no more is removed. No names: all
  // packs. A pack stays when the directory that it lay in cannot be read either: a disk may have gone for a while.
  void follow_packs(const std::vector<std::string>& names, std::function<void(Result<RegisterReport>)> done);
  // Checks the values against the pack's schema and writes them to its file in the directory of configs; gives the
  // config's document.
  void put_config(const std::string& pack, const Value& values, DocumentDone done);
  // A change of content: `change` runs at once on the registry, `done` comes after the commit.
  void change_content(const std::function<Result<Value>(ContentRegistry&, Changes&)>& change, DocumentDone done);

  // For every rule why it did or did not match this trigger instance document.
  Value explain(const Value& trigger_instance) const { return triggers_->explain(trigger_instance); }

  Catalog& catalog() { return catalog_; }
  ContentRegistry& registry() { return registry_; }
  ExecutionDriver& executions() { return *driver_; }
  Datastore& datastore() { return *datastore_; }
  EventHub& events() { return events_; }
  Executor& executor() { return deps_.executor; }
  store::Store& store() override { return deps_.store; }
  const std::vector<packs::LoadProblem>& load_problems() const { return problems_; }
  // {"kubernetes.KubernetesSensor": {...status...}}, of all sensors that can run.
  Value sensor_status() const;
  // Switches a sensor on or off, durably; {the sensor's document}, or kNotFound.
  void enable_sensor(const std::string& id_or_ref, bool enabled, DocumentDone done);
  // The config of a pack as its Python code sees it: schema defaults filled in, templates rendered.
  Result<Value> config_of(const std::string& pack) { return driver_->config_of(pack, options_.driver.user); }
  const EngineOptions& options() const { return options_; }
  const std::string& user() const { return options_.driver.user; }
  // Of encrypted datastore values; may be null.
  const crypto::SymmetricKey* datastore_key() const { return deps_.datastore_key; }

  // SensorHost.
  void commit(sensors::SensorCommit commit, std::function<void(Status)> done) override;

 private:
  packs::LoadOptions load_options(const std::vector<std::string>& names) const;
  void read_packs(const std::vector<std::string>& names, PackReader::Done done);
  Status check_found(const std::vector<std::string>& names, const std::vector<packs::LoadedPack>& loaded) const;
  void remove_vanished(const std::vector<std::string>& names, const std::vector<packs::LoadedPack>& loaded,
                       Changes& changes);
  void register_loaded(const std::vector<packs::LoadedPack>& loaded, const RegisterTypes& types, Changes changes,
                       std::function<void(Result<RegisterReport>)> done);
  void on_execution_finished(const Value& execution, Changes& changes);
  void on_inquiry(const Value& execution, Changes& changes);
  // Events of the engine's own: announce() records nothing unless a rule listens.
  void record(const std::string& trigger, const Value& payload, Changes& changes, const Value& trace);
  void announce(const std::string& trigger, const Value& payload, Changes& changes, const Value& trace = {});
  sensors::Sensor* sensor_of(const Value& trigger) const;
  bool is_sensor_enabled(const std::string& ref) const;
  // Makes what runs agree with what is registered.
  void apply_sensors();
  void report_problems(const std::vector<packs::LoadProblem>& problems);

  Dependencies deps_;
  EngineOptions options_;
  Catalog catalog_;
  Committer committer_;
  EventHub events_;
  ContentRegistry registry_;
  std::unique_ptr<ExecutionDriver> driver_;
  std::unique_ptr<TriggerProcessor> triggers_;
  std::unique_ptr<Datastore> datastore_;
  std::vector<std::unique_ptr<sensors::Sensor>> sensors_;
  std::set<std::string> running_sensors_;  // refs of those in sensors_
  std::unique_ptr<sensors::SensorFleet> fleet_;
  std::vector<packs::LoadProblem> problems_;
  PackReader reader_;
  bool sensors_running_ = false;
};

}  // namespace squall::engine
