// Random workflows, any order of completions, a crash between any two steps: the run ends, and ends in the same state
// as without the crash. SQUALL_PROPERTY_SEEDS tries more of them.
#include <cstdlib>
#include <random>

#include "workflow/orquesta/inspect.hpp"
#include "workflow/orquesta/test_player.hpp"

namespace squall::workflow::orquesta {
namespace {

constexpr int kSeedsByDefault = 400;
constexpr int kStepsMax = 2000;

class Chance {
 public:
  explicit Chance(uint64_t seed) : numbers_(seed) {}
  size_t below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(numbers_); }
  bool one_in(size_t bound) { return below(bound) == 0; }
  template <typename T>
  const T& of(const std::vector<T>& values) {
    return values[below(values.size())];
  }

 private:
  std::mt19937_64 numbers_;
};

std::string task_name(size_t index) { return "t" + std::to_string(index); }

// Targets are later tasks and commands; earlier ones only as long as a counter allows, so that every cycle ends.
Value random_transition(Chance& chance, size_t index, size_t count) {
  static const std::vector<std::string> kConditions = {"<% succeeded() %>",
                                                       "<% failed() %>",
                                                       "{{ completed() }}",
                                                       "<% ctx().n < 2 %>",
                                                       "<% succeeded() and task_status(t0) = 'succeeded' %>",
                                                       "{{ ctx('n') > 0 }}"};
  Value transition = Value::empty_dict();
  if (!chance.one_in(4)) transition.set("when", chance.of(kConditions));
  if (chance.one_in(3)) {
    transition.set("publish", Value::list({Value::dict({{"v" + std::to_string(chance.below(3)), "<% result() %>"}}),
                                           Value::dict({{"chance", "<% random() %>"}})}));
  }
  Value targets = Value::empty_list();
  const size_t wanted = 1 + chance.below(3);
  for (size_t i = 0; i < wanted; ++i) {
    std::string target;
    if (index + 1 < count && !chance.one_in(6)) {
      target = task_name(index + 1 + chance.below(count - index - 1));
    } else {
      static const std::vector<std::string> kCommands = {"noop", "continue", "fail"};
      target = chance.of(kCommands);
    }
    bool known = false;
    for (const Value& other : targets.as_list()) known = known || other == Value(target);
    if (!known) targets.push_back(target);
  }
  if (index > 0 && chance.one_in(8)) {
    transition.set("when", "<% ctx().n < 2 %>");
    transition.set("publish", Value::list({Value::dict({{"n", "<% ctx().n + 1 %>"}})}));
    targets = Value::list({task_name(1 + chance.below(index))});
  }
  transition.set("do", targets);
  return transition;
}

Value random_workflow(Chance& chance) {
  const size_t count = 2 + chance.below(9);
  Value tasks = Value::empty_dict();
  for (size_t i = 0; i < count; ++i) {
    Value task = Value::empty_dict();
    if (!chance.one_in(7)) {
      task.set("action", "core.noop");
      if (chance.one_in(3)) task.set("input", Value::dict({{"x", "<% ctx().n %>"}, {"r", "<% random(1, 100) %>"}}));
      if (chance.one_in(5)) {
        Value with = Value::dict({{"items", chance.one_in(4) ? "<% [] %>" : "x in <% [1, 2, 3, 4, 5] %>"}});
        if (chance.one_in(2)) with.set("concurrency", static_cast<int64_t>(1 + chance.below(3)));
        task.set("with", with);
        task.set("input", Value::dict({{"i", "<% item(x) %>"}}));
        if (with["items"] == Value("<% [] %>")) task.erase("input");
      }
    }
    if (chance.one_in(6)) task.set("retry", Value::dict({{"count", 2}, {"when", "<% failed() %>"}}));
    if (i > 0 && chance.one_in(4)) task.set("join", chance.one_in(3) ? Value(1) : Value("all"));
    Value next = Value::empty_list();
    const size_t transitions = chance.below(3);
    for (size_t k = 0; k < transitions; ++k) next.push_back(random_transition(chance, i, count));
    if (!next.empty()) task.set("next", next);
    if (task.empty()) task.set("action", "core.noop");
    tasks.set(task_name(i), task);
  }
  return Value::dict({{"version", 1.0},
                      {"vars", Value::list({Value::dict({{"n", 0}})})},
                      {"output", Value::list({Value::dict({
                                                  {"n", "<% ctx().n %>"},
                                              }),
                                              Value::dict({{"secret", "<% st2kv('k', default => 'none') %>"}})})},
                      {"tasks", tasks}});
}

// Plays the workflow by the numbers of `seed`; with `crashes`, the run is thrown away and made anew from its journal
// before random steps.
class Play {
 public:
  Play(std::shared_ptr<const Workflow> workflow, uint64_t seed, bool crashes)
      : player_(std::move(workflow)), chance_(seed), crash_chance_(seed + 1), crashes_(crashes) {}

