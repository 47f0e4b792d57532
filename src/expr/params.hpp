// Parameter rendering and casting: st2common.util.param (stackstorm-features.md B-5 to B-7, expressions.md section 4).
#pragma once

#include <string>

#include "base/result.hpp"
#include "expr/expr.hpp"
#include "value/value.hpp"

namespace squall::expr {

// Casts a rendered parameter to its declared type ("array", "boolean", "integer", "number", "object", "string").
// Null stays null; the use_none marker becomes null; unknown types leave the value alone. type() of an error is the
// Python exception ("ValueError", "SyntaxError", ...).
Result<Value> cast(const Value& value, std::string_view type);

struct ParamInputs {
  Value runner_parameters;  // schema properties of the runner
  Value action_parameters;  // schema properties of the action
  Value params;             // what the caller gave
  Value action_context;     // visible as action_context
  Value config_context;     // visible as config_context; null: {}
  Value extra;              // further names, e.g. {"trigger": payload}; null: none
  Value st2kv;              // the st2kv namespace: a dict with "system" and "user" (lazy objects); null: empty
};

// At request time: renders what was given and the defaults that are templates. Only those appear in the result.
// The error is of type "ParamException" with StackStorm's message.
Result<Value> render_live_params(const ParamInputs& inputs);

struct FinalParams {
  Value runner;
  Value action;
};
// At run time: `params` are taken as they are, defaults are added and rendered, all are cast.
Result<FinalParams> render_final_params(const ParamInputs& inputs);

}  // namespace squall::expr
