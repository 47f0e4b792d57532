#include "workflow/orquesta/evaluator.hpp"

#include <cstring>
#include <random>
#include <utility>

#include "expr/workflow_functions.hpp"

namespace squall::workflow::orquesta {

namespace {

Value answer_of(const Result<Value>& result) {
  if (result) return Value::dict({{"value", *result}});
  return Value::dict({{"error", result.error().message()},
                      {"type", result.error().type()},
                      {"code", static_cast<int>(result.error().code())}});
}

Result<Value> result_of(const Value& answer) {
  if (!answer.contains("error")) return answer["value"];
  const auto code = static_cast<ErrorCode>(answer["code"].int_or(static_cast<int>(ErrorCode::kInternal)));
  return fail(Error(code, answer["error"].string()).with_type(answer["type"].string()));
}

}  // namespace

// What the expressions of one event share with the outside.
class Evaluator::Host final : public Clock, public Random {
 public:
  explicit Host(const TaskLookup& lookup) : lookup_(&lookup) {}

  void begin(const Event& event) {
    now_ = event.at;
    numbers_.seed(event.seed);
    given_ = event.answers;
    used_ = 0;
    answers_.clear();
  }
  List take_answers() { return std::exchange(answers_, {}); }

  Timestamp now() const override { return now_; }
  Duration monotonic() const override { return now_.time_since_epoch(); }
  void fill(void* bytes, size_t count) override {
    auto* out = static_cast<unsigned char*>(bytes);
    while (count > 0) {
      const uint64_t number = numbers_();
      const size_t part = std::min(count, sizeof(number));
      std::memcpy(out, &number, part);
      out += part;
      count -= part;
    }
  }

  Result<Value> ask(const expr::HostFunction& function, const List& arguments) {
    if (given_) {
      if (used_ < given_->size()) return result_of((*given_)[used_++]);
      return fail(Error(ErrorCode::kInternal, "the journal has no answer of " + function.name() + "()")
                      .with_type("ReplayError"));
    }
    Result<Value> result = function.body()(arguments);
    answers_.push_back(answer_of(result));
    return result;
  }

  const TaskLookup* lookup_;  // null once the run is gone
  const TaskScope* scope_ = nullptr;

 private:
  Timestamp now_{};
  std::mt19937_64 numbers_;
  std::optional<List> given_;
  size_t used_ = 0;
  List answers_;
};

// What `__state` is. It may outlive the run: a template can put it into a variable.
class Evaluator::StateObject final : public expr::TaskStates {
 public:
  explicit StateObject(std::shared_ptr<Host> host) : host_(std::move(host)) {}
  std::optional<std::string> status_in(std::string_view task, int64_t route) const override {
    return host_->lookup_ == nullptr ? std::nullopt : host_->lookup_->status_in(task, route);
  }
  std::optional<int64_t> parent_route(int64_t route) const override {
    return host_->lookup_ == nullptr ? std::nullopt : host_->lookup_->parent_route(route);
  }

 private:
  std::shared_ptr<Host> host_;
};

Evaluator::Evaluator(const TaskLookup& lookup, const Environment& environment)
    : host_(std::make_shared<Host>(lookup)), state_(std::make_shared<StateObject>(host_)) {
  base_.state = Value::object(state_);
  base_.clock = host_.get();
  base_.random = host_.get();
  const auto task = [host = host_](const List& arguments) -> Result<Value> {
    if (host->lookup_ == nullptr) return Value();
    return host->lookup_->task_function(arguments[0], arguments[1], host->scope_);
  };
  base_.functions.push_back(std::make_shared<expr::HostFunction>(
      "task", std::vector<expr::HostParameter>{{"task_id", false, Value()}, {"route", false, Value()}}, task));
  for (const auto& function : environment.functions) {
    const auto body = [host = host_, function](const List& arguments) { return host->ask(*function, arguments); };
    base_.functions.push_back(std::make_shared<expr::HostFunction>(function->name(), function->parameters(), body));
  }
}

Evaluator::~Evaluator() { host_->lookup_ = nullptr; }

void Evaluator::begin(const Event& event) { host_->begin(event); }
List Evaluator::take_answers() { return host_->take_answers(); }

uint64_t Evaluator::next_number() {
  uint64_t number = 0;
  host_->fill(&number, sizeof(number));
  return number;
}

namespace {

bool has_expression(const Value& value) {
  if (value.is_string()) return expr::has_workflow_expression(value.as_string());
  if (value.is_list()) return std::any_of(value.as_list().begin(), value.as_list().end(), has_expression);
  if (!value.is_dict()) return false;
  return std::any_of(value.as_dict().begin(), value.as_dict().end(), [](const Dict::Entry& entry) {
    return expr::has_workflow_expression(entry.key) || has_expression(entry.value);
  });
}

}  // namespace

Result<Value> Evaluator::evaluate(const Value& value, const TaskScope& scope) {
  if (!has_expression(value)) return value;
  expr::WorkflowScope seen = base_;
  seen.variables = scope.variables;
  seen.current_task = scope.task;
  seen.current_item = scope.item;
  host_->scope_ = &scope;
  Result<Value> result = expr::evaluate_workflow_value(value, seen);
  host_->scope_ = nullptr;
  return result;
}

}  // namespace squall::workflow::orquesta
