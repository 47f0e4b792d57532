// A whole engine of one's own, without files, processes or time: what the tests of this folder live in. For tests only.
//
// The store and the executor stand still until settle(), so a test can look at what is asked for but not yet durable,
// and restart() throws everything away that was not committed, as a crash does.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "clients/kubernetes/manual_executor.hpp"
#include "engine/catalog.hpp"
#include "engine/changes.hpp"
#include "engine/content_registry.hpp"
#include "engine/execution_driver.hpp"
#include "engine/trigger_processor.hpp"
#include "packs/loader.hpp"
#include "packs/runner_types.hpp"
#include "store/memory/memory_store.hpp"

namespace squall::engine::testing {

// A runner whose attempts end when the test says so.
class FakeRunner final : public runners::Runner {
 public:
  struct Attempt {
    runners::ActionRequest request;
    StopToken stop;
    runners::RunHandlers handlers;
  };
  FakeRunner(std::vector<Attempt>& attempts, bool idempotent, bool process)
      : attempts_(attempts), idempotent_(idempotent), process_(process) {}
  void start(const runners::ActionRequest& request, StopToken stop, runners::RunHandlers handlers) override {
    attempts_.push_back({request, std::move(stop), std::move(handlers)});
  }
  bool is_idempotent(const runners::ActionRequest&) const override { return idempotent_; }
  bool uses_process() const override { return process_; }

 private:
  std::vector<Attempt>& attempts_;
  bool idempotent_;
  bool process_;
};

class House {
 public:
  explicit House(DriverOptions options = {}) : options_(std::move(options)) {
    char pattern[] = "/tmp/squall-engine-XXXXXX";
    root_ = ::mkdtemp(pattern);
    write("pack.yaml", "ref: t\nname: t\ndescription: d\nversion: 0.1.0\nauthor: a\nemail: a@example.com\n");
    move_in();
  }
  ~House() { std::filesystem::remove_all(root_); }
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  // A file of the pack `t`; register_pack() reads them all.
  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + "/t/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void write_action(const std::string& name, const std::string& runner, const std::string& more = "") {
    write("actions/" + name + ".yaml", "name: " + name + "\nrunner_type: " + runner + "\nenabled: true\nentry_point: " +
                                           (runner == "action-chain" ? "chains/" + name + ".yaml" : "x") + "\n" + more);
  }
  void write_chain(const std::string& name, const std::string& text, const std::string& more = "") {
    write_action(name, "action-chain", more);
    write("actions/chains/" + name + ".yaml", text);
  }
  void write_workflow(const std::string& name, const std::string& text, const std::string& more = "") {
    write(
        "actions/" + name + ".yaml",
        "name: " + name + "\nrunner_type: orquesta\nenabled: true\nentry_point: workflows/" + name + ".yaml\n" + more);
    write("actions/workflows/" + name + ".yaml", text);
  }
  RegisterReport register_pack() {
    Changes changes;
    registry->register_runner_types(packs::runner_types(), changes);
    RegisterReport report = registry->register_packs({packs::load_pack(root_ + "/t", {})}, changes);
    committer->commit(std::move(changes));
    settle();
    return report;
  }

  // Lets everything happen that needs no time to pass.
  void settle() {
    do executor->run();
    while (store.drain() > 0);
    executor->run();
  }
  void advance(Duration by) {
    const Duration until = executor->clock.monotonic() + by;
    settle();
    while (executor->clock.monotonic() < until) {
      executor->advance(std::min(until - executor->clock.monotonic(), Duration(std::chrono::milliseconds(100))));
      settle();
    }
  }

  // The process dies now, and another one starts on what is durable.
  void restart(bool settled = true) {
    const Duration now = executor->clock.monotonic();
    triggers.reset();
    driver.reset();
    attempts.clear();
    move_in(now);
    ASSERT_TRUE(driver->recover());
    if (settled) settle();
  }

