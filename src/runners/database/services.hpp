// How the actions of the pack `database` reach AWS, Vault, Consul and Kubernetes: with the configs of those packs, so
// that an address or a credential is set in one place.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "clients/aws/rds_client.hpp"
#include "clients/consul/consul_client.hpp"
#include "clients/kubernetes/clients.hpp"
#include "runners/native.hpp"
#include "runners/native_vault.hpp"

namespace squall::runners::database {

// Shared by all actions of one registration. Thread-safe.
class Services {
 public:
  explicit Services(kubernetes::KubernetesClients& clusters) : clusters_(clusters) {}

  // The account and region of the plan's provider, over the config of the pack aws.
  Result<clients::RdsClient> rds(const NativeCall& call, const Value& plan);
  Result<clients::ConsulClient> consul(const NativeCall& call) const;
  Result<std::shared_ptr<kubernetes::Client>> cluster(const NativeCall& call) const;

 private:
  kubernetes::KubernetesClients& clusters_;
  std::mutex mutex_;
  std::unique_ptr<clients::AwsClients> aws_;
};

// One Kubernetes object, by the reference that a plan has: {api_version, kind, namespace, name, uid}.
struct ObjectTarget {
  std::shared_ptr<kubernetes::Client> client;
  kubernetes::ResourceId resource;
  std::string kind, name, uid;
};
Result<ObjectTarget> target_of(Services& services, const NativeCall& call, const Value& reference);

// The chain that this task belongs to; without one, the task itself.
std::string chain_of(const NativeCall& call);

// The other side is away, busy or changes its leader: to be asked again later.
bool is_passing(const Error& error);

// The record of an instance that has to be there; "DBInstanceNotFound" when it is gone, which is not passing.
Result<Value> living_instance(const clients::RdsClient& rds, const std::string& identifier);

// Waits that grow with `tries`, from `first` up to `longest`.
Duration growing_delay(int64_t tries, Duration first, Duration longest);

}  // namespace squall::runners::database
