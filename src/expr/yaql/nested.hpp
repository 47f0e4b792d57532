// One level of recursion of an evaluation.
#pragma once

#include <utility>

#include "base/result.hpp"

namespace squall::expr::yaql {

class Runtime;

// Until the end of the scope; fails beyond kDepthMax.
class Nested {
 public:
  static Result<Nested> enter(Runtime& rt);
  Nested(Nested&& other) noexcept : rt_(std::exchange(other.rt_, nullptr)) {}
  Nested& operator=(Nested&&) = delete;
  ~Nested();

 private:
  explicit Nested(Runtime& rt) : rt_(&rt) {}
  Runtime* rt_;
};

}  // namespace squall::expr::yaql