  // The execution's id; the request is durable and dispatched.
  std::string run(const std::string& action, const Value& parameters = Value::empty_dict(), int64_t delay_ms = 0) {
    auto requested = request(action, parameters, delay_ms);
    EXPECT_TRUE(requested) << requested.error().to_string();
    return requested ? (*requested)["id"].string() : std::string();
  }
  Result<Value> request(const std::string& action, const Value& parameters, int64_t delay_ms = 0) {
    ExecutionRequest request;
    request.action = action;
    request.parameters = parameters;
    request.delay_ms = delay_ms;
    Changes changes;
    auto answer = driver->request(std::move(request), changes);
    committer->commit(std::move(changes));
    settle();
    return answer;
  }
  // cancel, pause or resume.
  Result<Value> ask(Result<Value> (ExecutionDriver::*what)(const std::string&, const std::string&, Changes&),
                    const std::string& id) {
    Changes changes;
    auto answer = (driver.get()->*what)(id, "somebody", changes);
    committer->commit(std::move(changes));
    settle();
    return answer;
  }

  // Ends the attempt that was started last and has not ended yet (or that number).
  void finish(const Value& result, const std::string& status = "succeeded") {
    finish(attempts.size() - 1, result, status);
  }
  void finish(size_t attempt, const Value& result, const std::string& status) {
    ASSERT_LT(attempt, attempts.size()) << "nothing was started";
    attempts[attempt].handlers.on_done({status, result, nullptr});
    settle();
  }
  void wait(Duration delay, const Value& state, const Value& shown = {}) {
    ASSERT_FALSE(attempts.empty());
    attempts.back().handlers.on_done({"running", shown, std::make_shared<runners::Wait>(runners::Wait{delay, state})});
    settle();
  }

  // As stored; null when there is none.
  Value stored(const std::string& id, store::Collection collection = store::Collection::kExecutions) {
    const auto document = store.find(collection, id);
    EXPECT_TRUE(document) << document.error().to_string();
    return document ? *document : Value();
  }
  std::vector<Value> all(store::Collection collection) {
    std::vector<Value> documents;
    EXPECT_TRUE(store.read([&](store::ReadTx& tx) -> Status {
      SQ_TRY(const auto page, tx.list(collection, {}));
      for (const auto& record : page.records) documents.push_back(record.document);
      return {};
    }));
    return documents;
  }
  // The statuses that it went through.
  std::vector<std::string> log_of(const std::string& id) {
    std::vector<std::string> names;
    const Value log = stored(id)["log"];
    for (const Value& entry : log.as_list()) names.push_back(entry["status"].string());
    return names;
  }
  std::string status(const std::string& id) { return stored(id)["status"].string(); }
  std::string child(const std::string& id, size_t number = 0) {
    return stored(id)["children"].as_list().at(number).string();
  }

  store::MemoryStore store{{.own_thread = false}};
  std::vector<FakeRunner::Attempt> attempts;  // in the order of their starts, since the latest restart
  std::vector<std::string> fatal;
  std::unique_ptr<kubernetes::testing::ManualExecutor> executor;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<Committer> committer;
  std::unique_ptr<ContentRegistry> registry;
  std::unique_ptr<ExecutionDriver> driver;
  std::unique_ptr<TriggerProcessor> triggers;

 private:
  void move_in(Duration now = {}) {
    auto fresh = std::make_unique<kubernetes::testing::ManualExecutor>();
    if (now > fresh->clock.monotonic()) fresh->clock.advance(now - fresh->clock.monotonic());
    executor = std::move(fresh);  // and with the old one goes what was posted but had not happened
    catalog = std::make_unique<Catalog>();
    EXPECT_TRUE(catalog->load(store));
    committer =
        std::make_unique<Committer>(store, *executor, [this](const Error& error) { fatal.push_back(error.message()); });
    registry = std::make_unique<ContentRegistry>(executor->clock, *catalog);
    runners_ = std::make_unique<runners::RunnerRegistry>();
    runners_->add("noop", std::make_unique<FakeRunner>(attempts, false, false));
    runners_->add("inquirer", std::make_unique<FakeRunner>(attempts, true, false));
    runners_->add("native", std::make_unique<FakeRunner>(attempts, true, false));
    runners_->add("local-shell-cmd", std::make_unique<FakeRunner>(attempts, false, true));
    driver = std::make_unique<ExecutionDriver>(
        ExecutionDriver::Dependencies{*executor, executor->clock, store, *catalog, *committer, *runners_, sealer_},
        options_);
    triggers = std::make_unique<TriggerProcessor>(executor->clock, store, *catalog, *driver, "stanley");
  }

  DriverOptions options_;
  std::string root_;
  SecretSealer sealer_ = SecretSealer::ephemeral();
  std::unique_ptr<runners::RunnerRegistry> runners_;
};

}  // namespace squall::engine::testing
