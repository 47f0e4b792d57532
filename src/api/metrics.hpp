// Counters of the API and the engine, in Prometheus' text format.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "base/clock.hpp"
#include "engine/engine.hpp"

namespace squall::api {

// Lives on the event loop; the engine outlives it.
class Metrics {
 public:
  explicit Metrics(engine::Engine& engine) : engine_(engine) {}

  // `route` is its pattern: the names of resources would make a series for each.
  void on_answer(const std::string& method, const std::string& route, int status, Duration took);

  // All of it as text. `connections`: open ones of the HTTP server.
  std::string text(const std::string& version, size_t connections) const;

 private:
  // Upper bounds in seconds; the last bucket has none.
  static constexpr std::array<double, 10> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0};
  struct Times {
    std::array<uint64_t, kBounds.size()> buckets{};  // each counts what is at most its bound
    uint64_t count = 0;
    double seconds = 0;
  };

  engine::Engine& engine_;
  std::map<std::tuple<std::string, std::string, int>, uint64_t> answers_;
  std::map<std::string, Times> times_;  // by method
};

}  // namespace squall::api
