// database.take_turn and try_again: the actions that ask the engine for something. All of them run on its thread.
#include "base/log.hpp"
#include "runners/database/actions.hpp"
#include "runners/database/services.hpp"
#include "runners/database/turns.hpp"

namespace squall::runners {
namespace {

using database::chain_of;
using database::TurnMode;
using database::Turns;

constexpr Duration kTurnPollFirst = std::chrono::milliseconds(200);
constexpr Duration kTurnPollLongest = std::chrono::seconds(3);

struct Shared {
  explicit Shared(ExecutionControl given) : control(given), turns(std::move(given)) {}
  ExecutionControl control;
  Turns turns;
};

TurnMode mode_of(const Value& mode) {
  if (mode.string_or("") == "preempt") return TurnMode::kPreempt;
  return mode.string_or("") == "queue" ? TurnMode::kQueue : TurnMode::kReplace;
}

Result<NativeAnswer> take_turn(Shared& shared, const NativeCall& call) {
  const std::string uid = call.parameters["uid"].string();
  if (uid.empty()) return fail(Error(ErrorCode::kInvalid, "`uid` is empty").with_type("InvalidParameter"));
  const std::string chain = chain_of(call);
  const Value* document = shared.control.live(chain);
  const std::string action = document != nullptr ? (*document)["action"]["ref"].string() : call.request.action_ref;
  const int64_t waits = call.state["waits"].int_or(0);
  if (shared.turns.take(uid, chain, action, mode_of(call.parameters["mode"]), call.request.user))
    return NativeAnswer::succeeded(Value::dict({{"waited", waits > 0}}));
  return NativeAnswer::wait_for(
      database::growing_delay(waits, kTurnPollFirst, kTurnPollLongest),
      Value::dict({{"waits", waits + 1}, {"reason", "another chain works on this resource"}}));
}

// The identity of a resource is all that a later chain needs: it reads the rest anew.
Value identity_of(const Value& object) {
  const Value& metadata = object["metadata"];
  return Value::dict(
      {{"apiVersion", object["apiVersion"]},
       {"kind", object["kind"]},
       {"metadata",
        Value::dict({{"namespace", metadata["namespace"]}, {"name", metadata["name"]}, {"uid", metadata["uid"]}})}});
}

void start_chain(const std::shared_ptr<Shared>& shared, const std::string& action, const Value& parameters,
                 const Value& context, Duration delay) {
  const std::string uid = parameters["object"]["metadata"]["uid"].string();
  shared->control.start(action, parameters, context, delay, [shared, uid, action](const std::string& id) {
    if (!id.empty()) shared->turns.expect(uid, id, action);
  });
}

// Starts the chain's successor, unless a chain is there already that does the same for a newer wish.
Result<NativeAnswer> try_again(const std::shared_ptr<Shared>& shared, const NativeCall& call) {
  const std::string chain = chain_of(call);
  const Value* document = shared->control.live(chain);
  if (document == nullptr || call.parameters["terminal"].bool_or(false))
    return NativeAnswer::succeeded(Value::dict({{"started", false}}));
  const std::string action = (*document)["action"]["ref"].string();
  const std::string uid = call.parameters["object"]["metadata"]["uid"].string();
  // Also what a try before a crash has started.
  if (shared->turns.has_others_like(uid, chain, action))
    return NativeAnswer::succeeded(Value::dict({{"started", false}, {"reason", "another chain is on its way"}}));
  Value parameters = Value::dict(
      {{"object", identity_of(call.parameters["object"])}, {"attempt", call.parameters["attempt"].int_or(0) + 1}});
  for (const char* name : {"drift", "rotation"}) {
    if (const Value& value = call.parameters[name]; value.truthy()) parameters.set(name, value);
  }
  const int64_t delay = std::max<int64_t>(1, call.parameters["delay"].int_or(5));
  start_chain(shared, action, parameters, Value::dict({{"retry_of", chain}}), std::chrono::seconds(delay));
  return NativeAnswer::succeeded(Value::dict({{"started", true}, {"action", action}, {"delay", delay}}));
}

// One chain for everything that a look at all resources found, unless one is at work on it already.
Result<NativeAnswer> start_work(const std::shared_ptr<Shared>& shared, const NativeCall& call) {
  Value started = Value::empty_list();
  const Value& work = call.parameters["work"];
  for (size_t i = 0; i < work.size(); ++i) {
    const Value& item = work[i];
    const std::string uid = item["object"]["metadata"]["uid"].string();
    if (uid.empty() || shared->turns.has_others(uid, chain_of(call))) continue;
    Value parameters = item["parameters"].is_dict() ? item["parameters"] : Value::empty_dict();
    parameters.set("object", identity_of(item["object"]));
    start_chain(shared, item["action"].string(), parameters, Value::dict({{"found_by", chain_of(call)}}),
                Duration::zero());
    started.push_back(Value::dict({{"action", item["action"]},
                                   {"namespace", item["object"]["metadata"]["namespace"]},
                                   {"name", item["object"]["metadata"]["name"]},
                                   {"why", item["why"]}}));
  }
  return NativeAnswer::succeeded(Value::dict({{"started", started}, {"count", started.size()}}));
}

}  // namespace

void add_database_turns(NativeRegistry& registry, ExecutionControl control) {
  const auto shared = std::make_shared<Shared>(std::move(control));
  const auto add = [&](const char* name, std::function<Result<NativeAnswer>(const NativeCall&)> run) {
    registry.add({.name = name, .idempotent = true, .runs_inline = true, .run = std::move(run)});
  };
  add("database.take_turn", [shared](const NativeCall& call) { return take_turn(*shared, call); });
  add("database.try_again", [shared](const NativeCall& call) { return try_again(shared, call); });
  add("database.start_work", [shared](const NativeCall& call) { return start_work(shared, call); });
}

}  // namespace squall::runners
