// Which overload a call means, as yaql decides it: levels of contexts from the inside out; on a level every overload
// that the look of the arguments allows, then the arguments are evaluated once, then the types decide.
#include <algorithm>

#include "expr/yaql/nested.hpp"
#include "expr/yaql/runtime.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

namespace {

std::string_view without_underscores(std::string_view name) {
  while (name.ends_with('_')) name.remove_suffix(1);
  return name;
}

tl::unexpected<Error> yaql_error(std::string_view type, std::string message) {
  return py::raise(type, std::move(message));
}

// What a class of Python is to another: for choosing the narrower of two overloads.
bool is_subclass(Type a, Type b) {
  if (a == b) return true;
  if (b == Type::kAny) return true;
  switch (b) {
    case Type::kInt:
    case Type::kInteger: return a == Type::kInt || a == Type::kInteger || a == Type::kBool;
    case Type::kNumber: return a == Type::kInt || a == Type::kInteger || a == Type::kBool;
    case Type::kIterable:
    case Type::kIterableNoSet:
    case Type::kIterator:
      if (b == Type::kIterator && (a == Type::kIterable || a == Type::kIterableNoSet)) return true;
      return a == Type::kIterable || a == Type::kIterableNoSet || a == Type::kIterator || a == Type::kSequence ||
             a == Type::kSet || a == Type::kMapping || a == Type::kString || a == Type::kOrdering;
    case Type::kSequence: return a == Type::kString;
    case Type::kDateTime:
    case Type::kDateTimeRaw: return a == Type::kDateTime || a == Type::kDateTimeRaw;
    default: return false;
  }
}

// PythonType of yaql: has a class to compare.
bool has_class(Type type) { return type <= Type::kRuleValue; }

// yaql asks issubclass() of (int, float), which is no class: a TypeError, unless both are such pairs.
Result<bool> specializes(Type a, Type b) {
  if (!has_class(a) || !has_class(b)) return false;
  if (a == Type::kNumber && b == Type::kNumber) return false;
  if (a == Type::kNumber) return py::type_error("issubclass() arg 1 must be a class");
  if (!is_subclass(a, b)) return false;
  if (b == Type::kNumber) return py::type_error("issubclass() arg 1 must be a class");
  return !is_subclass(b, a);
}

}  // namespace

tl::unexpected<Error> no_function(std::string_view name) {
  return yaql_error("NoFunctionRegisteredException", "Unknown function \"" + std::string(name) + "\"");
}

tl::unexpected<Error> no_matching_function(std::string_view name) {
  return yaql_error("NoMatchingFunctionException",
                    "No function \"" + std::string(name) + "\" matches supplied arguments");
}

// An overload with the parameter that each argument goes to.
struct Runtime::Candidate {
  const Function* function;
  std::vector<const Parameter*> positional;
  std::vector<const Parameter*> named;  // as request.keywords
};

bool Runtime::accepts(const Parameter& parameter, const Arg& arg) const {
  const Node* node = arg.node;
  switch (parameter.type) {
    case Type::kLambda: return true;
    case Type::kRule: return node != nullptr && node->kind == NodeKind::kMapping;
    case Type::kKeyword: return node != nullptr && node->kind == NodeKind::kKeyword;
    case Type::kStringConstant: return node != nullptr && node->is_constant() && node->value.is_string();
    default: break;
  }
  if (node != nullptr && !node->is_constant()) return true;
  const Value& value = node != nullptr ? node->value : arg.value;
  if (value.is_null()) return parameter.nullable;
  switch (parameter.type) {
    case Type::kAny: return true;
    case Type::kNull: return false;
    case Type::kInt: return py::is_integer(value);
    case Type::kInteger: return py::is_integer(value) && !value.is_bool();
    case Type::kNumber: return py::is_numeric(value) && !value.is_bool();
    case Type::kBool: return value.is_bool();
    case Type::kString: return is_text(value);
    case Type::kIterable: return is_iterable(value);
    case Type::kIterableNoSet: return is_iterable(value) && !is_set(value);
    case Type::kIterator: return is_iterator(value);
    case Type::kSequence: return is_sequence(value);
    case Type::kMapping: return is_mapping(value);
    case Type::kSet: return is_set(value);
    case Type::kDateTime:
    case Type::kDateTimeRaw: return value.kind() == Kind::kDateTime;
    case Type::kTimeSpan: return value.kind() == Kind::kTimeDelta;
    case Type::kRegex: return as<Pattern>(value) != nullptr;
    case Type::kOrdering: return as<Ordering>(value) != nullptr;
    case Type::kContext: return as<Context>(value) != nullptr;
    case Type::kRuleValue: return as<MappingRule>(value) != nullptr;
    default: return false;
  }
}

