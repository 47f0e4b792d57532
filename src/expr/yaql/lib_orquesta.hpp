// The functions that Orquesta and StackStorm add to YAQL.
#pragma once

#include "expr/yaql/functions.hpp"

namespace squall::expr::yaql {

// They read $__vars, $__state, $__current_task and $__current_item.
const FunctionTable& orquesta_table();

}  // namespace squall::expr::yaql
