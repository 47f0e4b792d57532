// What the parts of Informer share.
#pragma once

#include <string>
#include <utility>

#include "clients/kubernetes/informer.hpp"

namespace squall::kubernetes {

// Wraps a step of the current connection attempt: callable from any thread, runs on the executor, and only if the
// attempt is still the current one then.
template <typename Step>
auto Informer::guarded(Step step) {
  return [&executor = executor_, weak = weak_from_this(), epoch = epoch_, step = std::move(step)](auto... arguments) {
    executor.post([weak, epoch, step, ... moved = std::move(arguments)]() mutable {
      const auto self = weak.lock();
      if (self && self->epoch_ == epoch) step(*self, std::move(moved)...);
    });
  };
}

// True when both are decimal numbers and `a` is the smaller one. Kubernetes compares resourceVersions of one resource
// so.
bool is_older(const std::string& a, const std::string& b);
// 504 "Too large resource version": the server has not got as far, and may never.
bool is_too_large(const Error& error, const Value& status);

}  // namespace squall::kubernetes