// yaql's map_args: assigns arguments to parameters by position and name; the first check of types, on constants.
bool Runtime::map_arguments(const Function& function, const Request& request, Candidate& candidate) const {
  const auto& parameters = function.parameters;
  const auto& args = request.args;
  candidate.function = &function;
  candidate.positional.assign(args.size(), function.rest ? &*function.rest : nullptr);
  candidate.named.assign(request.keywords.size(), nullptr);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    const auto named = std::find_if(request.keywords.begin(), request.keywords.end(),
                                    [&](const auto& keyword) { return keyword.first == parameter.name; });
    const bool is_named = named != request.keywords.end();
    if (i < args.size() && !args[i].nothing) {
      if (is_named) return false;
      candidate.positional[i] = &parameter;
    } else if (is_named) {
      candidate.named[static_cast<size_t>(named - request.keywords.begin())] = &parameter;
    } else if (!parameter.has_default) {
      return false;
    } else if (i < args.size()) {
      candidate.positional[i] = &parameter;
    }
  }
  for (size_t i = 0; i < candidate.named.size(); ++i) {
    if (candidate.named[i] != nullptr) continue;
    if (!function.keywords) return false;
    candidate.named[i] = &*function.keywords;
    if (!accepts(*function.keywords, request.keywords[i].second)) return false;
  }
  for (size_t i = 0; i < args.size(); ++i) {
    if (candidate.positional[i] == nullptr) return false;
    if (args[i].nothing) {
      // The default fits its own parameter; for one of the rest there is none.
      const Type type = candidate.positional[i]->type;
      if (i >= parameters.size() && type != Type::kAny && type != Type::kLambda) return false;
      continue;
    }
    if (!accepts(*candidate.positional[i], args[i])) return false;
  }
  return true;
}

// The second check of types, on evaluated arguments.
bool Runtime::fits(const Candidate& candidate, const Request& request) const {
  for (size_t i = 0; i < request.args.size(); ++i) {
    if (!request.args[i].nothing && !accepts(*candidate.positional[i], request.args[i])) return false;
  }
  for (size_t i = 0; i < request.keywords.size(); ++i) {
    if (!accepts(*candidate.named[i], request.keywords[i].second)) return false;
  }
  return true;
}

Result<bool> Runtime::is_specialization(const Candidate& a, const Candidate& b) const {
  bool narrower = false;
  for (size_t i = 0; i < std::min(a.positional.size(), b.positional.size()); ++i) {
    SQ_TRY(const bool other, specializes(b.positional[i]->type, a.positional[i]->type));
    if (other) return false;
    SQ_TRY(const bool own, specializes(a.positional[i]->type, b.positional[i]->type));
    narrower = narrower || own;
  }
  for (size_t i = 0; i < a.named.size(); ++i) {
    SQ_TRY(const bool other, specializes(b.named[i]->type, a.named[i]->type));
    if (other) return false;
    SQ_TRY(const bool own, specializes(a.named[i]->type, b.named[i]->type));
    narrower = narrower || own;
  }
  return narrower;
}

// Functions that the host brought along under this name; null when there are none.
const Overloads* Runtime::host_functions(std::string_view name) {
  for (const auto& [known, overloads] : host_found_) {
    if (known == name) return overloads.get();
  }
  for (const auto& host : scope_.host) {
    if (host->name() != name) continue;
    auto function = std::make_unique<Function>();
    function->name = host->name();
    for (const HostParameter& parameter : host->parameters()) {
      Parameter declared = declare("x " + parameter.name).parameters[0];
      declared.has_default = !parameter.required;
      declared.fallback = parameter.fallback;
      if (parameter.fallback.is_bool()) declared.type = Type::kBool;
      if (parameter.fallback.is_string()) declared.type = Type::kString;
      if (parameter.fallback.is_int()) declared.type = Type::kInt;
      function->parameters.push_back(std::move(declared));
    }
    function->dynamic = [body = host->body()](Call& call) -> Result<Value> {
      List arguments;
      for (const Arg& arg : call.args) {
        SQ_TRY(Value plain, call.rt.to_output(arg.value));
        arguments.push_back(std::move(plain));
      }
      return body(arguments);
    };
    auto overloads = std::make_unique<Overloads>();
    overloads->all.push_back(function.get());
    host_made_.push_back(std::move(function));
    host_found_.emplace_back(std::string(name), std::move(overloads));
    return host_found_.back().second.get();
  }
  if (scope_.functions != nullptr) {
    if (const Function* found = scope_.functions->find(name)) {
      auto overloads = std::make_unique<Overloads>();
      overloads->all.push_back(found);
      host_found_.emplace_back(std::string(name), std::move(overloads));
      return host_found_.back().second.get();
    }
  }
  return nullptr;
}

