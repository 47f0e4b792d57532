// Native actions of the pack `kubernetes`.
#pragma once

#include "clients/kubernetes/clients.hpp"
#include "runners/native.hpp"

namespace squall::runners {

// kubernetes.get, list, create, apply, patch, patch_status, delete, add_finalizer, remove_finalizer, create_event,
// wait_for. `clients` outlives the registry.
void add_kubernetes_actions(NativeRegistry& registry, kubernetes::KubernetesClients& clients);

// The conditions of a status with `changes` merged in by type: lastTransitionTime moves only when the status of a
// condition does, and a condition gets observedGeneration when one is given (Kubernetes API conventions). For tests.
Value merge_conditions(const Value& conditions, const Value& changes, const Value& observed_generation,
                       const std::string& now);

}  // namespace squall::runners
