// Which filters a template may use.
#pragma once

#include <cstdint>

namespace squall::expr::jinja {

enum class Environment : uint8_t {
  kStackStorm,  // Jinja's filters and StackStorm's
  kOrquesta,    // Jinja's filters and Orquesta's functions (orquesta.md section 10)
};

}  // namespace squall::expr::jinja