  // The hash after each step.
  std::vector<uint64_t> run() {
    send(Start{Value::empty_dict(), Value::empty_dict()});
    int steps = 0;
    while (!player_.run().open_actions().empty() || wakes_up()) {
      if (++steps > kStepsMax) {
        ADD_FAILURE() << "does not end";
        break;
      }
      if (crashes_ && crash_chance_.one_in(3)) player_.crash();
      step();
    }
    return std::move(hashes_);
  }
  const Player& player() const { return player_; }

 private:
  void send(Event::What what, bool more = false) {
    // A refusal is an answer, too.
    if (player_.send(std::move(what), more)) hashes_.push_back(player_.run().hash());
  }

  // Paused with nothing under way: goes on, so that every play has an end. Some failed ones run again, once.
  bool wakes_up() {
    if (player_.run().status() == "paused") {
      send(ResumeRequest{});
      return player_.run().status() != "paused";
    }
    if (player_.run().status() != "failed" || rerun_ || !chance_.one_in(2)) return false;
    rerun_ = true;
    send(RerunRequest{});
    return true;
  }

  void step() {
    static const std::vector<std::string> kEnds = {"succeeded", "succeeded", "succeeded", "failed", "timeout"};
    const std::vector<int64_t> open = player_.run().open_actions();
    if (open.empty()) return;
    if (chance_.one_in(25)) send(PauseRequest{});
    if (chance_.one_in(60)) send(CancelRequest{});
    if (chance_.one_in(20)) send(ResumeRequest{});
    const int64_t number = chance_.of(open);
    if (chance_.one_in(10)) send(ActionChanged{number, "running", Value()});
    if (chance_.one_in(15)) {
      send(ActionChanged{number, "pending", Value()});
      return;
    }
    const std::string end = player_.run().status() == "canceling" && chance_.one_in(2) ? "canceled" : chance_.of(kEnds);
    send(ActionChanged{number, end, Value(number)}, false);
  }

  Player player_;
  Chance chance_;
  Chance crash_chance_;
  bool crashes_;
  bool rerun_ = false;
  std::vector<uint64_t> hashes_;
};

TEST(OrquestaProperty, ACrashBetweenAnyTwoStepsChangesNothing) {
  const char* wanted = std::getenv("SQUALL_PROPERTY_SEEDS");
  const int seeds = wanted == nullptr ? kSeedsByDefault : std::atoi(wanted);
  use_patterns();
  int played = 0;
  std::map<std::string, int> ends;
  for (int seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chance chance(static_cast<uint64_t>(seed) * 1000003);
    const Value document = random_workflow(chance);
    auto spec = WorkflowSpec::from_document(document);
    ASSERT_TRUE(spec) << spec.error().to_string();
    if (!inspect(*spec, {}).ok()) continue;
    ++played;
    const auto workflow = std::make_shared<const Workflow>(*std::move(spec));
    Play calm(workflow, static_cast<uint64_t>(seed), false);
    Play crashing(workflow, static_cast<uint64_t>(seed), true);
    const std::vector<uint64_t> hashes = calm.run();
    EXPECT_EQ(hashes, crashing.run());
    const std::string status = calm.player().run().status();
    ++ends[status];
    EXPECT_TRUE(status == "succeeded" || status == "failed" || status == "canceled")
        << status << " with nothing left to do\n"
        << to_json_pretty(document) << "\n"
        << to_json_pretty(calm.player().run().document()["state"]);
    EXPECT_TRUE(calm.player().replays());
    if (HasFailure()) return;
  }
  // Most random documents have nothing to find fault with, and there are all kinds of ends.
  EXPECT_GT(played * 2, seeds);
  EXPECT_GT(ends["succeeded"], 0);
  EXPECT_GT(ends["failed"], 0);
  std::cout << "orquesta property: " << played << " workflows:";
  for (const auto& [status, count] : ends) std::cout << " " << count << " " << status;
  std::cout << std::endl;
}

}  // namespace
}  // namespace squall::workflow::orquesta
