// What the Kubernetes sensor shows of objects.
#pragma once

#include <string>

#include "clients/kubernetes/object_cache.hpp"
#include "value/value.hpp"

namespace squall::sensors {

// An object as it is kept and shown: without managedFields; of a Secret every value, and the copy of them that kubectl
// leaves in an annotation, is masked.
Value project_kubernetes_object(Value object);

// The payload of a trigger instance: {event, api_version, kind, resource, namespace, name, uid, resource_version,
// generation, labels, object, old_object, cluster, final_state_unknown}.
Value kubernetes_payload(const kubernetes::Change& change, const std::string& resource, const std::string& cluster);

}  // namespace squall::sensors
