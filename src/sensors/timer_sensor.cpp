#include "sensors/timer_sensor.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "crypto/hash.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::sensors {
namespace {

using store::Collection;

constexpr std::string_view kPrefix = "timer/";

// One text for a type and its parameters: a trigger that is made anew goes on where its predecessor was.
std::string store_key(const Value& trigger) {
  const std::string identity = to_json(Value::dict({{"type", trigger["type"]}, {"parameters", trigger["parameters"]}}));
  return std::string(kPrefix) + crypto::sha256_hex(identity).substr(0, 32);
}

// StackStorm's payload (G-10): Python's str() of a datetime in UTC; `schedule` is never set there.
Value payload(Timestamp now) {
  const Value executed = Value::date_time({now.time_since_epoch().count(), true, 0});
  return Value::dict({{"executed_at", python::str(executed)}, {"schedule", Value()}});
}

std::string trace_tag(const Value& trigger) {
  const std::string type = trigger["type"].string();
  return type.substr(type.find('.') + 1) + "-" + trigger["name"].string();
}

// Key -> when it is due, for all timers that were ever taken up.
Result<std::map<std::string, std::string>> read_saved(store::Store& store) {
  std::map<std::string, std::string> saved;
  SQ_CHECK(store.read([&](store::ReadTx& transaction) -> Status {
    store::Query query;
    query.filters = {{"id", store::Compare::kPrefix, Value(std::string(kPrefix))}};
    SQ_TRY(const auto page, transaction.list(Collection::kCursors, query));
    for (const store::Record& record : page.records) saved[record.id] = record.document["due"].string();
    return {};
  }));
  return saved;
}

}  // namespace

TimerSensor::TimerSensor(Executor& executor, TimeZone zone, const Clock& clock)
    : executor_(executor), zone_(std::move(zone)), clock_(clock) {}

TimerSensor::~TimerSensor() { stop(); }

std::vector<std::string> TimerSensor::trigger_types() const {
  return {std::string(kIntervalTimer), std::string(kDateTimer), std::string(kCronTimer)};
}

void TimerSensor::add_trigger(const Value& trigger) {
  const std::string ref = trigger["ref"].string();
  const std::string type = trigger["type"].string();
  auto schedule = make_timer_schedule(type, trigger["parameters"], clock_.now(), zone_);
  if (!schedule) {
    refused_[ref] = schedule.error().message();
    log_warning("a timer cannot work", {{"trigger", ref}, {"reason", schedule.error().message()}});
    return;
  }
  Timer timer{trigger, store_key(trigger), std::move(*schedule), std::nullopt, {}, type == kIntervalTimer};
  auto& kept = timers_.insert_or_assign(ref, std::move(timer)).first->second;
  if (host_ == nullptr) return;
  const auto saved = read_saved(host_->store());
  take_up(kept, saved ? *saved : std::map<std::string, std::string>());
  arm();
}

// Goes on with what was saved; a timer that is new begins now.
void TimerSensor::take_up(Timer& timer, const std::map<std::string, std::string>& saved) {
  const Timestamp now = clock_.now();
  if (const auto found = saved.find(timer.key); found != saved.end()) {
    const auto due = parse_timestamp(found->second);
    set_due(timer, due ? std::optional(ZonedTime::of(*due, zone_)) : std::nullopt);
    return;
  }
  set_due(timer, timer.schedule.next(std::nullopt, ZonedTime::of(now, zone_)));
  if (timer.is_interval && timer.due) {
    // The first time is one interval after the timer was made.
    set_due(timer, timer.schedule.next(timer.due, *timer.due));
  }
  if (timer.due && timer.due->instant() < now) set_due(timer, std::nullopt);
  save(timer, {});
}

void TimerSensor::set_due(Timer& timer, std::optional<ZonedTime> due) {
  timer.due = std::move(due);
  if (timer.due) timer.due_monotonic = clock_.monotonic() + (timer.due->instant() - clock_.now());
}

bool TimerSensor::is_due(const Timer& timer) const {
  if (!timer.due) return false;
  return timer.is_interval ? clock_.monotonic() >= timer.due_monotonic : clock_.now() >= timer.due->instant();
}