std::vector<const Overloads*> Runtime::levels(const Request& request, const ContextPtr& context,
                                              std::vector<Overloads>& own) {
  std::vector<const Overloads*> found;
  const std::string_view name = without_underscores(request.name);
  if (has_definitions_ && request.receiver == nullptr) {
    size_t depth = 0;
    for (const Context* at = context.get(); at != nullptr; at = at->parent.get()) ++depth;
    own.reserve(depth);  // pointers into it are kept
    for (const Context* at = context.get(); at != nullptr; at = at->parent.get()) {
      Overloads here;
      for (const auto& function : at->functions) {
        if (function->name == name) here.all.push_back(function.get());
      }
      if (here.all.empty()) continue;
      own.push_back(std::move(here));
      found.push_back(&own.back());
    }
  }
  if (request.receiver == nullptr) {
    if (const Overloads* host = host_functions(name)) found.push_back(host);
  }
  if (request.standard != nullptr) found.push_back(request.standard);
  return found;
}

Result<Value> Runtime::call(Request request, const ContextPtr& context) {
  const auto raise = [&](std::string_view function_type, std::string_view method_type, std::string_view before,
                         std::string_view after) -> Result<Value> {
    if (request.receiver == nullptr) {
      return yaql_error(function_type,
                        std::string(before) + " function \"" + std::string(request.name) + "\"" + std::string(after));
    }
    SQ_TRY(const std::string shown, str(*request.receiver));
    return yaql_error(method_type, std::string(before) + " method \"" + std::string(request.name) + "\" for receiver " +
                                       shown + std::string(after));
  };
  const auto not_found = [&] {
    return raise("NoMatchingFunctionException", "NoMatchingMethodException", "No", " matches supplied arguments");
  };
  const auto ambiguous = [&] {
    return raise("AmbiguousFunctionException", "AmbiguousMethodException", "Ambiguous", "");
  };

  SQ_CHECK(charge());
  std::vector<Overloads> own;
  const std::vector<const Overloads*> overloads = levels(request, context, own);
  if (overloads.empty()) return raise("NoFunctionRegisteredException", "NoMethodRegisteredException", "Unknown", "");

  const bool no_keywords = overloads.front()->all.front()->no_keywords;
  if (!no_keywords) {
    std::vector<Arg> positional;
    bool any = false;
    for (const Arg& arg : request.args) any = any || (arg.node != nullptr && arg.node->kind == NodeKind::kMapping);
    if (any) {
      for (Arg& arg : request.args) {
        if (arg.node == nullptr || arg.node->kind != NodeKind::kMapping) {
          positional.push_back(std::move(arg));
          continue;
        }
        const Node& key = *arg.node->args[0];
        if (key.kind != NodeKind::kKeyword) {
          return yaql_error("MappingTranslationException", "Cannot convert mapping to keyword argument");
        }
        const std::string name(key.value.as_string());
        const auto known = std::find_if(request.keywords.begin(), request.keywords.end(),
                                        [&](const auto& keyword) { return keyword.first == name; });
        if (known != request.keywords.end()) {
          known->second = Arg::of(arg.node->args[1].get());
        } else {
          request.keywords.emplace_back(name, Arg::of(arg.node->args[1].get()));
        }
      }
      request.args = std::move(positional);
    }
  }
  if (request.receiver != nullptr) request.args.insert(request.args.begin(), Arg::of(*request.receiver));

  // Overloads that the look of the arguments allows. All must agree on which arguments stay unevaluated.
  std::vector<std::vector<Candidate>> candidates;
  const Candidate* first = nullptr;
  for (const Overloads* level : overloads) {
    std::vector<Candidate> fitting;
    fitting.reserve(level->all.size());
    for (const Function* function : level->all) {
      if (function->no_keywords != no_keywords) return ambiguous();
      Candidate candidate;
      if (map_arguments(*function, request, candidate)) fitting.push_back(std::move(candidate));
    }
    if (!fitting.empty()) candidates.push_back(std::move(fitting));
  }
  if (candidates.empty()) return not_found();
  first = &candidates.front().front();
  for (const auto& level : candidates) {
    for (const Candidate& candidate : level) {
      for (size_t i = 0; i < request.args.size(); ++i) {
        if (is_lazy(candidate.positional[i]->type) != is_lazy(first->positional[i]->type)) return ambiguous();
      }
      for (size_t i = 0; i < request.keywords.size(); ++i) {
        if (is_lazy(candidate.named[i]->type) != is_lazy(first->named[i]->type)) return ambiguous();
      }
    }
  }
  const auto evaluate = [&](Arg& arg, const Parameter& parameter) -> Status {
    if (arg.node == nullptr || arg.node->is_constant() || is_lazy(parameter.type)) return {};
    SQ_TRY(Value value, eval(*arg.node, nullptr, context));
    arg = Arg::of(std::move(value));
    return {};
  };
  for (size_t i = 0; i < request.args.size(); ++i) SQ_CHECK(evaluate(request.args[i], *first->positional[i]));
  for (size_t i = 0; i < request.keywords.size(); ++i) {
    SQ_CHECK(evaluate(request.keywords[i].second, *first->named[i]));
  }

  for (const auto& level : candidates) {
    const Candidate* winner = nullptr;
    for (const Candidate& candidate : level) {
      if (!fits(candidate, request)) continue;
      if (winner != nullptr) {
        SQ_TRY(const bool keep, is_specialization(*winner, candidate));
        if (keep) continue;
        SQ_TRY(const bool better, is_specialization(candidate, *winner));
        if (!better) return ambiguous();
      }
      winner = &candidate;
    }
    if (winner != nullptr) return run_call(*winner, request, context);
  }
  return not_found();
}

