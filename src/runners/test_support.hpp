// What the tests of the runners share.
#pragma once

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "process/process.hpp"
#include "process/test_executor.hpp"
#include "runners/runner.hpp"
#include "value/json.hpp"

namespace squall::runners {

// Values in test failures as JSON.
inline void PrintTo(const ActionOutcome& outcome, std::ostream* out) {
  *out << outcome.status << " " << to_json(outcome.result);
}

inline Value json(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return value ? *value : Value();
}

// A directory of its own, gone at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = testing::TempDir() + "squall_XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_.string(); }
  // Makes directories as needed.
  std::string write(const std::string& name, std::string_view content) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

class RunnerTest : public testing::Test {
 protected:
  static constexpr const char* kPath = "/usr/local/bin:/usr/bin:/bin";

  struct Output {
    std::mutex mutex;
    std::string standard_output, standard_error;
    int pid = 0;
  };

  // As the engine does it: start() on the executor.
  std::future<ActionOutcome> start(Runner& runner, ActionRequest request, StopToken stop = {}) {
    auto promise = std::make_shared<std::promise<ActionOutcome>>();
    executor_.run_and_wait([&] {
      RunHandlers handlers;
      handlers.on_output = [this](OutputKind kind, std::string_view chunk) {
        const std::lock_guard lock(output_.mutex);
        (kind == OutputKind::kStdout ? output_.standard_output : output_.standard_error) += chunk;
      };
      handlers.on_done = [this, promise](ActionOutcome outcome) {
        EXPECT_TRUE(executor_.is_current());
        promise->set_value(std::move(outcome));
      };
      handlers.on_process = [this](int pid) { output_.pid = pid; };
      runner.start(request, stop, std::move(handlers));
    });
    return promise->get_future();
  }
  ActionOutcome run(Runner& runner, ActionRequest request, StopToken stop = {}) {
    return start(runner, std::move(request), stop).get();
  }
  std::string seen_output() {
    const std::lock_guard lock(output_.mutex);
    return output_.standard_output;
  }

  process::TestExecutor executor_;
  process::ProcessHost processes_{executor_};
  Output output_;
};

}  // namespace squall::runners
