// Built-in sensors: state machines inside squall that turn changes of the outside into trigger instances.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::sensors {

// One trigger instance to be.
struct Emission {
  std::string trigger;  // ref of a trigger (stackstorm-features.md G-2)
  Value payload;        // dict
  std::string trace_tag;
  bool check_payload = true;  // against the schema of its type; StackStorm's timers break their own
};

// What a sensor learned in one step: its own durable state and the events that follow from it. Both are committed in
// one transaction, so that a crash neither loses nor repeats an event.
struct SensorCommit {
  std::vector<Emission> emissions;
  store::Store::WriteFunction state;  // writes kSensorObjects and kCursors; may be empty
  // Told of each emission that is dropped because its trigger is unknown or its payload breaks the schema; may be
  // empty.
  std::function<void(const Emission&, const Error&)> on_refused;
};

// What the engine offers to sensors. Thread-safe; `done` is called on the executor once the commit is durable.
class SensorHost {
 public:
  virtual ~SensorHost() = default;
  virtual void commit(SensorCommit commit, std::function<void(Status)> done) = 0;
  virtual store::Store& store() = 0;
};

// A sensor. All calls come on the executor's thread. Life: made, add_trigger() for every existing trigger of its types,
// start(), add/remove as rules come and go, stop(); after stop() nothing is emitted any more.
class Sensor {
 public:
  virtual ~Sensor() = default;
  // "kubernetes.KubernetesSensor".
  virtual std::string ref() const = 0;
  // Refs of the trigger types it emits.
  virtual std::vector<std::string> trigger_types() const = 0;
  // A trigger document {id, ref, type, parameters} of one of these types.
  virtual void add_trigger(const Value& trigger) = 0;
  virtual void remove_trigger(const Value& trigger) = 0;
  virtual void start(SensorHost& host) = 0;
  virtual void stop() = 0;
  // For people: {"state": "watching", "message": ..., ...}.
  virtual Value status() const = 0;
};

// A sensor that a pack brings along.
struct PackSensor {
  Value document;  // as registered: {ref, pack, class_name, artifact_uri, poll_interval, enabled, trigger_types, ...}
  std::string pack_path;  // directory of the pack that it came from
};

// The sensors of packs, which come and go as packs are registered. All calls come on the executor's thread. Life: made,
// add_trigger() for every existing trigger of whatever type, set_sensors(), start(), changes as they come, stop().
class SensorFleet {
 public:
  virtual ~SensorFleet() = default;
  // All sensors that are to be there from now on: new ones start, changed ones start again, missing ones stop.
  virtual void set_sensors(const std::vector<PackSensor>& sensors) = 0;
  virtual void add_trigger(const Value& trigger) = 0;
  virtual void remove_trigger(const Value& trigger) = 0;
  virtual void start(SensorHost& host) = 0;
  // Asks all of them to end; nothing is emitted any more.
  virtual void stop() = 0;
  // {ref: {"state", "message", ...}}.
  virtual Value status() const = 0;
};

}  // namespace squall::sensors