namespace {

// An argument as its parameter wants it.
void convert(const Parameter& parameter, Arg& arg) {
  if (is_lazy(parameter.type)) return;
  if (arg.node != nullptr) {
    arg.value = arg.node->value;
    if (parameter.type != Type::kKeyword) arg.node = nullptr;
  }
  if (parameter.type == Type::kDateTime && arg.value.kind() == Kind::kDateTime) {
    DateTime time = arg.value.as_date_time();
    if (time.has_offset) return;
    time.has_offset = true;
    arg.value = Value::date_time(time);
  }
  if (parameter.type == Type::kString && arg.value.kind() == Kind::kMarkup) arg.value = Value(arg.value.as_string());
}

Arg fallback_of(const Parameter& parameter) { return {nullptr, parameter.fallback, parameter.default_is_nothing}; }

}  // namespace

Result<Value> Runtime::run_call(const Candidate& candidate, Request& request, const ContextPtr& context) {
  const Function& function = *candidate.function;
  Call call(*this, function, context);
  call.receiver = request.receiver;
  call.args.reserve(function.parameters.size());
  for (size_t i = 0; i < function.parameters.size(); ++i) {
    const Parameter& parameter = function.parameters[i];
    if (i < request.args.size() && !request.args[i].nothing) {
      call.args.push_back(std::move(request.args[i]));
    } else {
      const auto named = std::find(candidate.named.begin(), candidate.named.end(), &parameter);
      call.args.push_back(
          named == candidate.named.end()
              ? fallback_of(parameter)
              : std::move(request.keywords[static_cast<size_t>(named - candidate.named.begin())].second));
    }
    convert(parameter, call.args.back());
  }
  for (size_t i = function.parameters.size(); i < request.args.size(); ++i) {
    call.rest.push_back(std::move(request.args[i]));
    if (call.rest.back().nothing) call.rest.back() = Arg::of(make<NoValue>());
    convert(*function.rest, call.rest.back());
  }
  for (size_t i = 0; i < request.keywords.size(); ++i) {
    if (!function.keywords || candidate.named[i] != &*function.keywords) continue;
    call.keywords.push_back(std::move(request.keywords[i]));
    convert(*function.keywords, call.keywords.back().second);
  }
  return function.dynamic ? function.dynamic(call) : function.run(call);
}

const ContextPtr& Call::context() {
  if (own_ == nullptr) own_ = std::make_shared<Context>(parent);
  return own_;
}

std::shared_ptr<const Lambda> Call::lambda_of(const Arg& arg) {
  if (arg.node == nullptr && arg.value.is_null()) return nullptr;
  auto lambda = std::make_shared<Lambda>();
  lambda->node = arg.node;
  lambda->value = arg.value;
  lambda->context = context();
  return lambda;
}

int64_t Call::clamped(size_t index) const {
  const Value& number = args[index].value;
  return py::to_int64(number).value_or(py::is_negative(number) ? INT64_MIN : INT64_MAX);
}

Result<int64_t> Call::integer(size_t index) const {
  const auto number = py::to_int64(args[index].value);
  if (number) return *number;
  return py::raise("OverflowError", "Python int too large to convert to C ssize_t");
}

}  // namespace squall::expr::yaql
