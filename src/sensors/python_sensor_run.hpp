// One process of a Python sensor. Only python_sensor*.cpp use it.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>

#include "sensors/python_sensor.hpp"

namespace squall::sensors {

struct PythonSensor::Run {
  std::shared_ptr<process::Process> process;
  Duration started_at{};
  bool has_ended = false;
  std::string failure;                          // what it said before it ended
  std::string output, error_output;             // without a line's end so far
  std::set<std::string> open_calls;             // ids that are being carried out
  std::map<std::string, std::string> answered;  // id -> the line that answered it
  std::deque<std::string> answered_order;
};

}  // namespace squall::sensors
