// PythonSensors: the sensors of packs, one supervised process each.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sensors/python_sensor.hpp"
#include "sensors/sensor.hpp"

namespace squall::sensors {

// Everything it refers to outlives it. A sensor is started again when its document, the config of its pack, or a file
// in sensors/, lib/ or requirements.txt of its pack has changed since the last set_sensors().
class PythonSensors final : public SensorFleet {
 public:
  PythonSensors(Executor& executor, process::ProcessHost& processes, runners::Virtualenvs& virtualenvs,
                PythonSensorOptions options, const Clock& clock = Clock::system());
  ~PythonSensors() override;

  void set_sensors(const std::vector<PackSensor>& sensors) override;
  void add_trigger(const Value& trigger) override;
  void remove_trigger(const Value& trigger) override;
  void start(SensorHost& host) override;
  void stop() override;
  Value status() const override;

 private:
  struct Entry {
    std::shared_ptr<PythonSensor> sensor;
    std::string stamp;  // of everything that it was started from
  };
  std::string stamp_of(const PackSensor& sensor) const;

  PythonSensorContext context_;
  std::map<std::string, Entry> sensors_;  // by ref
};

}  // namespace squall::sensors