std::optional<ZonedTime> TimerSensor::following(const Timer& timer, const ZonedTime& previous) const {
  const Timestamp now = clock_.now();
  if (timer.is_interval) {
    const auto next = timer.schedule.next(previous, previous);
    if (!next) return std::nullopt;
    const Duration length = next->instant() - previous.instant();
    // In step with the times before, however late this one was.
    const int64_t missed = std::max<int64_t>(0, (now - previous.instant()) / length);
    return ZonedTime::of(previous.instant() + length * (missed + 1), zone_);
  }
  if (timer.trigger["type"].string_or("") == kDateTimer) return std::nullopt;
  Timestamp from = std::max(now, previous.instant() + Duration(1));
  auto next = timer.schedule.next(std::nullopt, ZonedTime::of(from, zone_));
  // Where the clock is set back a schedule may look behind itself (see Schedule::next).
  while (next && next->instant() <= previous.instant()) {
    from += std::chrono::minutes(30);
    next = timer.schedule.next(std::nullopt, ZonedTime::of(from, zone_));
  }
  return next;
}

void TimerSensor::save(const Timer& timer, std::vector<Emission> emissions) {
  SensorCommit commit;
  commit.emissions = std::move(emissions);
  const Value document = Value::dict({{"trigger", timer.trigger["ref"]},
                                      {"due", timer.due ? Value(format_timestamp(timer.due->instant())) : Value()}});
  commit.state = [key = timer.key, document](store::WriteTx& transaction) {
    return transaction.put(Collection::kCursors, key, document);
  };
  host_->commit(std::move(commit), [ref = timer.trigger["ref"].string()](const Status& status) {
    if (!status) log_error("a timer could not be kept", {{"trigger", ref}, {"error", status.error().to_string()}});
  });
}

void TimerSensor::fire(Timer& timer) {
  const ZonedTime previous = *timer.due;
  set_due(timer, following(timer, previous));
  save(timer, {{timer.trigger["ref"].string(), payload(clock_.now()), trace_tag(timer.trigger), false}});
}

void TimerSensor::look() {
  wake_up_ = 0;
  for (auto& [ref, timer] : timers_) {
    if (is_due(timer)) fire(timer);
  }
  arm();
}

void TimerSensor::arm() {
  if (wake_up_ != 0) executor_.cancel(wake_up_);
  wake_up_ = 0;
  if (host_ == nullptr) return;
  std::optional<Duration> wait;
  for (const auto& [ref, timer] : timers_) {
    if (!timer.due) continue;
    const Duration left =
        timer.is_interval ? timer.due_monotonic - clock_.monotonic() : timer.due->instant() - clock_.now();
    if (!wait || left < *wait) wait = left;
  }
  if (!wait) return;
  wake_up_ = executor_.post_after(std::clamp(*wait, Duration::zero(), kTimerLookMax), [this] { look(); });
}

void TimerSensor::remove_trigger(const Value& trigger) {
  const std::string ref = trigger["ref"].string();
  refused_.erase(ref);
  const auto found = timers_.find(ref);
  if (found == timers_.end()) return;
  const std::string key = found->second.key;
  timers_.erase(found);
  if (host_ == nullptr) return;
  SensorCommit commit;
  commit.state = [key](store::WriteTx& transaction) -> Status {
    SQ_CHECK(transaction.erase(Collection::kCursors, key));
    return {};
  };
  host_->commit(std::move(commit), [](const Status&) {});
  arm();
}

void TimerSensor::start(SensorHost& host) {
  host_ = &host;
  auto saved = read_saved(host.store());
  if (!saved) {
    log_error("the timers' state cannot be read; they begin anew", {{"error", saved.error().to_string()}});
    saved = std::map<std::string, std::string>();
  }
  for (auto& [ref, timer] : timers_) {
    take_up(timer, *saved);
    saved->erase(timer.key);
  }
  // What is left belongs to triggers that are gone.
  if (!saved->empty()) {
    SensorCommit commit;
    commit.state = [gone = *saved](store::WriteTx& transaction) -> Status {
      for (const auto& [key, due] : gone) SQ_CHECK(transaction.erase(Collection::kCursors, key));
      return {};
    };
    host.commit(std::move(commit), [](const Status&) {});
  }
  arm();
}

void TimerSensor::stop() {
  if (wake_up_ != 0) executor_.cancel(wake_up_);
  wake_up_ = 0;
  host_ = nullptr;
}

Value TimerSensor::status() const {
  Value timers = Value::empty_list();
  for (const auto& [ref, timer] : timers_) {
    timers.push_back(Value::dict({{"trigger", ref},
                                  {"type", timer.trigger["type"]},
                                  {"parameters", timer.trigger["parameters"]},
                                  {"next", timer.due ? Value(format_timestamp(timer.due->instant())) : Value()}}));
  }
  Value refused = Value::empty_dict();
  for (const auto& [ref, why] : refused_) refused.set(ref, why);
  return Value::dict({{"state", host_ != nullptr ? "running" : "stopped"}, {"timers", timers}, {"refused", refused}});
}

}  // namespace squall::sensors
