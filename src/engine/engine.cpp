#include "engine/engine.hpp"

#include <algorithm>
#include <filesystem>

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "engine/notifications.hpp"
#include "model/execution.hpp"
#include "packs/config.hpp"
#include "packs/layers.hpp"
#include "packs/runner_types.hpp"
#include "value/json_form.hpp"
#include "value/yaml.hpp"

namespace squall::engine {
namespace {

using store::Collection;

constexpr std::string_view kNativeSensor = "native";  // entry_point of a sensor that is part of the program
constexpr std::string_view kActionTrigger = "core.st2.generic.actiontrigger";
constexpr std::string_view kInquiryTrigger = "core.st2.generic.inquiry";

// The payload of core.st2.generic.actiontrigger (G-5).
Value action_trigger_payload(const Value& execution) {
  return Value::dict({{"execution_id", execution["id"]},
                      {"status", execution["status"]},
                      {"start_timestamp", execution["start_timestamp"]},
                      {"action_name", execution["action"]["ref"]},
                      {"action_ref", execution["action"]["ref"]},
                      {"runner_ref", execution["runner"]["name"]},
                      {"parameters", execution["parameters"]},
                      {"result", execution["result"]}});
}

}  // namespace

Engine::Engine(Dependencies dependencies, EngineOptions options)
    : deps_(std::move(dependencies)),
      options_(std::move(options)),
      committer_(deps_.store, deps_.executor, deps_.on_fatal),
      events_(deps_.clock),
      registry_(deps_.clock, catalog_),
      reader_(deps_.executor) {
  committer_.on_committed([this](Collection collection, const std::string& id, const Value& document, bool erased) {
    events_.on_committed(collection, id, document, erased);
  });
  driver_ = std::make_unique<ExecutionDriver>(
      ExecutionDriver::Dependencies{deps_.executor, deps_.clock, deps_.store, catalog_, committer_, deps_.runners,
                                    deps_.sealer, deps_.datastore_key},
      options_.driver);
  triggers_ = std::make_unique<TriggerProcessor>(deps_.clock, deps_.store, catalog_, *driver_, options_.driver.user);
  datastore_ = std::make_unique<Datastore>(deps_.clock, deps_.executor, deps_.store, committer_,
                                           [this](const std::string& trigger, const Value& payload, Changes& changes) {
                                             announce(trigger, payload, changes);
                                           });
  driver_->on_output([this](const Value& execution, std::string_view type, std::string_view chunk) {
    events_.publish_output(execution, type, chunk);
  });
  driver_->on_finished([this](const Value& execution, Changes& changes) { on_execution_finished(execution, changes); });
  driver_->on_inquiry([this](const Value& execution, Changes& changes) { on_inquiry(execution, changes); });
  registry_.on_trigger_added([this](const Value& trigger) {
    if (!sensors_running_) return;
    if (sensors::Sensor* sensor = sensor_of(trigger); sensor != nullptr) sensor->add_trigger(trigger);
    if (fleet_) fleet_->add_trigger(trigger);
  });
  registry_.on_trigger_removed([this](const Value& trigger) {
    if (!sensors_running_) return;
    if (sensors::Sensor* sensor = sensor_of(trigger); sensor != nullptr) sensor->remove_trigger(trigger);
    if (fleet_) fleet_->remove_trigger(trigger);
  });
}

Engine::~Engine() = default;

void Engine::add_sensor(std::unique_ptr<sensors::Sensor> sensor) { sensors_.push_back(std::move(sensor)); }

sensors::Sensor* Engine::sensor_of(const Value& trigger) const {
  const std::string type = trigger["type"].string();
  for (const auto& sensor : sensors_) {
    const auto types = sensor->trigger_types();
    if (std::find(types.begin(), types.end(), type) != types.end()) return sensor.get();
  }
  return nullptr;
}

packs::LoadOptions Engine::load_options(const std::vector<std::string>& names) const {
  packs::LoadOptions load;
  load.configs_directory = options_.configs_directory;
  load.overrides_directory = options_.overrides_directory;
  load.only = names;
  return load;
}

void Engine::read_packs(const std::vector<std::string>& names, PackReader::Done done) {
  reader_.read(options_.pack_directories, options_.shipped_packs, load_options(names), std::move(done));
}

void Engine::report_problems(const std::vector<packs::LoadProblem>& problems) {
  for (const packs::LoadProblem& problem : problems) {
    log_warning(problem.is_warning ? "pack content is used with a mistake in it" : "pack content skipped",
                {{"pack", problem.pack}, {"kind", problem.kind}, {"problem", problem.error.to_string()}});
  }
  problems_ = problems;
}

Result<RegisterReport> Engine::start() {
  SQ_CHECK(catalog_.load(deps_.store));
  Changes changes;
  registry_.register_runner_types(packs::runner_types(), changes);
  RegisterReport report = registry_.register_packs(
      packs::load_layers(options_.pack_directories, options_.shipped_packs, load_options({})), changes);
  report_problems(report.problems);
  committer_.commit(std::move(changes));
  SQ_CHECK(driver_->recover());
  SQ_CHECK(datastore_->start());
  sensors_running_ = true;
  for (const auto& sensor : sensors_) {
    for (const std::string& type : sensor->trigger_types()) {
      for (const Value& trigger : catalog_.triggers_of_type(type)) sensor->add_trigger(trigger);
    }
  }
  if (fleet_) {
    for (const Value& trigger : catalog_.all(Collection::kTriggers)) fleet_->add_trigger(trigger);
    // Processes are started by the event loop, which does not run yet.
    deps_.executor.post([this] {
      if (sensors_running_) fleet_->start(*this);
    });
  }
  apply_sensors();
  return report;
}

// A sensor that no pack describes runs: it is part of the program. One whose place a sensor of a pack has taken does
// not.
bool Engine::is_sensor_enabled(const std::string& ref) const {
  const Value* document = catalog_.find(Collection::kSensors, ref);
  if (document == nullptr) return true;
  return (*document)["enabled"].bool_or(true) && (*document)["entry_point"].string_or("") == kNativeSensor;
}

void Engine::apply_sensors() {
  if (!sensors_running_) return;
  for (const auto& sensor : sensors_) {
    const bool wanted = is_sensor_enabled(sensor->ref());
    if (wanted && running_sensors_.insert(sensor->ref()).second) {
      sensor->start(*this);
    } else if (!wanted && running_sensors_.erase(sensor->ref()) != 0) {
      sensor->stop();
    }
  }
  if (!fleet_) return;
  std::vector<sensors::PackSensor> fleet;
  for (const Value& document : catalog_.all(Collection::kSensors)) {
    if (document["entry_point"].string_or("") == kNativeSensor) continue;
    fleet.push_back({document, catalog_.pack_path(document)});
  }
  fleet_->set_sensors(fleet);
}

void Engine::enable_sensor(const std::string& id_or_ref, bool enabled, DocumentDone done) {
  Changes changes;
  auto document = registry_.enable_sensor(id_or_ref, enabled, changes);
  committer_.commit(std::move(changes), [this, document, done = std::move(done)](const Status&) {
    apply_sensors();
    done(document);
  });
}

void Engine::stop() {
  sensors_running_ = false;
  for (const auto& sensor : sensors_) sensor->stop();
  running_sensors_.clear();
  if (fleet_) fleet_->stop();
  driver_->stop();
}

void Engine::run_action(ExecutionRequest request, DocumentDone done) {
  Changes changes;
  auto answer = driver_->request(std::move(request), changes);
  committer_.commit(std::move(changes), [answer, done = std::move(done)](const Status&) { done(answer); });
}

void Engine::inject(TriggerEvent event, DocumentDone done) {
  Changes changes;
  auto answer = triggers_->process(event, changes);
  committer_.commit(std::move(changes), [answer, done = std::move(done)](const Status&) { done(answer); });
}

void Engine::cancel(const std::string& id, const std::string& user, DocumentDone done) {
  Changes changes;
  auto answer = driver_->cancel(id, user, changes);
  committer_.commit(std::move(changes), [answer, done = std::move(done)](const Status&) { done(answer); });
}

void Engine::pause(const std::string& id, const std::string& user, DocumentDone done) {
  Changes changes;
  auto answer = driver_->pause(id, user, changes);
  committer_.commit(std::move(changes), [answer, done = std::move(done)](const Status&) { done(answer); });
}

void Engine::resume(const std::string& id, const std::string& user, DocumentDone done) {
  Changes changes;
  auto answer = driver_->resume(id, user, changes);
  committer_.commit(std::move(changes), [answer, done = std::move(done)](const Status&) { done(answer); });
}

void Engine::respond(const std::string& id, const Value& response, const std::string& user, DocumentDone done) {
  Changes changes;
  auto answer = driver_->respond(id, response, user, changes);
  committer_.commit(std::move(changes), [answer, done = std::move(done)](const Status&) { done(answer); });
}

void Engine::register_packs(const std::vector<std::string>& names, const RegisterTypes& types,
                            std::function<void(Result<RegisterReport>)> done) {
  read_packs(names, [this, names, types, done = std::move(done)](const std::vector<packs::LoadedPack>& loaded) {
    if (const Status found = check_found(names, loaded); !found) return done(fail(found.error()));
    register_loaded(loaded, types, {}, done);
  });
}

Status Engine::check_found(const std::vector<std::string>& names, const std::vector<packs::LoadedPack>& loaded) const {
  for (const std::string& name : names) {
    const bool found =
        std::any_of(loaded.begin(), loaded.end(), [&](const auto& pack) { return packs::ref_of(pack) == name; });
    if (found) continue;
    const std::string base =
        options_.pack_directories.empty() ? options_.shipped_packs : options_.pack_directories.front();
    return fail(ErrorCode::kInvalid,
                "Pack \"" + name + "\" not found on disk: Directory \"" + base + "/" + name + "\" doesn't exist");
  }
  return {};
}

void Engine::register_loaded(const std::vector<packs::LoadedPack>& loaded, const RegisterTypes& types, Changes changes,
                             std::function<void(Result<RegisterReport>)> done) {
  RegisterReport report = registry_.register_packs(loaded, changes, types);
  report_problems(report.problems);
  driver_->release_held_back(changes);
  committer_.commit(std::move(changes), [this, report, done = std::move(done)](const Status&) {
    apply_sensors();
    done(report);
  });
}

void Engine::unregister_packs(const std::vector<std::string>& names, DocumentDone done) {
  Changes changes;
  Value removed = Value::empty_dict();
  for (const std::string& name : names) {
    if (const auto counts = registry_.unregister_pack(name, changes)) removed.set(name, *counts);
  }
  committer_.commit(std::move(changes), [this, removed, done = std::move(done)](const Status&) {
    apply_sensors();
    done(removed);
  });
}

void Engine::follow_packs(const std::vector<std::string>& names, std::function<void(Result<RegisterReport>)> done) {
  read_packs(names, [this, names, done = std::move(done)](const std::vector<packs::LoadedPack>& loaded) {
    Changes changes;
    remove_vanished(names, loaded, changes);
    register_loaded(loaded, {}, std::move(changes), done);
  });
}

void Engine::remove_vanished(const std::vector<std::string>& names, const std::vector<packs::LoadedPack>& loaded,
                             Changes& changes) {
  for (const Value& pack : catalog_.all(Collection::kPacks)) {
    const std::string ref = pack["ref"].string();
    if (!names.empty() && std::find(names.begin(), names.end(), ref) == names.end()) continue;
    if (std::any_of(loaded.begin(), loaded.end(), [&](const auto& one) { return packs::ref_of(one) == ref; })) continue;
    const std::filesystem::path path = pack["path"].string();
    std::error_code failed;
    if (std::filesystem::exists(path, failed) || !std::filesystem::is_directory(path.parent_path(), failed)) continue;
    if (registry_.unregister_pack(ref, changes))
      log_info("a pack is gone, and so is what was registered of it", {{"pack", ref}, {"path", path.string()}});
  }
}

void Engine::put_config(const std::string& pack, const Value& given, DocumentDone done) {
  Changes changes;
  const auto config = [&]() -> Result<Value> {
    if (catalog_.find(Collection::kPacks, pack) == nullptr) {
      return fail(ErrorCode::kNotFound, "Unable to identify resource with pack_ref \"" + pack + "\".");
    }
    const Value* before = catalog_.find(Collection::kConfigs, pack);
    const Value values = packs::keep_masked(given, before != nullptr ? (*before)["values"] : Value());
    const std::string path = options_.configs_directory + "/" + pack + ".yaml";
    const Value* schema = catalog_.find(Collection::kConfigSchemas, pack);
    if (schema != nullptr) SQ_CHECK(packs::check_config(values, (*schema)["attributes"], pack, path));
    SQ_TRY(const Value form, json_form(values));
    SQ_TRY(const std::string text, write_yaml(form));
    std::error_code error;
    std::filesystem::create_directories(options_.configs_directory, error);
    // Configs hold secrets.
    SQ_CHECK(write_file_atomically(path, text, 0600));
    return registry_.put_config(pack, form, changes);
  }();
  committer_.commit(std::move(changes), [config, done = std::move(done)](const Status&) { done(config); });
}

void Engine::change_content(const std::function<Result<Value>(ContentRegistry&, Changes&)>& change, DocumentDone done) {
  Changes changes;
  auto answer = change(registry_, changes);
  driver_->release_held_back(changes);
  committer_.commit(std::move(changes), [answer, done = std::move(done)](const Status&) { done(answer); });
}

Value Engine::sensor_status() const {
  Value status = Value::empty_dict();
  for (const auto& sensor : sensors_) {
    Value one = sensor->status();
    if (!is_sensor_enabled(sensor->ref())) one.set("state", "disabled");
    status.set(sensor->ref(), std::move(one));
  }
  if (!fleet_) return status;
  const Value fleet = fleet_->status();
  for (const auto& [ref, one] : fleet.as_dict()) status.set(ref, one);
  return status;
}

void Engine::commit(sensors::SensorCommit commit, std::function<void(Status)> done) {
  deps_.executor.post([this, commit = std::move(commit), done = std::move(done)]() mutable {
    SQ_CRASH_POINT("engine.sensed");
    Changes changes;
    for (const sensors::Emission& emission : commit.emissions) {
      const auto instance =
          triggers_->process({emission.trigger, emission.payload, emission.trace_tag, emission.check_payload}, changes);
      // A payload that breaks its own type's schema is dropped with a warning, as in StackStorm (G-4).
      if (instance) continue;
      log_warning("a sensor's event was refused",
                  {{"trigger", emission.trigger}, {"reason", instance.error().message()}});
      if (commit.on_refused) commit.on_refused(emission, instance.error());
    }
    if (commit.state) changes.add(std::move(commit.state));
    committer_.commit(std::move(changes), [done = std::move(done)](const Status& status) { done(status); });
  });
}

// StackStorm makes a trigger instance for every execution, which doubles the load for nothing.
void Engine::announce(const std::string& trigger, const Value& payload, Changes& changes, const Value& trace) {
  if (!catalog_.rules_of(trigger).empty()) record(trigger, payload, changes, trace);
}

void Engine::record(const std::string& trigger, const Value& payload, Changes& changes, const Value& trace) {
  const TriggerEvent event{.trigger = trigger, .payload = payload, .check_payload = false, .trace = trace.string()};
  if (const auto instance = triggers_->process(event, changes); !instance) {
    log_warning("an event could not be announced", {{"trigger", trigger}, {"reason", instance.error().message()}});
  }
}

void Engine::on_execution_finished(const Value& execution, Changes& changes) {
  for (const Value& payload : notifications_of(execution, deps_.store)) {
    record(std::string(kNotifyTrigger), payload, changes, execution[model::kTrace]);
  }
  if (catalog_.rules_of(kActionTrigger).empty()) return;
  announce(std::string(kActionTrigger), action_trigger_payload(execution), changes, execution[model::kTrace]);
}

void Engine::on_inquiry(const Value& execution, Changes& changes) {
  const Value payload = Value::dict({{"id", execution["id"]}, {"route", execution["result"]["route"]}});
  record(std::string(kInquiryTrigger), payload, changes, execution[model::kTrace]);
}

}  // namespace squall::engine
