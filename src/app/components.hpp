// The concrete classes that the engine is given: runners, native actions, sensors.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "net/event_loop.hpp"
#include "packs/index.hpp"
#include "runners/registry.hpp"
#include "runners/remote.hpp"
#include "sensors/python_sensor.hpp"
#include "text/time_zone.hpp"

namespace squall::app {

struct ComponentOptions {
  std::string data;                     // data directory
  std::string share;                    // where packs/ and python/ are
  std::string user;                     // the system user
  TimeZone timezone;                    // of timers that name none
  std::vector<std::string> index_urls;  // of packs
  std::function<std::string(const std::string&)> environment;
  std::vector<std::string> runner_directories;  // of runners written in Python
  runners::RemoteOptions remote;                // what is not set follows from the above
};

// Owns what it makes. Made before the engine, destroyed after it.
class Components {
 public:
  Components(ComponentOptions options, net::EventLoop& loop);
  ~Components();
  runners::RunnerRegistry& runners();
  packs::PackIndex& pack_index();
  // Adds the built-in sensors, those of packs, and the actions that need the engine. `api` answers the calls of Python
  // sensors.
  void attach(engine::Engine& engine, sensors::PythonSensorOptions::Api api);

 private:
  struct Parts;
  static void add_hosted_runners(Parts& parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace squall::app
