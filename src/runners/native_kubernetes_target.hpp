// What the actions of the pack `kubernetes` share: the client, the resource and the object that a call is about.
#pragma once

#include <memory>
#include <string>

#include "clients/kubernetes/clients.hpp"
#include "runners/native.hpp"

namespace squall::runners {

struct KubernetesCall {
  const NativeCall& call;
  std::shared_ptr<kubernetes::Client> client;
  kubernetes::ResourceId resource;  // with its namespace
  std::string kind;
  std::string name;

  // "databases.squall.dev shop/orders".
  std::string display() const;
};

// Reads api_version, kind or resource, namespace, name, kubeconfig and context; what is missing comes from `object` (a
// whole Kubernetes object, may be null). Asks the server for the type. `need_name`: an empty name is an error.
Result<KubernetesCall> kubernetes_call(const NativeCall& call, kubernetes::KubernetesClients& clients,
                                       const Value& object, bool need_name);

bool is_reason(const Error& error, std::string_view reason);

void add_kubernetes_write_actions(NativeRegistry& registry, kubernetes::KubernetesClients& clients);
void add_kubernetes_status_actions(NativeRegistry& registry, kubernetes::KubernetesClients& clients);

}  // namespace squall::runners
