// Native actions of the pack `database`: from a Database resource to a database that an application can use.
#pragma once

#include "clients/kubernetes/clients.hpp"
#include "runners/execution_control.hpp"
#include "runners/native.hpp"

namespace squall::runners {

// database.plan, look, tell, adopt_instance, modify_instance, stage_password, set_password, publish_credentials,
// publish_endpoint, publish_secret, summary, diagnose, find_work and their opposites. `clusters` outlives the registry.
void add_database_actions(NativeRegistry& registry, kubernetes::KubernetesClients& clusters);

// database.take_turn, try_again, start_work: those that ask the engine for something.
void add_database_turns(NativeRegistry& registry, ExecutionControl control);

}  // namespace squall::runners
