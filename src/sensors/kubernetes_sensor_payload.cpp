#include "sensors/kubernetes_sensor_payload.hpp"

#include "clients/kubernetes/secrets.hpp"

namespace squall::sensors {

Value project_kubernetes_object(Value object) {
  kubernetes::drop_managed_fields(object);
  kubernetes::mask_secret(object);
  return object;
}

Value kubernetes_payload(const kubernetes::Change& change, const std::string& resource, const std::string& cluster) {
  const Value& object = change.object;
  const Value& metadata = object["metadata"];
  return Value::dict({
      {"event", kubernetes::change_name(change.type)},
      {"api_version", object["apiVersion"]},
      {"kind", object["kind"]},
      {"resource", resource},
      {"namespace", metadata["namespace"]},
      {"name", metadata["name"]},
      {"uid", change.uid},
      {"resource_version", change.resource_version},
      {"generation", metadata["generation"]},
      {"labels", metadata["labels"].is_dict() ? metadata["labels"] : Value::empty_dict()},
      {"object", object},
      {"old_object", change.old_object},
      {"cluster", cluster},
      {"final_state_unknown", change.final_state_unknown},
  });
}

}  // namespace squall::sensors
