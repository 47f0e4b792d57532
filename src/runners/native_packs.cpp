#include "runners/native_packs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <optional>

#include "base/log.hpp"
#include "base/strings.hpp"

namespace squall::runners {
namespace {

namespace fs = std::filesystem;

// StackStorm's system packs: they belong to the server (stackstorm-features.md A-3).
constexpr std::string_view kSystemPacks[] = {"chatops", "core", "linux", "packs"};
constexpr Duration kFirstLook = std::chrono::milliseconds(200);
constexpr Duration kNextLook = std::chrono::seconds(1);

Value python_result(Value result, std::string_view log = {}) {
  return Value::dict({{"result", std::move(result)}, {"stdout", ""}, {"stderr", std::string(log)}, {"exit_code", 0}});
}

Result<std::vector<std::string>> packs_of(const NativeCall& call, std::string_view doing) {
  std::vector<std::string> packs;
  for (size_t i = 0; i < call.parameters["packs"].size(); ++i) packs.push_back(call.parameters["packs"][i].string());
  std::vector<std::string> refused;
  for (const std::string& pack : packs) {
    if (std::find(std::begin(kSystemPacks), std::end(kSystemPacks), pack) != std::end(kSystemPacks))
      refused.push_back(pack);
    // It becomes part of a path.
    if (pack.empty() || pack.find('/') != std::string::npos || pack.front() == '.')
      return fail(ErrorCode::kInvalid, fmt::format("Invalid pack name \"{}\"", pack));
  }
  if (!doing.empty() && !refused.empty())
    return fail(ErrorCode::kInvalid, fmt::format("{} pack - {}.", doing, fmt::join(refused, ", ")));
  return packs;
}

// Runs `task` on the executor and waits for its end.
void on_executor(Executor& executor, std::function<void()> task) {
  auto done = std::make_shared<std::promise<void>>();
  auto ended = done->get_future();
  executor.post([task = std::move(task), done] {
    task();
    done->set_value();
  });
  ended.wait_for(std::chrono::seconds(30));  // an executor that ends meanwhile never runs it
}

class SetupVirtualenv {
 public:
  SetupVirtualenv(Virtualenvs& virtualenvs, PackControl control)
      : virtualenvs_(virtualenvs), control_(std::move(control)) {}

  // Looks every second how far it is, which survives a restart: what was made is found again, the rest is made then.
  Result<NativeAnswer> run(const NativeCall& call) {
    SQ_TRY(const std::vector<std::string> packs, packs_of(call, ""));
    auto& job = jobs_[call.request.execution_id];
    const bool is_new = job == nullptr;
    if (is_new) {
      job = std::make_shared<Job>();
      const Status started = start(packs, call, job);
      if (!started) {
        jobs_.erase(call.request.execution_id);
        return fail(started.error());
      }
    }
    if (call.stop.stopped()) {
      jobs_.erase(call.request.execution_id);
      return fail(ErrorCode::kCanceled, "canceled; the virtualenvs that are being made will be finished all the same");
    }
    std::vector<std::string> making;
    for (const std::string& pack : packs) {
      const auto& result = job->results[pack];
      if (!result) making.push_back(fmt::format("{}: {}", pack, virtualenvs_.progress(pack)));
    }
    if (!making.empty()) {
      return NativeAnswer::wait_for(is_new ? kFirstLook : kNextLook, Value::dict({{"started", true}}),
                                    fmt::format("virtualenvs are being made ({})", fmt::join(making, "; ")));
    }
    const std::shared_ptr<Job> ended = job;
    jobs_.erase(call.request.execution_id);
    std::string log;
    for (const auto& [pack, result] : ended->results) {
      if (!*result) return fail(result->error());
      const std::string& directory = (**result).directory;
      log += fmt::format("{}: {}\n", pack,
                         directory.empty() ? "requires nothing, runs in " + (**result).python : directory);
    }
    return NativeAnswer::succeeded(python_result(
        fmt::format("Successfully set up virtualenv for the following packs: {}", fmt::join(packs, ", ")), log));
  }

 private:
  struct Job {
    std::map<std::string, std::optional<Result<Interpreter>>> results;  // by pack
  };

  Status start(const std::vector<std::string>& packs, const NativeCall& call, const std::shared_ptr<Job>& job) {
    std::map<std::string, std::string> directories;
    for (const std::string& pack : packs) {
      directories[pack] = control_.find(pack);
      if (directories[pack].empty()) {
        return fail(ErrorCode::kNotFound,
                    fmt::format("Pack \"{}\" is not installed: no directory of packs has it", pack));
      }
    }
    process::Environment environment;
    if (call.parameters["env"].is_dict()) {
      for (const auto& [name, value] : call.parameters["env"].as_dict()) environment[name] = value.string();
    }
    for (const auto& [pack, directory] : directories) {
      job->results[pack];
      if (call.parameters["update"].bool_or(false) && call.state.is_null()) virtualenvs_.forget(pack);
      virtualenvs_.ensure(
          pack, directory, [job, pack = pack](Result<Interpreter> result) { job->results[pack] = std::move(result); },
          environment);
    }
    return {};
  }

  Virtualenvs& virtualenvs_;
  PackControl control_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;  // by execution
};

Status delete_pack(const std::string& pack, const PackControl& control, std::string& log) {
  const std::string directory = control.find(pack);
  if (directory.empty()) {
    log += fmt::format("{}: there is no directory to delete\n", pack);
    return {};
  }
  if (control.is_given(directory)) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("the pack \"{}\" lies in {}, which squall was started with (--packs); stop naming it there, "
                    "or delete it yourself",
                    pack, directory));
  }
  std::error_code failed;
  if (fs::is_symlink(directory, failed)) {
    fs::remove(directory, failed);  // what it points to is somebody's working copy
  } else {
    fs::remove_all(directory, failed);
  }
  if (failed) return fail(ErrorCode::kIo, fmt::format("{} cannot be deleted: {}", directory, failed.message()));
  log += fmt::format("{}: {} is deleted\n", pack, directory);
  return {};
}

}  // namespace

void add_pack_actions(NativeRegistry& registry, Executor& executor, Virtualenvs& virtualenvs, PackControl control) {
  auto setup = std::make_shared<SetupVirtualenv>(virtualenvs, control);
  registry.add({.name = "packs.setup_virtualenv", .runs_inline = true, .run = [setup](const NativeCall& call) {
                  return setup->run(call);
                }});
  registry.add(
      {.name = "packs.unload", .runs_inline = true, .run = [control](const NativeCall& call) -> Result<NativeAnswer> {
         SQ_TRY(const std::vector<std::string> packs, packs_of(call, "Unregister includes an unregisterable"));
         control.unregister(packs);
         return NativeAnswer::succeeded(python_result({}));
       }});
  registry.add({.name = "packs.delete",
                .run = [control, &executor, &virtualenvs](const NativeCall& call) -> Result<NativeAnswer> {
                  SQ_TRY(const std::vector<std::string> packs, packs_of(call, "Uninstall includes an uninstallable"));
                  std::string log;
                  for (const std::string& pack : packs) SQ_CHECK(delete_pack(pack, control, log));
                  const bool environments = call.parameters["delete_env"].bool_or(true);
                  on_executor(executor, [&virtualenvs, control, packs, environments] {
                    for (const std::string& pack : packs) {
                      if (environments) virtualenvs.remove(pack);
                    }
                    // A pack that ships with squall comes to light again.
                    control.follow(packs);
                  });
                  return NativeAnswer::succeeded(python_result({}, log));
                }});
}

}  // namespace squall::runners
