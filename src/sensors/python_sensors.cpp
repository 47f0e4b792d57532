#include "sensors/python_sensors.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "base/strings.hpp"
#include "crypto/hash.hpp"
#include "value/json.hpp"

namespace squall::sensors {
namespace {

namespace fs = std::filesystem;

// Identifies the state of a file without reading it; empty when there is none.
std::string file_stamp(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return path.string() + ":" + std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec) + ":" +
         std::to_string(info.st_size) + "\n";
}

std::string python_files_stamp(const fs::path& directory) {
  std::set<std::string> stamps;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".py") stamps.insert(file_stamp(entry->path()));
  }
  std::string all;
  for (const std::string& stamp : stamps) all += stamp;
  return all;
}

}  // namespace

PythonSensors::PythonSensors(Executor& executor, process::ProcessHost& processes, runners::Virtualenvs& virtualenvs,
                             PythonSensorOptions options, const Clock& clock)
    : context_{executor, processes, virtualenvs, clock, std::move(options), nullptr, {}} {
  context_.options.runtime_directory = absolute_path(context_.options.runtime_directory);
  if (!context_.options.python2_directory.empty())
    context_.options.python2_directory = absolute_path(context_.options.python2_directory);
}

PythonSensors::~PythonSensors() { stop(); }

std::string PythonSensors::stamp_of(const PackSensor& sensor) const {
  const fs::path pack = sensor.pack_path;
  std::string all = to_json(sensor.document);
  if (context_.options.config) {
    const auto config = context_.options.config(sensor.document["pack"].string());
    all += config ? to_json(*config) : config.error().message();
  }
  all +=
      python_files_stamp(pack / "sensors") + python_files_stamp(pack / "lib") + file_stamp(pack / "requirements.txt");
  return crypto::sha256_hex(all);  // a config can hold secrets: only its hash is kept
}

void PythonSensors::set_sensors(const std::vector<PackSensor>& sensors) {
  std::set<std::string> wanted;
  for (const PackSensor& sensor : sensors) {
    const std::string ref = sensor.document["ref"].string();
    wanted.insert(ref);
    const std::string stamp = stamp_of(sensor);
    Entry& entry = sensors_[ref];
    if (!entry.sensor) {
      entry = {std::make_shared<PythonSensor>(context_, sensor), stamp};
      if (context_.host != nullptr) entry.sensor->start();
    } else if (entry.stamp != stamp) {
      entry.stamp = stamp;
      entry.sensor->replace(sensor);
    }
  }
  for (auto it = sensors_.begin(); it != sensors_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    it->second.sensor->stop();
    it = sensors_.erase(it);
  }
}

void PythonSensors::add_trigger(const Value& trigger) {
  context_.triggers[trigger["ref"].string()] = trigger;
  for (const auto& [ref, entry] : sensors_) entry.sensor->tell_trigger("add", trigger);
}

void PythonSensors::remove_trigger(const Value& trigger) {
  context_.triggers.erase(trigger["ref"].string());
  for (const auto& [ref, entry] : sensors_) entry.sensor->tell_trigger("remove", trigger);
}

void PythonSensors::start(SensorHost& host) {
  context_.host = &host;
  for (const auto& [ref, entry] : sensors_) entry.sensor->start();
}

void PythonSensors::stop() {
  for (const auto& [ref, entry] : sensors_) entry.sensor->stop();
  context_.host = nullptr;
}

Value PythonSensors::status() const {
  Value status = Value::empty_dict();
  for (const auto& [ref, entry] : sensors_) status.set(ref, entry.sensor->status());
  return status;
}

}  // namespace squall::sensors
